"""Networks trained in torch, in Brian2: spike for spike, on both devices; other cells."""

import numpy as np
import pytest
from brian2 import Hz, ms, nS
from spiking.feedforward.torch_loop import DEVICES, N_HID, N_IN, T, loop

from spikedtp import SpikedtpError, run_torch_snn
from spikedtp.neurons import LIF, DiscreteLIF, TwoCompartment, TwoCompartmentLIF
from spikedtp.spiking import learn_readout, run_feedforward

NETWORKS = ("ie05_on", "ie05_off")


def unpacked(arrays, name, key, n=100):
    return np.unpackbits(arrays[f"{name}/{key}_packed"], axis=1, count=n).astype(bool)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_trained_networks_spike_for_spike(golden, name, device):
    arrays = golden("dale")
    x, expected = unpacked(arrays, name, "input_spikes"), unpacked(arrays, name, "s_rec_f64")
    spikes, v = run_torch_snn([arrays[f"{name}/w1"], arrays[f"{name}/w2"]], x, device=device)
    assert expected.sum() > 500 and np.array_equal(spikes, expected)
    assert v.dtype == np.float64
    np.testing.assert_allclose(v, arrays[f"{name}/v_rec_f64"], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_all_reference_samples(reference, name, device):
    with np.load(reference / "dale" / "trained_networks.npz", allow_pickle=False) as arrays:
        given = [arrays[f"{name}/{key}"] for key in ("w1", "w2", "input_spikes", "s_rec_f64", "v_rec_f64", "pred")]
    w1, w2, x, spikes, v, predicted = given
    found, output = run_torch_snn([w1, w2], x, device=device)
    assert (found != spikes).sum() == 0
    np.testing.assert_allclose(output, v, rtol=1e-12)
    assert np.array_equal(output.sum(axis=1).argmax(axis=1), predicted)


@pytest.mark.parametrize("device", DEVICES)
def test_other_constants_follow_the_loop(net, device):
    weights, x = net
    found = run_torch_snn(weights, x, tau=8 * ms, dt=2 * ms, threshold=0.7, device=device)
    expected = loop(weights, x, alpha=np.exp(-0.25), threshold=0.7)
    assert expected[0].sum() > 100 and np.array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-13)
    assert not np.array_equal(found[0], loop(weights, x)[0])  # the constants matter


def test_tensors_and_array_like_inputs(net):
    torch = pytest.importorskip("torch")
    weights, x = net
    as_tensors = [torch.tensor(w, requires_grad=True) for w in weights], torch.tensor(x)
    for given in (as_tensors, (weights, x.astype(float)), (tuple(w.tolist() for w in weights), x.tolist())):
        assert np.array_equal(run_torch_snn(*given, device="runtime")[0], loop(weights, x)[0])


def test_the_array_form_of_the_cell_is_the_same_step(net):
    weights, x = net
    v, s, spikes = np.zeros(N_HID), np.zeros(N_HID), []
    for k in range(T):
        spikes.append(s)
        v, s = DiscreteLIF().step(v, s, x[0, k] @ weights[0], 1 * ms)
    assert np.array_equal(np.array(spikes, dtype=bool), loop(weights, x)[0][0])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("refractory", [0, 3])
def test_ordinary_lif_against_a_loop(net, refractory, device):
    weights, x = net
    w1 = weights[0] * 2
    spikes = run_feedforward([w1, weights[1]], x, hidden=LIF(t_refractory=refractory * ms), device=device).hidden_spikes
    expected, alpha = np.zeros((len(x), T, N_HID), dtype=bool), np.exp(-0.2)
    for sample in range(len(x)):
        v, last = np.zeros(N_HID), np.full(N_HID, -99)
        for k in range(T):
            expected[sample, k] = fires = (v > 1) & (k - last >= refractory)
            last[fires] = k
            free = k - last >= refractory
            v[free] = (v[free] + (x[sample, k] @ w1)[free]) * alpha
            v[fires] = 0
    assert expected.sum() > 50 and np.array_equal(spikes, expected)


def test_presentations_do_not_touch_one_another(net):
    weights, x = net
    for cell in (DiscreteLIF(), LIF(t_refractory=2 * ms), TwoCompartmentLIF(), TwoCompartment(unit_rate=900 * Hz)):
        together = run_feedforward(weights, x, hidden=cell, seed=7, device="runtime")
        alone = run_feedforward(weights, x[1:2], hidden=cell, seed=8, device="runtime")
        assert np.array_equal(together.hidden_spikes[1:2], alone.hidden_spikes)
        assert np.array_equal(together.output_v[1:2], alone.output_v)
        np.testing.assert_allclose(together.score, together.output_v.sum(axis=1), rtol=1e-12)


def test_dendritic_inputs_reach_the_soma_through_the_coupling(net):
    weights, x = net
    weights = [np.abs(weights[0]) * 20, weights[1]]

    def count(compartment, g):
        cell = TwoCompartmentLIF(g_coupling=g * nS)
        return run_feedforward(weights, x, hidden=cell, compartment=compartment, device="runtime").hidden_spikes.sum()

    assert count("dend", 0) == 0 < count("dend", 2)
    assert count("soma", 0) > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(weights=[np.ones((2, 2))]), "weights must be a list of two matrices"),
        (dict(weights=np.ones((2, 2, 2))), "weights must be a list of two matrices"),
        (dict(weights=[np.ones((N_IN, 2)), np.ones((3, 2))]), r"shapes do not fit: input_spikes \(3, 40, 20\)"),
        (dict(weights=[np.full((N_IN, 2), np.nan), np.ones((2, 2))]), "w1 holds values that are not finite"),
        (dict(weights=[["a"], np.ones((2, 2))]), "w1 must be an array of numbers"),
        (dict(input_spikes=np.full((1, 5, N_IN), 0.5)), "input_spikes must hold spikes, 0 or 1"),
        (dict(input_spikes=np.ones((5, N_IN))), "input_spikes must be an array of numbers with 3 axes"),
        (dict(tau=5), "DiscreteLIF.tau must be a quantity in s"),
        (dict(dt=0 * ms), "dt must be above"),
        (dict(device="gpu"), "unknown device 'gpu'"),
    ],
)
def test_mistakes_are_named(net, change, words):
    given = {"weights": net[0], "input_spikes": net[1], "device": "runtime"} | change
    with pytest.raises(SpikedtpError, match=words):
        run_torch_snn(**given)


def test_more_mistakes(net):
    with pytest.raises(SpikedtpError, match="DiscreteLIF takes inputs at soma, got 'dend'"):
        run_feedforward(*net, compartment="dend")
    with pytest.raises(SpikedtpError, match="hidden must be a cell"):
        run_feedforward(*net, hidden="LIF")
    with pytest.raises(SpikedtpError, match=r"LIF.reset = 1.0 must be below threshold = 1.0"):
        LIF(reset=1.0)
    with pytest.raises(SpikedtpError, match="labels must be one class from 0 to 2"):
        learn_readout(*net, labels=[0, 1, 3], order=[0])
    with pytest.raises(SpikedtpError, match="order must be sample numbers from 0 to 2"):
        learn_readout(*net, labels=[0, 1, 2], order=[5])
    for order in ([], [[0]], [-1]):
        with pytest.raises(SpikedtpError, match="order must be sample numbers from 0 to 2"):
            learn_readout(*net, labels=[0, 1, 2], order=order)
