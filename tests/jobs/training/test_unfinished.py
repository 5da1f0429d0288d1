"""An interrupted run continues to the same bytes; damaged leftovers are named."""

import json

import numpy as np
import pytest
from jobs.short_training import settings

from spikedtp import SpikedtpError
from spikedtp.circuit import read_circuit
from spikedtp.jobs.train import run_training
from spikedtp.rate import load_rate_network


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_a_killed_run_continues_to_the_same_bytes(mode, tmp_path, few_test_images):
    run_training(settings(mode), tmp_path / "whole")

    def kill(done, right):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(settings(mode), tmp_path / "again", kill)
    assert not (tmp_path / "again").exists()
    kept = tmp_path / "again.unfinished.npz"
    with np.load(kept) as file:
        assert file["done"] == 2 and file["rule_state/H1E_InputE/past_pre"].any()
    with pytest.raises(SpikedtpError, match="unfinished run with other settings"):
        run_training(settings(mode, seed=4), tmp_path / "again")
    seen = []
    run_training(settings(mode), tmp_path / "again", lambda done, right: seen.append(done))
    assert seen == [3, 4] and not kept.exists()
    for name in ("weights.pt", "summary.json", "learning_curve.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_biases_and_signed_inputs_continue_to_the_same_bytes(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", x=rng.normal(0, 0.5, (12, 2)), y=np.arange(12) % 4)
    ours = settings("spiking", circuit="spirals_dtp", data=f"npz:{tmp_path / 'x.npz'}", on_off=True)
    run_training(ours, tmp_path / "whole")

    def kill(done, right):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(ours, tmp_path / "again", kill)
    with np.load(tmp_path / "again.unfinished.npz") as file:
        halfway = file["parameter_dict.H1E_bias"]
    run_training(ours, tmp_path / "again")
    for name in ("weights.pt", "summary.json", "learning_curve.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    learned = load_rate_network("spirals_dtp", tmp_path / "again" / "weights.pt").biases["H1E"]
    assert np.any(learned != halfway) and np.any(halfway != load_rate_network("spirals_dtp", seed=3).biases["H1E"])


@pytest.fixture
def interrupted(tmp_path):
    """Settings and folder of a run that was interrupted after 2 of 4 samples, with a circuit and data in files."""
    rng = np.random.default_rng(0)
    (tmp_path / "own.yaml").write_text(read_circuit("digits_btsp").to_yaml())
    np.savez(tmp_path / "x.npz", x=rng.random((30, 64)), y=np.arange(30) % 10)
    ours = settings("rate", circuit=str(tmp_path / "own.yaml"), data=f"npz:{tmp_path / 'x.npz'}")

    def kill(done, right):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(ours, tmp_path / "out", kill)
    return ours, tmp_path / "out"


@pytest.mark.parametrize("changed", ["", "data", "fewer samples", "circuit"])
def test_what_changed_since_is_named(interrupted, tmp_path, changed, caplog):
    """The settings are the same: they hold the places of files, not what stands in them."""
    ours, out = interrupted
    with np.load(tmp_path / "x.npz") as file:
        x, y = file["x"], file["y"]
    if changed == "data":
        x[0, 0] /= 2
    elif changed == "fewer samples":
        x, y = x[:20], y[:20]
    np.savez(tmp_path / "x.npz", x=x, y=y)  # the same samples in a new file are the same data
    if changed == "circuit":
        circuit = tmp_path / "own.yaml"
        circuit.write_text(circuit.read_text() + "# another\n")
    if not changed:
        run_training(ours, out)
        assert "continues from 2 of 4 samples" in caplog.text
        assert json.loads((out / "manifest.json").read_text())["resumed_from"] == 2
        return
    what = "own.yaml" if changed == "circuit" else r"data set 'npz:.*x.npz'"
    with pytest.raises(SpikedtpError, match=f"{what} has changed since the run was interrupted: delete .*npz to begin"):
        run_training(ours, out)
    assert not out.exists() and (tmp_path / "out.unfinished.npz").exists()


def test_damaged_leftovers_are_named(tmp_path):
    (tmp_path / "out.unfinished.npz").write_bytes(b"PK not really")
    with pytest.raises(SpikedtpError, match="damaged: delete it"):
        run_training(settings("rate"), tmp_path / "out")
