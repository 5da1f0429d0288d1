"""Reward learns a read-out: the rule step for step, samples that leave the weights alone, mistakes in one line."""

import numpy as np
import pytest
from spiking.feedforward.torch_loop import DEVICES, T, loop

from spikedtp import SpikedtpError
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.spiking import learn_readout


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
