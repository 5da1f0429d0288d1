"""Networks trained in torch, in Brian2: spike for spike, on both devices; other cells; reward learns a read-out."""

import numpy as np
import pytest
from brian2 import Hz, ms, nS

from spikedtp import SpikedtpError, run_torch_snn
from spikedtp.neurons import LIF, DiscreteLIF, TwoCompartment, TwoCompartmentLIF
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.spiking import learn_readout, run_feedforward

DEVICES = ("runtime", "cpp_standalone")


NETWORKS = ("ie05_on", "ie05_off")


ALPHA = float(np.exp(-0.2))


T, N_IN, N_HID, N_OUT = 40, 20, 8, 3


@pytest.fixture(scope="module")
def net():
    rng = np.random.default_rng(5)
    return [rng.normal(0, 0.6, (N_IN, N_HID)), rng.normal(0, 1, (N_HID, N_OUT))], rng.random((3, T, N_IN)) < 0.3


def loop(weights, x, alpha=ALPHA, threshold=1.0):
    """The equations, a step at a time, written as they are in the paper."""
    w1, w2 = weights
    n, steps, _ = x.shape
    v, s, o = np.zeros((n, w1.shape[1])), np.zeros((n, w1.shape[1])), np.zeros((n, w2.shape[1]))
    spikes, outputs = [], []
    for k in range(steps):
        spikes.append(s)
        outputs.append(o)
        o = alpha * o + s @ w2
        v, s = (alpha * v + x[:, k] @ w1) * (1 - s), (v > threshold).astype(float)
    return np.stack(spikes, axis=1).astype(bool), np.stack(outputs, axis=1)


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.eye(3)}, r"labels must be one class from 0 to 2, got the shape \(3, 3\)"),
        ({"labels": [0.5, 1, 2]}, r"labels must be one class from 0 to 2, got \[0.5, 1.0, 2.0\]"),
        ({"labels": [0, 1]}, "one label for each of 3 samples, got 2"),
        ({"order": [0.5]}, "order must be sample numbers"),  # was sample 0
        ({"order": [True, False, True]}, "order must be an array of numbers, got true and false"),  # was 1, 0, 1
        ({"learning": [1, 0]}, "learning must be True, False or one of them for each of 3 samples"),
        ({"learning": 0.5}, "learning must be True, False"),
        ({"signs": [1, -1]}, "signs must be -1, 0 or 1 for each of 8 hidden cells"),
        ({"rule": "reward"}, "rule must be a RewardedChoice, got 'reward'"),
        ({"hidden": "LIF"}, "learn_readout: hidden must be a cell"),
        ({"dt": 3}, "learn_readout.dt must be a quantity in s"),
    ],
)
def test_mistakes_of_learning_are_named(net, change, words):
    given = {"labels": [0, 1, 2], "order": [0, 1], "device": "runtime"} | change
    with pytest.raises(SpikedtpError, match=words):
        learn_readout(*net, **given)


# --- reward -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_reward_learning_is_the_rule_step_for_step(net, device):
    """The scores of each presentation tell W; the reward tells the choice where it was right."""
    weights, x = net
    rule, signs = RewardedChoice(learning_rate=20.0, gain=0.05, expectation_rate=0.1), np.array([1, -1] * 4)
    weights = [weights[0], np.abs(weights[1]) * signs[:, None] * 0.3]
    labels, order = np.array([0, 1, 2]), np.arange(60) % 3
    run = learn_readout(weights, x, labels, order, rule=rule, signs=signs, seed=3, device=device)
    spikes, _ = loop(weights, x)
    trace, alpha = np.zeros(spikes.shape), np.exp(-0.2)
    for k in range(1, T):
        trace[:, k] = alpha * trace[:, k - 1] + spikes[:, k - 1]
    total = trace.sum(axis=1)

    # wherever the choice was right it is known; follow all choices by trying the ones left
    w, expected, branches = weights[1].T.copy(), 1 / 3, None
    for k, sample in enumerate(order):
        np.testing.assert_allclose(run.score[k], w @ total[sample], rtol=1e-9, atol=1e-9)
        after = w @ total[order[k + 1]] if k + 1 < len(order) else None
        choices = [labels[sample]] if run.reward[k] else [j for j in range(3) if j != labels[sample]]
        branches = []
        for chosen in choices:
            new = w + rule.update(total[sample], run.score[k], chosen, run.reward[k], expected)
            new = np.where(signs > 0, np.maximum(new, 0), np.minimum(new, 0))
            next_w = run.w.T if after is None else None
            target = run.w.T @ total[sample] if after is None else run.score[k + 1]
            seen = new @ (total[sample] if after is None else total[order[k + 1]])
            branches.append((np.abs(seen - target).max(), new, next_w))
        error, w, _ = min(branches, key=lambda branch: branch[0])
        assert error < 1e-9
        expected += rule.expectation_rate * (run.reward[k] - expected)
    np.testing.assert_allclose(run.w.T, w, rtol=1e-9, atol=1e-12)
    assert np.abs(run.w - weights[1]).max() > 0.05  # something was learned
    assert (run.w * signs[:, None] >= 0).all() and 0 < run.reward.mean() < 1


def test_frozen_and_test_samples_leave_the_weights_alone(net):
    weights, x = net
    given = dict(input_spikes=x, labels=np.array([0, 1, 2]), order=np.arange(12) % 3, device="runtime")
    rule = RewardedChoice(learning_rate=20.0)
    assert np.array_equal(learn_readout(weights, **given, rule=rule, learning=False).w, weights[1])
    assert np.array_equal(learn_readout(weights, **given, rule=RewardedChoice(learning_rate=0.0)).w, weights[1])
    signs = np.array([1, -1, 0, 0, 0, 0, 1, -1])
    learned = learn_readout(weights, **given, rule=rule, signs=signs).w
    assert not np.array_equal(learned, weights[1])
    assert (learned * signs[:, None] >= 0).all() and (learned[signs == 0] > 0).any() and (learned[signs == 0] < 0).any()
