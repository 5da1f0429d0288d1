"""planning.py in quick mode: its checks, and that it goes on where it was."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from brian2 import Hz, ms
from scripts import EXPERIMENTS, run_script


@pytest.mark.slow
def test_quick(tmp_path):
    out = tmp_path / "out"
    done = run_script("planning", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    for part, n_rows in (("open", 2 * 2 * 2), ("closed", 9 * 2)):  # settings, repeats, projections
        table = pd.read_csv(out / f"{part}.csv")
        assert len(table) == n_rows
        standard = np.hypot(table["simulated.cosine.error"], table["planned.error"])
        assert (table["planned.cosine"] - table["simulated.cosine"]).abs().median() < 4 * standard.median()
    backwards = pd.read_csv(out / "backwards.csv")
    assert (backwards["simulated"] - backwards["wanted"]).abs().max() < 0.12
    summary = json.loads((out / "summary.json").read_text())
    assert summary["power.n_planned"] >= 2 and 0 <= summary["power.share_detected"] <= 1
    assert summary["speed.open.seconds"] < summary["speed.closed.seconds"] < 10
    begun = time.perf_counter()
    again = run_script("planning", "--quick", "--out", out, "--only", "open,closed,backwards,power")
    assert again.returncode == 0 and time.perf_counter() - begun < 20  # every job was kept
    kept = json.loads((out / "summary.json").read_text())
    assert kept == {name: value for name, value in summary.items() if not name.startswith("speed")}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--only", "open,all"], "unknown part 'all'"),
        (["--only", "mnist"], "needs --mnist DIR and --mnist-weights FILE"),
    ],
)
def test_mistakes(tmp_path, words, line):
    done = run_script("planning", *words, "--out", tmp_path / "out")
    assert done.returncode == 2 and line in done.stderr
    assert not (tmp_path / "out").exists()


def test_several_cells_for_one_unit_share_its_noise(monkeypatch):
    """Read-outs are means over the cells, and what the synapses saw is made of these means."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    from plans.backwards import several_cells
    from plans.cases import digits

    options = {"population": "H2E", "unit_rate": 60 * Hz, "time_per_step": 10 * ms, "projections": ["H2E_H1E"]}
    response = digits(2, "runtime").respond(12, **options)
    means = several_cells(response, 4)
    one, several = (r.projections["H2E_H1E"].signals for r in (response, means))
    assert means.n_repeats == 3
    for name in ("pre_settled", "dendrite_settled"):
        expected = getattr(one, name).reshape(2, 3, 4, -1).mean(axis=2)
        np.testing.assert_allclose(getattr(several, name), expected, rtol=1e-5, atol=1e-6)
    of_one, of_several = (
        np.median([r.projections["H2E_H1E"].update(0, k).std() for k in range(r.n_repeats)]) for r in (response, means)
    )
    assert of_several < 0.8 * of_one  # noise alone makes most of it
