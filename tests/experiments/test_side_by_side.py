"""side_by_side.py: its table beside its networks, e-prop beside backpropagation through time, and mistakes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from eprop_images import RULE
from rivals.eprop_cells import backpropagated
from rivals.knowledge import knowledge
from rivals.task import Task, found, samples_to
from scripts import run_script
from side_by_side import MEASURES, RULES, summarised

from spikedtp import EPropNetwork
from spikedtp.rate.backprop_clone import angle


@pytest.mark.slow
def test_quick(tmp_path):
    out, few = tmp_path / "out", ("--quick", "--rules", "backprop; read-out only", "--forms", "rate")
    done = run_script("side_by_side", *few, "--out", out)
    assert done.returncode == 0, done.stderr
    results = out / "results"
    table, networks, curves = (pd.read_csv(results / f"{n}.csv") for n in ("side_by_side", "networks", "curves"))
    assert list(table["rule"]) == ["backprop", "read-out only"] and (results / "side_by_side.png").exists()
    assert np.allclose(table["test"], networks["test"])  # of one seed
    assert abs(networks["angle"].iloc[0]) < 0.1 and np.isnan(networks["angle"].iloc[1])  # backprop's own, and none
    first = curves[curves["samples"] == 0].groupby("rule")["accuracy"].first()
    assert set(first.index) == set(table["rule"])
    kept = sorted((out / "runs").iterdir())
    again = run_script("side_by_side", *few, "--out", out)
    assert again.returncode == 0 and sorted((out / "runs").iterdir()) == kept
    assert json.loads((results / "manifest.json").read_text())["configuration"]["samples"] == 60


@pytest.mark.parametrize("seed", range(3))
def test_eprop_is_backprop_through_time_without_recurrence(seed):
    """With symmetric feedback, and without recurrent synapses, e-prop is exact, the refractory cells included."""
    rng, n = np.random.default_rng(seed), 20
    weights = [rng.standard_normal((n, 12)), np.zeros((n, n)), rng.standard_normal((4, n)) / 4]
    x, target = rng.random((60, 12)) < 0.15, np.eye(4)[rng.integers(4)]
    x[0] = False
    plain = replace(RULE, optimizer="gradient_descent", learning_rate=1.0)
    network = EPropNetwork(plain, *weights, feedback=weights[2].T)
    spikes = network.learn(x[None], target[None]).spikes
    slopes = backpropagated(RULE, *weights, x, target)
    assert spikes.sum() > n
    assert angle(network.w_in - weights[0], -slopes[0]) < 1e-3
    weights[1] = rng.standard_normal((n, n)) / 3 * (1 - np.eye(n))
    network = EPropNetwork(plain, *weights, feedback=weights[2].T)
    network.learn(x[None], target[None])
    recurrent = angle(network.w_in - weights[0], -backpropagated(RULE, *weights, x, target)[0])
    assert 1 < recurrent < 80  # what e-prop leaves out


def test_presentations_to_the_goal():
    assert samples_to([[0, 0.1], [10, 0.79], [20, 0.8], [30, 0.7]]) == 20
    assert np.isnan(samples_to([[0, 0.1], [10, 0.79]]))


def test_summary_over_seeds():
    ends = [0.9, 0.8, 0.95]
    rows = [{"rule": "5J", "form": "rate", "seed": k, "presentations": p, **found(curve=[], validation=v, test=None)}
            for k, (v, p) in enumerate(zip(ends, (100, np.nan, 300), strict=True))]  # fmt: skip
    row = summarised(pd.DataFrame(rows).astype(dict.fromkeys(MEASURES, float))).iloc[0]
    assert np.isclose(row["validation"], np.mean(ends)) and row["presentations"] == 300 and row["n_seeds"] == 3
    assert np.isclose(row["validation.half"], 4.302653 * np.std(ends, ddof=1) / np.sqrt(3))
    few = summarised(pd.DataFrame(rows[:2]).astype(dict.fromkeys(MEASURES, float))).iloc[0]
    assert np.isnan(few["presentations"])  # half of them never came so far


@pytest.mark.parametrize("rule", ["read-out only", "Burstprop", "e-prop"])
def test_time_of_a_sample(rule):
    task = Task("digits", 60, 300, (20,), 2, 2, False, Path(), "runtime")
    family, forms = RULES[rule]
    assert 0.01 < family.time_of(rule, forms[0], task) < 1000  # ms


def test_every_rule_is_explained():
    assert list(knowledge()["rule"]) == list(RULES)


def test_the_early_changes_are_at_a_probe():
    for samples in (60, 6_000, 20_000, 50_000):
        task = Task("digits", samples, 300, (9,), 2, 2, False, Path(), "runtime")
        assert task.early % task.probe_every == 0 and 0 < task.early <= samples / 10


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--rules", "5J; LDS"], "unknown rule 'LDS'"),
        (["--forms", "both"], "unknown form 'both'"),
        (["--data", "spirals"], "this experiment is about digits and mnist:DIR"),
    ],
)
def test_mistakes(tmp_path, words, line):
    done = run_script("side_by_side", *words, "--out", tmp_path / "out")
    assert done.returncode == 2 and line in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()
