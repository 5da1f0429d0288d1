"""A caller's own Brian2 script is the same with calls of ours in it as without, and they give what they give alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
SCRIPTS = Path(__file__).with_name("own_scripts.py")


def results(small_circuit: Path, mode: str) -> dict:
    command = [sys.executable, str(SCRIPTS), str(small_circuit), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def check(found: dict) -> int:
    """How many runs of scripts there were."""
    n = 0
    for script, runs in found["scripts"].items():
        alone = runs["alone"]
        assert isinstance(alone["left"], list) and alone["places"], (script, alone["left"])
        for where, run in runs["with"].items():
            assert run["left"] == alone["left"], (script, where)
            assert run["given"], (script, where)
            assert all(given == found["expected"][device] for device, given in run["given"]), (script, where)
            n += 1
    return n


def test_calls_at_every_place_of_a_script(small_circuit):
    assert check(results(small_circuit, "quick")) == 8


@pytest.mark.slow
def test_a_call_at_each_place_of_a_script(small_circuit):
    assert check(results(small_circuit, "thorough")) > 80


COMPILED = """
import sys, tempfile
import brian2 as b2
import numpy as np
b2.set_device("cpp_standalone", directory=tempfile.mkdtemp())
b2.seed(4)
cells = b2.NeuronGroup(20, "dv/dt = (1.1 - v)/(10*ms) + 0.2*xi*ms**-0.5 : 1", threshold="v > 1", reset="v = 0",
                       method="euler")
cells.v = "rand()"
if sys.argv[2:]:
    from spikedtp import load_rate_network, simulate
    network = load_rate_network(sys.argv[1])
    x, t = np.ones(network.circuit.input.size), np.eye(network.circuit.output.size)[0]
    simulate(network, x, t, population="H1E", device=sys.argv[2], unit_rate=100 * b2.Hz)
spikes = b2.SpikeMonitor(cells)
b2.run(200 * b2.ms)
print(len(spikes.i), hash(spikes.i[:].tobytes() + spikes.t[:].tobytes()), cells.name, spikes.name)
b2.device.delete(force=True)
"""


@pytest.mark.slow
def test_a_compiled_script_has_the_same_spikes(small_circuit, monkeypatch):
    """Compiled and run, and our package imported in its midst."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    said = []
    for device in ([], ["runtime"], ["cpp_standalone"]):
        command = [sys.executable, "-c", COMPILED, str(small_circuit), *device]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(done.stdout)
    assert int(said[0].split()[0]) > 100
    assert said == [said[0]] * 3
