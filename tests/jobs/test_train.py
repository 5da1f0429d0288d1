"""Training in rate and in spikes: what it leaves, and that an interrupted run continues to the same bytes."""

import json

import numpy as np
import pandas as pd
import pytest
from brian2 import Hz

from spikedtp.cli import main
from spikedtp.configuration import TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.spiking_network import in_spikes
from spikedtp.jobs.train import run_training
from spikedtp.rate import load_rate_network
from spikedtp.records import write_manifest, write_summary
from spikedtp.report import write_report

FAST = {"settle": 60.0, "read": 40.0, "device": "runtime", "samples": 4, "probe_every": 2, "seed": 3}


def settings(mode, **changes):
    return TrainConfiguration(circuit="digits_btsp", mode=mode, **FAST | changes)


@pytest.fixture
def few_test_images(monkeypatch):
    """The last word of a spiking run would show all test images in spikes."""
    import spikedtp.jobs.train as module

    whole = module.load

    def few(*args, **options):
        images = whole(*args, **options)
        for name in ("test_x", "test_t", "test_y"):
            object.__setattr__(images, name, getattr(images, name)[:5])
        return images

    monkeypatch.setattr(module, "load", few)


def test_rates_and_spikers_are_settings():
    network = load_rate_network("digits_btsp", seed=0)
    asked = settings("spiking", unit_rates={"H1E": 200}, spikers={"H1SomaI": 9})
    spec, default = (in_spikes(network, each).spec for each in (asked, settings("spiking")))
    assert (spec.unit_rates["H1E"], default.unit_rates["H1E"]) == (200 * Hz, 450 * Hz)
    assert spec.unit_rates["OutputE"] == 450 * Hz
    assert set(default.spikers.values()) == {4} and dict(spec.spikers) == {**default.spikers, "H1SomaI": 9}


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


def test_damaged_leftovers_are_named(tmp_path):
    (tmp_path / "out.unfinished.npz").write_bytes(b"PK not really")
    with pytest.raises(SpikedtpError, match="damaged: delete it"):
        run_training(settings("rate"), tmp_path / "out")


def test_weights_trained_in_spikes_are_a_rate_networks(tmp_path, few_test_images):
    summary = run_training(settings("spiking"), tmp_path / "out")
    trained = load_rate_network("digits_btsp", tmp_path / "out" / "weights.pt")
    fresh = load_rate_network("digits_btsp", seed=3)
    assert all(np.any(trained.weights[p] != fresh.weights[p]) for p in ("H1E_InputE", "H2E_H1E", "OutputE_H2E"))
    curve = pd.read_csv(tmp_path / "out" / "learning_curve.csv")
    assert list(curve.columns) == ["samples", "accuracy_rate", "accuracy_spiking"]
    assert list(curve["samples"]) == [0, 2, 4]
    assert curve["accuracy_spiking"].isna().tolist() == [True, True, False]
    assert curve["accuracy_spiking"].iloc[-1] == summary["test_accuracy"]
    assert curve["accuracy_rate"].iloc[-1] == summary["test_accuracy_in_rate"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["timings_s"]["ms_per_sample"] > 0


@pytest.mark.parametrize("samples", [4, 5])  # the last probe is due, or only the end
@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_rate_and_spiking_accuracies_are_never_in_one_column(mode, samples, tmp_path, monkeypatch, few_test_images):
    """With a network in spikes that answers all wrong, and one in rate that answers by chance or better."""
    import spikedtp.jobs.train as train
    import spikedtp.jobs.training_run as module

    real = module.in_spikes

    def wrong(network, configuration):
        spiking = real(network, configuration)
        spiking.predict = lambda x: np.full(len(x), -1)
        return spiking

    monkeypatch.setattr(module, "in_spikes", wrong)
    monkeypatch.setattr(module.RateNetwork, "predict", lambda self, x: train.load("digits").test_y)
    summary = run_training(settings(mode, samples=samples), tmp_path / "out")
    curve = pd.read_csv(tmp_path / "out" / "learning_curve.csv")
    assert list(curve["samples"]) == sorted({0, 2, 4, samples})
    assert (curve["accuracy_rate"] == 1).all()
    if mode == "rate":
        assert curve["accuracy_spiking"].isna().all() and summary["test_accuracy"] == 1
    else:
        assert curve["accuracy_spiking"].dropna().tolist() == [0] and curve["accuracy_spiking"].iloc[-1] == 0
        assert summary["test_accuracy"] == 0 and summary["test_accuracy_in_rate"] == 1


@pytest.mark.parametrize("mode", ["rate", "spiking"])
def test_the_report_shows_both_series(mode, tmp_path, few_test_images):
    out = tmp_path / "out"
    run_training(settings(mode), out)
    page = write_report(out).read_text(encoding="utf-8")
    assert "Accuracy on the test images over training" in page and "accuracy_spiking" in page
    drawn = (out / "learning_curve.svg").read_text(encoding="utf-8")
    assert 'id="accuracy"' in drawn and ('id="accuracy_spiking"' in drawn) == (mode == "spiking")


def test_the_report_opens_results_from_before_the_two_columns(tmp_path):
    pd.DataFrame({"presentations": [0, 2], "test_accuracy": [0.1, 0.4]}).to_csv(tmp_path / "learning_curve.csv")
    write_summary(tmp_path, {"test_accuracy": 0.4})
    write_manifest(tmp_path, configuration={}, seeds={})
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "presentations" in page and "test_accuracy" in page


def test_evaluate_in_spikes(tmp_path, capsys):
    arguments = ["evaluate", "--mode", "spiking", "--samples", "12", "--settle", "300", "--device", "runtime"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["mode"] == "spiking" and summary["accuracy"] >= 10 / 12
    assert main([*arguments, "--read", "400", "--out", str(tmp_path / "other")]) == 2
    assert "Phases.read = 0.4 s is longer than settle" in capsys.readouterr().err
