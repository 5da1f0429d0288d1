"""A cell that given spikes drive, with all that is read of it."""

import numpy as np
from brian2 import ms

from spikedtp.neurons import SpikeTrainInput
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS
from spikedtp.spiking.open_loop.timeline import Timeline


def run_linear(cell, spikes, weights, *, dt, compartment="dend"):
    """Time courses of cells whose one input cell fires in the given steps."""
    timeline = Timeline(time_per_step=20 * ms, dt=dt)
    source = Source("A_B", "B", compartment, False, np.asarray(weights, np.float32))
    spec = OpenLoop(
        "A",
        cell,
        SpikeTrainInput(),
        (source,),
        timeline,
        READOUTS["paper"].kernels(timeline),
        record=("v_soma", "v_dend", "spikes"),
    )
    raster = np.zeros((timeline.n_steps, 1), bool)
    raster[spikes] = True
    results = run_runtime(lambda: build(spec), RunInputs({"replay": raster[None]}, [0], [1]))
    return results, timeline
