"""The figure of a sweep: what is drawn is what the table says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spikedtp.plotting.sweep import predicted_angles, setting_angles, sweep_figure


@pytest.fixture
def table():
    """Twelve jobs on two circuits, the last one failed; noise that falls with the rate, a systematic cosine of .99."""
    rate = np.tile([100.0, 450.0, 1000.0], 4)
    ceiling = 1 / np.sqrt(1 + 30 / rate)
    columns = {
        "unit_rate": rate,
        "cell.tau_soma": np.repeat(["30*ms", "60*ms"], 6),
        "circuit": ["/some/where/wide.yaml", "/some/where/narrow.yaml"] * 6,
        "status": ["done"] * 11 + ["failed"],
        "H2E_H1E.rule.noise_ceiling.median": ceiling,
        "H2E_H1E.rule.noiseless_cosine.median": 0.99,
        "H2E_H1E.rule.cosine.median": 0.99 * ceiling,
    }
    table = pd.DataFrame(columns)
    table.loc[11, [name for name in table if name.startswith("H2E")]] = np.nan
    return table


def axes():
    return Figure().add_subplot()


def test_medians_of_jobs_against_a_setting(table):
    ax = setting_angles(axes(), table[:11], "unit_rate", "H2E_H1E")
    jobs, median, noise = ax.lines
    angle = np.degrees(np.arccos(0.99 / np.sqrt(1 + 30 / np.array([100, 450, 1000]))))
    np.testing.assert_allclose(median.get_xydata(), np.column_stack([[100, 450, 1000], angle]))
    np.testing.assert_allclose(noise.get_ydata(), np.degrees(np.arctan(np.sqrt(30 / np.array([100, 450, 1000])))))
    assert len(jobs.get_xdata()) == 11 and ax.get_xscale() == "log"


def test_quantities_and_words_have_places(table):
    ax = setting_angles(axes(), table[:11], "cell.tau_soma", "H2E_H1E")
    assert list(ax.lines[1].get_xdata()) == [30, 60]
    ax = setting_angles(axes(), table[:11], "circuit", "H2E_H1E")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["wide", "narrow"]
    assert list(ax.lines[0].get_xdata()) == [0, 1] * 5 + [0]


def test_a_right_prediction_lies_on_the_diagonal(table):
    points = predicted_angles(axes(), table[:11], "H2E_H1E").lines[0].get_xydata()
    np.testing.assert_allclose(points[:, 0], points[:, 1])
    assert len(points) == 11


def test_the_whole_figure(table):
    table["weights"] = table["circuit"].str.replace("yaml", "pt")  # always changes with the circuit
    figure = sweep_figure(table, ["unit_rate", "cell.tau_soma", "circuit", "weights", "status"])
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels == ["unit rate (Hz)", "cell.tau soma (ms)", "circuit", "predicted angle (degrees)"]
    assert figure.axes[0].get_title(loc="left") == "H2E from H1E"
    (note,) = sweep_figure(table[11:], ["unit_rate"]).texts
    assert note.get_text() == "no finished job with a weight change"
