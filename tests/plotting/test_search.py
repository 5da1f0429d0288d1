"""The figure of a search: the best so far, the front, and a panel for each parameter."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spikedtp.plotting.search import search_figure

TABLE = pd.DataFrame(
    {
        "trial": range(5),
        "unit_rate": [10.0, 100.0, 1000.0, 50.0, 20.0],
        "schedule": ["anneal", "constant", "anneal", "anneal", "constant"],
        "cell.tau_soma": ["10*ms", "20*ms", "30*ms", "40*ms", "50*ms"],
        "status": ["done", "done", "failed", "done", "done"],
        "validation_accuracy": [0.5, 0.7, None, 0.6, 0.9],
        "milliseconds": [100.0, 200.0, None, 50.0, 300.0],
        "best": [False, True, False, True, True],
    }
)
PARAMETERS = {"unit_rate": True, "schedule": False, "cell.tau_soma": False}


def drawn(ax, gid):
    (found,) = (artist for artist in ax.get_children() if artist.get_gid() == gid)
    return found


def test_one_objective():
    figure = search_figure(TABLE, PARAMETERS, {"validation_accuracy": True})
    history, *panels = figure.axes
    np.testing.assert_allclose(drawn(history, "best-so-far").get_ydata(), [50, 70, 70, 90])
    assert history.get_xlabel() == "trial" and history.get_ylabel() == "validation accuracy (%)"
    assert [ax.get_xlabel() for ax in panels] == ["unit_rate (Hz)", "schedule", "cell.tau_soma (ms)"]
    assert [ax.get_xscale() for ax in panels] == ["log", "linear", "linear"]
    np.testing.assert_allclose(drawn(panels[0], "best").get_offsets(), [[100, 70], [50, 60], [20, 90]])
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["anneal", "constant"]


def test_two_objectives_and_a_front():
    objectives = {"validation_accuracy": True, "milliseconds": False}
    first, second, front, *panels = search_figure(TABLE, PARAMETERS, objectives).axes
    np.testing.assert_allclose(drawn(second, "best-so-far").get_ydata(), [100, 100, 50, 50])
    np.testing.assert_allclose(drawn(front, "front").get_xydata(), [[60, 50], [70, 200], [90, 300]])
    assert len(panels) == 3 and {ax.get_ylabel() for ax in panels} == {first.get_ylabel()}


def test_many_parameters_stay_on_a_page():
    wide = TABLE.assign(**{f"p{k}": range(5) for k in range(20)})
    figure = search_figure(wide, {f"p{k}": False for k in range(20)}, {"validation_accuracy": True})
    assert len(figure.axes) == 10
