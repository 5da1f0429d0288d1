"""BTSP over seconds: traces, where weights come to rest, place fields, and mean changes by Poisson spikes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import place_field_curves as curves
from brian2 import Hz, ms, second
from circular_track import Track

from checks.pairs import forms
from checks.row import Row, Scale, exact, statistical
from spikedtp import replay
from spikedtp.plasticity import BidirectionalBTSP

__all__ = ["at_rest", "place_fields", "poisson_spikes"]

#: Of an independent program of the published equations ("network", traces divided by their peaks), with the digits that
#: it printed: half widths (cm) by speed (cm/s), three laps; a field 30 cm behind the plateau, one lap at 30 cm/s.
WIDTHS = {10.0: 53.8, 15.0: 59.8, 25.0: 73.7, 30.0: 81.5, 45.0: 105.2}
SILENT = {"ramp_peak_mV": 7.1659592, "peak_minus_plateau_cm": -10.3}
MOVED = {"peak_after_cm": -10.3, "ramp_peak_after_mV": 6.9939058, "dV_at_plateau_mV": 3.3924276,
         "dV_at_initial_peak_mV": -2.6745635}  # fmt: skip


def at_rest(scale: Scale) -> list[Row]:
    """Traces of a plateau of 300 ms; weights after a long time with constant traces."""
    rows, gate = [], (np.arange(60) < 30).astype(float)[:, None]
    rates, steps = np.array([0.003, 0.05, 0.3, 0.6, 1.0]), 300
    for fit in ("network", "median"):
        rule = BidirectionalBTSP.fit(fit)
        gain = [(rule.alpha_plus, rule.h_plus), (rule.alpha_minus, rule.h_minus)]
        raw = [lambda x, a=a, h=h: 1 / (1 + np.exp(-2 / h * (x - a))) for a, h in gain]
        plus, minus = ((s(rates) - s(0)) / (s(1) - s(0)) for s in raw)
        expected = rule.w_max * rule.k_plus * plus / (rule.k_plus * plus + rule.k_minus * minus)
        peak = 1 - np.exp(-float(300 * ms / rule.tau_instructive))
        for name, options in forms(scale).items():
            trace = replay(rule, gate, gate, 1.0, dt=10 * ms, **options).state["instructive"].max()
            rows.append(
                exact(f"BTSP over seconds: instructive trace of 300 ms, {fit}, {name}", peak, trace, 1e-12, "rounding")
            )
            pre, post = np.tile(rates, (steps, 1)), np.ones((steps, 1))
            w = replay(rule, pre, post, 1.0, dt=20 * second, keep="last", **options).w[-1, 0]
            rows.append(
                exact(
                    f"BTSP over seconds: w at rest, 5 overlaps, {fit}, {name}",
                    0,
                    w - np.asarray(expected),
                    1e-9,
                    "rounding",
                )
            )
    return rows


def place_fields(scale: Scale) -> list[Row]:
    """Fields on a circular track beside those of an independent program."""
    track, rule, rows = Track(), BidirectionalBTSP(), []
    for speed, width in WIDTHS.items():
        found = curves.silent_cell(track, rule, "own", 3, speed)[0]["half_width_cm"]
        rows.append(
            exact(f"BTSP on a track: width in cm at {speed:g} cm/s, 3 laps", width, found, 1e-6, "printed digits")
        )
    silent = curves.silent_cell(track, rule, "own", 1, 25.0)[0]
    (moved,) = curves.field_shift(track, rule, "own", 1, 30.0, [30.0])[0].to_dict("records")
    for what, expected, found in (("silent cell", SILENT, silent), ("field 30 cm behind", MOVED, moved)):
        rows += [
            exact(f"BTSP on a track: {what}, {name}", value, found[name], 6e-8, "printed digits")
            for name, value in expected.items()
        ]
    return rows


def poisson_spikes(scale: Scale) -> list[Row]:
    """The mean weight of many inputs that fire Poisson spikes at the peak rate, beside theory.

    The trace of such a train is nearly normal, with Campbell's mean and variance. Small learning rates make the change
    of a weight linear in the gains, whose mean is a sum over Gauss and Hermite's nodes.
    """
    n, steps, first, peak_rate = scale.pick(200, 2000), 4000, 1500, 40.0
    rng, share = np.random.default_rng(scale.seed + 7), 1e-4
    rule = BidirectionalBTSP(peak_rate=peak_rate * Hz, eligibility_peak=0.9, instructive_peak=0.5)
    rule = replace(rule, k_plus=share * rule.k_plus, k_minus=share * rule.k_minus)
    gate = ((np.arange(steps) >= first) & (np.arange(steps) < first + 300)).astype(float)
    pre = rng.random((steps, n)) < peak_rate * 1e-3
    tau = float(rule.tau_eligibility)
    t, decay = (np.arange(steps) + 1) * 1e-3, np.exp(-1e-3 / tau)
    # each step adds (1 - decay)/p for a spike, of probability p
    mean, variance = 1 - decay ** (t * 1e3), (1 - peak_rate * 1e-3) / (peak_rate * 1e-3) * (1 - decay) ** 2
    variance *= (1 - decay ** (2 * t * 1e3)) / (1 - decay**2)
    i, keep = np.zeros(steps), np.exp(-1e-3 / float(rule.tau_instructive))
    for k in range(steps):
        i[k] = keep * (i[k - 1] if k else 0.0) + (1 - keep) * gate[k]
    nodes, weight = np.polynomial.hermite_e.hermegauss(20)
    plus, minus = (
        (weight @ gain).sum() / weight.sum() * 1e-3
        for gain in rule.gains((mean + np.sqrt(variance) * nodes[:, None]) * i / 0.45)
    )
    rows = []
    for w0 in (1.0, 3.5):
        expected = float(rule.k_plus) * plus * (rule.w_max - w0) - float(rule.k_minus) * minus * w0
        w = replay(rule, pre, gate[:, None], w0, keep="last").w[-1, 0] - w0
        rows.append(
            statistical(
                f"BTSP over seconds: mean ΔW of {n} Poisson inputs over theory's, from w = {w0:g}",
                1, w.mean() / expected,
                w.std(ddof=1) / np.sqrt(n) / abs(expected), bias=0.003, why="the skewness of the traces",
            )
        )  # fmt: skip
    return rows
