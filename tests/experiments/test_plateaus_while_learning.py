"""plateaus_while_learning.py: it runs, and says of dendrites, bursts and accuracies what its tables say."""

import json

import numpy as np
import pandas as pd
import pytest
from figures.plateaus import LABELS, PUBLISHED, plateaus_figure
from scripts import run_script


def tables():
    rows = [
        {"population": p, "when": when, "seed": s, "duration_ms": 20.0 + s, "height_mV": 40.0,
         "bursts_per_presentation": 0.2 * s, "burst_fraction": 0.1}
        for p in ("H1E", "H2E", "OutputE") for when in ("before", "during", "after") for s in range(2)
    ]  # fmt: skip
    rows[0] |= {"duration_ms": np.nan, "height_mV": np.nan}  # no plateau there
    curves = [
        {"samples": n, "accuracy_rate": 0.1 * n, "accuracy_spiking": np.nan if way == "rate" else 0.1, "network": way}
        for way in ("all learns", "hidden layers stay", "passive dendrites", "rate") for n in (0, 4)
    ]  # fmt: skip
    return pd.DataFrame(curves), pd.DataFrame(rows)


def test_every_population_and_every_range_is_drawn():
    curves, rows = tables()
    trace = {"v": np.full(40, -0.03), "spikes": np.arange(40) % 9 == 0, "dt_ms": 0.5, "onset_ms": 10.0}
    figure = plateaus_figure(curves, rows, {"before": {}, "during": trace, "after": trace})
    example, *courses, accuracies = figure.get_axes()
    assert [text.get_text() for text in example.get_legend().get_texts()] == ["after"]
    for ax, (column, label) in zip(courses, LABELS.items(), strict=True):
        assert ax.get_ylabel() == label and len(ax.containers) == 3
        assert len(ax.patches) == len(PUBLISHED.get(column, []))
    mean = courses[0].containers[0].lines[0].get_ydata()
    assert mean.tolist() == [21.0, 20.5, 20.5]
    assert len(accuracies.get_lines()) == 4 * 2 + 1


@pytest.mark.slow
def test_quick_run(tmp_path):
    done = run_script("plateaus_while_learning", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    rows = pd.read_csv(tmp_path / "out" / "dendrites.csv")
    assert set(rows["population"]) == {"H1E", "H2E", "OutputE"} and set(rows["when"]) == {"before", "during", "after"}
    for row in rows.itertuples():
        assert summary[f"{row.when}.{row.population}.rate_hz"] == pytest.approx(row.rate_hz)
    assert rows["burst_fraction"].between(0, 1).all() and (rows["rate_hz"] > 0).any()
    plateaus = rows[rows["plateaus_per_presentation"] > 0]
    assert (plateaus["duration_ms"] >= 10).all() and (plateaus["height_mV"] > 70 - 38).all()
    curves = pd.read_csv(tmp_path / "out" / "accuracies.csv")
    assert set(curves["network"]) == {"all learns", "hidden layers stay", "passive dendrites", "rate"}
    assert curves["samples"].max() == 8
    assert (tmp_path / "out" / "plateaus_while_learning.png").exists()
