"""Code of dense synapses may call every function of Brian2, on both devices."""

import numpy as np
import pytest
from brian2 import DEFAULT_FUNCTIONS, Clock, Network, NeuronGroup, ms

from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.synapses.dense import DenseSynapses

#: Of one argument, at 0.3; `clip`, `timestep` and what draws numbers have others, and tests of their own.
ONE = sorted({*DEFAULT_FUNCTIONS} - {"clip", "timestep", "rand", "randn", "poisson"})


def build():
    clock = Clock(1 * ms, name="clock")
    cells = NeuronGroup(1, "v : 1", clock=clock, name="cells", namespace={})
    net = Network(cells, name="net")
    built = BuiltNetwork(net, clock, 2, start=lambda: None, precision=np.float64)
    for name in ONE:
        synapses = DenseSynapses(cells, cells, clock=clock, name=f"with_{name}", namespace={})
        synapses.learn(f"w = {name}(w)", at="t_in_timesteps == 0")
        built.constants[name], built.vectors[name] = (synapses.variables["w"], np.array([0.3])), synapses.variables["w"]
        net.add(synapses, *synapses.contained_objects)
    return built


@pytest.mark.parametrize(
    "device",
    ["runtime", pytest.param("cpp_standalone", marks=[
        pytest.mark.slow, pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler")])],
)  # fmt: skip
def test_every_function(device):
    assert {"expm1", "exprel", "log1p", "sqrt"} <= set(ONE)
    found = run_on(device, build, RunInputs({}, pattern=np.zeros(1, dtype=int), seeds=np.array([1]))).vectors
    for name in ONE:
        assert found[name][0, 0] == pytest.approx(float(DEFAULT_FUNCTIONS[name].pyfunc(0.3)), rel=1e-12), name
