"""Presentations to a circuit whose every population spikes."""

from __future__ import annotations

from dataclasses import replace

from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.circuit import inputs_of, learned_rules
from spikedtp.circuit.network import RateNetworkLike
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import CellModel
from spikedtp.parameters import check_quantity
from spikedtp.spiking.closed_loop.phases import Phases, phases_of
from spikedtp.spiking.closed_loop.response import ClosedResponse
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork
from spikedtp.spiking.engine.batch import Progress
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.seeds import check_presentations
from spikedtp.spiking.responses.response import RECORDABLE, check_recordable

__all__ = ["simulate_closed"]


def simulate_closed(
    network: RateNetworkLike,
    x: ArrayLike,
    target: ArrayLike,
    *,
    population: str | None = None,
    projections: list[str] | str | None = None,
    device: str = "cpp_standalone",
    seed: int = 0,
    unit_rate: Quantity = 450 * Hz,
    unit_rates: dict[str, Quantity] | None = None,
    spikers: int | dict[str, int] | None = None,
    time_per_step: Quantity = 20 * ms,
    dt: Quantity = 1 * ms,
    phases: Phases | None = None,
    n_repeats: int = 1,
    cell: CellModel | None = None,
    on_off: bool = False,
    record: tuple[str, ...] = RECORDABLE,
    first_sample: int = 0,
    n_processes: int = 1,
    progress: Progress | None = None,
) -> ClosedResponse:
    """`simulate` in the closed loop: every population spikes, and only `x` and `target` come from outside.

    Parameters
    ----------
    network, x, target, projections, device, seed, n_repeats, record, first_sample, n_processes, progress
        As in `simulate`. Inputs lie in [0, 1].
    population : str, optional
        The response shows the weight changes of the synapses onto this population. By default, and with ``"all"``, it
        shows those onto every population.
    unit_rate : Quantity (Hz)
        Firing rate of activity 1 in excitatory cells and inputs. In inhibitory cells it is a quarter of this.
    unit_rates : dict, optional
        Rates of activity 1 that do not follow from `unit_rate`: population -> Quantity (Hz).
    spikers : int or dict, optional
        How many units fire for each inhibitory cell, or population -> number. The default is that of `SpikingNetwork`.
    time_per_step : Quantity (second)
        Duration of one step of the rate network. The circuit settles for 25 steps, of which the last 10 are read. It is
        nudged for 10 steps, of which the first 3 are not read.
    dt : Quantity (second)
    phases : Phases, optional
        The times of a presentation, which can be given instead of `time_per_step`.
    cell : CellModel, optional
        The cell of every population. The default is `NudgedCell`.

    on_off : bool
        Whether on and off cells carry the activities of linear populations (`SpikingNetwork`).

    Returns
    -------
    ClosedResponse

    Raises
    ------
    SpikedtpError
        Something is wrong that the caller can mend. One line says what.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.spiking import Phases, simulate_closed
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> short = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)  # too short to be of use
    >>> response = simulate_closed(network, x, target, population="H2E", phases=short, device="runtime", record=())
    >>> sorted(response.weight_updates)
    ['H2E_H1E', 'H2E_H2DendI']
    """
    check_device(device)
    record = check_recordable(record)
    check_presentations(n_repeats, seed, first_sample)
    check_quantity("simulate", "unit_rate", unit_rate, 450 * Hz, above=0 * Hz)
    population = None if population == "all" else population
    shown = network.circuit.projections if population is None else inputs_of(network.circuit, population)
    learned = tuple(learned_rules(shown, projections))
    if target is None:
        raise SpikedtpError("simulate needs a target: without one nothing is learned")
    spiking = SpikingNetwork(
        network,
        unit_rate=unit_rate,
        unit_rates=unit_rates,
        spikers=spikers,
        phases=_phases(phases, time_per_step, dt),
        cell=cell,
        device=device,
        on_off=on_off,
    )
    # the trace that a synapse keeps is a count of spikes: no record of its own
    kept = tuple(dict.fromkeys("spikes" if name == "eligibility" else name for name in record))
    response = spiking.respond(
        x, target, record=kept, seed=seed, n_repeats=n_repeats, first_sample=first_sample, n_processes=n_processes,
        progress=progress,
    )  # fmt: skip
    return replace(response, population=population, learned=learned)


def _phases(phases: Phases | None, time_per_step: Quantity, dt: Quantity) -> Phases:
    if phases is None:
        return phases_of(time_per_step, dt)
    if not isinstance(phases, Phases):
        raise SpikedtpError(f"phases must be Phases(settle=..., ...), got {type(phases).__name__}")
    if time_per_step != 20 * ms:
        raise SpikedtpError(f"time_per_step = {time_per_step} and phases both say how long things take: give one")
    if dt not in (phases.dt, 1 * ms):
        raise SpikedtpError(f"dt = {dt} and phases.dt = {phases.dt} differ: give one of them")
    return phases
