"""`simulate`: chooses the loop, nothing else."""

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
    population: str | None,
    loop: str = "open",
    **options: Any,
) -> SpikingResponse | ClosedResponse:
    """Run a rate network's circuit in spikes and let the learned synapses of one population compute their ΔW.

    Parameters
    ----------
    network : RateNetwork
        Weights and circuit, and the activities that the presynaptic populations replay.
    x : (n_in,) or (samples, n_in)
        Inputs in [0, 1].
    target : (n_out,) or (samples, n_out)
        One-hot targets.
    population : str or None
        The target population, e.g. ``"H2E"``. Closed loop: None or ``"all"`` for the synapses of every population.
    loop : {"open", "closed"}
        Open: the population alone spikes, and presynaptic activities are replayed from the rate network. Closed: every
        population spikes from its own membrane; only `x` and `target` come from outside (docs/closed_loop.md).
    projections : list of str, or str, optional
        Whose ΔW to compute; default the population's learned ones.
    device : {"cpp_standalone", "runtime"}
    seed : int
        Every presentation (sample, repeat) has its own generator, seeded from this and its indices.
    n_repeats : int
        Presentations of each sample.
    record : tuple of str
        What to keep at every time step: any of ``spikes, v_soma, v_dend, eligibility``. An empty tuple keeps the
        read-outs alone, which are small.
    first_sample : int
        Index of the first sample in its data set: part of a batch, run alone, then has the same spikes.
    n_processes : int
        Among how many processes of the compiled binary the presentations are split; the results are the same bytes.
    progress : callable, optional
        Called with the number of presentations done.
    options
        Both loops have ``unit_rate, time_per_step, dt, cell``. The open loop also has ``readout, inputs, input_spikes,
        on_off`` (see `simulate_open`), the closed one ``phases, unit_rates, spikers`` (see `simulate_closed`).

    Returns
    -------
    Response
        A `SpikingResponse` from the open, a `ClosedResponse` from the closed loop.

    Raises
    ------
    SpikedtpError
        For anything that a caller can mend, in one line.
    """
    if loop not in LOOPS:
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
