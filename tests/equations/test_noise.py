"""The noise in plain arithmetic: steps of any length have one law."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.equations.noise import noise_step, stationary


@pytest.mark.parametrize("dt", [0.1, 1.0, 30.0])
def test_mean_deviation_and_correlation_at_any_time_step(dt):
    rng, n, tau = np.random.default_rng(4), 200_000, 5.0
    local = {"exp": np.exp, "sqrt": np.sqrt, "randn": lambda: rng.standard_normal(n), "dt": dt, "mean": 3.0, "sd": 2.0}
    local |= {"tau": tau, "x": 0.0}
    first = local["x"] = eval(stationary("mean", "sd"), {}, local)
    exec(noise_step("x", "mean", "sd", "tau"), {}, local)
    for values in (first, local["x"]):
        assert values.mean() == pytest.approx(3, abs=5 * 2 / np.sqrt(n))
        assert values.std() == pytest.approx(2, abs=5 * 2 / np.sqrt(2 * n))
    assert np.corrcoef(first, local["x"])[0, 1] == pytest.approx(np.exp(-dt / tau), abs=5 / np.sqrt(n))
