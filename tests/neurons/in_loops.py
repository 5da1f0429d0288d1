"""Cells in the real networks of a circuit, for a moment, under spikes that make them fire."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.neurons import CellModel, SpikeTrainInput, SteadyInput
from spikedtp.spiking import run_feedforward
from spikedtp.spiking.closed_loop.build import CircuitNumbers, build_closed
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS
from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = ["spikes_in_networks"]

N, DT, STEPS = 4, 0.5 * ms, 200


def spikes_in_networks(cell: CellModel) -> dict[str, int]:
    """Spikes of the cells in the open loop, the closed loop and a feed-forward network. All traces are finite."""
    raster = np.random.default_rng(1).random((STEPS, N)) < 0.3
    weights = np.full((N, N), 0.1)
    timeline = Timeline(time_per_step=STEPS / 4 * ms, dt=DT, sensory_points=1, supervised_points=1)
    spec = OpenLoop(
        "A", cell, SpikeTrainInput(), (Source("A_B", "B", "soma", False, weights),), timeline,
        READOUTS["best"].kernels(timeline), record=("spikes", "v_soma", "v_dend"),
    )  # fmt: skip
    opened = run_runtime(lambda: build(spec), RunInputs({"replay": raster[None]}, [0], [1]))

    populations = (Population("Input", "E", N), Population("Output", "E", N))
    circuit = Circuit(populations, (Projection("OutputE", "InputE"),))
    closed = ClosedLoop(
        circuit, {p.name: 300 * Hz for p in populations}, {}, cell, SteadyInput(unit_rate=300 * Hz, firing="regular"),
        Phases(settle=60 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms, dt=DT), record=("spikes", "v_soma", "v_dend"),
    )  # fmt: skip
    numbers = CircuitNumbers({"OutputE_InputE": weights * 8}, {p.name: np.zeros(p.size) for p in populations})
    nudged = run_runtime(lambda: build_closed(closed, numbers), RunInputs({"x": np.ones((1, N))}, [0], [1]))
    for results in (opened, nudged):
        assert all(np.isfinite(trace).all() for trace in results.traces.values())

    forward = run_feedforward([weights, np.eye(N)], raster[None], hidden=cell, dt=DT, device="runtime")
    return {
        "open": int(opened.spikes["cells"][1][0]),
        "closed": int(nudged.spikes["cells"][1][0]),
        "feedforward": int(forward.hidden_spikes.sum()),
    }
