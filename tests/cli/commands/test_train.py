"""`spikedtp train` from fresh weights to a table, and what it and `spikedtp evaluate` leave when they fail."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from cli.command_lines import FEW

from spikedtp.cli import main


def test_train_leaves_weights_summary_and_manifest(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "config.yaml", "learning_curve.csv", "learning_curve.png", "learning_curve.svg", "manifest.json",
        "summary.json", "weights.pt",
    ]  # fmt: skip
    summary = json.loads((trained / "summary.json").read_text())
    curve = pd.read_csv(trained / "learning_curve.csv")
    assert list(curve.columns) == ["samples", "accuracy_rate", "accuracy_spiking"]
    assert list(curve["samples"]) == list(range(21)) and curve["accuracy_spiking"].isna().all()
    assert (
        curve["accuracy_rate"].iloc[-1] == summary.pop("test_accuracy") and curve["accuracy_rate"].between(0, 1).all()
    )
    assert summary == {
        "circuit": "digits_dtp", "data": "digits", "mode": "rate", "samples": 20, "seed": 1, "data_seed": 2,
        "schedule": "anneal", "n_train": 1198, "n_test": 599,
    }  # fmt: skip
    assert json.loads((trained / "manifest.json").read_text())["seeds"] == {"seed": 1, "data_seed": 2}


def test_the_same_seeds_give_the_same_bytes(trained, tmp_path):
    out = tmp_path / "again"
    assert main(["train", *FEW, "--seed", "1", "--data-seed", "2", "--out", str(out)]) == 0
    for name in ("summary.json", "weights.pt"):
        assert (out / name).read_bytes() == (trained / name).read_bytes(), name


@pytest.mark.parametrize("change", [["--seed", "3"], ["--data-seed", "3"], ["--samples", "21"]])
def test_each_setting_changes_the_weights(trained, tmp_path, change):
    settings = {"--samples": "20", "--seed": "1", "--data-seed": "2", change[0]: change[1]}
    words = [word for pair in settings.items() for word in pair]
    assert main(["train", *words, "--out", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "weights.pt").read_bytes() != (trained / "weights.pt").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", *FEW, "--schedule", "nope"], "unknown schedule 'nope': known are anneal, constant"),
        (["train", *FEW, "--data", "nope"], "unknown data set 'nope'"),
        (["train", *FEW, "--circuit", "nope"], "nope"),
        (["evaluate", "--weights", "WEIGHTS", "--samples", "600"], "--samples 600: data set 'digits' has 599"),
        (["evaluate", "--weights", "TRUNCATED"], "truncated.pt"),
    ],
)
def test_a_mistake_leaves_nothing(trained, tmp_path, capsys, arguments, message):
    whole = trained / "weights.pt"
    truncated = tmp_path / "truncated.pt"
    truncated.write_bytes(whole.read_bytes()[:1000])
    files = {"WEIGHTS": str(whole), "TRUNCATED": str(truncated)}
    capsys.readouterr()
    out = tmp_path / "out"
    assert main([*(files.get(word, word) for word in arguments), "--out", str(out)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("spikedtp: error: ")]
    assert len(lines) == 1 and message in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["truncated.pt"]
