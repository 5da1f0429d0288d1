"""A seed that is none is one line wherever a seed can be given: None would draw other numbers at every call."""

import numpy as np
import pandas as pd
import pytest
import surrogate
from matplotlib.figure import Figure

from spikedtp import SpikedtpError, load_rate_network
from spikedtp.cli import main
from spikedtp.compare import bootstrap_median, expected_update, noise_ceiling
from spikedtp.neurons import DiscreteLIF
from spikedtp.parameters import check_whole
from spikedtp.plasticity.constraints import SignMask
from spikedtp.plotting.follow_up import similarity_strips
from spikedtp.rate.backprop_clone import BackpropClone
from spikedtp.rate.initial_weights import draw_parameters
from spikedtp.rate.online import sample_order, train_online
from spikedtp.spiking import SpikingNetwork, learn_readout, run_feedforward
from spikedtp.spiking.engine.seeds import presentation_seeds

NO_SEEDS = [None, 1.0, 0.5, np.float64(2), True, np.bool_(False), -1, -(2**70), "3", [1], np.array(3), 2**70, np.nan]
NET = [np.ones((3, 2)), np.ones((2, 1))], np.ones((1, 4, 3))
TABLE = pd.DataFrame({"reference": ["rate"], "sample": [0], "cosine": [0.5], "noise_ceiling": [0.9],
                      "noiseless_cosine": [0.8]})  # fmt: skip


@pytest.fixture(scope="module")
def doors():
    network = load_rate_network("digits_btsp", seed=0)
    spiking, x, target = SpikingNetwork(network, device="runtime"), np.zeros((2, 64)), np.eye(10)[:2]
    masks = SignMask.free(3), SignMask.free(2)
    return {
        "load_rate_network": lambda seed: load_rate_network("digits_btsp", seed=seed),
        "draw_parameters": lambda seed: draw_parameters(network.circuit, seed),
        "BackpropClone": lambda seed: BackpropClone(network.circuit, seed=seed),
        "sample_order": lambda seed: sample_order(5, 5, seed),
        "train": lambda seed: next(train_online(network, x, target, n_samples=2, data_seed=seed)),
        "presentation_seeds": lambda seed: presentation_seeds(seed, 1, 1),
        "first_sample": lambda seed: presentation_seeds(0, 1, 1, seed),
        "respond": lambda seed: spiking.respond(x, target, seed=seed),
        "predict": lambda seed: spiking.predict(x, seed=seed),
        "train in spikes": lambda seed: spiking.train(x, target, [0], seed=seed),
        "run_feedforward": lambda seed: run_feedforward(*NET, hidden=DiscreteLIF(), seed=seed, device="runtime"),
        "learn_readout": lambda seed: learn_readout(*NET, labels=[0], order=[0], seed=seed, device="runtime"),
        "surrogate": lambda seed: surrogate.train_surrogate(
            np.zeros((2, 4, 3), bool), [0, 0], masks, n_classes=1, epochs=0, seed=seed
        ),
        "bootstrap_median": lambda seed: bootstrap_median(np.arange(3.0), np.arange(3), seed=seed),
        "noise_ceiling": lambda seed: noise_ceiling(None, "H2E_H1E", seed=seed),
        "expected_update": lambda seed: expected_update(None, "H2E_H1E", seed=seed),
        "similarity_strips": lambda seed: similarity_strips(Figure().subplots(), TABLE, seed=seed),
    }


@pytest.mark.parametrize("seed", NO_SEEDS, ids=repr)
def test_what_is_no_seed_is_named_at_every_door(seed, doors):
    for name, door in doors.items():
        with pytest.raises(SpikedtpError, match=r"(seed|first_sample) must be (a whole number of|at)") as error:
            door(seed)
        assert "\n" not in str(error.value), name


def test_none_is_said_as_it_was_given():
    with pytest.raises(SpikedtpError, match=r"^seed must be a whole number of at least 0, got None$"):
        load_rate_network("digits_btsp", seed=None)


def test_numpys_integers_are_whole_numbers(doors):
    for seed in (np.int64(7), np.uint8(7), 7):
        assert type(check_whole("seed", seed)) is int
    assert sample_order(9, 9, np.int32(7)).tolist() == sample_order(9, 9, 7).tolist()
    assert presentation_seeds(np.uint64(7), 2, 1).tolist() == presentation_seeds(7, 2, 1).tolist()
    doors["bootstrap_median"](0)


def test_seeds_of_presentations_stay_within_32_bits():
    """Brian2 takes no more; beyond them two presentations could have had the same numbers."""
    run_feedforward(*NET, seed=2**32 - 1, device="runtime")
    with pytest.raises(SpikedtpError, match="seed must be at most 4294967295, got 4294967296"):
        run_feedforward(*NET, seed=2**32, device="runtime")


@pytest.mark.parametrize("seed", ["None", "1.5", "-1", "true", str(2**64)])
@pytest.mark.parametrize("command", ["train", "compare", "evaluate"])
def test_settings_of_commands(command, seed, tmp_path, capsys):
    assert main([command, f"--seed={seed}", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "seed" in error and "Traceback" not in error and not (tmp_path / "out").exists()
