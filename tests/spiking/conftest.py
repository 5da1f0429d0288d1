"""Networks for the spiking tests. One folder of compiled projects serves the whole test run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import brian2
import numpy as np
import pytest
from brian2.devices.device import reset_device

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.plasticity import DendriticState
from spikedtp.spiking.engine.compiled.compiler import compile_project
from spikedtp.spiking.engine.compiled.merge_sources import merge_sources
from spikedtp.spiking.engine.compiled.write_source import ALLOCATION
from spikedtp.spiking.engine.devices import compiler_available

DEVICES = [
    "runtime",
    pytest.param(
        "cpp_standalone", marks=pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
    ),
]


@pytest.fixture(params=DEVICES)
def device(request) -> str:
    return request.param


@dataclass
class ReplayedNetwork:
    """Stands in for a rate network whose activities are known: `simulate` asks it for nothing else."""

    circuit: Circuit
    weights: dict[str, np.ndarray]
    activity: dict[str, np.ndarray]
    forward_steps: int
    biases: dict[str, np.ndarray]
    rule_state: dict = None

    def present(self, x, target, nudge_populations="training"):
        return self


@pytest.fixture
def figure3(golden) -> tuple[ReplayedNetwork, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The two-unit extract of Figure 3's run: network, given spikes, expected results."""
    run = golden("figure3")
    sizes = {"H1E": 500, "H2SomaI": 50, "H2DendI": 50, "H2E": 2, "OutputE": 10}
    populations = [Population("Input", "E", 784)] + [
        Population(layer, cell, sizes[layer + cell])
        for layer, cell in [("H1", "E"), ("H2", "E"), ("H2", "SomaI"), ("H2", "DendI"), ("Output", "E")]
    ]
    rule = DendriticState(learning_rate=0.012455713212515401, relu_gate=True)
    projections = [
        Projection("H2E", "H1E", rule=rule),
        Projection("H2E", "H2SomaI", direction="R"),
        Projection("H2E", "H2DendI", compartment="dend", direction="R", update_phase="B"),
        Projection("H2E", "OutputE", compartment="dend", update_phase="B"),
    ]
    network = ReplayedNetwork(
        Circuit(tuple(populations), tuple(projections)),
        {p.name: run[f"weight/{p.name}"] for p in projections},
        {name: run[f"activity/{name}"][None] for name in sizes if f"activity/{name}" in run},
        forward_steps=11,
        biases={name: np.zeros(n, np.float32) for name, n in sizes.items()},
    )
    spikes = {name: np.unpackbits(run[f"spikes/{name}"], axis=0)[:420] for name in sizes if name != "H2E"}
    network.rule_state = {"H2E_H1E": {}}
    return network, spikes, run


@pytest.fixture
def standalone(tmp_path):
    """Networks of a test's own on C++ standalone: run them, then call this once, and their results can be read."""
    if not compiler_available():
        pytest.skip("needs a C++ compiler")
    brian2.set_device("cpp_standalone", build_on_run=False)
    device, folder = brian2.get_device(), tmp_path / "project"
    device.reinit()
    device.activate(build_on_run=False)

    def finish() -> None:
        device.build(directory=str(folder), compile=False, run=False, with_output=False)
        shutil.copy(ALLOCATION, folder)
        merge_sources(folder)  # compiles many times faster
        compile_project(folder)
        device.run(str(folder), with_output=False)

    yield finish
    device.reinit()
    reset_device()


@pytest.fixture
def own_networks():
    """Brian2's preferences and clock as a user of numpy has them, and as they were afterwards."""
    prefs, clock = brian2.prefs, brian2.defaultclock
    before = prefs.core.default_float_dtype, prefs.codegen.target, clock.dt
    prefs.codegen.target = "numpy"
    yield
    prefs.core.default_float_dtype, prefs.codegen.target, clock.dt = before
