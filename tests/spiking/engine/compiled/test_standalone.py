"""What the compiled runs rest on: exact lengths, and a caller's device that is left as it was."""

import pytest
from spiking.figure3_samples import TARGET, X

from spikedtp.spiking import simulate
from spikedtp.spiking.engine.compiled import standalone
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


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
