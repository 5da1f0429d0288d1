"""Means and standard errors over seeds are those of the jobs, whatever is varied."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spikedtp.sweep.means import learning_curves, means_over_seeds, setting_columns


def jobs(rng, n_failed=0):
    """Settings of every kind, in an order of their own; results of every kind."""
    rows = [
        {"circuit": circuit, "spikers": spikers, "dt": 1.0, "seed": seed, "data_seed": seed % 2, "status": "done",
         "error": None, "word": "x", "accuracy": rng.random(), "n": int(rng.integers(9))}
        for circuit in "ba" for spikers in (None, 4.0) for seed in range(4)
    ]  # fmt: skip
    for row in rng.permutation(len(rows))[:n_failed]:
        rows[row] |= {"status": "failed", "error": "why", "accuracy": np.nan, "n": None}
    return pd.DataFrame([{"job": str(n), **row} for n, row in enumerate(rows)])


def test_a_mean_of_some_seeds_is_none():
    """One finished job has no cosine: a mean of the other two would pass for one of three."""
    rows = [{"job": str(k), "x": 1, "seed": 0, "validation_seed": k, "status": "done", "error": None, "cosine": value}
            for k, value in enumerate((1.0, None, 3.0))]  # fmt: skip
    (row,) = means_over_seeds(pd.DataFrame(rows)).to_dict("records")
    assert row["n_seeds"] == 3 and np.isnan(row["cosine.mean"]) and np.isnan(row["cosine.sem"])


@pytest.mark.parametrize("n_failed", [0, 1, 5])
@pytest.mark.parametrize("seed", range(3))
def test_means_are_those_of_the_jobs(seed, n_failed):
    table = jobs(np.random.default_rng(seed), n_failed)
    means = means_over_seeds(table)
    assert setting_columns(table) == ["circuit", "spikers"]
    assert list(means["circuit"]) == ["b", "b", "a", "a"] and list(means["spikers"].isna()) == [True, False] * 2
    assert means["n_failed"].sum() == n_failed and (means["n_seeds"] + means["n_failed"] == 4).all()
    for n, row in enumerate(means.to_dict("records")):
        for name in ("accuracy", "n"):
            values = table[name][4 * n : 4 * n + 4].dropna().astype(float)
            if len(values) > 1:
                assert row[f"{name}.mean"] == pytest.approx(values.mean(), rel=1e-14)
                assert row[f"{name}.sem"] == pytest.approx(stats.sem(values), rel=1e-12)
    assert not [name for name in means if name.startswith("word")]


def test_one_seed_has_no_error():
    means = means_over_seeds(jobs(np.random.default_rng(0)).query("seed == 2"))
    assert (means["n_seeds"] == 1).all() and means["accuracy.sem"].isna().all() and means["accuracy.mean"].notna().all()


def test_seeds_alone():
    table = jobs(np.random.default_rng(0))[:4].assign(spikers=4.0)
    means = means_over_seeds(table)
    assert setting_columns(table) == [] and len(means) == 1 and means["n_seeds"][0] == 4


def test_learning_curves(tmp_path):
    rng, table = np.random.default_rng(1), jobs(np.random.default_rng(1))[:8]
    curves = {}
    for key in table["job"][:7]:  # the last one has left nothing
        curves[key] = pd.DataFrame({"samples": [0, 5, 10], "accuracy_rate": rng.random(3), "accuracy_spiking": np.nan})
        curves[key].loc[2, "accuracy_spiking"] = rng.random()
        (tmp_path / key).mkdir()
        curves[key].to_csv(tmp_path / key / "learning_curve.csv", index=False)
    found = learning_curves(table, {key: tmp_path / key for key in table["job"]})
    assert list(found["samples"]) == [0, 5, 10] * 2 and list(found["n_seeds"]) == [4] * 3 + [3] * 3
    second = np.array([curves[key]["accuracy_rate"] for key in "456"])
    np.testing.assert_allclose(found["accuracy_rate.mean"][3:], second.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found["accuracy_rate.sem"][3:], stats.sem(second), rtol=1e-12)
    assert found["accuracy_spiking.mean"].notna().tolist() == [False, False, True] * 2
    assert not len(learning_curves(table, {}))
