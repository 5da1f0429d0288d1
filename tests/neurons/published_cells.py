"""Runs of the cells of Burstprop under the protocol of the golden traces of the original program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from brian2 import Network, StateMonitor, TimedArray, ms, pA
from brian2.units import second

from spikedtp.neurons import CellModel

GOLDEN = Path(__file__).parents[1] / "golden" / "burstprop" / "cells.npz"
DT = 0.1 * ms
#: Columns of the golden traces -> variables here and their units there.
COLUMNS = {
    "V_soma_mV": ("v_soma", 1e-3), "V_dend_mV": ("v_dend", 1e-3), "w_soma": ("w_soma", 1),
    "w_dend_mV": ("w_dend", 1e-3),
    "threshold_mV": ("v_threshold", 1e-3), "g_ampa": ("g_exc_soma", 1), "g_gaba": ("g_inh_soma", 1),
    "g_ampa_dend": ("g_exc_dend", 1), "g_gaba_dend": ("g_inh_dend", 1),
}  # fmt: skip
KICKS = {f"add_{column}": variable for column, (variable, _) in COLUMNS.items() if column.startswith("g_")}


def golden(name: str) -> dict[str, np.ndarray]:
    """Columns of one cell."""
    with np.load(GOLDEN) as arrays:
        return {key.partition(".")[2]: values for key, values in arrays.items() if key.startswith(f"{name}.")}


def run_protocol(cell: CellModel, name: str, dt=DT, last=None) -> dict[str, np.ndarray]:
    """What the golden columns hold, of one cell in steps of `dt`; ``spikes`` are the steps of its spikes.

    With `last`, only so many steps of 0.1 ms.
    """
    protocol, per_step = golden("protocol"), round(float(DT / dt))
    n = (last or len(golden(name)["spike"])) * per_step
    given = {variable: np.zeros(n) for variable in (*KICKS.values(), "i_soma", "i_dend")}
    for step, action, value in zip(protocol["before_step"], protocol["action"], protocol[name], strict=True):
        if step * per_step >= n:
            continue
        if action in KICKS:
            given[KICKS[action]][step * per_step] += value
        else:
            given[{"I_soma_pA": "i_soma", "I_dend_pA": "i_dend"}[action]][step * per_step :] = value * 1e-12
    # currents act at the end of a step there, and at the start of the next one here
    tables = {f"given_{key}": TimedArray(values, dt=dt) for key, values in given.items() if key.startswith("g_")}
    for key in ("i_soma", "i_dend"):
        tables[f"given_{key}"] = TimedArray(np.concatenate([[0], given[key][:-1]]) * pA / 1e-12, dt=dt)
    group = cell.group(1, dt=dt, name="golden_cell", namespace=tables)
    code = [f"{key} {'+=' if key.startswith('g_') else '='} given_{key}(t)" for key in given]
    group.run_regularly("\n".join(code), when="start", dt=dt)
    seen = StateMonitor(group, [v for v, _ in COLUMNS.values()], record=True, dt=dt, when="end")
    fired = StateMonitor(group, "v_soma", record=True, dt=dt, when="thresholds", order=-1)
    Network(group, seen, fired).run(n * dt, namespace={})
    found = {column: getattr(seen, f"{variable}_")[0] / unit for column, (variable, unit) in COLUMNS.items()}
    jump = float(dt / second) * 1e3
    found["V_soma_mV"] += jump * given["i_soma"] / float(cell.c_soma)
    found["V_dend_mV"] += jump * given["i_dend"] / float(cell.c_dend)
    before = fired.v_soma_[0] * 1e3
    found["spikes"] = np.flatnonzero(before - found["V_soma_mV"] > 15)
    return found
