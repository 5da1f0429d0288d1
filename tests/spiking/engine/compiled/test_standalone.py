"""What the compiled runs rest on: private names of Brian2, exact lengths, builds that are complete or absent."""

import numpy as np
import pytest

from spikedtp.spiking import simulate
from spikedtp.spiking.engine.compiled import standalone
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
X, TARGET = np.zeros(784, np.float32), np.eye(10, dtype=np.float32)[2]


def test_brian2_still_has_the_generator_that_the_loop_seeds(figure3):
    """`brian::_random_generators[0].seed` is private: if its meaning changed, equal seeds would give other spikes."""
    network, _, _ = figure3
    run = [simulate(network, X, TARGET, population="H2E", seed=s, record=("spikes",)).spikes["H1E"] for s in (5, 5, 6)]
    np.testing.assert_array_equal(run[0], run[1])
    assert (run[0] != run[2]).any()


def test_an_array_of_the_wrong_length_stops_the_run(figure3, monkeypatch):
    network, _, _ = figure3
    write = standalone.write_inputs

    def cut_short(folder, layout, data):
        write(folder, layout, data)
        path = folder / "soma_synapses.w"
        path.write_bytes(path.read_bytes()[:-8])

    monkeypatch.setattr(standalone, "write_inputs", cut_short)
    with pytest.raises(RuntimeError, match=r"soma_synapses.w has 4392 bytes, expected 4400"):
        simulate(network, X, TARGET, population="H2E", record=("spikes",))


def test_the_callers_device_is_left_as_it_was(figure3):
    import brian2

    network, _, _ = figure3
    before, target = brian2.get_device(), brian2.prefs.codegen.target
    simulate(network, X, TARGET, population="H2E", record=("spikes",))
    assert brian2.get_device() is before and brian2.prefs.codegen.target == target
    group = brian2.NeuronGroup(3, "v : 1")
    group.v = [1, 2, 3]
    assert list(group.v[:]) == [1, 2, 3]


def test_runtime_leaves_numpys_global_generator_alone(figure3):
    network, _, _ = figure3
    np.random.seed(4)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    simulate(network, X, TARGET, population="H2E", device="runtime", record=())
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002
