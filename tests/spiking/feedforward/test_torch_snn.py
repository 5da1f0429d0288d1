"""`run_torch_snn` with any number of layers, recurrence, biases and other cells, against loops in numpy."""

import itertools

import numpy as np
import pytest
from brian2 import ms
from spiking.conditions import needs_compiler

from spikedtp import SpikedtpError, run_torch_snn
from spikedtp.neurons.step_lif import RESETS

N_IN, STEPS = 6, 40
DEVICES = ["runtime", pytest.param("cpp_standalone", marks=[needs_compiler, pytest.mark.slow])]


def drawn(seed, n_layers):
    """Weights as in ``x @ w``, recurrent weights and biases of all or of some layers, time constants, thresholds."""
    rng = np.random.default_rng(seed)
    sizes = [N_IN, *(int(n) for n in rng.integers(3, 8, n_layers))]
    weights = [rng.normal(0.4, 0.8, shape) for shape in itertools.pairwise(sizes)]
    recurrent = [rng.normal(0, 0.5, (n, n)) if rng.random() < 0.7 else None for n in sizes[1:-1]]
    biases = [rng.normal(0, 0.1, n) if rng.random() < 0.7 else None for n in sizes[1:]]
    tau, thresholds = rng.uniform(2, 12, n_layers), rng.uniform(0.6, 1.4, n_layers - 1)
    return weights, recurrent, biases, tau, thresholds, rng.random((2, STEPS, N_IN)) < 0.3


def late_loop(weights, recurrent, biases, tau, thresholds, x):
    """The equations of `DiscreteLIF` and `LeakyReadout`; all layers see the spikes with which the step begins."""
    n = [w.shape[1] for w in weights]
    v, s = ([np.zeros((len(x), size)) for size in n] for _ in range(2))
    spikes, output = [[] for _ in n[:-1]], []
    for k in range(x.shape[1]):
        before = [x[:, k].astype(float), *(each.copy() for each in s[:-1])]
        output.append(v[-1].copy())
        for layer, w in enumerate(weights):
            h = before[layer] @ w + (0 if biases[layer] is None else biases[layer])
            alpha = np.exp(-1 / tau[layer])
            if layer == len(weights) - 1:
                v[layer] = alpha * v[layer] + h
                continue
            spikes[layer].append(s[layer].copy())
            if recurrent[layer] is not None:
                h = h + before[layer + 1] @ recurrent[layer]
            crossed = v[layer] > thresholds[layer]
            v[layer] = (alpha * v[layer] + h) * (1 - s[layer])
            s[layer] = crossed.astype(float)
    return [np.stack(each, 1).astype(bool) for each in spikes], np.stack(output, 1)


def step_loop(weights, recurrent, biases, tau, thresholds, x, tau_syn, reset):
    """The equations of `StepLIF` with a reset at once or in the next step; spikes pass all layers in one step."""
    n = [w.shape[1] for w in weights]
    v, i, s = ([np.zeros((len(x), size)) for size in n] for _ in range(3))
    spikes, output = [[] for _ in n[:-1]], []
    for k in range(x.shape[1]):
        arriving = x[:, k].astype(float)
        for layer, w in enumerate(weights):
            last = layer == len(weights) - 1
            h = arriving @ w + (0 if biases[layer] is None else biases[layer])
            if not last and recurrent[layer] is not None:
                h = h + s[layer] @ recurrent[layer]
            i[layer] = (0 if tau_syn[layer] is None else np.exp(-1 / tau_syn[layer])) * i[layer] + h
            leak = np.exp(-1 / tau[layer])
            if last:
                v[layer] = leak * v[layer] + i[layer]
                continue
            th, over = thresholds[layer], v[layer] > thresholds[layer]
            if reset == "late_value":
                v[layer] = np.where(over, 0, v[layer])
            v[layer] = leak * v[layer] + i[layer]
            if reset == "late_subtract":
                v[layer] = v[layer] - over * th
            if reset == "late_value_all":
                v[layer] = np.where(over, 0, v[layer])
            fired = v[layer] - (over * th if reset == "subtract_pending" else 0) > th
            if reset == "value":
                v[layer] = np.where(fired, 0, v[layer])
            if reset.startswith("subtract"):
                v[layer] = v[layer] - fired * th
            s[layer] = arriving = fired.astype(float)
            spikes[layer].append(s[layer])
        output.append(v[-1].copy())
    return [np.stack(each, 1).astype(bool) for each in spikes], np.stack(output, 1)


def check(found, expected):
    rasters = [found[0]] if isinstance(found[0], np.ndarray) else found[0]
    assert all(raster.any() for raster in expected[0])
    for raster, wanted in zip(rasters, expected[0], strict=True):
        assert (raster != wanted).sum() == 0
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("seed", "n_layers"), [(0, 3), (1, 4), (2, 2), (3, 3), (4, 5)])
def test_layers_of_late_cells_follow_the_loop(seed, n_layers, device):
    weights, recurrent, biases, tau, thresholds, x = drawn(seed, n_layers)
    found = run_torch_snn(
        weights, x, tau=tau * ms, threshold=thresholds, recurrent=recurrent, biases=biases, orientation="in_out",
        device=device,
    )  # fmt: skip
    assert isinstance(found[0], tuple) == (n_layers > 2)
    check(found, late_loop(weights, recurrent, biases, tau, thresholds, x))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("reset", RESETS)
def test_every_reset_follows_the_loop(reset, device):
    seed = 30 + list(RESETS).index(reset)
    weights, recurrent, biases, tau, thresholds, x = drawn(seed, 3)
    tau_syn = [None, 3.0, 2.0] if seed % 2 else [4.0, None, None]
    found = run_torch_snn(
        weights, x, tau=tau * ms, threshold=thresholds, recurrent=recurrent, biases=biases, orientation="in_out",
        reset=reset, tau_syn=[each and each * ms for each in tau_syn], device=device,
    )  # fmt: skip
    check(found, step_loop(weights, recurrent, biases, tau, thresholds, x, tau_syn, reset))
    if reset != "none":
        other = step_loop(weights, recurrent, biases, tau, thresholds, x, tau_syn, "none")
        assert (other[0][0] != found[0][0]).any()  # it matters


def test_the_general_builder_gives_what_the_one_of_two_matrices_gives():
    weights, _, _, _, _, x = drawn(7, 2)
    options = dict(orientation="in_out", device="runtime")
    short = run_torch_snn(weights, x, **options)
    general = run_torch_snn(weights, x, biases=[np.zeros(weights[0].shape[1]), None], **options)
    assert short[0].any() and np.array_equal(short[0], general[0])
    np.testing.assert_allclose(short[1], general[1], rtol=1e-13, atol=1e-14)


def test_layers_of_torch_bring_their_biases_and_orientation():
    torch = pytest.importorskip("torch")
    weights, recurrent, biases, tau, thresholds, x = drawn(8, 3)
    layers = []
    for w, b in zip(weights, biases, strict=True):
        layer = torch.nn.Linear(*w.shape, bias=b is not None, dtype=torch.float64)
        layer.weight.data = torch.from_numpy(np.ascontiguousarray(w.T))
        if b is not None:
            layer.bias.data = torch.from_numpy(b)
        layers.append(layer)
    options = dict(tau=tau * ms, threshold=thresholds, device="runtime", orientation="out_in")
    turned = [None if w is None else w.T for w in recurrent]
    expected = late_loop(weights, recurrent, biases, tau, thresholds, x)
    check(run_torch_snn(torch.nn.Sequential(*layers), x, recurrent=turned, **options), expected)
    stored = [w.T for w in weights]
    check(run_torch_snn(stored, x, recurrent=turned, biases=biases, **options), expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(tau=[5 * ms]), "tau must have one entry for each matrix, 3 of them"),
        (dict(tau=[5 * ms, 5, 5 * ms]), "run_torch_snn.tau must be a quantity in s"),
        (dict(tau=[5 * ms, None, 5 * ms]), "run_torch_snn.tau must be a quantity in s"),
        (dict(threshold=[1.0]), "threshold must have one entry for each hidden layer, 2 of them"),
        (dict(threshold=[1.0, -1.0]), "thresholds below 0 need a reset"),
        (dict(recurrent=[np.eye(3)]), "recurrent must have one entry for each hidden layer, 2 of them"),
        (dict(recurrent=[np.eye(2), None]), r"layer 'hidden1': all connections must have one number of"),
        (dict(biases=[None, None]), "biases must have one entry for each matrix, 3 of them"),
        (dict(biases=[None, np.zeros(9), None]), r"biases\[1\] must be \(4,\), got shape \(9,\)"),
        (dict(tau_syn=3 * ms), "tau_syn needs a reset such as 'late_subtract'"),
        (dict(reset="soft"), "unknown reset 'soft'"),
        (dict(weights=[np.ones((6, 3)), np.ones((3, 4)), np.ones((5, 2))]), "shapes do not fit: .* w3 .*: all must be"),
        (dict(input_spikes=np.full((1, 5, 6), 0.5)), "input_spikes must hold spikes"),
    ],
)
def test_mistakes_are_named(change, words):
    given = dict(weights=[np.ones((6, 3)), np.ones((3, 4)), np.ones((4, 2))], input_spikes=np.ones((1, 5, 6)))
    with pytest.raises(SpikedtpError, match=words):
        run_torch_snn(**(given | {"biases": None, "device": "runtime"} | change))
