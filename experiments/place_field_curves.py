"""What `BidirectionalBTSP` does to weights and place fields, as tables: one function for each.

Traces are cut as in the authors' code, and weights change once per lap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import ms, second
from circular_track import PLATEAU, Track
from scipy.integrate import trapezoid

from spikedtp.plasticity import BidirectionalBTSP, learn_laps, plateau_gate, plateau_traces

__all__ = ["EXPERIMENT", "by_initial_ramp", "correlation", "experiment", "field_shift", "place_inputs", "pulses",
           "ramp_changes", "silent_cell"]  # fmt: skip

DT = 10 * ms
WHERE = 93.5  # cm, the plateau
WEIGHTS = (0.5, 0.9)  # of w_max, beside that of a silent cell
learn = partial(learn_laps, cut=True)
EXPERIMENT = Path(__file__).parent / "btsp_experiment.csv"
INITIAL = ((-5, 1), (1, 3), (3, 5), (5, 20))  # mV


def _from_each_weight(rule: BidirectionalBTSP) -> np.ndarray:
    return np.array([1.0, *(share * rule.w_max for share in WEIGHTS)])


def pulses(rule: BidirectionalBTSP, intervals: np.ndarray) -> pd.DataFrame:
    """One input that is active for 1 s, and one plateau; intervals (s) from the plateau's onset to the pulse's middle.

    Each trace has a peak of 1.
    """
    n, onset = 3600, 1200
    time, gate = np.arange(n) - onset, plateau_gate(onset * DT, n, DT, PLATEAU)
    middle = np.round(np.asarray(intervals) / float(DT / second)).astype(int)
    rates = ((time >= middle[:, None] - 50) & (time < middle[:, None] + 50)).astype(float)
    eligibility, instructive = plateau_traces(rule, rates, gate, DT, cut=True)
    gains = rule.gains(eligibility / eligibility.max(axis=1, keepdims=True) * instructive / instructive.max())
    q_plus, q_minus = (trapezoid(gain, dx=float(DT / second), axis=1) for gain in gains)
    found = {
        "interval_s": intervals,
        "q_plus_s": q_plus,
        "q_minus_s": q_minus,
        "w_eq": rule.equilibrium(q_plus, q_minus),
    }
    return pd.concat(
        [
            pd.DataFrame(found | {"w0": w0, "dw": rule.after_lap(w0, q_plus, q_minus) - w0})
            for w0 in _from_each_weight(rule)
        ],
        ignore_index=True,
    )


def place_inputs(track: Track, rule: BidirectionalBTSP, normalisation: str, laps: int, speed: float) -> pd.DataFrame:
    """The inputs of the track; intervals from the plateau's onset to the middle of each input's field."""
    session, w0 = track.session(speed, laps, WHERE), _from_each_weight(rule)
    found = learn(rule, w0[:, None], session.rates, session.gate, dt=DT, normalisation=normalisation).w[-1]
    interval = track.distance(track.peaks, WHERE) / speed
    return pd.DataFrame(
        {
            "interval_s": np.tile(interval, len(w0)), "w0": np.repeat(w0, track.n_inputs),
            "dw": (found - w0[:, None]).ravel(),
        }
    )  # fmt: skip


def silent_cell(
    track: Track, rule: BidirectionalBTSP, normalisation: str, laps: int, speed: float
) -> tuple[dict, np.ndarray]:
    """The field of a cell that had none, as a row of a table and as a ramp."""
    session = track.session(speed, laps, WHERE)
    ramp = track.ramp(learn(rule, 1.0, session.rates, session.gate, dt=DT, normalisation=normalisation).w[-1])
    field = track.field(ramp)
    return {
        "ramp_peak_mV": field.peak, "peak_minus_plateau_cm": float(track.distance(field.place, WHERE)),
        "half_width_cm": field.width, "ramp_min_mV": field.lowest,
    }, ramp  # fmt: skip


def field_shift(
    track: Track, rule: BidirectionalBTSP, normalisation: str, laps: int, speed: float, distances: Sequence[float]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Fields of 6 mV, `distances` cm behind the plateau: a row for each; and ramps (distances, 2, n_bins)."""
    session, w0 = track.session(speed, laps, WHERE), np.stack([1 + track.bump(WHERE + each) for each in distances])
    w = learn(rule, w0, session.rates, session.gate, dt=DT, normalisation=normalisation).w
    ramps = track.ramp(w[[0, -1]]).swapaxes(0, 1)
    rows = []
    for distance, (ramp_before, ramp_after) in zip(distances, ramps, strict=True):
        before, after, change = track.field(ramp_before), track.field(ramp_after), ramp_after - ramp_before
        rows.append(
            {
                "peak_before_cm": float(track.distance(before.place, WHERE)),
                "peak_after_cm": float(track.distance(after.place, WHERE)),
                "ramp_peak_before_mV": before.peak,
                "ramp_peak_after_mV": after.peak,
                "dV_at_plateau_mV": float(track.at(change, WHERE)),
                "dV_at_initial_peak_mV": float(track.at(change, WHERE + distance)),
            }
        )
    return pd.DataFrame(rows), ramps


# --- beside the experiment --------------------------------------------------------------------------------------------


def experiment() -> pd.DataFrame:
    """The measured changes of the membrane potential by time and initial ramp: our means of the public data."""
    return pd.read_csv(EXPERIMENT)


def ramp_changes(
    track: Track, rule: BidirectionalBTSP, normalisation: str, laps: int, speed: float, heights: Iterable[float]
) -> pd.DataFrame:
    """Every bin of the track in cells with a field anywhere and in one without: time, initial ramp, change of ramp."""
    session = track.session(speed, laps, WHERE)
    places = np.arange(0, track.length, 4 * track.length / track.n_bins)
    w0 = np.stack([1 + track.bump(place, 1.5 * height / 6) for height in heights for place in places] + [np.ones(200)])
    w = learn(rule, w0, session.rates, session.gate, dt=DT, normalisation=normalisation).w
    before, after = track.ramp(w[0]), track.ramp(w[-1])
    time = np.broadcast_to(track.distance(track.bins, WHERE) / speed, before.shape)
    return pd.DataFrame({"t_s": time.ravel(), "initial_mV": before.ravel(), "dVm_mV": (after - before).ravel()})


def by_initial_ramp(changes: pd.DataFrame) -> pd.DataFrame:
    """Means in the bins of the experiment's table; NaN where there is nothing."""
    rows = []
    for line in experiment().itertuples():
        now = changes[(changes.t_s >= line.t_from_s) & (changes.t_s < line.t_to_s)]
        rows.append([now[(now.initial_mV >= low) & (now.initial_mV < high)].dVm_mV.mean() for low, high in INITIAL])
    return pd.DataFrame(rows, columns=[f"initial_{low}_to_{high}_mV" for low, high in INITIAL])


def correlation(changes: pd.DataFrame, within: float) -> float:
    """Of the initial ramp and its change, less than `within` seconds from the plateau."""
    near = changes[changes.t_s.abs() < within]
    return float(np.corrcoef(near.initial_mV, near.dVm_mV)[0, 1])
