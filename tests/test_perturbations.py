"""Noise on inputs, and synapses that are lost: against their definitions, for drawn cases and for real circuits."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from scipy import stats

from spikedtp import SpikedtpError, datasets, load_rate_network
from spikedtp.circuit import read_circuit
from spikedtp.models import weights_file
from spikedtp.perturbations import pruned, with_noise
from spikedtp.plasticity import Mask, NormalizeRows, Tied
from spikedtp.spiking import Phases, SpikingNetwork


@pytest.fixture(scope="module")
def network():
    return load_rate_network("digits_dtp", weights_file("digits_dtp"))


# -- noise -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_gaussian_and_the_same_draw_for_every_size(seed):
    x = np.random.default_rng(seed).random((300, 64))
    noise = with_noise(x, 1.0, seed=seed) - x
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.2  # each input its own
    np.testing.assert_allclose(with_noise(x, 0.3, seed=seed) - x, 0.3 * noise, atol=1e-6)
    assert not np.allclose(with_noise(x, 1.0, seed=seed + 1) - x, noise)
    np.testing.assert_array_equal(with_noise(x, 0, seed=seed), x.astype(np.float32))


def test_what_lies_outside_is_kept_or_clipped_and_nothing_else_changes():
    x = datasets.load("digits").test_x[:50]
    kept, clipped = with_noise(x, 0.4, seed=3), with_noise(x, 0.4, seed=3, outside="clip")
    assert kept.min() < 0 and kept.max() > 1
    inside = (kept >= 0) & (kept <= 1)
    np.testing.assert_array_equal(clipped[inside], kept[inside])
    assert set(np.unique(clipped[~inside])) == {0.0, 1.0}


def test_rate_takes_what_spikes_refuse(network):
    x = datasets.load("digits").test_x[:3]
    network.predict(with_noise(x, 0.5))
    spiking = SpikingNetwork(network, device="runtime")
    with pytest.raises(SpikedtpError, match=r"x must lie in \[0, 1\] to become firing rates"):
        spiking.predict(with_noise(x, 0.5))
    assert SpikingNetwork.samples(spiking, with_noise(x, 0.5, outside="clip"), None)[0].shape == (3, 64)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sd": -0.1}, "sd must be a number of at least 0, got -0.1"),
        ({"sd": np.nan}, "sd must be"),
        ({"sd": "0.1"}, "sd must be"),
        ({"sd": True}, "sd must be"),
        ({"sd": np.inf}, "sd must be"),
        ({"outside": "wrap"}, "unknown outside 'wrap': known are clip, keep"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"x": [["a"]]}, "x must be an array of numbers"),
        ({"x": [np.nan]}, "not finite"),
    ],
)
def test_mistakes_about_noise(given, said):
    with pytest.raises(SpikedtpError, match=said):
        with_noise(**{"x": [0.5], "sd": 0.1, **given})


# -- lost synapses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["smallest", "random"])
@pytest.mark.parametrize("fraction", [0, 0.13, 0.5, 0.95, 1])
def test_the_fraction_is_lost_in_each_projection_and_in_its_copies(network, lost, fraction):
    before = network.weights
    after = pruned(network, fraction, lost=lost, seed=4).weights
    for p in network.circuit.projections:
        w, left = before[p.name], after[p.name]
        kept = left != 0
        np.testing.assert_array_equal(left[kept], w[kept])  # the others are as they were: signs, sums and all
        if isinstance(p.constraint, Tied):
            np.testing.assert_array_equal(left, p.constraint.value(after))
            continue
        there = w.size - (len(w) if p.recurrent else 0)  # none of these circuits has autapses
        n = round(fraction * there)
        if lost == "smallest":
            sizes = np.sort(np.abs(w), axis=None)
            sizes[: w.size - there + n] = 0
            np.testing.assert_array_equal(np.sort(np.abs(left), axis=None), sizes)
        else:
            gone = (left == 0) & (w != 0)
            silent = (w == 0).sum() - (w.size - there)  # synapses of weight 0 are lost as often as others
            assert n - silent <= gone.sum() <= n
            if silent == 0:
                assert gone.sum() == n
    np.testing.assert_array_equal(network.weights["H2E_H1E"], before["H2E_H1E"])


def test_more_is_lost_of_the_same_and_each_projection_by_itself(network):
    small, large = (pruned(network, f, lost="random", seed=1).weights for f in (0.2, 0.4))
    other = pruned(network, 0.2, lost="random", seed=2).weights
    alone = pruned(network, 0.2, lost="random", seed=1, projections="H2E_H1E").weights
    for name, w in small.items():
        assert not np.any((w == 0) & (large[name] != 0))
        same = w if name in ("H2E_H1E", "H1E_H2E") else network.weights[name]  # the second is tied to the first
        np.testing.assert_array_equal(alone[name], same)
    assert np.any(other["H2E_H1E"] != small["H2E_H1E"])


def test_equal_weights_are_lost_in_random_order(network):
    equal = load_rate_network(network.circuit, network.state_dict())
    state = {key: value.numpy() for key, value in equal.state_dict().items()}
    state["module_dict.H2E_H1E.weight"][:] = 0.5
    equal.load_state_dict(state)
    left = pruned(equal, 0.5).weights["H2E_H1E"] != 0
    assert left.sum() == 20_000 and left[:100].mean() == pytest.approx(0.5, abs=0.02)  # not the first rows
    assert left.sum(axis=1).std() == pytest.approx(50**0.5, rel=0.3)


@pytest.mark.parametrize("renormalise", [False, True])
def test_sums_are_restored_where_they_are_normalised_and_on_demand(network, renormalise):
    after = pruned(network, 0.5, lost="random", renormalise=renormalise).weights
    for p in network.circuit.projections:
        if isinstance(p.constraint, NormalizeRows):
            sums = np.abs(after[p.name]).sum(axis=1)
            if renormalise:
                np.testing.assert_allclose(sums, p.constraint.scale, rtol=1e-5)
            else:
                assert sums.mean() == pytest.approx(0.5 * p.constraint.scale, rel=0.1)
            assert np.all(after[p.name] >= 0) == (p.bounds.lower == 0)
    plain = pruned(network, 0.5, lost="random").weights
    np.testing.assert_array_equal(after["H2E_H1E"], plain["H2E_H1E"])


@pytest.mark.parametrize("seed", range(8))
def test_drawn_circuits_with_masks_and_copies(seed):
    rng = np.random.default_rng(seed)
    base = read_circuit("digits_dtp")
    sizes = {p.name: p.size for p in base.populations}
    changed = {}
    for name in ("H1E_InputE", "H2E_H1E", "H1SomaI_H1E"):
        p = base.projection(name)
        scale = rng.choice([None, 2.5])
        constraint = Mask.random(sizes[p.post], sizes[p.pre], rng.uniform(0.1, 0.9), seed=seed, scale=scale)
        changed[name] = replace(p, constraint=constraint)
    circuit = replace(base, projections=tuple(changed.get(p.name, p) for p in base.projections))
    network = load_rate_network(circuit, seed=seed)
    fraction, lost = rng.uniform(0, 1), rng.choice(["smallest", "random"])
    found = pruned(network, fraction, lost=lost, seed=seed, renormalise=True)
    for name, p in changed.items():
        w, there = found.weights[name], p.constraint.connected
        assert not w[~there].any()
        n = round(fraction * there.sum())
        assert (w[there] == 0).sum() >= n
        if (network.weights[name][there] != 0).all():
            assert (w[there] == 0).sum() == n
        if p.constraint.scale is not None:
            sums = w.sum(axis=1)
            np.testing.assert_allclose(sums[sums > 0], 2.5, rtol=1e-5)
    np.testing.assert_array_equal(found.masks["H2E_H1E"], network.masks["H2E_H1E"])  # lost is not: never was there
    x = rng.random((2, 64))
    assert np.isfinite(found.present(x).activity["OutputE"]).all()


def test_a_pruned_network_answers_and_learns_in_both_ways(network):
    data = datasets.load("digits")
    x, y = data.test_x[:200], data.test_y[:200]
    right = {f: (pruned(network, f, lost="random").predict(x) == y).mean() for f in (0, 0.3, 1)}
    assert right[0] == (network.predict(x) == y).mean()
    assert right[0] > right[0.3] > 0.3 and right[1] < 0.2  # of ten classes
    short = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)
    half = pruned(network, 0.5)
    spiking = SpikingNetwork(half, phases=short, device="runtime")
    for name, w in spiking.weights.items():
        np.testing.assert_array_equal(w, half.weights[name])
    half.train_step(x[0], data.test_t[0])  # learning goes on


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fraction": 1.2}, "fraction must lie between 0 and 1, got 1.2"),
        ({"fraction": np.nan}, "fraction must lie"),
        ({"fraction": "0.5"}, "fraction must lie"),
        ({"fraction": True}, "fraction must lie"),
        ({"lost": "largest"}, "unknown lost 'largest': known are random, smallest"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"projections": "H9E_H1E"}, "H9E_H1E"),
        ({"projections": ["H1E_H2E"]}, "H1E_H2E is tied to H2E_H1E, and loses what that loses"),
    ],
)
def test_mistakes_about_synapses(network, given, said):
    with pytest.raises(SpikedtpError, match=said):
        pruned(network, **{"fraction": 0.5, **given})


def test_what_is_no_rate_network_or_cannot_be_zero_is_refused(network):
    with pytest.raises(SpikedtpError, match=r"must be a rate network.* got SpikingNetwork"):
        pruned(SpikingNetwork(network, device="runtime"), 0.5)
    p = network.circuit.projection("H2E_H1E")
    bounded = replace(p, bounds=type(p.bounds)(0.001, 1.0))
    circuit = replace(network.circuit, projections=tuple(bounded if q is p else q for q in network.circuit.projections))
    with pytest.raises(SpikedtpError, match=r"H2E_H1E cannot lose synapses: its bounds \(0.001, 1.0\) exclude"):
        pruned(load_rate_network(circuit), 0.5)


@pytest.mark.parametrize("x", [[[-0.5, 0.5]], [[0.0, 1.5]]])
def test_clipping_would_lose_inputs_that_already_lie_outside(x):
    with pytest.raises(SpikedtpError, match="outside='clip' is for inputs between 0 and 1"):
        with_noise(np.array(x), 0.1, outside="clip")
    np.testing.assert_allclose(with_noise(np.array(x), 1e-9), x, atol=1e-6)
