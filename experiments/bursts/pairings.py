"""One synapse under three protocols of spike pairings: how its weight changes with the rate or with burst probability.

Homeostasis is off. The weight has no bounds in the publication; here it begins far from both. In the publication the
interval before a spike decides whether it is an event. Here the trace of the rule decides, as in its networks, which
needs a longer pause after several spikes. For drawn bursts with pauses of 20 ms between them this makes no visible
difference. Regular pairings at 48 to 62 Hz are events for the intervals, and have bursts for the trace.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import Hz, ms, second

from spikedtp.plasticity import Burstprop
from spikedtp.plasticity.timed import Row

__all__ = ["pairings"]

#: Far from both bounds, from 0 to twice this.
MIDDLE = 50.0
RULE = Burstprop(
    learning_rate=0.1, tau_x=50 * ms, tau_avg=15 * second, e_min=0 * Hz, e_max=1e9 * Hz, w_max=2 * MIDDLE, t_axon=0 * ms
)
EPOCHS, PAIRINGS, PAUSE = 15, 5, 10.0  # of regular pairings; s
STEP = 1e-3  # s, of drawn trains
DEAD = 2e-3  # s
#: First averages: of events (Hz), and burst probability.
FIRST = {"periodic": ((5.0, 0.15),), "poisson": ((5.0, 0.3), (5.0, 0.5)), "burst_poisson": ((5.0, 0.2), (10.0, 0.2))}


def pairings(seed: int, draws: int = 6, seconds: float = 100.0, points: int = 10) -> pd.DataFrame:
    """Mean and standard deviation of the weight change for all protocols: one row for each value of x.

    x is the rate of pairings or of spikes in Hz, or the burst probability in per cent. Each of `draws` presynaptic
    trains meets each of as many postsynaptic ones.
    """
    tables = [_periodic(np.linspace(1, 100, 2 * points))]
    for protocol, swept in (("poisson", np.linspace(1, 50, points)), ("burst_poisson", np.linspace(0, 45, points))):
        for k, first in enumerate(FIRST[protocol]):
            rng = np.random.default_rng([seed, k, len(protocol)])
            pre, post = (
                np.concatenate([_train(protocol, x, first[0], seconds, rng, draws) for x in swept]) for _ in range(2)
            )
            blocks = _after(pre, post, *first).reshape(points, draws, points, draws)
            change = np.array([blocks[k, :, k].ravel() for k in range(points)])
            variant = f"P0={first[1]:g}" if protocol == "poisson" else f"ER={first[0]:g}"
            tables.append(_table(protocol, variant, swept, change))
    return pd.concat(tables, ignore_index=True)


def _table(protocol: str, variant: str, x: np.ndarray, change: np.ndarray) -> pd.DataFrame:
    sd = change.std(axis=1, ddof=1) if change.shape[1] > 1 else np.zeros(len(x))
    columns = {"protocol": protocol, "variant": variant, "x": x, "dW_mean": change.mean(axis=1), "dW_sd": sd}
    return pd.DataFrame(columns | {"realisations": change.shape[1]})


def _begin(n: int, events: float, p: float) -> tuple[np.ndarray, dict]:
    state = RULE.initial_state(n, n)
    state["event_rate"][:], state["burst_rate"][:] = events, p * events
    return np.full((n, n), MIDDLE), state


def _periodic(rates: np.ndarray) -> pd.DataFrame:
    """Pre- and postsynaptic spikes at the same times. Traces decay exactly, so one step leads to the next pairing."""
    found, spike, none = [], np.ones(1), np.zeros(1)
    for rate in rates:
        weight, state = _begin(1, *FIRST["periodic"][0])
        first, between, pause = (RULE.stepper(time * second) for time in (0.01, 1 / rate, 1 + 1 / rate - 0.01 + PAUSE))
        for _ in range(EPOCHS):
            for k in range(PAIRINGS):
                weight, state = (between if k else first)(weight, state, Row(pre=spike, post=spike, modulator=1.0))
            weight, state = pause(weight, state, Row(pre=none, post=none, modulator=1.0))
        found.append(float(weight[0, 0]) - MIDDLE)
    return _table("periodic", "", rates, np.array(found)[:, None])


def _train(protocol: str, x: float, events: float, seconds: float, rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, steps) spikes of one protocol."""
    raster = np.zeros((n, round(seconds / STEP)))
    for row in raster:
        if protocol == "poisson":
            many = int(x * seconds * 2 + 50)
            times = np.cumsum(DEAD + rng.exponential((1 - DEAD * x) / x, many))
        else:
            many = int(events * seconds * 2 + 50)
            pauses = 0.02 + rng.exponential((1 - 0.02 * events) / events, many)
            second = np.where(rng.random(many) < x / 100, rng.uniform(0.002, 0.012, many), 0.0)
            begins = np.cumsum(pauses + np.concatenate([[0], second[:-1]]))
            times = np.concatenate([begins, (begins + second)[second > 0]])
        steps = (times[times < seconds] / STEP).astype(int)
        row[steps] = 1
    return raster


def _after(pre: np.ndarray, post: np.ndarray, events: float, p: float) -> np.ndarray:
    """(n, n) weight changes by (n, steps) presynaptic and as many postsynaptic trains."""
    weight, state = _begin(len(pre), events, p)
    step = RULE.stepper(STEP * second)
    for k in range(pre.shape[1]):
        weight, state = step(weight, state, Row(pre=pre[:, k], post=post[:, k], modulator=1.0))
    return weight - MIDDLE
