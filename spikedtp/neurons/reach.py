"""The f-I curve of cells with a threshold of their own, and whether it reaches the rates that a circuit asks for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Equations, Hz, Network, SpikeMonitor, ms, second, seed
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.neurons.base import CellModel
from spikedtp.neurons.check import PULSE, checked_declaration
from spikedtp.neurons.contract import added_by_loops
from spikedtp.neurons.group import cell_group
from spikedtp.neurons.random_numbers import RANDOM_NUMBERS
from spikedtp.parameters import check_quantity
from spikedtp.private_brian2 import PrivateBrian2

__all__ = ["check_reach", "firing_rates"]

logger = logging.getLogger(__name__)

#: How much faster or slower than its unit rate a cell may fire without a warning.
TOLERATED = 1.25
#: Of a cell that is checked: adaptation settles, then spikes are counted.
SETTLES, COUNTED = 150 * ms, 350 * ms

_measured: dict[str, float] = {}  # rates (Hz) at an activity of 1, of this process


def firing_rates(
    cell: CellModel, activities: ArrayLike, *, dt: Quantity = 1 * ms, settle: Quantity = 0.5 * second,
    duration: Quantity = 1 * second,
) -> Quantity:  # fmt: skip
    """Firing rates of cells whose somas are driven as by presynaptic activities: the f-I curve in a circuit.

    An activity a is what spikes at the rate a times the unit rate give through a weight of 1, without their noise.

    Parameters
    ----------
    cell : CellModel
        It needs a threshold and ``input_soma``.
    activities : (n,)
    dt : Quantity (second)
        Time step.
    settle, duration : Quantity (second)
        Spikes are counted for `duration`, after `settle`.

    Returns
    -------
    Quantity (Hz), (n,)

    Raises
    ------
    SpikedtpError
        The cell lacks something, or the time step does not suit it.

    Examples
    --------
    >>> from brian2 import Hz
    >>> from spikedtp.neurons import TwoCompartmentLIF, firing_rates
    >>> (firing_rates(TwoCompartmentLIF(), [0.1, 0.5, 1]) / Hz).round().tolist()
    [0.0, 59.0, 111.0]
    """
    wanted = np.atleast_1d(as_numbers("activities", activities))
    for name, span in (("dt", dt), ("settle", settle), ("duration", duration)):
        check_quantity("firing_rates", name, span, 1 * ms, above=0 * ms)
    if "unit_rate" in cell.declaration().equations:
        raise SpikedtpError(
            f"{type(cell).__name__} fires at the unit rate that its network gives it, times an activity: firing_rates "
            "is for cells that fire as their membranes do"
        )
    cell.check_time_step(dt)
    more: Any = Equations("given_activity : 1 (constant)") + added_by_loops(cell)
    needs = {"input_soma": "what arrives there drives it"}
    checked_declaration(cell, "firing_rates", more=more, namespace=RANDOM_NUMBERS, needs=needs, fires=True)
    known = cell.quantities()
    per_drive = float(dt / (known["weight_scale"] * known["spike_width"])) if set(PULSE) <= set(known) else 1.0
    with PrivateBrian2("runtime").inside():
        seed(0)
        cells = cell_group(cell, len(wanted), equations=more, namespace=RANDOM_NUMBERS, dt=dt, name="driven_cells")
        cells.given_activity = wanted
        cells.run_regularly(f"input_soma += given_activity*{per_drive!r}", when="synapses", name="driven_inputs")
        spikes = SpikeMonitor(cells, record=False, name="driven_spikes")
        network = Network(cells, spikes)
        network.run(settle, namespace={})
        before = np.array(spikes.count[:])
        network.run(duration, namespace={})
        return (np.array(spikes.count[:]) - before) / duration


def check_reach(cell: CellModel, unit_rates: Mapping[str, Quantity], dt: Quantity) -> None:
    """Refuse unit rates that cells with a threshold of their own cannot fire at, and warn where theirs are others.

    A cell whose equations use a `unit_rate` fires at it, and is not checked.

    Parameters
    ----------
    cell : CellModel
    unit_rates : dict
        population -> firing rate of activity 1.
    dt : Quantity (second)

    Raises
    ------
    SpikedtpError
        One line: which populations, how fast the cell can fire, and what would do.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from spikedtp.neurons import TwoCompartmentLIF
    >>> from spikedtp.neurons.reach import check_reach
    >>> check_reach(TwoCompartmentLIF(), {"H1E": 115 * Hz}, 1 * ms)  # as it fires at an activity of 1
    >>> try:
    ...     check_reach(TwoCompartmentLIF(), {"H1E": 800 * Hz}, 1 * ms)
    ... except ValueError as error:
    ...     print(str(error)[:66])
    H1E: TwoCompartmentLIF cannot fire at the unit rate of 800 Hz, but
    """
    if any("unit_rate" in equation.identifiers for equation in cell.declaration().equations.values()):
        return
    name, highest = type(cell).__name__, float(1 / cell.shortest_interval(dt) / Hz)
    key = f"{cell!r} at {dt!r}"
    if key not in _measured:
        _measured[key] = float(firing_rates(cell, [1.0], dt=dt, settle=SETTLES, duration=COUNTED)[0] / Hz)
    own = _measured[key]
    if own == 0:
        raise SpikedtpError(
            f"{', '.join(unit_rates)}: {name} does not fire at an activity of 1, whatever the unit rate: lower its "
            "threshold, or let its inputs drive it more (raise unit_voltage, if it has one)"
        )
    of_rate: dict[float, list[str]] = {}
    for population, given in unit_rates.items():
        of_rate.setdefault(float(given / Hz), []).append(population)
    remedy = f"use unit_rate={own:.3g}*Hz (--unit-rate {own:.3g}), or unit_rates for single populations"
    fastest = max(of_rate)
    if fastest > highest * (1 + 1e-9):
        raise SpikedtpError(
            f"{', '.join(of_rate[fastest])}: {name} cannot fire at the unit rate of {fastest:.4g} Hz, but at "
            f"{highest:.3g} Hz at most, and at {own:.3g} Hz at an activity of 1: {remedy}"
        )
    off = {rate: of for rate, of in of_rate.items() if not 1 / TOLERATED <= own / rate <= TOLERATED}
    if off:
        rates = ", and of ".join(f"{', '.join(of)} {rate:.4g} Hz" for rate, of in off.items())
        counts = " and ".join(f"{own / rate:.2g}" for rate in off)
        logger.warning(
            "%s fires at %.3g Hz at an activity of 1, but the unit rate is of %s: what they send counts %s times as "
            "much as in the rate network; %s", name, own, rates, counts, remedy,
        )  # fmt: skip
