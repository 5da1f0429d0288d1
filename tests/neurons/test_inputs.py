"""Input cells: limits of a rate, and parameters that can be replaced."""

from dataclasses import replace

import numpy as np
from brian2 import Hz, ms

from spikedtp.neurons import PoissonInput, TwoCompartment
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS
from spikedtp.spiking.open_loop.timeline import Timeline


def test_rates_are_clipped_and_capped():
    """2250 Hz asked for: one spike in every step is the most there is."""
    timeline, n = Timeline(dt=1 * ms), 50
    source = Source("A_B", "B", "soma", False, np.zeros((1, n), np.float32))
    kernels = READOUTS["paper"].kernels(timeline)
    spec = OpenLoop("A", TwoCompartment(), PoissonInput(), (source,), timeline, kernels, record=("spikes",))
    points = np.full((1, timeline.n_points, n), 5.0)
    results = run_runtime(lambda: build(spec), RunInputs({"replay": points}, [0], [0]))
    assert len(results.spikes["inputs"][0]) > 0.995 * timeline.n_steps * n


def test_parameters_can_be_replaced():
    assert replace(PoissonInput(), unit_rate=100 * Hz).unit_rate == 100 * Hz
