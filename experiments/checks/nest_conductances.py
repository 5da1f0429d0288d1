"""Conductance cells against NEST's under the same spikes: `iaf_cond_exp`, `iaf_cond_beta` and `aeif_cond_exp`.

NEST's results are kept in `tests/golden/nest_cells.npz`, made by `nest_golden.py`, so that NEST need not be installed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from brian2 import ms, mV, nS, pA, pF

from checks.alone import alone
from checks.nest_golden import CELLS, DURATION, FACTOR, STEP, WEIGHTS, arrivals
from checks.row import Row, Scale, exact
from spikedtp.neurons import AdaptiveLIF, AdEx

__all__ = ["adaptive_exponential", "leaky_cells"]

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "nest_cells.npz"


def golden(model: str) -> tuple[np.ndarray, np.ndarray]:
    """NEST's spike times (ms), and its voltage (mV) at 1, 2, ... ms."""
    with np.load(GOLDEN) as kept:
        return kept[f"{model}.spikes"], kept[f"{model}.V_m"]


def leaky_cells(scale: Scale) -> list[Row]:
    """The soma alone, without coupling, in the same time steps as NEST."""
    rows, last = [], scale.pick(300.0, DURATION)
    # NEST integrates to within 1e-3 mV: of the second cell, one spike in the first 300 ms is a step later there
    for model, off_by, allowed in (("iaf_cond_exp", 0.0, 2e-3), ("iaf_cond_beta", STEP, 0.2)):
        p = CELLS[model]
        rise = {name: p.get(f"tau_rise_{name}", 0.0) for name in ("ex", "in")}
        decay = {name: p.get(f"tau_decay_{name}", p.get(f"tau_syn_{name}")) for name in ("ex", "in")}
        cell = AdaptiveLIF(
            c_soma=p["C_m"] * pF, g_soma=p["g_L"] * nS, g_coupling=0 * nS, v_rest=p["E_L"] * mV,
            v_threshold=p["V_th"] * mV, v_reset=p["V_reset"] * mV, t_refractory=p["t_ref"] * ms,
            v_ampa=p["E_ex"] * mV, tau_ampa=decay["ex"] * ms, tau_rise_ampa=rise["ex"] * ms,
            v_gaba=p["E_in"] * mV, tau_gaba=decay["in"] * ms, tau_rise_gaba=rise["in"] * ms,
        )  # fmt: skip
        spikes = arrivals()
        kicks = {
            f"{ours}_soma": (spikes[kind][spikes[kind] < last], WEIGHTS[kind][1] * 1e-9)
            for ours, kind in (("ampa", "exc"), ("gaba", "inh"))
        }
        found = alone(cell, dt=STEP, duration=last + 2 * STEP, kicks=kicks, record=("v_soma",))
        wanted, voltage = golden(model)
        wanted, voltage = wanted[wanted < last], voltage[: int(last)]
        rows += _compared(model, found["spikes"][0], wanted, off_by, "the same step" if not off_by else "one step")
        every = round(1 / STEP)
        off = np.abs(found["v_soma"][0][every - 1 :: every][: len(voltage)] * 1e3 - voltage)
        # a spike that NEST reports at the time of a sample is reset there, and here in the step that follows
        off = off[~np.isin(np.arange(1, len(off) + 1), np.round(wanted, 6))]
        rows.append(
            exact(
                f"{model}: largest difference of the voltage in mV",
                0,
                off.max(),
                allowed,
                "NEST's tolerance is 1e-3 mV" if not off_by else "a reset that is one step early",
            )
        )
        rows.append(
            exact(f"{model}: median difference of the voltage in mV", 0, np.median(off), 1e-3, "NEST's tolerance")
        )
    return rows


def adaptive_exponential(scale: Scale) -> list[Row]:
    """`AdEx` takes Euler's steps: its spikes come nearer to NEST's as the steps become shorter."""
    p, spikes = CELLS["aeif_cond_exp"], arrivals()
    cell = AdEx(
        c=p["C_m"] * pF, g_leak=p["g_L"] * nS, v_rest=p["E_L"] * mV, v_exc=p["E_ex"] * mV, v_inh=p["E_in"] * mV,
        v_slope=p["Delta_T"] * mV, v_onset=p["V_th"] * mV, v_reset=p["V_reset"] * mV, t_refractory=p["t_ref"] * ms,
        a=p["a"] * nS, b=p["b"] * pA, tau_w=p["tau_w"] * ms, tau_exc=p["tau_syn_ex"] * ms, tau_inh=p["tau_syn_in"] * ms,
    )  # fmt: skip
    wanted, _ = golden("aeif_cond_exp")
    last = scale.pick(200.0, DURATION)
    weights = {kind: weight / p["g_L"] for kind, (_, weight) in WEIGHTS.items()}
    weights["exc"] *= FACTOR["aeif_cond_exp"]
    wanted, errors, steps = wanted[wanted < last - 1], [], (0.05, 0.025, 0.0125)  # at 0.1 ms single spikes are missed
    for dt in steps:
        kicks = {
            # with nothing that arrives at an accumulator, cells step before their spikes arrive
            f"g_{kind}_soma": (times[times < last] - dt, weights[kind])
            for kind, times in spikes.items()
        }  # fmt: skip
        found = alone(cell, dt=dt, duration=last, kicks=kicks, record=("v_soma",), every=1.0)["spikes"][0] + dt
        found = found[: len(wanted)]
        errors.append(np.abs(found - wanted).mean() if len(found) == len(wanted) else np.inf)
    return [
        *_compared("aeif_cond_exp", found, wanted, 0.5, f"Euler's at dt = {steps[-1]} ms, near threshold"),
        exact("aeif_cond_exp: mean difference of spike times in ms", 0, errors[-1], 0.15, f"at dt = {steps[-1]} ms"),
        exact(
            "aeif_cond_exp: order of convergence of spike times in dt", 1, np.log2(errors[0] / errors[2]) / 2, 0.35,
            "Euler is of first order",
        ),
    ]  # fmt: skip


def _compared(model: str, found, wanted, tolerance: float, why: str) -> list[Row]:
    """Spikes one by one."""
    same = len(found) == len(wanted)
    off = np.abs(found - wanted).max() if same else np.inf
    return [
        exact(f"{model}: number of spikes", len(wanted), len(found), 0, "counted"),
        exact(f"{model}: largest difference of {len(wanted)} spike times in ms", 0, off, tolerance + 1e-6, why),
    ]
