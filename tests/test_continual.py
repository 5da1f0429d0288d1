"""Tasks one after the other: what is shown, what is asked, and what counts as forgetting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from spikedtp import load_rate_network
from spikedtp.circuit import CircuitBuilder
from spikedtp.continual import LearnedTasks, learn_tasks
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import DendriticState, SynapticIntelligence
from spikedtp.rate.online import sample_order
from spikedtp.spiking import Phases, SpikingNetwork

TASKS = ((0, 2), (1, 3))


def circuit(kept=None, **options):
    net = CircuitBuilder("perceptron", tau=2, forward_steps=4)
    net.input(6)
    net.layer("Output", 4, rule=DendriticState(0.2, top_layer_only=True, **options), consolidation=kept)
    return net.build()


def data(seed, n=24):
    """Each class lights one input, and others at random."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 4)
    x = 0.3 * rng.random((n, 6))
    x[np.arange(n), labels] = 1
    return x, labels


def test_it_is_online_training_on_the_samples_of_each_task():
    train, test = data(1), data(2)
    network, by_hand = (load_rate_network(circuit(SynapticIntelligence()), seed=1) for _ in range(2))
    found = learn_tasks(network, train, test, TASKS, samples=30, data_seed=5)
    for task, classes in enumerate(TASKS):
        places = np.flatnonzero(np.isin(train[1], classes))
        for k in places[sample_order(len(places), 30, 5 + task)]:
            by_hand.train_step(train[0][k], np.eye(4)[train[1][k]])
        by_hand.end_task()
        for asked, own in enumerate(TASKS):
            part = np.isin(test[1], own)
            right = (by_hand.predict(test[0][part]) == test[1][part]).mean()
            within = (by_hand.predict(test[0][part], among=own) == test[1][part]).mean()
            assert (found.accuracy[asked, task], found.accuracy_within[asked, task]) == (right, within)
            assert within >= right
    assert (network.weights["OutputE_InputE"] == by_hand.weights["OutputE_InputE"]).all() and network.task == 2
    assert found.accuracy_within[0, 0] > 0.9 > found.accuracy[1, 0]  # the second is not learned yet


def test_joint_training_shows_everything_as_one_task():
    network = load_rate_network(circuit(), seed=1)
    found = learn_tasks(network, data(1), data(2), TASKS, samples=60, joint=True)
    assert found.accuracy.shape == (2, 1) and network.task == 1
    assert found.final > 0.9 and np.isnan(found.forgetting)


def test_forgetting_is_the_best_minus_the_last_since_a_task_was_learned():
    accuracy = np.array([[0.9, 0.7, 0.8], [0.95, 0.6, 0.5], [0.0, 0.1, 0.4]])
    found = LearnedTasks(((0,), (1,), (2,)), accuracy, np.ones((3, 3)))
    assert found.forgetting == pytest.approx((0.1 + 0.1) / 2)  # 0.95 was before it was learned
    assert found.final == pytest.approx((0.8 + 0.5 + 0.4) / 3)
    assert (found.forgetting_within, found.final_within) == (0, 1)
    assert "forgetting" in repr(found)


@pytest.mark.parametrize(
    ("tasks", "line"),
    [
        (((0, 1), (1, 2, 3)), "tasks: class 1 stands there twice: each class belongs to one task"),
        (((0, 1), (2,)), "tasks: class 3 missing: put each into one task"),
        (((0,), (2,)), "tasks: classes 1, 3 missing"),
        (((0, 1), (2, 3, 4)), "tasks: there is no class 4: classes are 0 to 3"),
        (((0, 1), (2, 3), ()), "tasks: task 3 has no classes"),
        ("0123", "tasks must be a list of lists of classes"),
        ((0, 1, 2, 3), "tasks must be a list of lists of classes"),
        (((0, 1), (2, 3.0)), "tasks: there is no class 3.0"),
        (((0, True), (2, 3)), "tasks: there is no class True"),
    ],
)
def test_mistakes_in_tasks(tasks, line):
    network = load_rate_network(circuit(), seed=1)
    before = network.weights["OutputE_InputE"]
    with pytest.raises(SpikedtpError) as caught:
        learn_tasks(network, data(1), data(2), tasks, samples=5)
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert (network.weights["OutputE_InputE"] == before).all()


def test_mistakes_in_data():
    network = load_rate_network(circuit(), seed=1)
    x, labels = data(1)
    with pytest.raises(SpikedtpError, match=r"tasks: there are no test samples of task 2, classes \(1, 3\)"):
        learn_tasks(network, (x, labels), (x[labels % 2 == 0], labels[labels % 2 == 0]), TASKS, samples=5)
    with pytest.raises(SpikedtpError, match="train: 24 inputs and 23 labels"):
        learn_tasks(network, (x, labels[1:]), (x, labels), TASKS, samples=5)
    with pytest.raises(SpikedtpError, match="labels of test must be classes from 0 to 3"):
        learn_tasks(network, (x, labels), (x, labels + 1), TASKS, samples=5)


SHORT = Phases(settle=60 * ms, read=30 * ms, nudge=20 * ms, wait=5 * ms)


def test_in_spikes_only_the_cells_of_the_present_task_learn():
    by_class = replace(circuit(), task_classes=TASKS)
    network = SpikingNetwork(load_rate_network(by_class, seed=1), phases=SHORT, device="runtime")
    x, labels = data(1)
    for own, others in (TASKS, TASKS[::-1]):
        before = network.weights["OutputE_InputE"].copy()
        network.train(x, np.eye(4)[labels], np.arange(4), seed=1, schedule="constant")
        changed = (network.weights["OutputE_InputE"] != before).any(axis=1)
        assert changed[list(own)].any() and not changed[list(others)].any()
        network.end_task()
    with pytest.raises(SpikedtpError, match="all 2 tasks of perceptron have ended"):
        network.train(x, np.eye(4)[labels], np.arange(4))
    assert set(network.predict(x[:6], among=TASKS[1])) <= set(TASKS[1])


@pytest.mark.slow
def test_in_spikes_the_same_protocol():
    network = SpikingNetwork(load_rate_network(circuit(), seed=1), phases=SHORT, device="runtime")
    found = learn_tasks(network, data(1, 12), data(2, 12), TASKS, samples=12, seed=3)
    assert found.accuracy.shape == (2, 2) and network.task == 2
    assert found.accuracy_within[0, 0] > 0.6


def test_consolidation_in_spikes():
    network = SpikingNetwork(load_rate_network(circuit(SynapticIntelligence()), seed=1), phases=SHORT, device="runtime")
    learn_tasks(network, data(1, 8), data(2, 8), TASKS, samples=4, seed=3)
    state = network.rule_state["OutputE_InputE"]
    assert int(state["tasks"]) == 2 and (state["importance"] > 0).any() and (state["path"] == 0).all()
    assert np.array_equal(state["anchor"], network.weights["OutputE_InputE"])
