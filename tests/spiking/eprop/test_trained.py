"""`EPropNetwork`: learning in parts is learning at once, and what was learned can be kept, shown and gone on from."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from spiking.eprop.drawn import drawn

from spikedtp import EPropNetwork, SpikedtpError, run_eprop
from spikedtp.plasticity import EProp


def parted(seed):
    """A network, its four intervals with their targets, their batch size, and the same learned at once."""
    task, options = drawn(seed)
    del options["record"]
    whole, batch = run_eprop(*task, **options), options.pop("batch_size")
    return EPropNetwork(*task[:4], **options), task[4:], batch, whole


def weights(network):
    return {"in": network.w_in, "rec": network.w_rec, "out": network.w_out, "feedback": network.feedback}


@pytest.mark.parametrize("seed", range(8))
def test_parts_are_learned_as_the_whole(seed):
    network, (x, target), batch, whole = parted(seed)
    parts = [network.learn(x[part], target[part], batch_size=batch) for part in (slice(0, 2), slice(2, 4))]
    for name in ("spikes", "output", "losses"):
        assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))
    last = {"in": whole.w_in[-1], "rec": whole.w_rec[-1], "out": whole.w_out[-1], "feedback": whole.feedback}
    for name, w in weights(network).items():
        assert np.array_equal(w, last[name]), name
    assert network.updates == 4 // batch


@pytest.mark.parametrize("seed", range(3))
def test_learning_goes_on_from_a_file(seed, tmp_path):
    network, (x, target), batch, _ = parted(seed)
    other, *_ = parted(seed)
    network.learn(x[:2], target[:2], batch_size=batch)
    np.savez(tmp_path / "state.npz", **network.state())
    with np.load(tmp_path / "state.npz") as state:
        other.restore(state)
    for each in (network, other):
        each.learn(x[2:], target[2:], batch_size=batch)
    for name, values in network.state().items():
        assert np.array_equal(values, other.state()[name]), name


def test_a_state_of_another_network_is_refused():
    network, *_ = parted(0)
    state = network.state()
    for changed, message in (
        ({}, "state must have the arrays w_in, w_rec, w_out, "),
        (state | {"w_in": state["w_in"].T}, r"state\['w_in'\] must be "),
        (
            state | {"w_out": np.full(state["w_out"].shape, np.nan)},
            r"state\['w_out'\] holds values that are not finite",
        ),
    ):
        before = network.state()
        with pytest.raises(SpikedtpError, match=message):
            network.restore(changed)
        assert all(np.array_equal(before[name], values) for name, values in network.state().items())


@pytest.mark.parametrize("learns", ["in", "out", ("in", "rec"), ()])
def test_what_does_not_learn_stays_as_it_was(learns):
    (rule, *rest), _ = drawn(1)
    network = EPropNetwork(rule, *rest[:3], feedback="symmetric", learns=learns)
    before = weights(network)
    network.learn(*rest[3:])
    changed = {name for name, w in weights(network).items() if not np.array_equal(w, before[name])}
    chosen = {learns} if isinstance(learns, str) else set(learns)
    assert changed == chosen | ({"feedback"} if "out" in chosen else set())


def test_outputs_and_classes_without_learning():
    rng = np.random.default_rng(0)
    x = rng.random((70, 30, 6)) < 0.2  # more than are shown side by side
    x[:, 0] = False
    rule = EProp(v_threshold=0.3, loss="cross_entropy", learning_window=10 * ms, learning_rate=0.0)
    drawn_weights = rng.normal(size=(8, 6)), np.zeros((8, 8)), rng.normal(size=(3, 8))
    network = EPropNetwork(rule, *drawn_weights, feedback="symmetric")
    found = run_eprop(rule, *drawn_weights, x, np.eye(3)[[0] * 30], feedback="symmetric").output
    np.testing.assert_allclose(network.outputs(x), found, rtol=1e-12)
    classes = found[:, -10:].mean(axis=1).argmax(axis=1)
    assert np.array_equal(network.predict(x), classes) and len(set(classes.tolist())) > 1
    assert network.updates == 0


def test_targets_of_whole_intervals():
    (rule, *rest), _ = drawn(2)
    rule, x, classes = replace(rule, loss="mean_squared_error"), rest[3], np.eye(len(rest[2]))[[0, 1, 0, 1]]
    one, other = (EPropNetwork(rule, *rest[:3], feedback="symmetric") for _ in range(2))
    one.learn(x, classes)
    other.learn(x, np.broadcast_to(classes[:, None], (*x.shape[:2], classes.shape[1])))
    assert not np.array_equal(one.w_out, rest[2])
    for name, w in weights(one).items():
        assert np.array_equal(w, weights(other)[name]), name
    with pytest.raises(SpikedtpError, match="target must be "):
        one.learn(x, classes[:3])


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_single_precision(seed):
    task, options = drawn(seed)
    del options["record"]
    batch = options.pop("batch_size")
    networks = [EPropNetwork(*task[:4], **options, precision=precision) for precision in ("double", "single")]
    double, single = (network.learn(*task[4:], batch_size=batch) for network in networks)
    assert np.mean(single.spikes != double.spikes) < 0.01
    for name, w in weights(networks[1]).items():
        assert w.dtype == np.float32
        np.testing.assert_allclose(w, weights(networks[0])[name], atol=1e-3, err_msg=name)
    assert {each.dtype for each in networks[1].state().values()} == {np.dtype(np.float32), np.dtype(np.int64)}
    with pytest.raises(SpikedtpError, match="unknown precision 'half': known are double, single"):
        EPropNetwork(*task[:4], feedback="random", precision="half")


def test_a_spike_in_the_first_step_is_told_to_the_caller():
    (rule, *rest), _ = drawn(2)
    network, x = EPropNetwork(rule, *rest[:3], feedback="symmetric"), np.ones(rest[3].shape)
    for call in (lambda: network.learn(x, rest[4]), lambda: network.outputs(x), lambda: network.predict(x)):
        with pytest.warns(UserWarning, match="input spikes in the first step") as told:
            call()
        assert told[0].filename == __file__
