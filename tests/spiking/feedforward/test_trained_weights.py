"""Which way round the weights of a network from torch are: told by shapes and layers, asked for where they cannot."""

from functools import partial

import numpy as np
import pytest

from spikedtp import SpikedtpError, run_torch_snn
from spikedtp.neurons import DiscreteLIF, LeakyReadout
from spikedtp.spiking import learn_readout, run_feedforward
from spikedtp.spiking.feedforward.trained_weights import oriented

torch = pytest.importorskip("torch")
STEPS = 12
SQUARE = (5, 5, 5)
SHAPES = [SQUARE, (4, 4, 4), (1, 1, 1), (5, 5, 3), (3, 5, 5), (5, 3, 5), (6, 4, 3), (2, 6, 2), (1, 4, 1), (4, 1, 4)]


def network(shape, seed):
    """w1, w2 as in ``x @ w``, and input spikes that make the hidden cells fire."""
    n_in, n_hidden, n_out = shape
    rng = np.random.default_rng(seed)
    w1, w2 = rng.normal(0.8, 0.8, (n_in, n_hidden)), rng.normal(0, 1, (n_hidden, n_out))
    return w1, w2, rng.random((2, STEPS, n_in)) < 0.5


def in_torch(layers, x):
    """The network as torch runs it: its own products, the step of the cells in numpy."""
    cell, alpha = DiscreteLIF(), float(np.exp(-0.2))
    hidden, output = [], []
    v, o = (np.zeros((len(x), layer.out_features)) for layer in layers)
    s = np.zeros_like(v)
    for k in range(x.shape[1]):
        hidden.append(s)
        output.append(o)
        drive, out = (
            layer(torch.from_numpy(each)).detach().numpy()
            for layer, each in zip(layers, (x[:, k] * 1.0, s), strict=True)
        )
        o = alpha * o + out
        v, s = cell.step(v, s, drive, LeakyReadout().tau / 5)
    return np.stack(hidden, axis=1).astype(bool), np.stack(output, axis=1)


def linear(w):
    layer = torch.nn.Linear(*w.shape, bias=False, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(np.ascontiguousarray(w.T))
    return layer


@pytest.mark.parametrize("seed", range(len(SHAPES)))
def test_every_way_of_giving_a_network_runs_as_in_torch(seed):
    w1, w2, x = network(SHAPES[seed], seed)
    layers = [linear(w1), linear(w2)]
    spikes, v = in_torch(layers, x)
    assert spikes.any()
    stored = [layer.weight for layer in layers]
    ways = [
        (layers, {}),
        (torch.nn.Sequential(*layers), {}),
        (layers, {"orientation": "in_out"}),  # layers know better
        ([layers[0], w2], {"orientation": "in_out"}),
        (stored, {"orientation": "out_in"}),
        ([w1, w2], {"orientation": "in_out"}),
        ([w1, layers[1]], {"orientation": "in_out"}),
    ]
    if len(set(SHAPES[seed])) > 1 or max(SHAPES[seed]) == 1:  # the shapes tell
        ways += [(stored, {}), ([w1, w2], {})]
    for given, options in ways:
        found = oriented(given, x.shape, options.get("orientation"))
        assert all(map(np.array_equal, found, (w1, w2))), (given, options)
    given, options = ways[seed % len(ways)]  # each of them runs once at least
    found = run_torch_snn(given, x, device="runtime", **options)
    assert np.array_equal(found[0], spikes)
    np.testing.assert_allclose(found[1], v, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("run", [run_torch_snn, run_feedforward, learn_readout])
def test_square_matrices_are_asked_about(run):
    w1, w2, x = network(SQUARE, 0)
    more = {"labels": [0, 1], "order": [0, 1]} if run is learn_readout else {}
    for weights in ([w1, w2], [w1.T, w2.T], [torch.from_numpy(w1), w2.tolist()], [w1, np.eye(5)]):
        with pytest.raises(
            SpikedtpError, match=r"fit in both orientations: give orientation='in_out' .* or .*'out_in'"
        ):
            run(weights, x, **more, device="runtime")
    spikes = {
        way: run_feedforward([w1, w2], x, orientation=way, device="runtime").hidden_spikes
        for way in ("in_out", "out_in")
    }
    assert not np.array_equal(*spikes.values())  # it would have mattered


def test_matrices_that_are_their_own_transpose_need_no_answer():
    w1, w2, x = network(SQUARE, 1)
    w1, w2 = w1 + w1.T, w2 + w2.T
    assert np.array_equal(run_torch_snn([w1, w2], x, device="runtime")[0], in_torch([linear(w1), linear(w2)], x)[0])


def test_random_shapes_against_what_fits():
    rng = np.random.default_rng(3)
    told = {"in_out": 0, "out_in": 0, "both": 0, "neither": 0}
    for _ in range(1500):
        a, b, c, d, n_in = (int(n) for n in rng.integers(1, 4, 5))
        w1, w2 = rng.random((a, b)), rng.random((c, d))
        fits = {"in_out": a == n_in and b == c, "out_in": b == n_in and a == d}
        expected = {"in_out": (w1, w2), "out_in": (w1.T, w2.T)}
        possible = [way for way, fit in fits.items() if fit]
        told["both" if len(possible) == 2 else possible[0] if possible else "neither"] += 1
        for asked in (None, "in_out", "out_in"):
            right = possible if asked is None else [asked] * fits[asked]
            if len(right) == 1 or (right and a == b == c == d == 1):
                found = oriented([w1, w2], (1, 1, n_in), asked)
                assert all(map(np.array_equal, found, expected[right[0]]))
            else:
                with pytest.raises(SpikedtpError, match="fit in both orientations" if right else "shapes do not fit"):
                    oriented([w1, w2], (1, 1, n_in), asked)
    assert min(told.values()) >= 8, told


def test_layers_that_these_cells_cannot_be():
    w1, w2, x = network((5, 4, 3), 0)
    biased = torch.nn.Linear(5, 4)
    for run in (run_feedforward, partial(learn_readout, labels=[0, 1], order=[0])):
        with pytest.raises(SpikedtpError, match=r"w1 has a bias, which these cells do not have: .*bias=False"):
            run([biased, linear(w2)], x, device="runtime")
    biased.bias.data[:] = 0
    biased.weight.data = torch.from_numpy(w1.T.astype(np.float32))
    found = run_torch_snn([biased, linear(w2)], x, device="runtime")
    assert np.array_equal(found[0], run_torch_snn([w1.astype(np.float32), w2], x, device="runtime")[0])
    with pytest.raises(SpikedtpError, match="w2 is a ReLU, which has no counterpart here"):
        run_torch_snn(torch.nn.Sequential(biased, torch.nn.ReLU(), linear(w2)), x, device="runtime")
    with pytest.raises(SpikedtpError, match="unknown orientation 'rows': known are in_out, out_in"):
        run_torch_snn([w1, w2], x, orientation="rows", device="runtime")
    with pytest.raises(SpikedtpError, match="they fit as orientation='in_out', not 'out_in'"):
        run_torch_snn([w1, w2], x, orientation="out_in", device="runtime")
    with pytest.raises(SpikedtpError, match=r"w1\.weight must be an array of numbers"):
        run_torch_snn([torch.nn.LazyLinear(4, bias=False), linear(w2)], x, device="runtime")
