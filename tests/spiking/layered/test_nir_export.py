"""Networks of layers as NIR graphs: there and back, into other programs, and what NIR has no words for."""

import numpy as np
import pytest
from brian2 import ms
from spiking.layered.programs import N_IN, inputs, norse_network, run_imported

from spikedtp import SpikedtpError
from spikedtp.neurons import DiscreteLIF, StepLI, StepLIF
from spikedtp.spiking import Connection, Layer, LayeredNetwork, from_nir, from_torch_snn, run_layers, to_nir

nir = pytest.importorskip("nir")


def drawn(seed):
    """Layers of every kind that NIR has, recurrence, delays, a connection back and one that skips a layer."""
    rng = np.random.default_rng(seed)
    sizes, names = [N_IN, *(int(n) for n in rng.integers(3, 7, 3))], ["input", "a", "b", "c"]
    layers = []
    for k, n in enumerate(sizes[1:], 1):
        connections = [Connection(names[k - 1], rng.normal(0.5, 1, (n, sizes[k - 1])), int(rng.integers(0, 3)))]
        if rng.random() < 0.5:
            connections.append(Connection(names[k], rng.normal(0, 0.5, (n, n)), int(rng.integers(1, 4))))
        if k == 1 and rng.random() < 0.7:
            connections.append(Connection("b", rng.normal(0, 0.5, (n, sizes[2])), int(rng.integers(1, 4))))
        if k == 3 and rng.random() < 0.7:
            connections.append(Connection("a", rng.normal(0, 0.5, (n, sizes[1]))))
        kind = rng.choice(["LIF", "CubaLIF", "IF"])
        leak = float(rng.normal(0, 0.1))
        beta = 1.0 if kind == "IF" else float(rng.uniform(0.3, 0.95))
        more = {} if kind == "IF" else {"drift": (1 - beta) * leak, "v_start": leak}
        if kind == "CubaLIF":
            more |= {"alpha": float(rng.uniform(0.2, 0.9)), "input_gain": float(rng.uniform(0.5, 1))}
        cell = StepLIF(
            beta=beta,
            current_gain=float(rng.uniform(0.5, 1.5)),
            v_reset=float(rng.normal(0, 0.1)),
            reset="value",
            **more,
        )
        bias = rng.normal(0, 0.1, n) if rng.random() < 0.5 else None
        layers.append(Layer(names[k], cell, connections, bias, {"threshold": rng.uniform(0.5, 1.5, n)}))
    if seed % 2:
        beta = float(rng.choice([0.0, 1.0, 0.8]))
        layers.append(Layer("sum", StepLI(beta=beta), [Connection("c", rng.normal(0, 1, (2, sizes[3])))]))
    return LayeredNetwork(N_IN, layers, 0.5 * ms)


@pytest.mark.parametrize("method", ["euler", "exact"])
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(k, marks=pytest.mark.slow) for k in range(2, 8))])
def test_there_and_back(seed, method, tmp_path):
    network, x = drawn(seed), inputs(seed)
    nir.write(tmp_path / "network.nir", to_nir(network, method=method))
    back = from_nir(tmp_path / "network.nir", dt=network.dt, method=method)
    one, other = (run_layers(each, x, device="runtime") for each in (network, back))
    assert any(raster.sum() > 50 for raster in one.spikes.values())
    for name, raster in one.spikes.items():
        assert int((raster != other.spikes[name]).sum()) == 0
    np.testing.assert_allclose(other.output.astype(float), one.output.astype(float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", [1, 3])
def test_a_network_of_norse_modules_goes_to_norse_as_nir(seed):
    norse = pytest.importorskip("norse.torch")
    network = from_torch_snn(norse_network("LIFCell", 2 * seed))  # without read-out
    assert network.output.fires
    # what this program's reader does not take: leaks of CubaLIF, values of v_reset; weights of double precision
    layers = [
        Layer(
            f"cells{k}",
            StepLIF(beta=layer.cell.beta, alpha=layer.cell.alpha, threshold=layer.cell.threshold, reset="value"),
            [Connection(renamed(c.source), c.weights.astype(np.float32), c.delay_steps) for c in layer.connections],
        )
        for k, layer in enumerate(network.layers)
    ]  # fmt: skip
    network, x = LayeredNetwork(network.n_in, layers), inputs(seed)
    expected = run_imported(norse.from_nir(to_nir(network), dt=1e-3, ignore_warnings=True), x)
    assert expected.sum() > 50
    assert int((run_layers(network, x, device="runtime").output != expected).sum()) == 0


def renamed(source):
    return source.replace("lifcell", "cells").translate(str.maketrans("123", "012"))


def single(cell, **values):
    return LayeredNetwork(2, [Layer("cells", cell, [Connection("input", np.eye(2))], values=values)])


@pytest.mark.parametrize(
    ("network", "options", "words"),
    [
        (single(StepLIF()), {}, "layer 'cells': NIR has no reset 'late_subtract', only 'value': lossy=True"),
        (single(StepLIF(reset="value", v_start=0.5)), {}, r"voltages start at v_leak in NIR \(.*0.0.* here\)"),
        (single(StepLIF(reset="value", beta=1.0, alpha=0.5)), {}, "NIR has no node for beta = 1 with a current"),
        (single(StepLIF(reset="value", alpha=1.0)), {}, "NIR has no node for .* alpha = 1"),
        (single(StepLIF(reset="value"), beta=np.array([1.0, 0.5])), {}, "NIR has no node for beta = 1 with"),
        (single(StepLIF(reset="value", beta=0.0)), {"method": "exact"}, "which no time constant gives: method='euler'"),
        (single(DiscreteLIF()), {}, "DiscreteLIF has no node in NIR"),
        (single(StepLIF(reset="value")), {"method": "rk4"}, "unknown method 'rk4'"),
        ("network", {}, "network must be a LayeredNetwork"),
        (
            LayeredNetwork(2, [Layer("output", StepLIF(reset="value"), [Connection("input", np.eye(2))])]), {},
            "a layer has the name 'output'",
        ),
    ],
)  # fmt: skip
def test_what_nir_has_no_words_for(network, options, words):
    with pytest.raises(SpikedtpError, match=words):
        to_nir(network, **options)


def test_lossy_on_request():
    graph = to_nir(single(StepLIF(beta=0.9, threshold=0.8)), lossy=True)
    assert graph.nodes["cells"].v_reset.tolist() == [0, 0] and graph.nodes["cells"].v_threshold.tolist() == [0.8, 0.8]
    assert from_nir(graph, dt=1 * ms).output.cell.reset == "value"
