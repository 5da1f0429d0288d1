"""Plateaus that a dendrite makes by itself: fixed points, threshold, end and duration from the conductances."""

from __future__ import annotations

import numpy as np
from brian2 import ms, mV, nS

from checks.alone import alone
from checks.conductances import membrane
from checks.row import Curve, Row, Scale, exact
from spikedtp.neurons import NMDAPlateau

__all__ = ["duration", "two_states"]

#: A threshold that the soma does not reach: it stays passive, as the theory assumes.
PASSIVE = dict(v_threshold=-1 * mV)
CELL = NMDAPlateau(**PASSIVE)


def two_states(scale: Scale) -> list[Row]:
    """A constant conductance: from rest and from a plateau the dendrite goes where scipy finds the fixed points."""
    lasting = NMDAPlateau(**PASSIVE, tau_nmda=1e9 * ms, tau_rise_nmda=0 * ms)
    limits, rows = CELL.bistability(), []
    between = np.linspace(float(limits.g_down) * 1.15, float(limits.g_up) * 0.85, 4)
    steady = np.concatenate([[0.2 * float(limits.g_down)], between, between, [1.3 * float(limits.g_up)]])
    from_high = np.concatenate([[0], np.zeros(4), np.ones(4), [0]]).astype(bool)
    share = np.linspace(-0.04, 0.04, 17)
    g = np.concatenate([steady, float(limits.g_up) * (1 + share), float(limits.g_down) * (1 + share)])
    high = np.concatenate([from_high, np.zeros(17, bool), np.ones(17, bool)])
    found = alone(
        lasting, len(g), dt=1.0, duration=scale.pick(800, 2500), every=50.0, record=("v_dend",),
        given={"nmda_dend": g, "v_dend": np.where(high, -5e-3, float(CELL.at_rest()[1]))},
    )["v_dend"][:, -1]  # fmt: skip
    # lower fixed points by the same curve, where it rises first
    v = np.linspace(float(CELL.at_rest()[1]), float(limits.v_up), 200_001)
    low = np.interp(steady, np.asarray(CELL.holding(v * 1e3 * mV) / nS) * 1e-9, v)
    up = from_high | (steady > float(limits.g_up))
    expected = np.where(up, [float(CELL.height(max(x, float(limits.g_down)) * 1e9 * nS)) for x in steady], low)
    near = scale.pick(0.025, 0.01)  # of either: it lingers there
    jumped, stayed = found[10:27] > float(CELL.v_plateau), found[27:] > float(limits.v_down) - 3e-3
    curve = Curve(
        "NMDA: two states", "NMDA conductance (nS)", "dendrite (mV)", steady[up] * 1e9, found[:10][up] * 1e3,
        [float(CELL.height(x * 1e9 * nS)) * 1e3 for x in steady[up]],
    )  # fmt: skip
    rows += [
        exact(
            "NMDA dendrite: ten steady voltages, low and high, largest error in mV", 0,
            (found[:10] - expected) * 1e3, 0.01, "scipy's fixed points", curve,
        ),
        exact(
            "NMDA dendrite: lowest constant conductance from which it jumps up, in nS", float(limits.g_up / nS),
            g[10:27][jumped].min() * 1e9, near * float(limits.g_up / nS), "it lingers in between",
        ),
        exact(
            "NMDA dendrite: lowest constant conductance that keeps it up, in nS", float(limits.g_down / nS),
            g[27:][stayed].min() * 1e9, near * float(limits.g_down / nS), "it lingers in between",
        ),
    ]  # fmt: skip
    return rows


def duration(scale: Scale) -> list[Row]:
    """Volleys of NMDA: how long the dendrite stays up against scipy, and 100 ms more for each factor e."""
    g, dt = np.array([40.0, 80.0, 120.0, 300.0, 600.0, 1200.0]), 0.25
    found = alone(CELL, len(g), dt=dt, duration=600, kicks={"nmda_dend": ([0], g * 1e-9)}, record=("v_dend",))
    high = found["v_dend"] > float(CELL.v_plateau)
    measured, peak = high.sum(axis=1) * dt, found["v_dend"].max(axis=1) * 1e3
    courses = [membrane(CELL, [("nmda", "dend", 0.0, x * 1e-9)], found["t"])[1] for x in g]
    wanted = np.array([np.sum(course > float(CELL.v_plateau / mV)) for course in courses]) * dt
    tops = np.array([course.max() for course in courses])
    strong = g >= 300
    slope = np.polyfit(np.log(g[strong]), measured[strong], 1)[0]
    slow = np.array([float(CELL.duration(x * nS) / ms) for x in g])
    curve = Curve("plateaus", "peak NMDA conductance (nS)", "duration (ms)", g, measured, wanted, log="x")
    return [
        exact(
            f"NMDA plateaus: durations of {len(g)} volleys against scipy's, largest error in ms", 0, measured - wanted,
            2 * dt, "two time steps", curve,
        ),
        exact("NMDA plateaus: heights against scipy's, largest error in mV", 0, peak - tops, 0.05, "at dt = 0.25 ms"),
        exact(
            "NMDA plateaus: ms for each factor e of the conductance", float(CELL.tau_nmda / ms), slope,
            0.05 * float(CELL.tau_nmda / ms), "5 %: the end is not quite slow",
        ),
        exact(
            "NMDA plateaus: volleys that end before the slow theory's time, of those that start one", 0,
            int(np.sum(measured[strong] < slow[strong] - 10)), 0, "they rise within 10 ms and linger at the end",
        ),
    ]  # fmt: skip
