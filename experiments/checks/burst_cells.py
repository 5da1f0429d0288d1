"""The burst cells: burst probability against the current into the dendrite, and the dendrite's steady voltages."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from brian2 import mV
from scipy import optimize

from checks.alone import alone
from checks.row import Curve, Row, Scale, exact, ks, statistical
from spikedtp.neurons import BurstPoisson, NaudCell

__all__ = ["active_dendrite", "drawn_bursts"]


def drawn_bursts(scale: Scale) -> list[Row]:
    """P = 1/(1 + exp(-(U - v_half)/v_slope)), with U - v_rest = I/c ÷ (1/τ + |a|/c) in the steady state."""
    cell, dt = BurstPoisson(), 0.1
    each, duration, before = *scale.pick((60, 600.0), (400, 2000.0)), 250.0
    currents = np.linspace(-200e-12, 1200e-12, 8)
    found = alone(
        cell, each * len(currents), dt=dt, duration=duration, record=("v_dend",), every=50.0, draw=scale.seed,
        given={"i_soma": 0.8e-9, "i_dend": np.repeat(currents, each)},
    )  # fmt: skip
    p = {name: float(value) for name, value in cell.quantities().items()}
    # a current is added first, and then leaks for a whole step
    steady = currents * (1 - dt * 1e-3 / p["tau_dend"]) / p["c_dend"] / (1 / p["tau_dend"] - p["a_dend"] / p["c_dend"])
    wanted = 1 / (1 + np.exp(-(steady + p["v_rest"] - p["v_half"]) / p["v_slope"]))
    voltage = found["v_dend"][:, -1].reshape(len(currents), each).mean(axis=1) - p["v_rest"]
    shares, counts, gaps = [], [], []
    for trains in np.array_split(np.arange(each * len(currents)), len(currents)):
        events = bursts = 0
        for k in trains:
            train = found["spikes"][k]
            second = np.append(False, np.diff(train) < 19.9)
            first = np.flatnonzero(~second & (train >= before) & (train < duration - 20))
            bursting = np.append(second, False)[first + 1]
            events, bursts = events + len(first), bursts + bursting.sum()
            own = first[bursting]
            gaps += list(train[own + 1] - train[own])
        shares.append(bursts / events)
        counts.append(events)
    rows = [
        exact("burst cell: steady voltage of the dendrite, 8 currents, share of the range", 0,
              (voltage - steady) / np.ptp(steady), 1e-6, "rounding, after 35 time constants",
              Curve("drawn bursts", "dendritic current (pA)", "burst probability", currents * 1e12, shares, wanted)),
    ]  # fmt: skip
    rows += [
        statistical(f"burst probability at {round(current * 1e12)} pA", share, got, np.sqrt(share * (1 - share) / n))
        for current, share, got, n in zip(currents, wanted, shares, counts, strict=True)
    ]
    # uniform over the whole steps from interval_low to interval_high, less one
    steps = np.sort(np.round(np.array(gaps) / dt).astype(int))
    first, last = round(p["interval_low"] / 1e-4), round(p["interval_high"] / 1e-4)
    law = np.clip((steps + 1 - first + 1) / (last - first), 0, 1)
    seen = np.searchsorted(steps, steps, side="right") / len(steps)
    return [*rows, ks("intervals of bursts are uniform", np.abs(seen - law).max(), len(steps))]


def active_dendrite(scale: Scale) -> list[Row]:
    """Naud and Sprekeler's dendrite, its soma silent: steady voltages by scipy, and Euler's error in a transient."""
    cell = NaudCell(v_threshold_rest=-1 * mV)
    p = {name: float(value) for name, value in cell.quantities().items()}
    # with one steady voltage each: from 600 pA on it is the plateau's
    currents = np.array([0, 100, 200, 300, 400, 800, 1000, 1200]) * 1e-12

    def flow(u: float, current: float) -> float:
        # a current is added first: the active current sees it, and it leaks for a whole step
        seen = u + 1e-4 * current / p["c_dend"]
        active = p["g_active_dend"] / (1 + np.exp(-(seen - p["v_half"]) / p["v_slope"]))
        return (
            (p["v_rest"] - u) * p["c_dend"] / p["tau_dend"]
            + p["a_dend"] * (u - p["v_rest"])
            + active
            + current * (1 - 1e-4 / p["tau_dend"])
        )

    only = []
    for current in currents:
        grid = np.linspace(p["v_rest"] - 1e-3, 0.02, 2000)
        values = np.array([flow(u, current) for u in grid])
        k = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))[0]
        only.append(optimize.brentq(flow, grid[k], grid[k + 1], args=(current,)))
    courses = [
        alone(
            cell, len(currents), dt=dt, duration=250, every=10.0,
            given={"i_soma": -2e-9, "i_dend": currents}, record=("v_dend",),
        )["v_dend"]
        for dt in (0.4, 0.2, 0.1)
    ]  # fmt: skip
    ends = courses[-1][:, -1]
    errors = [np.abs(a[:, 0] - b[:, 0]).max() for a, b in pairwise(courses)]
    return [
        exact("Naud's dendrite: steady voltages of 8 currents, largest error in mV", 0,
              (ends - np.array(only)) * 1e3, 1e-4, "scipy's fixed points",
              Curve("Naud's dendrite", "current (pA)", "dendrite (mV)", currents * 1e12, ends * 1e3,
                    np.array(only) * 1e3)),
        exact("Naud's dendrite: order of convergence in dt", 1, np.log2(errors[0] / errors[1]), 0.25, "Euler's method"),
    ]  # fmt: skip
