"""Trainings that a pruner stops: those that are poor, once there are others to compare with."""

from __future__ import annotations

import pytest
from search.searches import RATE, search

from spikedtp.search import run_search
from spikedtp.search.pruning import prunable, run_prunable
from spikedtp.search.study import default_storage


def asked(circuit, **changes):
    base = {"circuit": str(circuit), "samples": 120, "probe_every": 30, "validation": 100}
    return search(circuit, base=base, parameters={RATE: [0.0, 0.1, 0.3]}, jobs=1, **changes)


def test_poor_trainings_are_stopped(small_circuit, tmp_path):
    """A rule without a learning rate learns less; the pruner needs one finished trial before it stops others."""
    settings = asked(
        small_circuit, trials=3, first=[{RATE: 0.3}, {RATE: 0.1}, {RATE: 0.0}], sampler="RandomSampler",
        pruner={"name": "ThresholdPruner", "lower": 2.0, "n_warmup_steps": 60},
    )  # fmt: skip
    found = run_search(settings, tmp_path / "out", progress=False)
    assert (found.table["status"] == "pruned").all() and found.summary["n_pruned"] == 3 and not found.failed
    import optuna

    study = optuna.load_study(study_name="search", storage=default_storage(tmp_path / "out"))
    # probes at 0, 30, 60: the warm-up ends there
    assert [list(trial.intermediate_values) for trial in study.trials] == [[0, 30, 60]] * 3
    again = run_search(settings, tmp_path / "out", progress=False)
    assert again.n_run == 0 and again.table.equals(found.table)


def test_good_ones_are_not(small_circuit, tmp_path):
    """All trials are told their probes, and the values are those of a search without a pruner."""
    for name, pruner in (("with", {"name": "ThresholdPruner", "lower": 0.0}), ("without", None)):
        settings = asked(small_circuit, trials=2, first=[{RATE: 0.3}, {RATE: 0.1}], pruner=pruner)
        found = run_search(settings, tmp_path / name, progress=False)
        assert (found.table["status"] == "done").all()
    assert (tmp_path / "with" / "trials.parquet").read_bytes() == (tmp_path / "without" / "trials.parquet").read_bytes()


def test_a_storage_that_is_gone_is_a_failure_of_its_job(small_circuit):
    settings = asked(small_circuit, pruner="MedianPruner")
    job = {"key": "k", "command": "train", "settings": {}}
    done = run_prunable(prunable(job, settings, "sqlite:////nowhere/study.db", 0))
    assert done["status"] == "failed" and done["error"].startswith("pruner: the storage cannot be opened (")
    assert "pruning" not in done


@pytest.mark.parametrize("key", ["status", "files", "seconds"])
def test_without_a_pruner_it_is_run_job(key):
    assert key in run_prunable({"key": "k", "command": "train", "settings": {"samples": -1}})
