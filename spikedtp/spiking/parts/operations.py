"""Operations on a group that Brian2 has no object for: code in some time steps alone, rows of a table, played or kept.

Where a function takes `plain`, that form is made of Brian2's own objects and gives the same numbers more slowly.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner, Group

from spikedtp.spiking.parts.calm import pushed_and_calm
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.tables import interpolated_table

__all__ = ["give_to_units", "keep_rows", "play_rows", "run_when"]


def run_when(group: Group, condition: str, code: str, *, name: str, plain: bool = False, **schedule: Any) -> CodeRunner:
    """Run `code` for every cell in the steps where `condition`, the same for all cells, is true.

    The plain form runs the code in every step: for code that changes nothing where the condition is false.

    Returns
    -------
    CodeRunner
        For the caller to add to the network.
    """
    if plain:
        runner = group.run_regularly(code, name=name, **schedule)
        group.contained_objects.remove(runner)
        return runner
    if "_active" not in group.variables:
        group.variables.add_auxiliary_variable("_active", dtype=bool, scalar=True)
    runner = CodeRunner(
        group,
        "run_when",
        code=f"_active = {condition}\n{code}",
        name=name,
        codeobj_class=group.codeobj_class or code_object_class(),
        **({"clock": group.clock} | schedule),
    )
    runner.cells = group  # Brian2 only keeps a weak reference, and without another one a subgroup would vanish
    return runner


def give_to_units(
    cells: Group,
    variable: str,
    units: Group,
    blocks: list[tuple[int, int, int, int]],
    *,
    name: str,
    push: str = "",
    to_first: bool = False,
    unheard: Collection[tuple[int, int, int, int]] = (),
    **schedule: Any,
) -> CodeRunner:
    """Give units, several of which belong to a cell, the value of a variable of their cell in every step.

    Parameters
    ----------
    cells, units : NeuronGroup
        Both have the variable. It may be a subexpression of the cells.
    blocks : list of (start, stop, first, per_cell)
        The units from `first` on belong to the cells from `start` to `stop`, `per_cell` neighbours to each.
    push : str
        A variable that all cells share, and that is often 0: then nothing is read that it multiplies.
    to_first : bool
        Whether the first unit of each cell is enough. The others may then be given it or not.
    unheard : collection of (start, stop, first, per_cell)
        Those of the blocks whose units have no use for it while `push` is not 0. They may then be given it or not.

    Returns
    -------
    CodeRunner
        For the caller to add to the network.
    """
    own = np.concatenate([np.repeat(np.arange(start, stop), per_cell) for start, stop, _, per_cell in blocks])
    places = np.concatenate([first + np.arange((stop - start) * n) for start, stop, first, n in blocks])
    given, value = f"_{variable}_of_units", f"_given_{variable}"
    code = pushed_and_calm(cells, push, value, variable)
    cells.variables.add_reference(given, units, variable, index="0")  # no index of the cells
    return CodeRunner(
        cells,
        "give_to_units",
        code=code,
        name=name,
        check_units=False,
        needed_variables=[given],
        template_kwds={
            "given": given,
            "value": value,
            "blocks": {"calm": blocks, "pushed": [block for block in blocks if block not in unheard]},
            "to_first": to_first,
            "cells": own[np.argsort(places)].tolist(),
        },
        codeobj_class=code_object_class(),
        **schedule,
    )


def play_rows(
    group: Group,
    variable: str,
    table: str,
    blocks: list[tuple[int, int, int]],
    *,
    n_points: int,
    points_per_step: float,
    name: str,
    plain: bool = False,
    **schedule: Any,
) -> CodeRunner:
    """Set `variable` in every step by linear interpolation along the rows of a table.

    Parameters
    ----------
    group : NeuronGroup
    variable, table : str
        `table` is an array of the group, `(n_points, n)` row by row.
    blocks : list of (start, stop, lag)
        Neighbouring cells that hear the table `lag` time steps late; 0 before its first row arrives.
    points_per_step : float
        Rows that pass in one time step.

    Returns
    -------
    CodeRunner
        For the caller to add to the network.
    """
    if plain:
        function = f"{variable}_of_{group.name}"
        group.namespace[function] = interpolated_table(
            function, group.variables[table], blocks, group.N, n_points, points_per_step
        )
        runner = group.run_regularly(f"{variable} = {function}(t_in_timesteps, i)", name=name, **schedule)
        group.contained_objects.remove(runner)
        return runner
    options = {"blocks": blocks, "n": group.N, "n_points": n_points, "points_per_step": repr(points_per_step)}
    return CodeRunner(
        group,
        "play_rows",
        name=name,
        needed_variables=[variable, table, "t_in_timesteps"],
        template_kwds=options | {"variable": variable, "table": table},
        codeobj_class=group.codeobj_class,
        **schedule,
    )


def keep_rows(
    group: Group, variable: str, size: int, n_rows: int, place: str, *, name: str, **schedule: Any
) -> ArrayVariable:
    """Copy `variable`, `size` values, into a table of `n_rows` rows in steps where `place` is one of them, not below 0.

    Returns
    -------
    Variable
        The table, an array of the group.
    """
    table = f"_kept_{variable}"
    group.variables.add_array(table, size=n_rows * size, dtype=group.variables[variable].dtype)
    if "_place" not in group.variables:
        group.variables.add_auxiliary_variable("_place", dtype=np.int32, scalar=True)
    runner = CodeRunner(
        group,
        "keep_row",
        code=f"_place = {place}",
        name=name,
        needed_variables=[variable, table],
        template_kwds={"variable": variable, "size": size},
        codeobj_class=code_object_class(),
        **schedule,
    )
    group.contained_objects.append(runner)
    return group.variables[table]
