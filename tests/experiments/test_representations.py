"""The experiment on representations: what it measures, and a quick run of the whole."""

import importlib.util
import json
import sys

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

from spikedtp.representations import selectivity, similarity, similarity_by_class

SCRIPT = EXPERIMENTS / "representations.py"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        spec = importlib.util.spec_from_file_location("representations_script", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXPERIMENTS))
    return module


def test_measures_stand_in_a_tidy_table(script):
    rng = np.random.default_rng(0)
    A, labels = rng.poisson(1, (80, 7)), rng.integers(0, 3, 80)
    outputs = np.eye(3)[labels]
    outputs[:20] = np.eye(3)[(labels[:20] + 1) % 3]
    table = script.measured({"H1E": A, "OutputE": outputs}, labels)
    of = lambda measure, name="H1E": table.query("population == @name and measure == @measure")["value"]  # noqa: E731
    assert of("accuracy", "OutputE").item() == 0.75
    np.testing.assert_allclose(of("selectivity"), selectivity(A))
    assert len(of("discriminability")) == script.N_PAIRS < 80 * 79 / 2  # thinned
    between = np.concatenate(list(similarity_by_class(similarity(A), labels).between.values()))
    assert of("similarity between classes").mean() == pytest.approx(between.mean(), abs=1e-3)


def test_differences_are_paired_by_seed(script):
    rows = [
        {"population": "H1E", "measure": "sparsity", "learned": learned, "answered": "rate", "seed": seed, "value": v}
        for learned, values in (("rate", (1, 2, 3)), ("spikes", (1.5, 2.4, 3.6)))
        for seed, v in enumerate(values)
    ]
    found = script.differences_of(script.means_of(pd.DataFrame(rows)))
    (row,) = found[found["effect"] == "learned in spikes"].itertuples()
    assert (row.rate, row.seeds, row.difference) == (2, 3, pytest.approx(0.5))
    assert row.high - row.difference == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-5)  # Student's t, 2 degrees


@pytest.mark.slow
def test_quick(tmp_path):
    words = ("--quick", "--device", "runtime", "--samples", 3, "--patterns", 12)
    done = run_script("representations", *words, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "out" / "distributions.parquet")
    assert table.groupby(["learned", "answered"]).ngroups == 4
    assert table.query("measure == 'sparsity'").groupby(["population", "learned", "answered"]).size().eq(12).all()
    assert set(table.query("measure == 'structure'")["answered"]) == {"rate"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert 0 < summary["H1E.sparsity.learned in spikes.rate"] < 1
    assert (tmp_path / "out" / "representations.png").stat().st_size > 5000
