"""Runs with kept code give what runs with new code give, bit for bit."""

from __future__ import annotations

import numpy as np
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    ms,
    seed,
)

from spikedtp.private_brian2 import PrivateBrian2
from spikedtp.spiking.engine.kept_code import keep_code
from spikedtp.spiking.synapses.dense import DenseSynapses


class Example:
    """A network with whatever Brian2 looks at again before a run."""

    def __init__(self, number: int):
        seed(number)
        draws = np.random.default_rng(number)
        current = TimedArray(draws.random((20, 5)), dt=1 * ms)
        self.cells = NeuronGroup(
            5,
            """dv/dt = (drive*current(t, i) - v)/tau : 1 (unless refractory)
               drive : 1 (shared)
               tau : second (shared, constant)""",
            threshold="v > 1", reset="v = 0", refractory=2 * ms, method="exponential_euler",
        )  # fmt: skip
        given = SpikeGeneratorGroup(
            3, draws.integers(3, size=30), np.sort(draws.choice(190, 30, replace=False)) * 0.1 * ms
        )
        poisson = PoissonGroup(4, 200 * Hz)
        synapses = Synapses(given, self.cells, "w : 1", on_pre="v_post += w", on_post="w *= 0.9", delay=0.5 * ms)
        synapses.connect(p=0.7)
        noise = Synapses(poisson, self.cells, on_pre="v_post += 0.3*rand()")
        noise.connect()
        self.cells.run_regularly("v += 0.05*randn()", dt=1 * ms)
        late = DenseSynapses(given, self.cells, "v", delay_steps=7)  # its ring is empty again before each run
        late.weights = 0.1
        self.synapses, self.spikes = synapses, SpikeMonitor(self.cells)
        self.trace = StateMonitor(self.cells, "v", record=True)
        self.net = Network(self.cells, given, poisson, synapses, noise, late, self.spikes, self.trace)
        namespace = {"current": current}
        for item in self.net.sorted_objects:
            if getattr(item, "namespace", None) is not None:
                item.namespace.update(namespace)
        self.synapses.w = "0.2 + 0.1*i"
        self.cells.tau = 10 * ms
        self.net.store()

    def run(self, presentation: int) -> list[np.ndarray]:
        self.net.restore()
        seed(presentation)
        self.cells.drive = 1.5 + presentation % 3
        self.cells.tau = (10 + 5 * (presentation % 2)) * ms  # a constant that all cells share
        self.cells.v = "0.1*rand()"
        self.net.run(20 * ms, namespace={})
        found = (self.spikes.t_, self.spikes.i, self.trace.v, self.synapses.w)
        return [np.array(values) for values in found]


def test_kept_code_is_new_code():
    presentations = (0, 2, 1, 3, 0)
    with PrivateBrian2("runtime").inside():
        for number in range(2):
            example = Example(number)
            new = [example.run(presentation) for presentation in presentations]
            keep_code(example.net)
            for presentation, expected in zip(presentations, new, strict=True):
                assert len(expected[0]) > 3
                for found, wanted in zip(example.run(presentation), expected, strict=True):
                    np.testing.assert_array_equal(found, wanted)


def test_code_is_made_again_only_for_another_constant():
    with PrivateBrian2("runtime").inside():
        example = Example(1)
        keep_code(example.net)
        made = []
        for presentation in (0, 2, 4, 1, 3):
            example.run(presentation)
            made.append(id(example.cells.state_updater.codeobj))
        assert made[0] == made[1] == made[2] != made[3] == made[4]
