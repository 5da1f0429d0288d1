"""Training in rate and in spikes: what it leaves, and how its report shows it."""

import json

import numpy as np
import pandas as pd
import pytest
from jobs.short_training import settings

from spikedtp.circuit import read_circuit
from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import load
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.train import run_training
from spikedtp.rate import load_rate_network
from spikedtp.report import write_report


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
    import spikedtp.jobs.training.run as module

    real = module.in_spikes

    def wrong(network, configuration):
        spiking = real(network, configuration)
        spiking.predict = lambda x: np.full(len(x), -1)
        return spiking

    monkeypatch.setattr(module, "in_spikes", wrong)
    monkeypatch.setattr(module.RateNetwork, "predict", lambda self, x: load("digits").test_y[: len(x)])
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
    assert "Accuracy on held-out samples over training" in page and "accuracy_spiking" in page
    drawn = (out / "learning_curve.svg").read_text(encoding="utf-8")
    assert 'id="accuracy"' in drawn and ('id="accuracy_spiking"' in drawn) == (mode == "spiking")


def test_a_mistake_in_the_settings_of_spikes_leaves_nothing(tmp_path):
    """The corrected command would meet it as an unfinished run of other settings."""
    for wrong, message in (
        ({"cell": {"name": "Nonsense"}}, "unknown cell 'Nonsense'"),
        ({"cell": {"name": "TwoCompartment"}}, "cannot be held"),
        ({"cell": {"name": "TwoCompartment"}, "firing": "regular"}, "TwoCompartment fires as its own equations say"),
    ):
        with pytest.raises(SpikedtpError, match=message):
            run_training(settings("spiking", **wrong), tmp_path / "out")
        assert not list(tmp_path.iterdir())


def test_other_rules_train_the_circuit_that_is_written_with_them(tmp_path):
    """As if they stood in the circuit's file; without them, the same bytes as ever."""
    rules = {"H1E_InputE": {"name": "Oja", "learning_rate": 1e-3}}
    settings = TrainConfiguration(samples=60, probe_every=60, rules=rules)
    run_training(settings, tmp_path / "oja")
    (projection,) = (p for p in read_circuit(tmp_path / "oja" / "circuit.yaml").projections if p.name == "H1E_InputE")
    assert type(projection.rule).__name__ == "Oja" and projection.rule.learning_rate == 1e-3
    run_training(settings.model_copy(update={"rules": {}}), tmp_path / "own")
    in_file = TrainConfiguration(samples=60, probe_every=60, circuit=str(tmp_path / "oja" / "circuit.yaml"))
    run_training(in_file, tmp_path / "again")
    weights = [(tmp_path / name / "weights.pt").read_bytes() for name in ("oja", "again", "own")]
    assert weights[0] == weights[1] != weights[2]
    assert "rules" not in (tmp_path / "own" / "config.yaml").read_text()
    assert not (tmp_path / "own" / "circuit.yaml").exists()
