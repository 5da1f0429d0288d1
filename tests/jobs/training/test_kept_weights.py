"""Weights along the way and means of the last ones: against runs that stop there, and means made by hand."""

import numpy as np
import pytest
import torch
from jobs.short_training import settings

from spikedtp.errors import SpikedtpError
from spikedtp.jobs.train import run_training
from spikedtp.jobs.training.kept_weights import KeptWeights

ALONG = {"samples": 12, "probe_every": 4, "schedule": "constant"}


def _weights(file):
    return {key: value.numpy() for key, value in torch.load(file, weights_only=True).items()}


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_weights_along_the_way_are_those_of_shorter_runs(mode, tmp_path, few_test_images):
    run_training(settings(mode, **ALONG, keep_at=(4, 8)), tmp_path / "long")
    for n in (4, 8):
        run_training(settings(mode, **(ALONG | {"samples": n})), tmp_path / f"short{n}")
        assert (tmp_path / "long" / f"weights_{n}.pt").read_bytes() == (tmp_path / f"short{n}/weights.pt").read_bytes()


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_the_mean_is_that_of_the_states_at_its_end(mode, tmp_path, few_test_images):
    averaged = run_training(settings(mode, **ALONG, average_last=4), tmp_path / "mean")
    whole = run_training(settings(mode, **(ALONG | {"probe_every": 1}), keep_at=(9, 10, 11, 12)), tmp_path / "states")
    states = [_weights(tmp_path / "states" / f"weights_{n}.pt") for n in (9, 10, 11, 12)]
    found = _weights(tmp_path / "mean" / "weights.pt")
    for key, value in found.items():
        np.testing.assert_array_equal(value, np.mean([s[key].astype(float) for s in states], axis=0).astype("f4"))
    assert any(np.any(found[key] != states[-1][key]) for key in found)
    assert averaged["test_accuracy_of_last_weights"] == whole["test_accuracy"]
    assert ("test_accuracy_in_rate_of_last_weights" in averaged) == (mode == "spiking")
    # rows keep the sums that their constraints give them, and copies stay copies
    sums = {key: [s[key].sum(axis=1) for s in states] for key in found if found[key].ndim == 2}
    for key, of_states in sums.items():
        if np.allclose(of_states, of_states[0], rtol=1e-5):
            np.testing.assert_allclose(found[key].sum(axis=1), of_states[0], rtol=2e-5, err_msg=key)


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_a_killed_run_keeps_what_it_kept(mode, tmp_path, few_test_images):
    ours = settings(mode, **ALONG, keep_at=(4,), average_last=10)

    def kill(done, right):
        if done == 10:
            raise KeyboardInterrupt

    run_training(ours, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_training(ours, tmp_path / "again", kill)
    run_training(ours, tmp_path / "again")
    for name in ("weights.pt", "weights_4.pt", "summary.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_states_of_a_mean_fall_on_probes_and_are_few():
    rng = np.random.default_rng(0)
    for _ in range(300):
        samples = int(rng.integers(1, 10_000))
        probe, last = (int(rng.integers(1, samples + 1)) for _ in range(2))
        kept = KeptWeights(settings("rate", samples=samples, probe_every=probe, average_last=last), probe)
        assert probe % kept.every == 0
        assert last / kept.every <= 50 or kept.every == probe


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"keep_at": (3,)}, "--keep-at 3: weights are kept at probes, which follow every 2"),
        ({"keep_at": (6,)}, "--keep-at 6"),
        ({"average_last": 5}, "--average-last 5: there are 4 presentations in all"),
    ],
)
def test_what_cannot_be_kept_is_refused(wrong, message, tmp_path):
    with pytest.raises(SpikedtpError, match=message):
        run_training(settings("rate", **wrong), tmp_path / "out")
    assert not list(tmp_path.iterdir())
