"""Sources with one lag lie side by side."""

import numpy as np
from spiking.open_loop.timelines import TIMELINES

from spikedtp.neurons import PoissonInput, TwoCompartment
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import readout_named


def test_neighbours_with_one_lag_are_one_block():
    late = (0, 1, 1, 0, 0, 2)
    sources = tuple(Source(f"A_B{k}", f"B{k}", "soma", lag, np.zeros((2, k + 1))) for k, lag in enumerate(late))
    timeline = TIMELINES["short"]
    kernels = readout_named("paper").kernels(timeline)
    spec = OpenLoop("A", TwoCompartment(), PoissonInput(), sources, timeline, kernels)
    assert spec.n_inputs == 21 and spec.slices()["A_B2"] == slice(3, 6)
    assert spec.blocks() == [(0, 1, 0), (1, 6, 3), (6, 15, 0), (15, 21, 6)]
