"""Networks of layers against spikes that snnTorch and Norse gave, on both devices; batches; nothing is left over."""

import json

import numpy as np
import pytest
from spiking.conditions import needs_compiler
from spiking.layered.make_trained_golden import network_of, rasters_of

from spikedtp.neurons import StepLIF
from spikedtp.spiking import Connection, Layer, LayeredNetwork, run_layers

DEVICES = ["runtime", pytest.param("cpp_standalone", marks=[needs_compiler, pytest.mark.slow])]


def test_the_golden_file_has_networks_of_both_programs(golden):
    cases = json.loads(str(golden("trained_snn")["cases"]))
    assert {case["program"].split(" ")[0] for case in cases.values()} == {"snntorch", "norse"} and len(cases) >= 10


@pytest.mark.parametrize("place", [0, 3, 7, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 2, 4, 5, 6, 8, 9))])
def test_spikes_are_those_of_the_programs(golden, place):
    arrays = golden("trained_snn")
    network, x, expected = network_of(arrays, place), *rasters_of(arrays, place)
    found = run_layers(network, x, device="runtime")
    for name, raster in expected.items():
        assert raster.sum() > 20
        assert int((raster != found.spikes[name]).sum()) == 0


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 7])
def test_compiled_spikes_are_those_of_the_programs(golden, place):
    arrays = golden("trained_snn")
    network, x, expected = network_of(arrays, place), *rasters_of(arrays, place)
    found = run_layers(network, x, device="cpp_standalone")
    assert sum(int((raster != found.spikes[name]).sum()) for name, raster in expected.items()) == 0


@pytest.mark.parametrize("device", DEVICES)
def test_nothing_is_left_for_the_next_sample(device):
    """Spikes up to the end leave resets due, currents, and spikes on their way along recurrent and late synapses."""
    rng = np.random.default_rng(0)
    a = Layer(
        "a", StepLIF(alpha=0.8), [Connection("input", np.ones((3, 2)), 2), Connection("a", rng.normal(0, 1, (3, 3)), 3)]
    )
    b = Layer("b", StepLIF(reset="subtract_pending"), [Connection("a", rng.normal(0.5, 1, (4, 3)), 4)])
    x = np.ones((3, 12, 2))
    found = run_layers(LayeredNetwork(2, [a, b]), x, record=["a", "b"], device=device)
    assert found.spikes["a"][0, -3:].any() and found.spikes["b"][0].any()
    for kept in (found.spikes, found.v):
        for values in kept.values():
            np.testing.assert_array_equal(values[1:], np.repeat(values[:1], 2, axis=0))
    assert not found.spikes["a"][0, :2].any()  # nothing has arrived yet


def test_delays_are_counted_in_steps():
    cell = StepLIF(beta=0.0, threshold=0.5, reset="none")
    x = np.zeros((1, 12, 1))
    x[0, 1] = 1
    for first, second in ((0, 0), (2, 0), (0, 3), (5, 1)):
        layers = [
            Layer("a", cell, [Connection("input", [[1.0]], first)]),
            Layer("b", cell, [Connection("a", [[1.0]], second)]),
        ]
        found = run_layers(LayeredNetwork(1, layers), x, device="runtime")
        assert np.flatnonzero(found.spikes["a"]).tolist() == [1 + first]
        assert np.flatnonzero(found.spikes["b"]).tolist() == [1 + first + second]
    for delay in (1, 4):  # a single cell that hears itself
        loop = Layer("a", cell, [Connection("input", [[1.0]]), Connection("a", [[1.0]], delay)])
        found = run_layers(LayeredNetwork(1, [loop]), x, device="runtime")
        assert np.flatnonzero(found.spikes["a"]).tolist() == list(range(1, 12, delay))


def test_spikes_and_the_same_numbers_as_graded_inputs_agree():
    rng = np.random.default_rng(1)
    network = LayeredNetwork(
        4,
        [
            Layer("a", StepLIF(), [Connection("input", rng.normal(0.5, 1, (5, 4)), 1)], bias=rng.normal(0, 0.1, 5)),
            Layer(
                "b",
                StepLIF(),
                [Connection("a", rng.normal(0.5, 1, (3, 5))), Connection("input", rng.normal(0, 1, (3, 4)))],
            ),
        ],
    )
    x = (rng.random((2, 30, 4)) < 0.4) * 1.0
    as_spikes = run_layers(network, x, device="runtime")
    half = LayeredNetwork(4, [*map(doubled, network.layers)])
    graded = run_layers(half, x / 2, device="runtime")
    assert as_spikes.output.sum() > 20
    assert all(np.array_equal(graded.spikes[name], raster) for name, raster in as_spikes.spikes.items())


def doubled(layer):
    connections = [
        Connection(c.source, c.weights * (1 + (c.source == "input")), c.delay_steps) for c in layer.connections
    ]
    return Layer(layer.name, layer.cell, connections, layer.bias)
