"""Every check of the validation suite at quick size: each line must pass. And: a line that is wrong fails."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from checks import GROUPS, Scale, fixed_points, membranes, pairs
from checks.row import FALSE_ALARM, exact, ks, mean_of, skipped, statistical
from scipy import stats

from spikedtp.neurons import TwoCompartment
from spikedtp.plasticity import BCM
from spikedtp.spiking import default_device

SLOW = {"noisy_current", "angle_and_ceiling", "dendritic_prediction", "as_posted", "cuba"}
SCRIPT = Path(__file__).parent.parent.parent / "experiments" / "validation.py"
SCALE = Scale(quick=True, seed=0, device="runtime")
#: Too long without a compiler, or about it.
COMPILED = {"angle_and_ceiling", "cuba", "noisy_current", "same_on_both_devices"}

CHECKS = [
    pytest.param(check, id=check.__name__, marks=[pytest.mark.slow] if check.__name__ in SLOW else [])
    for members in GROUPS.values()
    for check in members
]


@pytest.mark.parametrize("check", CHECKS)
def test_every_line_passes(check):
    rows = check(SCALE._replace(device=default_device()) if check.__name__ in COMPILED else SCALE)
    assert rows
    for row in rows:
        if row.reason:
            pytest.skip(row.reason)
    failed = [row for row in rows if row.verdict != "pass"]
    assert not failed, [f"{r.claim}: {r.measured:g}, not {r.expected:g} ± {r.tolerance:g}" for r in failed]


# --- what is wrong fails ----------------------------------------------------------------------------------------------


def test_verdicts():
    assert exact("a", 1, 1 + 1e-9, 1e-8, "").verdict == "pass"
    assert exact("a", 1, 1.1, 0.05, "").verdict == "FAIL"
    assert exact("a", 0, np.nan, 1, "").verdict == exact("a", 0, [0.0, np.nan], 1, "").verdict == "FAIL"
    assert exact("arrays", np.array([1, 2]), np.array([1, 2.5]), 0.4, "").verdict == "FAIL"
    assert skipped("a", "no NEST").verdict == "left out: no NEST"


def test_false_alarms_are_as_rare_as_stated():
    """Lines of noise alone, at a rate that can be counted: the tolerance scaled to a false-alarm rate of 1 in 20."""
    rng, n, runs = np.random.default_rng(1), 40, 4000
    normal = stats.norm.isf([FALSE_ALARM / 2, 0.025])
    student = stats.t.isf([FALSE_ALARM / 2, 0.025], n - 1)
    distance = stats.kstwo.isf([FALSE_ALARM, 0.05], n)
    false = np.zeros(3)
    for _ in range(runs):
        x = rng.standard_normal(n)
        lines = (
            (statistical("mean", 0, x.mean(), 1 / np.sqrt(n)), normal),
            (mean_of("mean", 0, x), student),
            (ks("law", stats.kstest(x, "norm").statistic, n), distance),
        )
        false += [row.error > row.tolerance * often / rare for row, (rare, often) in lines]
    # five standard errors of a share of 1 in 20
    np.testing.assert_allclose(false / runs, 0.05, atol=5 * np.sqrt(0.05 * 0.95 / runs))


def test_a_wrong_time_constant_fails(monkeypatch):
    monkeypatch.setattr("spikedtp.plasticity.stdp.decay", lambda dt, tau: float(np.exp(-float(dt / tau) * 1.0001)))
    rows = pairs.window(SCALE)
    assert [row.verdict for row in rows] == ["FAIL", "pass"]  # the rate form alone was broken


def test_a_wrong_coupling_fails(monkeypatch):
    """Equations in which the soma sees 2 % less of the dendrite than the cell's parameter says."""
    declaration = TwoCompartment.declaration

    def weaker(self):
        made = declaration(self)
        equations = made.equations.substitute(coupling="(0.98*coupling)")
        return replace(made, equations=equations)

    monkeypatch.setattr(TwoCompartment, "declaration", weaker)
    failed = [row.claim for row in membranes.attenuation(SCALE) if row.verdict == "FAIL"]
    assert len(failed) == 2 and all("linear cell" in claim for claim in failed)


def test_a_threshold_that_is_too_slow_fails(monkeypatch):
    stepper = BCM.stepper

    def slow(self, dt):
        step = stepper(self, dt)

        def halved(weight, state, row):
            weight, after = step(weight, state, row)
            return weight, {"theta": (state["theta"] + after["theta"]) / 2}

        return halved

    monkeypatch.setattr(BCM, "stepper", slow)
    failed = [row.claim for row in fixed_points.bcm(SCALE) if row.verdict == "FAIL"]
    assert failed == ["BCM: slowest θ with a stable response, τ_θ in ms"]


# --- the experiment ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_experiment(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--quick", "--out", tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "validation.csv", "validation.png", "validation.svg", "summary.json", "manifest.json",
    }  # fmt: skip
    table = pd.read_csv(tmp_path / "out" / "validation.csv")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(table["group"]) == set(GROUPS) and summary["lines"] == len(table) > 60
    assert summary["failed"] == 0 and summary["passed"] == (table.verdict == "pass").sum()
