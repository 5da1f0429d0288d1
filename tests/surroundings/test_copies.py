"""What a network gives out stays what it was; a copy of a network is a network of its own."""

from __future__ import annotations

import copy
import pickle

import joblib
import pytest
import torch

from spikedtp import load_rate_network


@pytest.mark.parametrize("n", [None, 1, 3])
def test_what_a_network_gives_out_stays(runtime, plain, circuit, n):
    network = copy.deepcopy(runtime.networks[circuit])

    def samples(k: int):
        return [array[k] if n is None else array[k : k + n] for array in (runtime.x, runtime.t)]

    response = network.present(*samples(0))
    network.train_step(runtime.x[4], runtime.t[4])
    given = [vars(response), response.weight_updates, network.weights, network.biases, network.state_dict()]
    given += [network.weight_updates(*samples(1)), network.last_dendritic_state, copy.copy(network).rule_state]
    before = plain(given)
    for k in range(3):
        network.weight_updates(*samples(k))
        assert plain(network.last_dendritic_state) == before[6]  # of the sample that train_step saw last
        network.present(*samples(k))
        network.predict(runtime.x)
    network.train_step(runtime.x[5], runtime.t[5])
    assert plain(given) == before


def through_a_pickle(network):
    return pickle.loads(pickle.dumps(network))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, through_a_pickle], ids=lambda f: f.__name__)
def test_a_copy_is_a_network_of_its_own(runtime, plain, circuit, how):
    network = copy.deepcopy(runtime.networks[circuit])
    network.train_step(runtime.x[0], runtime.t[0])
    twin, last = how(network), plain(network.last_dendritic_state)
    assert plain(twin.last_dendritic_state) == last
    for k in range(1, 4):
        network.train_step(runtime.x[k], runtime.t[k])
    for k in range(1, 4):
        twin.train_step(runtime.x[k], runtime.t[k])
    responses = [n.present(runtime.x, runtime.t) for n in (network, twin)]
    assert plain(responses[0].activity) == plain(responses[1].activity)
    assert plain(network.state_dict()) == plain(twin.state_dict())
    assert plain(network.rule_state) == plain(twin.rule_state)


def test_a_network_goes_to_another_process(runtime, plain):
    (found,) = joblib.Parallel(2)([joblib.delayed(runtime.small.weight_updates)(runtime.x[0], runtime.t[0])])
    assert plain(found) == plain(runtime.small.weight_updates(runtime.x[0], runtime.t[0]))


def test_a_copy_keeps_loaded_values_that_a_tie_would_replace(runtime, plain, small_circuit):
    """Until the first step a tied projection may hold values of its own."""
    state = runtime.small.state_dict()
    tied = next(key for key in state if "H1E_H2E" in key)
    state[tied] = state[tied] + 0.5
    network = load_rate_network(small_circuit, state)
    twin = copy.deepcopy(network)
    for one in (network, twin):
        one.train_step(runtime.x[0], runtime.t[0])
    assert plain(network.state_dict()) == plain(twin.state_dict())
    assert (network.state_dict()[tied] != state[tied]).any()


def test_a_fresh_network_leaves_torchs_generator_alone(plain, small_circuit):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    try:
        weights = load_rate_network(small_circuit, seed=2).state_dict()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.rand(2).equal(expected)
    assert plain(weights) == plain(load_rate_network(small_circuit, seed=2).state_dict())
