"""A small noisy network, compiled and run."""

import brian2
import numpy as np

from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on

N, STEPS = 500, 100


def build(lasts=False, precision=np.float32, records=True) -> BuiltNetwork:
    """Cells with noise and a changing drive; `total` is read at the end, and may be what lasts."""
    clock = brian2.Clock(1 * brian2.ms, name="noisy_clock")
    cells = brian2.NeuronGroup(
        N,
        "dv/dt = (gain*drive - v)/(10*ms) : 1\ndrive : 1\ntotal : 1\ngain : 1 (shared, constant)",
        threshold="v + 0.5*rand() > 0.9",
        reset="v = 0\ntotal += 1",
        method="euler",
        clock=clock,
        name="noisy_cells",
        namespace={},
    )
    spikes = brian2.SpikeMonitor(cells, name="noisy_spikes")
    trace = brian2.StateMonitor(cells, ["v", "drive"], record=True, when="end", clock=clock, name="noisy_trace")
    some = brian2.StateMonitor(cells, "v", record=[3, 400], when="end", clock=clock, name="noisy_some")
    net = brian2.Network(cells, *((spikes, trace, some) if records else ()), name="noisy_network")

    def start():
        cells.v = 0
        if not lasts:
            cells.total = 0

    return BuiltNetwork(
        net, clock, STEPS, start,
        constants={
            "gain": (cells.variables["gain"], np.array([1.1])),
            "total": (cells.variables["total"], np.zeros(N)),
        },
        changing={"drive": cells.variables["drive"]},
        lasting={"total": cells.variables["total"]} if lasts else {},
        vectors={"total": cells.variables["total"]},
        spikes={"cells": spikes} if records else {},
        traces={"v": (trace, "v"), "drive": (trace, "drive"), "some": (some, "v")} if records else {},
        precision=precision,
    )  # fmt: skip


def inputs(n: int) -> RunInputs:
    drive = np.random.default_rng(0).uniform(0.5, 1.5, (3, N))
    return RunInputs({"drive": drive}, np.arange(n) % 3, 100 + np.arange(n))


def same(a, b) -> None:
    for one, other in zip((a.vectors, a.traces), (b.vectors, b.traces), strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            assert values.dtype == other[name].dtype and values.shape == other[name].shape
            assert values.tobytes() == other[name].tobytes(), name
    for x, y in zip(a.spikes["cells"], b.spikes["cells"], strict=True):
        np.testing.assert_array_equal(x, y)


def silent() -> BuiltNetwork:
    return build(records=False)


def run(n=6, build=build, **options):
    return run_on("cpp_standalone", build, inputs(n), **options)
