"""`simulate`, which only chooses the loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

from numpy.typing import ArrayLike

from spikedtp.circuit.network import RateNetworkLike
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.spiking.closed_loop.present import simulate_closed
from spikedtp.spiking.closed_loop.response import ClosedResponse
from spikedtp.spiking.open_loop.present import simulate_open
from spikedtp.spiking.open_loop.response import SpikingResponse

__all__ = ["simulate"]

LOOPS: dict[str, Callable[..., SpikingResponse | ClosedResponse]] = {"open": simulate_open, "closed": simulate_closed}


def simulate(
    network: RateNetworkLike,
    x: ArrayLike,
    target: ArrayLike,
    *,
    population: str | None = None,
    loop: str = "open",
    **options: Any,
) -> SpikingResponse | ClosedResponse:
    """Run a rate network's circuit in spikes and let the learned synapses of one population compute their ΔW.

    Parameters
    ----------
    network : RateNetwork
        It gives the weights, the circuit, and the activities that the presynaptic populations replay.
    x : (n_in,) or (samples, n_in)
        Inputs in [0, 1].
    target : (n_out,) or (samples, n_out)
        One-hot targets.
    population : str or None
        The target population, e.g. ``"H2E"``. In the closed loop, None or ``"all"`` stands for the synapses of every
        population.
    loop : {"open", "closed"}
        In the open loop only this population spikes, and presynaptic activities are replayed from the rate network. In
        the closed loop every population spikes from its own membrane, and only `x` and `target` come from outside
        (docs/closed_loop.md).
    projections : list of str, or str, optional
        The projections whose ΔW is computed. By default these are the projections onto the population that learn.
    device : {"cpp_standalone", "runtime"}
    seed : int
        Every presentation (sample, repeat) has its own random generator, seeded from `seed` and its two indices.
    n_repeats : int
        Presentations of each sample.
    record : tuple of str
        The variables to keep at every time step: any of ``spikes, v_soma, v_dend, eligibility``. With an empty tuple
        only the read-outs are kept, which are small.
    first_sample : int
        Index of the first sample in its data set. With it, a part of a batch that runs alone has the same spikes as in
        the whole batch.
    n_processes : int
        The number of processes of the compiled binary that share the presentations. It does not change the results.
    progress : callable, optional
        It is called with the number of presentations that are done.
    options
        Both loops take ``unit_rate, time_per_step, dt, cell, on_off``. The open loop also takes ``readout, inputs,
        input_spikes`` (see `simulate_open`), the closed loop ``phases, unit_rates, spikers`` (see
        `simulate_closed`).

    Returns
    -------
    Response
        A `SpikingResponse` from the open loop, a `ClosedResponse` from the closed loop.

    Raises
    ------
    SpikedtpError
        Something is wrong that the caller can mend. One line says what.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H2E", n_repeats=2, device="runtime")
    >>> response.weight_updates["H2E_H1E"].shape  # (n_repeats, n_post, n_pre)
    (2, 200, 200)
    >>> response.spikes["H2E"].shape  # (n_repeats, time steps, cells)
    (2, 420, 200)
    """
    if not isinstance(loop, str) or loop not in LOOPS:
        raise known_names("loop", loop, LOOPS)
    known = {name: set(inspect.signature(present).parameters) for name, present in LOOPS.items()}
    (other,) = set(LOOPS) - {loop}
    for name in [name for name in options if name not in known[loop]]:
        if name not in known[other]:
            raise known_names("option of simulate", name, known[loop] - {"network", "x", "target"})
        if options.pop(name) is not None:  # None: not given
            raise SpikedtpError(f"{name} has no meaning in the {loop} loop: leave it out, or use loop={other!r}")
    return LOOPS[loop](network, x, target, population=population, **options)


def _signature() -> inspect.Signature:
    """That of both loops together: what help and completion show."""
    own = inspect.signature(simulate)
    shown = {name: p for name, p in own.parameters.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}
    for present in LOOPS.values():
        for name, parameter in inspect.signature(present).parameters.items():
            shown.setdefault(name, parameter)
    return own.replace(parameters=list(shown.values()))


cast(Any, simulate).__signature__ = _signature()
