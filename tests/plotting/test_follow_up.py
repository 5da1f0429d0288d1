"""Follow-ups of Figure 3: traces, dendritic states, correlations, similarity."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from plotting.figure_texts import letters, titles

from spikedtp import plotting
from spikedtp.errors import SpikedtpError
from spikedtp.plotting import Shown


def test_trace_against_its_cells_rate(case, ax):
    shown = Shown(case.rate, case.spiking, **case.last)
    cell = shown.most_active("H1E", 1)[0]
    plotting.eligibility_trace(ax, shown, "H1E", cell)
    trace, level = (line.get_ydata() for line in ax.lines)
    assert np.array_equal(trace, case.raw(case.spiking.eligibility["H1E"])[:, cell])
    assert np.allclose(level, 1.035 * shown.presynaptic_rate("H1E")[:, cell])
    # the trace filters the level that is drawn beside it
    assert trace[-150:].mean() == pytest.approx(level[-150:].mean(), rel=0.3)


def test_dendritic_state_of_a_unit(linear, ax):
    shown = Shown(linear.rate, linear.spiking)
    unit = shown.opposed_units()[0]
    plotting.dendritic_state(ax, shown, unit)
    spiking, rate = ax.lines[0].get_ydata(), ax.lines[1].get_ydata()
    assert np.allclose(spiking, linear.spiking.v_dend["H2E"][0, 0, :, unit])
    assert rate[-1] == pytest.approx(1.035 * linear.rate.dendritic_state["H2E"][0, -1, unit], rel=1e-5)


def test_correlation_band(linear, ax):
    timeline = linear.spiking.spec.timeline
    correlation = np.tile([[0.2], [0.4], [0.6], [0.8]], (1, timeline.n_steps))
    correlation[:3, :10] = np.nan  # too few presentations have a value
    plotting.correlation_over_time(ax, correlation, timeline)
    (median,) = (line for line in ax.lines if line.get_label() == "median")
    assert np.isnan(median.get_ydata()[:10]).all() and np.allclose(median.get_ydata()[10:], 0.5)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(np.nanmin(band), 0.35) and np.isclose(np.nanmax(band), 0.65)


N_SAMPLES = 2


def test_follow_ups(case, assert_no_overlap):
    states = plotting.dendritic_state_figure(case.rate, case.spiking, **case.last)
    assert letters(states) == "abc" and "all 100 H2E units" in titles(states)
    traces = plotting.eligibility_figure(case.rate, case.spiking, n_cells=4, **case.last)
    assert len(traces.get_axes()) == 4 and all("H1E cell" in title for title in titles(traces))
    for figure in (states, traces):
        assert sum("time (ms)" == ax.get_xlabel() for ax in figure.get_axes()) == 3
        assert_no_overlap(figure)


def test_similarity_figure(table, assert_no_overlap):
    figure = plotting.similarity_figure(table)
    assert letters(figure) == "abc"
    strips, pearson, against = figure.get_axes()
    rows = table[table["projection"] == "H2E_H1E"]
    drawn = [np.asarray(c.get_offsets())[:, 1] for c in strips.collections if c.get_gid() == "points"]
    once = rows[rows["repeat"] == 0]
    expected = []
    for reference in ("notebook", "rule"):
        expected += [rows.loc[rows["reference"] == reference, "cosine"]]
        expected += [once.loc[once["reference"] == reference, "noiseless_cosine"]]
    expected += [once.loc[once["reference"] == "rule", "noise_ceiling"]]
    for found, values in zip(drawn, expected, strict=True):
        assert np.allclose(np.sort(found), np.sort(values))
    assert [t.get_text().replace("\n", " ") for t in strips.get_xticklabels()] == [
        "notebook measured", "notebook no noise", "rule measured", "rule no noise", "noise ceiling"
    ]  # fmt: skip
    assert len(pearson.get_xticklabels()) == 2 and "Pearson" in pearson.get_ylabel()
    assert against.get_xlabel().startswith("noise ceiling (cosine")
    medians = [line.get_ydata() for line in against.lines if len(line.get_ydata()) == N_SAMPLES and not line.get_gid()]
    for reference, found in zip(("notebook", "rule"), medians[:2], strict=True):
        wanted = rows[rows["reference"] == reference].groupby("sample")["cosine"].median()
        assert np.allclose(found, wanted)
    assert_no_overlap(figure)


def test_similarity_without_a_prediction(table, linear):
    blind = table.assign(noise_ceiling=np.nan, noiseless_cosine=np.nan)
    figure = plotting.similarity_figure(blind)
    said = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    assert "no prediction" in said and said.count("not defined") == 1  # the ceiling
    with pytest.raises(SpikedtpError, match="H2E_H1E"):
        plotting.similarity_figure(table, "H1E_InputE")
    with pytest.raises(SpikedtpError, match="cosine"):
        plotting.similarity_strips(figure.get_axes()[0], table, "likeness")
