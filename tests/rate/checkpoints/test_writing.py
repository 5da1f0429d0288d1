"""Weights are written whole or not at all, and every reader of the format reads them."""

from __future__ import annotations

import os

import numpy as np
import pytest
import safetensors.torch
import torch
from rate.watched_reads import read_quietly
from rate.wild import STATE

from spikedtp.errors import SpikedtpError
from spikedtp.models import weights_file
from spikedtp.rate import load_rate_network
from spikedtp.rate.checkpoints import write_weights

pytestmark = pytest.mark.usefixtures("watched")
KEY = "module_dict.H2E_H1E.weight"


def of_npz(path):
    with np.load(path, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


READERS = {
    ".pt": lambda path: torch.load(path, weights_only=True),
    ".pth": lambda path: torch.load(path, weights_only=True),
    ".safetensors": safetensors.torch.load_file,
    ".npz": of_npz,
}


@pytest.mark.parametrize("ending", READERS)
def test_saved_and_read_back(ending, tmp_path):
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    path = tmp_path / f"w{ending}"
    network.save(path)
    for found in (READERS[ending](path), read_quietly(path), load_rate_network("digits_dtp", path).state_dict()):
        assert set(found) == set(STATE)
        assert all(torch.equal(found[key], value) and found[key].dtype == torch.float32 for key, value in STATE.items())


def test_the_shipped_file_is_what_would_be_written(tmp_path):
    write_weights(tmp_path / "w.pt", STATE)
    assert (tmp_path / "w.pt").read_bytes() == weights_file("digits_dtp").read_bytes()


@pytest.mark.parametrize("ending", READERS)
def test_any_precision_is_written_as_float32(ending, tmp_path):
    state = {KEY: torch.rand(3, 4, dtype=torch.float64), "parameter_dict.H2E_bias": np.arange(3.0)}
    path = tmp_path / f"a{ending}"
    write_weights(path, state)
    for weights in (read_quietly(path), READERS[ending](path)):
        assert set(weights) == set(state)
        for key, value in state.items():
            assert torch.equal(weights[key], torch.as_tensor(value).float())


@pytest.mark.parametrize("ending", READERS)
def test_writing_is_reproducible_small_and_leaves_nothing_else(ending, tmp_path):
    state = {KEY: torch.rand(100, 200)[:3, :4]}
    one, two = tmp_path / f"a{ending}", tmp_path / f"another_name{ending}"
    write_weights(one, state)
    write_weights(two, state)
    assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_size < 4000  # a view does not bring its whole storage
    assert sorted(tmp_path.iterdir()) == [one, two]


@pytest.mark.parametrize("ending", READERS)
def test_a_failed_write_keeps_the_old_file(ending, tmp_path, monkeypatch):
    path = tmp_path / f"a{ending}"
    write_weights(path, {KEY: torch.ones(2)})
    before = path.read_bytes()
    with pytest.raises(SpikedtpError, match=r"H2E_H1E.*NaN"):
        write_weights(path, {KEY: torch.tensor([1.0, float("nan")])})

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpikedtpError, match="No space left"):
        write_weights(path, {KEY: torch.zeros(2)})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_writing_into_a_missing_folder(tmp_path):
    with pytest.raises(SpikedtpError, match="cannot be written"):
        write_weights(tmp_path / "no" / "a.pt", {KEY: torch.ones(2)})


@pytest.mark.parametrize("name", ["w", "w.pkl", "w.h5", "w.PT", "w.npz.gz"])
def test_formats_that_are_not_written(name, tmp_path):
    with pytest.raises(SpikedtpError, match=r"files that end with \.pt, \.pth, \.safetensors, \.npz"):
        write_weights(tmp_path / name, STATE)
    assert not list(tmp_path.iterdir())
