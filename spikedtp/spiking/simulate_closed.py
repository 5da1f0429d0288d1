"""The closed loop of `simulate`: its phases, what it has no use for, and which weight changes its response shows."""

from __future__ import annotations

from dataclasses import replace

from brian2 import ms

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell
from spikedtp.parameters import check_quantity
from spikedtp.spiking.closed_loop import Phases
from spikedtp.spiking.closed_response import ClosedResponse
from spikedtp.spiking.spiking_network import SpikingNetwork

__all__ = ["phases_of", "refuse_unused", "simulate_closed"]

#: How long each phase lasts, in steps of the rate network: at 20 ms the defaults of `Phases`.
STEPS = {"settle": 25, "read": 10, "nudge": 10, "wait": 3}


def phases_of(time_per_step=20 * ms, dt=1 * ms) -> Phases:
    """The phases of a presentation when one step of the rate network takes `time_per_step`."""
    check_quantity("simulate", "time_per_step", time_per_step, ms, above=0 * ms)
    return Phases(**{name: n * time_per_step for name, n in STEPS.items()}, dt=dt)


def refuse_unused(loop: str, given: dict) -> None:
    """A message about the first argument that was given (is not None) and means nothing in this loop."""
    other = {"open": "closed", "closed": "open"}[loop]
    for name, value in given.items():
        if value is not None:
            raise SpikedtpError(f"{name} has no meaning in the {loop} loop: leave it out, or use loop={other!r}")


def simulate_closed(
    network,
    x,
    target,
    *,
    population: str | None,
    learned: tuple[str, ...],
    device: str,
    unit_rate,
    unit_rates: dict | None,
    spikers: int | dict | None,
    time_per_step,
    dt,
    phases: Phases | None,
    cell: NudgedCell | None,
    record: tuple[str, ...],
    **presentations,
) -> ClosedResponse:
    """Present samples to a circuit whose every population spikes; arguments as in `simulate`.

    Parameters
    ----------
    learned : tuple of str
        The projections whose ΔW the response has.
    presentations
        Of `SpikingNetwork.respond`.
    """
    if target is None:
        raise SpikedtpError("simulate needs a target: without one nothing is learned")
    spiking = SpikingNetwork(
        network,
        unit_rate=unit_rate,
        unit_rates=unit_rates,
        **({} if spikers is None else {"spikers": spikers}),
        phases=_phases(phases, time_per_step, dt),
        cell=cell,
        device=device,
    )
    # the trace that a synapse keeps is a count of spikes: no record of its own
    kept = tuple(dict.fromkeys("spikes" if name == "eligibility" else name for name in record))
    response = spiking.respond(x, target, record=kept, **presentations)
    return replace(response, population=population, learned=learned)


def _phases(phases: Phases | None, time_per_step, dt) -> Phases:
    if phases is None:
        return phases_of(time_per_step, dt)
    if not isinstance(phases, Phases):
        raise SpikedtpError(f"phases must be Phases(settle=..., ...), got {type(phases).__name__}")
    if time_per_step != 20 * ms:
        raise SpikedtpError(f"time_per_step = {time_per_step} and phases both say how long things take: give one")
    if dt not in (phases.dt, 1 * ms):
        raise SpikedtpError(f"dt = {dt} and phases.dt = {phases.dt} differ: give one of them")
    return phases
