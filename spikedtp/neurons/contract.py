"""`check_cell`: what every cell promises, run on one of a user's own, in a Brian2 of its own that leaves no trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from brian2 import Equations, Network, StateMonitor, get_unit, kelvin, ms, second, seed
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.units.fundamentalunits import DIMENSIONLESS, have_same_dimensions

from spikedtp.errors import SpikedtpError, in_one_line, shown
from spikedtp.neurons.base import CellModel
from spikedtp.neurons.check import PULSE, checked_declaration
from spikedtp.neurons.declaration import Declaration
from spikedtp.neurons.group import REMEDY, CellGroup, cell_group
from spikedtp.neurons.random_numbers import RANDOM_NUMBERS
from spikedtp.private_brian2 import PrivateBrian2
from spikedtp.registries import check_declared

__all__ = ["LOOPS", "added_by_loops", "check_cell", "loops_of"]

#: What the two networks of a circuit ask of their cells (`spiking/open_loop/build.py`, `spiking/closed_loop/cells.py`).
LOOPS = {
    "open": {
        "input_soma", "input_dend", "drive_soma", "drive_dend", "somatic_activity", "dendritic_state", *PULSE,
    },
    "closed": {"input_soma", "input_dend", "dendritic_state"},
}  # fmt: skip
#: What the closed loop adds to its cells, and they may use; those that use others come before them.
ADDED = {
    "acting": "acting = gate*clip(dendritic_state, -1, 1) : 1",
    "gate": "gate : 1",
    "running": "running = 1 - nudging : 1 (shared)",
    "nudging": "nudging : 1 (shared)",
}
#: What the closed loop declares itself: a cell that declares one of these cannot run in it.
TAKEN = {
    "counted_rate", "soma_sum", "dend_sum", "plateau_sum", "post_settled", "dendrite_settled", "post_nudged", "plateau",
    "count_settled", "count_nudged", "pre_settled", "pre_settled_previous", "pre_nudged", "rate_factor", "acting",
    "nudging", "running", "lowest", "held", "since_crossing", "dendrite_change", "lowest_activity",
}  # fmt: skip
#: Signals of `impulse_responses` -> the variables that are read for them.
READ = {"dendrite": "dendritic_state", "soma": "somatic_activity"}

NOTHING = Equations("")
TIME_STEPS = (1 * ms, 0.5 * ms, 0.1 * ms, 0.01 * ms)
#: Steps in which spikes arrive, and the most that follow.
DRIVEN, MOST = 50, 1000
#: Of the cells that are run, one each: without input, with one spike, with many.
RESTING, ONE_SPIKE, MANY = range(3)
#: Without input, a deviation may grow by no more than this.
RUNS_AWAY = 100.0


def check_cell(
    cell: CellModel, *, equations: str | Equations = "", namespace: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Run the contract of cells on one of your own.

    Parameters must have units and defaults, and must be checked; the declaration must use what it defines; three cells
    are run with and without spikes that arrive: they must stay finite, feel what arrives, clear it, and not run away.
    `impulse_responses` must be those of the cell.

    Parameters
    ----------
    cell : CellModel
        With the parameters that it is to be checked with.
    equations, namespace
        What its network gives to it, as in `CellModel.group`; not needed for the networks of this package.

    Returns
    -------
    tuple of str
        The loops whose variables it has, of "open" and "closed".

    Raises
    ------
    SpikedtpError
        The first promise that is broken, in one line: what, and how to mend it.

    Examples
    --------
    >>> from spikedtp.neurons import LIF, NudgedCell, TwoCompartment
    >>> check_cell(TwoCompartment()), check_cell(NudgedCell()), check_cell(LIF())
    (('open', 'closed'), ('closed',), ())
    """
    if not isinstance(cell, CellModel):
        what = f"the class {cell.__name__}: make one" if isinstance(cell, type) else shown(cell)
        raise SpikedtpError(f"check_cell takes a cell such as MyCell(), got {what}")
    check_declared(type(cell), CellModel, defaults=True)
    name = type(cell).__name__
    _check_parameters(cell, name)
    declaration = _declaration(cell, name)
    more = equations if isinstance(equations, Equations) else Equations(equations)
    more += added_by_loops(cell, more)
    names = {**RANDOM_NUMBERS, **(namespace or {})}
    remedy = f"make what it uses a field with parameter(...), or {REMEDY}"
    checked_declaration(cell, "check_cell", declaration=declaration, more=more, namespace=names, remedy=remedy)
    arriving = [e for e in declaration.equations.values() if e.type == PARAMETER and e.varname.startswith("input_")]
    for equation in arriving:
        _check_course(cell, declaration, more, names, equation)
    if not arriving:
        _check_course(cell, declaration, more, names, None)
    return loops_of(cell)


def loops_of(cell: CellModel) -> tuple[str, ...]:
    """The loops that a cell has the variables for, of "open" and "closed". Nothing is run.

    Examples
    --------
    >>> from spikedtp.neurons import NaudCell, NaudInCircuit
    >>> from spikedtp.neurons.contract import loops_of
    >>> loops_of(NaudInCircuit()), loops_of(NaudCell())
    (('open', 'closed'), ())
    """
    declaration = cell.declaration()
    known = {*declaration.equations, *cell.quantities()}
    closed = bool(declaration.threshold) and not known & TAKEN
    return tuple(loop for loop, asked in LOOPS.items() if asked <= known and (loop == "open" or closed))


def added_by_loops(cell: CellModel, more: Equations = NOTHING) -> Equations:
    """What a cell uses of that which the closed loop adds, as far as neither it nor `more` declares it."""
    own, found = cell.declaration().equations, NOTHING
    used = set().union(*(equation.identifiers for equation in own.values()))
    for added, line in ADDED.items():
        if added in used and added not in {*own, *more}:
            found += Equations(line)
            used |= found[added].identifiers
    return found


def _check_parameters(cell: CellModel, name: str) -> None:
    """Units are checked when a cell is made, and time constants are parameters."""
    quantities, made = cell.quantities(), cast(Any, cell)
    for parameter in quantities:
        try:
            replace(made, **{parameter: 1 * kelvin})
        except SpikedtpError:
            continue
        except Exception as problem:  # the user's own code, and it may do anything
            raise SpikedtpError(
                f"{name}.{parameter} in other units fails with {in_one_line(problem)}: begin __post_init__ with "
                "super().__post_init__(), which checks them"
            ) from problem
        raise SpikedtpError(f"{name}.{parameter} is not checked: begin __post_init__ with super().__post_init__()")
    for kind in ("time_constants", "whole_steps"):
        for parameter in getattr(cell, kind):
            if not have_same_dimensions(quantities.get(parameter, getattr(cell, parameter, 1)), second):
                raise SpikedtpError(f"{name}.{kind} names {parameter}, which is no parameter with the unit of time")


def _declaration(cell: CellModel, name: str) -> Declaration:
    try:
        declaration = cell.declaration()
    except SpikedtpError:
        raise
    except Exception as problem:  # the user's own code, and it may do anything
        raise SpikedtpError(
            f"{name}.declaration fails with {_told(problem)}: it must give a Declaration of Brian2 equations"
        ) from problem
    if not isinstance(declaration, Declaration):
        raise SpikedtpError(f"{name}.declaration gives {shown(declaration)}: it must be a spikedtp.neurons.Declaration")
    return declaration


def _check_course(
    cell: CellModel, declaration: Declaration, more: Equations, names: Mapping[str, Any], into: Any
) -> None:
    """What three cells do while spikes arrive in one of their compartments, and after that."""
    name, dt = type(cell).__name__, _time_step(cell)
    recorded = _recorded(declaration)
    try:
        with PrivateBrian2("runtime").inside():
            seed(0)
            found = _run(cell, more, names, into, dt, recorded)
    except SpikedtpError:
        raise
    except Exception as problem:  # Brian2's own, of many kinds
        remedy = "mend its equations"
        if "Unsupported" in type(_root(problem)).__name__:
            remedy = "name its time constants in time_constants, and it is integrated by Euler's method"
        raise SpikedtpError(f"{name} cannot be run by Brian2: {_told(problem)}: {remedy}") from problem
    for variable, values in found.items():
        if not np.isfinite(values).all():
            step = int(np.argmin(np.isfinite(values).all(axis=0)))
            when = f"after {step} steps of {dt}" if step else "at the start"
            raise SpikedtpError(f"{name}.{variable} is not finite {when}: guard divisions, or use a smaller dt")
    if into is None:
        return
    arriving = found.pop(into.varname)
    if np.any(arriving):
        raise SpikedtpError(
            f"{name}.{into.varname} keeps what arrives from step to step: name it in its declaration's clear"
        )
    apart = {variable: np.abs(values[[ONE_SPIKE, MANY]] - values[RESTING]) for variable, values in found.items()}
    if not any(values.any() for values in apart.values()):
        raise SpikedtpError(f"{name}.{into.varname} has no effect: let its equations use it, or leave it out")
    for variable, values in apart.items():
        most = values[:, : DRIVEN + 1].max() + np.abs(found[variable][RESTING]).max()
        if values[:, -1].max() > RUNS_AWAY * most > 0:
            raise SpikedtpError(f"{name}.{variable} runs away once nothing arrives: check the sign of its decay")
    _check_impulse(cell, name, into.varname.removeprefix("input_"), found, dt)


def _run(
    cell: CellModel, more: Equations, names: Mapping[str, Any], into: Any, dt: Any, recorded: list[str]
) -> dict[str, np.ndarray]:
    """(3, 1 + steps) of every recorded variable, at the start and after each step."""
    if into is not None:
        unit = "1" if into.dim in (None, DIMENSIONLESS) else repr(get_unit(into.dim))
        more = more + Equations(f"a_spike : {unit} (constant)\nspikes_until : integer (constant)")
    cells: CellGroup = cell_group(cell, 3, equations=more, namespace=names, dt=dt, name="checked_cells")
    if into is not None:
        cells.state("a_spike", use_units=False)[:] = [0.0, 1.0, 0.1]
        cells.spikes_until = [0, 1, DRIVEN]
        code = f"{into.varname} += a_spike*int(t_in_timesteps < spikes_until)"
        cells.run_regularly(code, when="synapses", name="checked_spikes")
    if "activity" in cells.variables and not cells.variables["activity"].read_only:
        cells.state("activity", use_units=False)[:] = 0.5
    start = {name: np.array(cells.state(name, use_units=False)[:], dtype=float) for name in recorded}
    monitor = StateMonitor(cells, recorded, record=True, dt=dt, when="end", order=1, name="checked_course")
    times = [float(value / dt) for value in cell.quantities().values() if have_same_dimensions(value, second)]
    rest = int(min(max(10 * max(times, default=0), DRIVEN), MOST))
    with np.errstate(all="ignore"):  # what is not finite is found, and named
        Network(cells, monitor).run((DRIVEN + rest) * dt, namespace={})
    return {
        name: np.concatenate([start[name][:, None], np.asarray(getattr(monitor, f"{name}_"), dtype=float)], axis=1)
        for name in recorded
    }


def _recorded(declaration: Declaration) -> list[str]:
    """States, and what is read of them."""
    return [
        equation.varname
        for equation in declaration.equations.values()
        if "shared" not in equation.flags
        and (equation.type in (DIFFERENTIAL_EQUATION, PARAMETER) or equation.varname in READ.values())
    ]


def _check_impulse(cell: CellModel, name: str, compartment: str, found: Mapping[str, np.ndarray], dt: Any) -> None:
    """The responses that noise ceilings are computed from."""
    responses = cell.impulse_responses(DRIVEN, dt) or {}
    for (signal, arrives), response in responses.items():
        variable = READ.get(signal)
        if arrives != compartment or variable is None or variable not in found:
            continue
        measured = (found[variable][ONE_SPIKE] - found[variable][RESTING])[1 : DRIVEN + 1]
        if np.shape(response) != (DRIVEN,) or not np.allclose(response, measured, rtol=1e-6, atol=1e-9):
            raise SpikedtpError(
                f"{name}.impulse_responses has another {signal} after a spike at {compartment} than its equations: "
                "make it theirs, or return None where the cell is not linear"
            )


def _time_step(cell: CellModel) -> Any:
    """The longest of some time steps that the cell carries."""
    for dt in TIME_STEPS[:-1]:
        try:
            cell.check_time_step(dt)
        except SpikedtpError:
            continue
        return dt
    cell.check_time_step(TIME_STEPS[-1])
    return TIME_STEPS[-1]


def _root(problem: BaseException) -> BaseException:
    """Brian2 wraps what it meets."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    return problem


def _told(problem: BaseException) -> str:
    root = _root(problem)
    return f"{type(root).__name__}, {' '.join(str(root).split()) or 'which says nothing'}"
