"""Weights in the folder of a training run: a warning where inputs are scaled otherwise than they were for it."""

import json
import logging

import numpy as np
import pytest
import yaml

from spikedtp.configuration import EvaluateConfiguration, TrainConfiguration
from spikedtp.jobs.evaluate import run_evaluation
from spikedtp.jobs.train import run_training

FIT = {"fit_sizes": True}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Iris, scaled to the range of each input."""
    out = tmp_path_factory.mktemp("trained") / "out"
    settings = {"data": "sklearn:iris", "scale": "minmax", "samples": 2, **FIT}
    run_training(TrainConfiguration.of(settings), out)
    return out


def evaluate(trained, folder, **settings):
    settings = {"data": "sklearn:iris", "weights": str(trained / "weights.pt"), **FIT} | settings
    run_evaluation(EvaluateConfiguration.of(settings), folder / "evaluated")


@pytest.mark.parametrize("scale", ["minmax", "standard", "max"])
def test_another_scaling(trained, tmp_path, scale, caplog):
    evaluate(trained, tmp_path, scale=scale)
    said = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    if scale == "minmax":
        assert not said
    else:
        assert len(said) == 1 and "was trained with --scale minmax without --on-off-inputs" in said[0]
        assert f"now it is --scale {scale} without" in said[0]


@pytest.mark.parametrize(("factor", "warned"), [(1.0, False), (2.0, True)])
def test_other_ranges(trained, tmp_path, factor, warned, caplog):
    """The same scale means something else where the training part is another one."""
    from spikedtp.datasets import load

    iris = load("sklearn:iris", scale="raw")
    arrays = {f"{part}_{what}": getattr(iris, f"{part}_{what}") for part in ("train", "test") for what in "xy"}
    np.savez(tmp_path / "x.npz", **arrays | {"train_x": factor * iris.train_x})
    evaluate(trained, tmp_path, data=f"npz:{tmp_path / 'x.npz'}", scale="minmax")
    assert ("other ranges of inputs" in caplog.text) == warned


def test_the_fitted_circuit_lies_beside_the_weights(trained, tmp_path):
    """It can be named instead of fitting the sizes once more; a run that fitted nothing writes none."""
    saved = yaml.safe_load((trained / "circuit.yaml").read_text())
    assert saved["name"] == "digits_dtp"
    evaluate(trained, tmp_path, circuit=str(trained / "circuit.yaml"), fit_sizes=False, scale="minmax")
    found = [json.loads((p / "summary.json").read_text()) for p in (trained, tmp_path / "evaluated")]
    assert found[0]["test_accuracy"] == found[1]["accuracy"]
    run_training(TrainConfiguration(samples=2), tmp_path / "plain")
    assert not (tmp_path / "plain" / "circuit.yaml").exists()
