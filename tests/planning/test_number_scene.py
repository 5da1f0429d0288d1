"""Plans from numbers alone against what Poisson statistics give on paper."""

import numpy as np
import pytest
from brian2 import Hz, ms

from spikedtp import SpikedtpError, plan
from spikedtp.planning import Numbers


def on_paper(numbers: Numbers, weight: np.ndarray) -> float:
    """ΔW = d ⊗ e; signal and noise power of both factors, which are independent: their cosines multiply."""
    rates = np.resize(np.atleast_1d(np.asarray(numbers.rates / Hz)), numbers.cells)
    inputs = np.resize(np.atleast_1d(np.asarray(numbers.rates / Hz)), numbers.fan_in)
    duration = float(numbers.duration)

    def share(tau):  # variance of a read-out over the square of what a rate of 1 gives
        if numbers.read == "mean":
            return 1 / duration
        mean, variance = tau * (1 - np.exp(-duration / tau)), tau / 2 * (1 - np.exp(-2 * duration / tau))
        return variance / mean**2

    pre, noise = np.sum(rates**2), np.sum(rates) * share(float(numbers.tau_eligibility))
    post = np.sum((weight @ inputs) ** 2)
    post_noise = np.sum(weight**2 @ inputs) * share(float(numbers.tau_dend))
    return float(np.sqrt(pre / (pre + noise) * post / (post + post_noise)) ** (1 / numbers.repeats**0))


@pytest.mark.parametrize("seed", range(8))
def test_the_cosine_is_that_of_the_textbook(seed):
    rng = np.random.default_rng(seed)
    numbers = Numbers(
        cells=int(rng.integers(80, 300)),
        n_post=int(rng.integers(80, 300)),
        fan_in=int(rng.integers(20, 300)),
        rates=rng.uniform(2, 100, rng.integers(1, 6)) * Hz,
        duration=rng.uniform(50, 3000) * ms,
        tau_eligibility=rng.uniform(20, 200) * ms,
        tau_dend=rng.uniform(5, 50) * ms,
        read=["last", "mean"][seed % 2],
    )
    planned = plan(numbers, n_draws=400, seed=seed)
    expected = on_paper(numbers, planned.scene._sources[1].weight)
    # a median of ratios for a ratio of means: many synapses make them one
    assert planned.cosine["post_pre"] == pytest.approx(expected, abs=0.02)
    assert planned.table["noiseless_cosine"][0] == pytest.approx(1)


def test_cells_and_repeats_divide_the_noise():
    base = {"cells": 200, "n_post": 200, "rates": [10, 30] * Hz, "read": "mean", "duration": 500 * ms}
    single = plan(base, n_draws=300).cosine["post_pre"]
    longer = plan({**base, "duration": 4 * 500 * ms}, n_draws=300).cosine["post_pre"]
    cells = plan({**base, "cells_per_unit": 4}, n_draws=300).cosine["post_pre"]
    assert cells == pytest.approx(longer, abs=0.01) and cells > single + 0.02
    repeats = plan({**base, "repeats": 4}, n_draws=300).cosine["post_pre"]
    assert single < repeats and repeats == pytest.approx(1 / np.sqrt(1 + (1 / single**2 - 1) / 4), abs=0.01)


def test_backwards_from_numbers():
    planned = plan({"rates": [5, 20] * Hz, "read": "mean"})
    needed = planned.needed(0.9).set_index("setting")["needed"]
    assert needed.index.tolist() == ["duration", "peak_rate", "repeats", "cells_per_unit"]
    again = plan({"rates": [5, 20] * Hz, "read": "mean", "duration": needed["duration"] * ms}, seed=0)
    assert again.cosine["post_pre"] == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (dict(cells=0), "cells must be a whole number of at least 1"),
        (dict(fan_in=10**9), "fan_in must be at most"),
        (dict(rates=20), "rates must be a quantity in"),
        (dict(rates=[] * Hz), "rates"),
        (dict(rates=[-1, 5] * Hz), "none of them below 0 Hz"),
        (dict(rates=[0, 0] * Hz), "rates must be above 0"),
        (dict(rates=[5, np.nan] * Hz), "rates"),
        (dict(rates=600 * Hz, dead_time=2 * ms), "600 Hz is more than a dead time of 2"),
        (dict(duration=-1 * ms), "duration must be at least 1. ms"),
        (dict(read="first"), "read must be 'last' or 'mean'"),
        (dict(speed=3), "unknown number of a plan 'speed'"),
        (dict(repeats=0), "repeats must be a whole number"),
    ],
)
def test_numbers_that_make_no_sense(changes, line):
    with pytest.raises(SpikedtpError, match=line):
        plan(changes)


def test_no_circuit_with_numbers():
    with pytest.raises(SpikedtpError, match="unit_rate is for a circuit"):
        plan({"cells": 5}, unit_rate=20 * Hz)
    with pytest.raises(SpikedtpError, match="needs a rate network or numbers, got 5"):
        plan(5)
