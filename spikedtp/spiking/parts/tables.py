"""Lookup functions that Brian2 equations may call: values of the present presentation, from an array of the group.

The arrays are plain group variables, so a presentation changes by overwriting them, never by rebuilding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import Function, get_device
from brian2.core.variables import ArrayVariable

__all__ = ["interpolated_table", "kernel_table", "mean_of_units", "raster_table"]


def _function(name: str, python: Callable[..., np.ndarray], cpp: str, types: list[str]) -> Function:
    function = Function(
        python, arg_units=[1] * len(types), return_unit=1, arg_types=types, return_type="float", stateless=True
    )
    function.implementations.add_implementation("numpy", python)
    function.implementations.add_implementation("cpp", cpp, name=name)
    return function


def _c_array(variable: ArrayVariable) -> str:
    """The global C++ name of a group's array; only asked for where there is one."""
    device = get_device()
    return f"brian::{device.get_array_name(variable)}" if hasattr(device, "project_dir") else "unused"


def mean_of_units(name: str, array: ArrayVariable, start: int, per_cell: int) -> Function:
    """`f(i)`: the mean of the `per_cell` values of cell i in ``array``, where those of cell 0 begin at `start`."""

    def python(i: np.ndarray) -> np.ndarray:
        return array.get_value()[start + per_cell * np.asarray(i)[..., None] + np.arange(per_cell)].mean(axis=-1)

    cpp = f"""
    static inline double {name}(const int i)
    {{
        const auto* const values = {_c_array(array)} + {start} + (size_t)i*{per_cell};
        double sum = 0;
        for (int k = 0; k < {per_cell}; k++) sum += values[k];
        return sum/{per_cell};
    }}
    """
    return _function(name, python, cpp, ["integer"])


def interpolated_table(
    name: str, table: ArrayVariable, blocks: list[tuple[int, int, int]], n: int, n_points: int, points_per_step: float
) -> Function:
    """`f(step, i)`: linear interpolation along the rows of `table` (n_points x n), late by the lag of the cell's block.

    Blocks are (first cell, last cell + 1, lag in time steps).
    """
    lags = np.concatenate([np.full(stop - start, lag) for start, stop, lag in blocks])

    def python(step: np.ndarray, i: np.ndarray) -> np.ndarray:
        x = (step - lags[i]) * points_per_step
        k = np.clip(x.astype(int), 0, n_points - 2)
        values = table.get_value().reshape(n_points, n)
        return np.where(x < 0, 0.0, values[k, i] + (x - k) * (values[k + 1, i] - values[k, i]))

    lag_of = "".join(f"i < {stop} ? {lag} : " for _, stop, lag in blocks) + "0"
    cpp = f"""
    static inline double {name}(const int64_t step, const int i)
    {{
        const double x = (step - ({lag_of}))*{points_per_step!r};
        if (x < 0) return 0;
        const int k = x < {n_points - 2} ? (int)x : {n_points - 2};
        const auto* const from = {_c_array(table)} + (size_t)k*{n} + i;
        return from[0] + (x - k)*(from[{n}] - from[0]);
    }}
    """
    return _function(name, python, cpp, ["integer", "integer"])


def raster_table(name: str, table: ArrayVariable, n: int, n_rows: int, *, streamed: bool = False) -> Function:
    """`f(step, i)`: the value in `table` (n_rows x n); if it is `streamed`, step k is in row ``k % n_rows``."""

    def python(step: np.ndarray, i: np.ndarray) -> np.ndarray:
        return table.get_value().reshape(n_rows, n)[step % n_rows if streamed else step, i].astype(float)

    cpp = f"""
    static inline double {name}(const int64_t step, const int i)
    {{
        return {_c_array(table)}[(size_t)step{f"%{n_rows}" if streamed else ""}*{n} + i];
    }}
    """
    return _function(name, python, cpp, ["integer", "integer"])


def kernel_table(name: str, table: ArrayVariable, n_steps: int) -> Function:
    """`f(row, step)`: the weight of this time step in read-out `row` of `table` (rows x n_steps)."""

    def python(row: np.ndarray, step: np.ndarray) -> np.ndarray:
        return table.get_value().reshape(-1, n_steps)[row, step]

    cpp = f"""
    static inline double {name}(const int row, const int64_t step)
    {{
        return {_c_array(table)}[(size_t)row*{n_steps} + step];
    }}
    """
    return _function(name, python, cpp, ["integer", "integer"])
