"""Background noise: its rate, independence and place, on both devices; what is refused."""

import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, Network, NeuronGroup, ms, mV, prefs, seed

from spikedtp import SpikedtpError
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.synapses import BackgroundInput

sys.path.insert(0, str(Path(__file__).parents[3] / "experiments"))
from recurrent.own_device import run_own

N, STEPS, DT = 3000, 2000, 0.1 * ms
#: Rates (Hz) and weights of two inputs to one variable, of neighbouring cells.
GIVEN = ((0, 1000, 500.0, 1.0), (1000, 2500, 150.0, 2.0))


def make():
    cells = NeuronGroup(N, "heard : 1\nsquare : 1\nbefore : 1", name="noisy_cells", dtype=np.float64)
    counted = cells.run_regularly("square += (heard - before)**2\nbefore = heard", when="end")
    parts = [cells[a:b] for a, b, _, _ in GIVEN]
    noise = [
        BackgroundInput(part, "heard", rate * Hz, weight, name=f"noise_{a}")
        for part, (a, _, rate, weight) in zip(parts, GIVEN, strict=True)
    ]
    return {"net": Network(cells, counted, *parts, *noise), "cells": cells}


@pytest.mark.parametrize(
    "device",
    ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.skipif(not compiler_available(), reason="C++"))],
)
def test_spikes_are_independent_and_have_the_rate(device):
    (heard, square), _ = run_own(
        device, make, lambda made: made["net"].run(STEPS * DT, namespace={}),
        lambda made: [np.array(made["cells"].state(name)[:]) for name in ("heard", "square")], seed=4, dt=DT,
    )  # fmt: skip
    assert (heard[2500:] == 0).all()
    for start, stop, rate, weight in GIVEN:
        p, n, spikes = rate * 1e-4, stop - start, heard[start:stop] / weight
        assert spikes.mean() == pytest.approx(STEPS * p, abs=4 * np.sqrt(STEPS * p / n))
        # binomial in each cell, and never two spikes in a step
        variance = STEPS * p * (1 - p)
        assert spikes.var() == pytest.approx(variance, abs=4 * variance * np.sqrt(2 / n))
        np.testing.assert_allclose(square[start:stop], heard[start:stop] * weight)
        assert abs(np.corrcoef(spikes[:-1], spikes[1:])[0, 1]) < 4 / np.sqrt(n)


def test_what_cannot_be_is_refused():
    cells = NeuronGroup(3, "v : volt", name="few_cells")
    with pytest.raises(SpikedtpError, match="weight must be one number in volt, as 'v' is"):
        BackgroundInput(cells, "v", 10 * Hz, 0.1)
    with pytest.raises(SpikedtpError, match="rate must be a quantity in Hz"):
        BackgroundInput(cells, "v", 10, 0.1 * mV)
    with pytest.raises(SpikedtpError, match="variable of 'few_cells'"):
        BackgroundInput(cells, "w", 10 * Hz, 0.1 * mV)
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    try:
        noise = BackgroundInput(cells, "v", 20_000 * Hz, 0.1 * mV, name="too_fast")
        with pytest.raises(Exception, match="An error occurred when preparing") as caught:
            Network(cells, noise).run(1 * ms, namespace={})
        assert "asks for more than one spike in a time step" in str(caught.value.__cause__)
    finally:
        prefs.codegen.target = before
    seed()
