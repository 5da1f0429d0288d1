"""Means over seeds: what is drawn is what the table says, for any number of settings."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from spikedtp.plotting.sweep_means import MAX_ROWS, means_figure
from spikedtp.records import save_figure

MEASURES = {"test_accuracy": "test accuracy"}


def jobs(settings, n_seeds=3, seed=0):
    rng = np.random.default_rng(seed)
    points = itertools.product(*settings.values(), range(n_seeds))
    rows = [dict(zip([*settings, "seed"], point, strict=True)) | {"status": "done"} for point in points]
    return pd.DataFrame([row | {"test_accuracy": rng.random()} for row in rows])


def drawn(ax):
    """The means and the halves of the bars of every colour, in per cent."""
    return [
        (bars.lines[0].get_xydata(), [np.diff(segment[:, 1])[0] / 2 for segment in bars.lines[2][0].get_segments()])
        for bars in ax.containers
    ]


@pytest.mark.parametrize("numbers", [True, False])
def test_means_and_errors_are_drawn(numbers):
    values = [10, 20, 50] if numbers else ["digits_dtp", "models/digits_btsp.yaml", "c"]
    table = jobs({"x": values, "mode": ["rate", "spiking"]})
    figure = means_figure(table, ["x", "mode"], MEASURES)
    (ax,) = figure.axes
    for mode, (points, halves) in zip(("rate", "spiking"), drawn(ax), strict=True):
        groups = table[table["mode"] == mode].groupby("x", sort=False)["test_accuracy"]
        np.testing.assert_allclose(points[:, 1], 100 * groups.mean(), rtol=1e-12)
        np.testing.assert_allclose(halves, 100 * groups.sem(), rtol=1e-9)
        assert np.allclose(points[:, 0], values if numbers else np.arange(3), atol=0 if numbers else 0.3)
    words = [label.get_text() for label in ax.get_xticklabels()]
    assert words == (["10", "20", "50"] if numbers else ["digits_dtp", "digits_btsp", "c"])
    assert [text.get_text() for text in figure.legends[0].texts] == ["rate", "spiking"]


def test_further_settings_are_rows_and_none_is_left_out_in_silence():
    table = jobs({"a": [1, 2, 3, 4], "b": [1, 2, 3], "c": [1, 2]})
    figure = means_figure(table, ["c", "b", "a"], MEASURES)
    assert [ax.get_title() for ax in figure.axes] == ["c 1", "c 2"] and figure._suptitle is None
    table = jobs({"a": [1, 2, 3, 4], "b": [1, 2, 3], "c": [1, 2, 3], "d": [1, 2, 3]})
    figure = means_figure(table, list("abcd"), MEASURES)
    assert len(figure.axes) == MAX_ROWS and figure.get_suptitle() == "the first 6 of 9 rows (the tables have all)"


def test_learning_curves_stand_beside_the_means():
    table = jobs({"circuit": ["a", "b", "c"], "mode": ["rate", "spiking"]})
    curves = table.groupby(["circuit", "mode"], sort=False).size().reset_index()[["circuit", "mode"]]
    curves = curves.merge(pd.DataFrame({"samples": [0, 10, 20]}), how="cross")
    rng = np.random.default_rng(1)
    names = [f"accuracy_{kind}.{what}" for kind in ("rate", "spiking") for what in ("mean", "sem")]
    curves = curves.assign(**{name: rng.random(len(curves)) for name in names})
    curves.loc[(curves["mode"] == "rate") | (curves["samples"] < 20), names[2:]] = np.nan  # asked at the end
    figure = means_figure(table, ["circuit", "mode"], MEASURES, curves)
    assert [ax.get_title() for ax in figure.axes] == ["", "a", "b", "c"]
    for name, ax in zip("abc", figure.axes[1:], strict=True):
        own = curves[curves["circuit"] == name]
        lines = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 3]
        np.testing.assert_allclose(np.concatenate(lines), 100 * own["accuracy_rate.mean"])
        (bars,) = ax.containers
        assert bars.lines[0].get_ydata() == pytest.approx(100 * own["accuracy_spiking.mean"].dropna().to_numpy())


def test_one_setting_alone_and_nothing_finished():
    table = jobs({"x": ["one"]})
    (ax,) = means_figure(table, [], MEASURES).axes
    ((points, _),) = drawn(ax)
    assert points[0, 1] == pytest.approx(100 * table["test_accuracy"].mean())
    figure = means_figure(table.assign(status="failed"), ["x"], MEASURES)
    assert figure.texts[0].get_text() == "no finished job with a result to draw"


def test_the_same_bytes_each_time(tmp_path):
    table = jobs({"circuit": ["a", "b"], "mode": ["rate", "spiking"]})
    points = {"samples": 5, "accuracy_rate.mean": 0.1, "accuracy_rate.sem": 0.1}
    curves = table.assign(**points, **{"accuracy_spiking.mean": np.nan, "accuracy_spiking.sem": np.nan})
    drawn = set()
    for _ in range(4):
        for path in save_figure(tmp_path, "means", means_figure(table, ["circuit", "mode"], MEASURES, curves)):
            drawn.add(path.read_bytes())
    assert len(drawn) == 2  # a PNG and an SVG
