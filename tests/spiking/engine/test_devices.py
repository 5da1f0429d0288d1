"""Same seed, same bytes; a presentation does not depend on its batch; devices agree on given spikes."""

import sys
from functools import partial

import numpy as np
import pytest
from scipy import stats

from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.spiking import simulate

X, TARGET = np.zeros((2, 784), np.float32), np.eye(10, dtype=np.float32)[[2, 3]]


def run(network, device, **options):
    options = dict(population="H2E", n_repeats=2, seed=11) | options
    return simulate(network, options.pop("x", X), options.pop("target", TARGET), device=device, **options)


@pytest.fixture
def network(figure3):
    network, _, _ = figure3
    # two samples: the published activities, and the same at three quarters
    network.activity = {k: np.concatenate([v, 0.75 * v]) for k, v in network.activity.items()}
    return network


def test_same_seed_same_bytes(network, device):
    first, second = run(network, device), run(network, device)
    assert first.weight_updates["H2E_H1E"].tobytes() == second.weight_updates["H2E_H1E"].tobytes()
    assert first.v_soma["H2E"].tobytes() == second.v_soma["H2E"].tobytes()
    for population in first.spikes:
        np.testing.assert_array_equal(first.spikes[population], second.spikes[population])


def test_seeds_samples_and_repeats_differ(network, device):
    first, other = run(network, device), run(network, device, seed=12)
    spikes = first.spikes["H1E"]
    assert (spikes[0, 0] != spikes[0, 1]).any() and (spikes[0, 0] != spikes[1, 0]).any()
    assert (spikes != other.spikes["H1E"]).any()


def test_a_presentation_does_not_depend_on_its_batch(network, device):
    batch = run(network, device)
    network.activity = {k: v[1:] for k, v in network.activity.items()}
    alone = run(network, device, x=X[1:], target=TARGET[1:], first_sample=1)
    for population in batch.spikes:
        np.testing.assert_array_equal(batch.spikes[population][1], alone.spikes[population][0])
    assert batch.v_dend["H2E"][1].tobytes() == alone.v_dend["H2E"][0].tobytes()


def test_a_single_sample_has_no_sample_axis(network, device):
    network.activity = {k: v[:1] for k, v in network.activity.items()}
    done = []
    one = run(network, device, x=X[0], target=TARGET[0], progress=done.append)
    assert done == [1, 2]
    assert one.weight_updates["H2E_H1E"].shape == (2, 2, 500)
    assert one.weight_updates["H2E_H1E"].dtype == np.float32
    assert one.spikes["H1E"].shape == (2, 420, 500) and one.v_soma["H2E"].shape == (2, 420, 2)


@pytest.mark.parametrize("cell", [None, TwoCompartmentLIF()], ids=["linear", "lif"])
def test_devices_agree_spike_for_spike_on_given_trains(network, cell):
    trains = {k: v for k, v in run(network, "runtime").spikes.items() if k != "H2E"}
    a, b = (run(network, device, input_spikes=trains, cell=cell) for device in ("runtime", "cpp_standalone"))
    for population in trains:
        np.testing.assert_array_equal(a.spikes[population], trains[population])
        np.testing.assert_array_equal(b.spikes[population], trains[population])
    scale = np.abs(a.v_soma["H2E"]).max()
    np.testing.assert_allclose(a.v_soma["H2E"], b.v_soma["H2E"], atol=1e-6 * scale)
    np.testing.assert_allclose(a.v_dend["H2E"], b.v_dend["H2E"], atol=1e-6 * np.abs(a.v_dend["H2E"]).max())
    ours, theirs = a.weight_updates["H2E_H1E"], b.weight_updates["H2E_H1E"]
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * np.abs(ours).max())
    if cell is not None:  # its output spikes follow from its voltage alone
        assert a.spikes["H2E"].any()
        np.testing.assert_array_equal(a.spikes["H2E"], b.spikes["H2E"])


def test_devices_agree_in_distribution_on_drawn_trains(network):
    counts = [run(network, d, n_repeats=40, record=("spikes",)).spikes["H1E"][0].sum(axis=(1, 2))
              for d in ("runtime", "cpp_standalone")]  # fmt: skip
    assert stats.ks_2samp(*counts).pvalue > 1e-4  # the false alarm rate


def test_weights_reach_the_right_cell(network, device):
    """One spike of one presynaptic cell shifts each postsynaptic cell by its own weight: (n_post, n_pre) is kept."""
    network.activity = {k: v[:1] for k, v in network.activity.items()}
    silent = {s: np.zeros((420, n), bool) for s, n in (("H1E", 500), ("H2SomaI", 50), ("H2DendI", 50), ("OutputE", 10))}
    for projection, pre, cell in (("H2E_OutputE", "OutputE", 7), ("H2E_H2DendI", "H2DendI", 31)):
        given = {k: v.copy() for k, v in silent.items()}
        given[pre][100, cell] = True
        response = run(network, device, x=X[0], target=TARGET[0], input_spikes=given, n_repeats=1)
        jump = response.v_dend["H2E"][0, 100]
        np.testing.assert_allclose(jump, 2.3 * network.weights[projection][:, cell] / 20, rtol=1e-5)
        assert not response.v_dend["H2E"][0, :100].any()


def test_own_code_templates_give_what_plain_brian2_objects_give(network, device, monkeypatch):
    fast = run(network, device)
    module = sys.modules["spikedtp.spiking.open_loop.prepare"]
    monkeypatch.setattr(module, "OpenLoop", partial(module.OpenLoop, plain=True))
    plain = run(network, device)
    for population, spikes in plain.spikes.items():
        np.testing.assert_array_equal(fast.spikes[population], spikes)
    assert plain.spikes["H2E"].sum() > 100
    for name in ("v_soma", "v_dend"):
        np.testing.assert_allclose(getattr(fast, name)["H2E"], getattr(plain, name)["H2E"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fast.weight_updates["H2E_H1E"], plain.weight_updates["H2E_H1E"], rtol=1e-5, atol=1e-9)
