"""`simulate`: chooses the loop, nothing else."""

from __future__ import annotations

import inspect

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.spiking.closed_loop.present import simulate_closed
from spikedtp.spiking.open_loop.present import simulate_open
from spikedtp.spiking.responses.response import Response

__all__ = ["simulate"]

LOOPS = {"open": simulate_open, "closed": simulate_closed}


def simulate(network, x, target, *, population: str | None, loop: str = "open", **options) -> Response:
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
    if loop not in LOOPS:
        raise known_names("loop", loop, LOOPS)
    known = {name: set(inspect.signature(present).parameters) for name, present in LOOPS.items()}
    (other,) = set(LOOPS) - {loop}
    for name in options.keys() - known[loop]:
        if name in known[other]:
            raise SpikedtpError(f"{name} has no meaning in the {loop} loop: leave it out, or use loop={other!r}")
        raise known_names("option of simulate", name, known[loop] - {"network", "x", "target"})
    return LOOPS[loop](network, x, target, population=population, **options)


def _signature() -> inspect.Signature:
    """That of both loops together: what help and completion show."""
    own = inspect.signature(simulate)
    shown = {name: p for name, p in own.parameters.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}
    for present in LOOPS.values():
        for name, parameter in inspect.signature(present).parameters.items():
            shown.setdefault(name, parameter)
    return own.replace(parameters=list(shown.values()))


simulate.__signature__ = _signature()
