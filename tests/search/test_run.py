"""A search from its settings to its results: the same however it was run, and refused before anything is written."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from search.searches import RATE, left, search, settings
from sweep.clusters import cluster, wait_for_workers, worker
from sweep.sweeps import killed_three_times, recorded, spikedtp

from spikedtp.cli import main
from spikedtp.configuration import SearchConfiguration, read_settings
from spikedtp.errors import SpikedtpError
from spikedtp.search import run_search
from spikedtp.search.space import Space

DOCS = Path(__file__).parents[2] / "docs"


def test_what_it_leaves(reference, capsys):
    table = pd.read_parquet(reference / "trials.parquet")
    assert list(table["trial"]) == list(range(5)) and (table["status"] == "done").all()
    assert table[RATE].between(0.001, 1).all() and set(table["schedule"]) <= {"anneal", "constant"}
    best = table.loc[table["validation_accuracy"].idxmax()]
    assert best["best"] and table["best"].sum() == 1
    summary = json.loads((reference / "summary.json").read_text())
    assert summary["best_trial"] == best["trial"] and summary[f"best.{RATE}"] == best[RATE]
    assert summary["n_trials"] == 5 and summary["n_failed"] == summary["n_pruned"] == 0
    manifest = json.loads((reference / "manifest.json").read_text())
    assert manifest["jobs"] == {"run_this_time": 5} and set(manifest["outputs"]) >= {"best/config.yaml", "search.png"}


def test_the_file_of_the_documentation_is_taken(tmp_path):
    """Its ``command`` is that of the trials, and the other settings are as they stand there."""
    page = (DOCS / "search.md").read_text(encoding="utf-8")
    (tmp_path / "search.yaml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    found = SearchConfiguration.of(read_settings(tmp_path / "search.yaml", "search"))
    space = Space(found)
    assert found.job_command == "train" and len(found.seeds) == 2 and len(list(space.checked())) == 3
    words = ["search", "--config", str(tmp_path / "search.yaml"), "--trials", "0"]
    assert main([*words, "--out", str(tmp_path / "x")]) == 2


def test_a_search_and_a_sweep_do_not_share_a_folder(reference, tmp_path, capsys):
    words = ["--set", "base.samples=1", "--set", "grid.seed=[0]", "--jobs", "1"]
    assert main(["sweep", *words, "--out", str(reference)]) == 2
    assert "holds the results of spikedtp search: name another --out" in capsys.readouterr().err
    (tmp_path / "config.yaml").write_text("command: sweep\n")
    assert main(["search", "--config", str(reference / "config.yaml"), "--out", str(tmp_path)]) == 2
    assert "holds the results of spikedtp sweep: name another --out" in capsys.readouterr().err


def test_the_best_configuration_runs_by_itself(reference, tmp_path):
    words = ["train", "--config", str(reference / "best" / "config.yaml"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    found = json.loads((tmp_path / "out" / "summary.json").read_text())["validation_accuracy"]
    assert found == json.loads((reference / "summary.json").read_text())["best.validation_accuracy"]
    assert main([*words[:-1], str(tmp_path / "test"), "--validation", "0"]) == 0  # what a search does not do
    assert json.loads((tmp_path / "test" / "summary.json").read_text())["n_test"] == 599


def test_finished_trials_are_not_run_again(config, reference, capsys):
    before, files = recorded(reference), left(reference)
    words = ["search", "--config", str(reference / "config.yaml"), "--out", str(reference), "--jobs", "1"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "5 of 5 trials done" in out and "spikedtp train --config" in out
    assert recorded(reference) == before and left(reference) == files
    assert json.loads((reference / "manifest.json").read_text())["jobs"] == {"run_this_time": 0}


def test_a_failing_trial_is_reported_and_does_not_stop_the_rest(small_circuit, tmp_path, capsys):
    changes = {"parameters": {"probe_every": [40, 20], "rules.H2E_H1E": ["Oja", "Nonsense"]}, "sampler": "QMCSampler"}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(settings(small_circuit, **changes, trials=4)))
    words = ["search", "--config", str(tmp_path / "search.yaml"), "--jobs", "1", "--out", str(tmp_path / "out")]
    assert main(words) == 1
    out, err = capsys.readouterr()
    table = pd.read_parquet(tmp_path / "out" / "trials.parquet")
    failed = table[table["status"] == "failed"]
    assert 0 < len(failed) < 4 and set(failed["rules.H2E_H1E"]) == {"Nonsense"}
    assert failed["error"].str.startswith("unknown learning rule 'Nonsense': known are").all()
    lines = [line for line in err.splitlines() if line.startswith("trial ")]
    assert lines == [f"trial {row.trial} failed: {row.error}" for row in failed.itertuples()]
    assert f"{4 - len(failed)} of 4 trials done" in out


def test_nothing_but_failures(small_circuit, tmp_path):
    found = run_search(
        search(small_circuit, parameters={"rules.H2E_H1E": ["Nonsense", "Rubbish"]}, trials=2, jobs=1),
        tmp_path / "out", progress=False,
    )  # fmt: skip
    assert len(found.failed) == 2 and "best_trial" not in found.summary
    assert not (tmp_path / "out" / "best").exists() and (tmp_path / "out" / "trials.parquet").is_file()


def test_several_objectives_give_a_front(small_circuit, tmp_path):
    from spikedtp.rate import load_rate_network
    from spikedtp.rate.checkpoints import write_weights

    write_weights(tmp_path / "fresh.pt", load_rate_network(small_circuit, seed=3).state_dict())
    asked = search(
        small_circuit,
        job_command="compare",
        objective="cosine,milliseconds",
        base={
            "circuit": str(small_circuit), "weights": str(tmp_path / "fresh.pt"), "samples": 1, "repeats": 2,
            "device": "runtime", "validation": 100,
        },
        parameters={"time-per-step": [5, 20], "unit-rate": {"low": 50, "high": 800}},
        trials=4, jobs=1,
    )  # fmt: skip
    found = run_search(asked, tmp_path / "out", progress=False)
    table = found.table
    assert set(table["milliseconds"]) <= {105.0, 420.0} and table["cosine"].between(-1, 1).all()
    for row in table.itertuples():
        beaten = (table["cosine"] > row.cosine) & (table["milliseconds"] <= row.milliseconds)
        assert row.best == (not beaten.any())
    assert sorted(found.summary["front"]) == sorted(table[table["best"]]["trial"])
    for number in found.summary["front"][1:]:
        kept = yaml.safe_load((tmp_path / "out" / "best" / f"trial-{number}" / "config.yaml").read_text())
        assert kept["command"] == "compare" and kept["unit_rate"] == table["unit_rate"][number]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--objective", "beauty"], "--objective: unknown objective 'beauty': known are validation_accuracy, "),
        (["--set", "parameters={}"], "a search needs parameters to vary"),
        (["--set", "parameters.dt={low: 2, high: 2}"], "parameters.dt: needs low < high"),
        (["--storage", "sqlite:////nowhere/study.db"], "--storage sqlite:////nowhere/study.db cannot be opened"),
        (["--sampler", "Magic"], "unknown sampler of Optuna 'Magic'"),
        (["--pruner", "MedianPruner", "--set", "seeds=[0,1]"], "pruner: it compares single trainings"),
        (["--pruner", "MedianPruner", "--scheduler", "tcp://127.0.0.1:9"], "pruner: workers of a cluster ask"),
        (["--tracker", "nobody"], "unknown tracker 'nobody'"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(words, message, config, tmp_path, capsys):
    assert main(["search", "--config", str(config), "--out", str(tmp_path / "out"), *words]) == 2
    err = capsys.readouterr().err
    assert message in err and err.startswith("spikedtp: error: ") and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_pruner_needs_something_to_see(small_circuit, tmp_path):
    with pytest.raises(SpikedtpError, match="pruner: only the validation_accuracy of 'train' is measured on the way"):
        run_search(
            search(
                small_circuit, objective="validation_accuracy_in_spikes", pruner="MedianPruner",
                base={"circuit": str(small_circuit), "samples": 4, "validation": 100, "mode": "spiking"},
            ),
            tmp_path / "out",
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_without_optuna(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["search", "--config", str(config), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "spikedtp: error: this needs optuna: pip install 'spikedtp[search]'\n"
    assert not list(tmp_path.iterdir())


def test_a_storage_that_goes_away_ends_it_in_one_line(small_circuit, tmp_path):
    """What is finished is kept: the search continues when the storage is back."""
    storage, kept = tmp_path / "study.db", tmp_path / "kept.db"

    def lose(run):
        if storage.exists() and not kept.exists():
            kept.write_bytes(storage.read_bytes())
            with sqlite3.connect(storage) as connection:
                connection.execute("DROP TABLE trial_values")

    asked = search(small_circuit, trials=2, at_once=1, jobs=1, storage=f"sqlite:///{storage}")
    with pytest.raises(SpikedtpError, match=r"study.db is gone or damaged \(.*\): what is finished is kept"):
        run_search(asked, tmp_path / "out", progress=False, on_finished=lose)
    assert len(recorded(tmp_path / "out")) == 1 and not (tmp_path / "out" / "trials.parquet").exists()
    kept.replace(storage)
    found = run_search(asked, tmp_path / "out", progress=False)
    assert found.n_run == 1 and list(found.table["status"]) == ["done", "done"]


@pytest.mark.slow
def test_two_processes_find_the_same(config, reference, tmp_path):
    process = spikedtp("search", "--config", config, "--jobs", 2, "--out", tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert left(tmp_path) == left(reference)


@pytest.mark.slow
def test_a_cluster_that_shares_no_folder_finds_the_same(config, reference, tmp_path):
    """The circuit lies where no worker can read it, and each worker has a home of its own."""
    distributed = pytest.importorskip("distributed")
    with (
        cluster(tmp_path) as scheduler,
        worker(scheduler.scheduler_address, tmp_path / "a"),
        worker(scheduler.scheduler_address, tmp_path / "b"),
    ):
        with distributed.Client(scheduler.scheduler_address, set_as_default=False) as client:
            wait_for_workers(client, 2)
        process = spikedtp(
            "search", "--config", config, "--scheduler", scheduler.scheduler_address, "--out", tmp_path / "out"
        )
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert left(tmp_path / "out") == left(reference)


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [1, 2])
def test_killed_three_times_and_continued(n_processes, config, reference, tmp_path):
    """kill -9 at a random moment: finished jobs stay and are not run again, and no trial is lost."""
    words = ["search", "--config", config, "--jobs", n_processes, "--out", tmp_path]
    before = killed_three_times(words, tmp_path, "trials.parquet", n_processes, pause=0.3)[-1]
    process = spikedtp(*words)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert before.items() <= recorded(tmp_path).items() and recorded(tmp_path).keys() == recorded(reference).keys()
    assert left(tmp_path) == left(reference)
    assert json.loads((tmp_path / "manifest.json").read_text())["jobs"] == {"run_this_time": 5 - len(before)}
