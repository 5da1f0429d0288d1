"""Cells by name: those that the networks of a circuit take, and how others join. Nothing else lives here."""

from __future__ import annotations

from typing import Any, TypeVar

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.adaptive_lif import AdaptiveLIF
from spikedtp.neurons.base import CellModel
from spikedtp.neurons.in_circuit import BurstPoissonInCircuit, NaudInCircuit
from spikedtp.neurons.membrane import MembraneCell
from spikedtp.neurons.nmda_plateau import NMDAPlateau
from spikedtp.neurons.nudged import NudgedCell
from spikedtp.neurons.two_compartment import TwoCompartment
from spikedtp.neurons.two_compartment_lif import TwoCompartmentLIF
from spikedtp.neurons.two_compartment_plateau import TwoCompartmentPlateau
from spikedtp.registries import Registry, check_declared

__all__ = ["CELLS", "register_cell"]

Cell = TypeVar("Cell", bound=type)

SHIPPED: tuple[type[CellModel], ...] = (
    TwoCompartment, TwoCompartmentLIF, NudgedCell, AdaptiveLIF, NMDAPlateau, TwoCompartmentPlateau, NaudInCircuit,
    BurstPoissonInCircuit, MembraneCell,
)  # fmt: skip


def _check(name: str, cell: Any) -> None:
    check_declared(cell, CellModel, defaults=True)
    if cell.__name__ != name:
        raise SpikedtpError(f"the cell {name!r} must have the name of its class, {cell.__name__}")


CELLS: Registry[type[CellModel]] = Registry(
    "cell",
    "spikedtp.cells",
    {cell.__name__: cell for cell in SHIPPED},
    check=_check,
)


def register_cell(cell: Cell) -> Cell:
    """Give a cell of your own a name: that of its class, as in ``spikedtp compare --set cell.name=NAME``.

    Parameters
    ----------
    cell : type
        A frozen dataclass, subclass of `CellModel`, with a default for every parameter.

    Returns
    -------
    type
        The class itself, so that this is also a decorator.

    Raises
    ------
    SpikedtpError
        Another class, a parameter without a default, or a name that is taken.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from brian2 import ms, second
    >>> from spikedtp.parameters import parameter
    >>> @register_cell
    ... @dataclass(frozen=True)
    ... class SlowCell(TwoCompartment):
    ...     tau_soma: second = parameter(100 * ms, above=0 * ms)
    >>> CELLS["SlowCell"]().tau_soma
    100. * msecond
    """
    CELLS.register(getattr(cell, "__name__", ""), cell)
    return cell
