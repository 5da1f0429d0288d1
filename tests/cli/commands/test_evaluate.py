"""`spikedtp evaluate` agrees with the training run."""

from __future__ import annotations

import json

import pandas as pd

from spikedtp.cli import main


def test_evaluate_agrees_with_training(trained, tmp_path, capsys):
    out = tmp_path / "evaluate"
    assert main(["evaluate", "--weights", str(trained / "weights.pt"), "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["accuracy"] == json.loads((trained / "summary.json").read_text())["test_accuracy"]
    assert summary["n_samples"] == 599 and f"{100 * summary['accuracy']:.2f} %" in capsys.readouterr().out
    confusion, classes = pd.read_csv(out / "confusion.csv"), pd.read_csv(out / "class_accuracy.csv")
    assert confusion["n"].sum() == classes["n_samples"].sum() == 599
    assert confusion.query("label == predicted")["n"].sum() == summary["n_correct"]
