"""Composed figures: all panels there, labelled, nothing overlapping, the same bytes twice."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import EventCollection

from spikedtp import plotting
from spikedtp.accuracy import confusion
from spikedtp.errors import SpikedtpError
from spikedtp.plotting import Shown
from spikedtp.records import save_figure

N_SAMPLES = 2


def letters(figure) -> str:
    return "".join(sorted(t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_gid() == "panel-letter"))


def titles(figure) -> list[str]:
    return [ax.get_title() + ax.get_title(loc="left") for ax in figure.get_axes()]


def test_figure3_has_all_panels(case):
    figure = plotting.figure3(case.rate, case.spiking, **case.last)
    assert letters(figure) == "abcdef"
    assert figure.get_size_inches()[0] == pytest.approx(180 / 25.4)
    labels = [ax.get_ylabel() for ax in figure.get_axes()]
    for wanted in ("dendritic input", "somatic input", "eligibility trace", "V_\\mathrm{dend}", "V_\\mathrm{soma}"):
        assert any(wanted in label for label in labels), wanted
    unit = "(mV)" if case.lif else "(activity)"
    assert sum(unit in label for label in labels) >= 2
    assert sum(ax.get_xlabel() == "time (ms)" for ax in figure.get_axes()) == 5
    named = " ".join(titles(figure))
    assert "positive dendritic state" in named and "negative dendritic state" in named and "H2E from H1E" in named
    shaded = [p for p in figure.findobj(mpl.patches.Rectangle) if p.get_gid() == "supervised-phase"]
    assert len(shaded) == 7  # every time axis
    rasters = sum(len(c.get_positions()) for c in figure.findobj(EventCollection))
    shown = Shown(case.rate, case.spiking, **case.last)
    assert rasters == sum(
        int(shown.spikes[s.population][:, shown.most_active(s.population, 10)].sum()) for s in case.spiking.spec.sources
    )


def test_figure3_shows_the_changes_of_its_presentation(linear):
    first = plotting.figure3(linear.rate, linear.spiking, sample=0, repeat=0)
    other = plotting.figure3(linear.rate, linear.spiking, sample=1, repeat=1)

    def statistics(figure):
        return next(t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_gid() == "statistics")

    assert statistics(first) != statistics(other)


def test_figure3_references(linear):
    def x_labels(**options):
        return [ax.get_xlabel() for ax in plotting.figure3(linear.rate, linear.spiking, **options).get_axes()]

    assert any("at its last step" in label for label in x_labels())  # the paper's read-out
    assert any("rule" in label for label in x_labels(reference="rule"))
    assert any("rule" in label for label in x_labels(projection="H2E_H2DendI"))  # has no notebook ΔW
    with pytest.raises(SpikedtpError, match="reference"):
        x_labels(reference="paper")
    with pytest.raises(SpikedtpError, match="H2E_H1E"):
        x_labels(projection="H2E_H2SomaI")


def test_follow_ups(case, assert_no_overlap):
    states = plotting.dendritic_state_figure(case.rate, case.spiking, **case.last)
    assert letters(states) == "abc" and "all 100 H2E units" in titles(states)
    traces = plotting.eligibility_figure(case.rate, case.spiking, n_cells=4, **case.last)
    assert len(traces.get_axes()) == 4 and all("H1E cell" in title for title in titles(traces))
    for figure in (states, traces):
        assert sum("time (ms)" == ax.get_xlabel() for ax in figure.get_axes()) == 3
        assert_no_overlap(figure)


def test_no_text_overlaps_in_figure3(case, assert_no_overlap):
    assert_no_overlap(plotting.figure3(case.rate, case.spiking, **case.last))


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


def test_training_figure():
    n, accuracy = np.arange(0, 500, 100), np.array([0.1, 0.5, 0.7, 0.8, 0.85])
    figure = plotting.training_figure(n, accuracy, interval=(accuracy - 0.05, accuracy + 0.05), n_classes=10, title="T")
    (ax,) = figure.get_axes()
    curve, chance = ax.lines
    assert np.allclose(curve.get_ydata(), 100 * accuracy) and np.array_equal(curve.get_xdata(), n)
    assert set(chance.get_ydata()) == {10.0}
    assert ax.get_xlabel() == "presentations" and ax.get_ylabel() == "accuracy (%)"
    assert ax.get_title() == "T: 85.0 % at the end"
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(90) and band.min() == pytest.approx(5)
    with pytest.raises(SpikedtpError, match="one accuracy for each"):
        plotting.training_figure(n, accuracy[:3])


def test_training_figure_with_accuracies_in_spikes():
    n, accuracy, spiking = (
        np.arange(0, 500, 100),
        np.linspace(0.1, 0.9, 5),
        np.array([np.nan, np.nan, 0.4, np.nan, 0.7]),
    )
    (ax,) = plotting.training_figure(n, accuracy, spiking=spiking).get_axes()
    rate, spikes = ax.lines
    assert np.allclose(rate.get_ydata(), 100 * accuracy)
    assert spikes.get_xdata().tolist() == [200, 400] and np.allclose(spikes.get_ydata(), [40, 70])
    assert rate.get_color() != spikes.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["in rate", "in spikes"]
    assert ax.get_title() == "90.0 % in rate, 70.0 % in spikes at the end"
    (ax,) = plotting.training_figure(n, accuracy, spiking=np.full(5, np.nan)).get_axes()
    assert len(ax.lines) == 1 and ax.get_legend() is None
    with pytest.raises(SpikedtpError, match="one accuracy in spikes for each in rate"):
        plotting.training_figure(n, accuracy, spiking=[0.5])


def test_confusion_figure():
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    figure = plotting.confusion_figure(confusion(labels, predicted, 4))  # class 3 does not occur
    ax = figure.get_axes()[0]
    shares = np.asarray(ax.images[0].get_array())
    assert np.allclose(shares[0], [200 / 3, 100 / 3, 0, 0]) and np.allclose(shares[3], 0)
    written = {tuple(map(int, t.get_position())): t.get_text() for t in ax.texts}
    assert written == {(0, 0): "2", (1, 0): "1", (1, 1): "2", (0, 2): "1"}
    assert ax.get_xlabel() == "predicted class" and ax.get_ylabel() == "label"
    assert ax.get_title() == "66.7 % of 6 right"
    assert isinstance(confusion(labels, predicted, 4), pd.DataFrame)


@pytest.mark.parametrize("kind", ["figure3", "states", "traces", "similarity"])
def test_same_bytes_twice(linear, table, tmp_path, kind):
    draw = {
        "figure3": lambda: plotting.figure3(linear.rate, linear.spiking),
        "states": lambda: plotting.dendritic_state_figure(linear.rate, linear.spiking),
        "traces": lambda: plotting.eligibility_figure(linear.rate, linear.spiking),
        "similarity": lambda: plotting.similarity_figure(table),
    }[kind]
    first, second = (save_figure(tmp_path, name, draw()) for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes() and one.stat().st_size > 5000
    assert b"<dc:date>" not in first[1].read_bytes()


def test_figures_look_the_same_in_another_style(linear, tmp_path):
    plain = save_figure(tmp_path, "plain", plotting.figure3(linear.rate, linear.spiking))
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 5, "axes.spines.top": True, "font.family": "serif"}):
        styled = save_figure(tmp_path, "styled", plotting.figure3(linear.rate, linear.spiking))
    assert plain[0].read_bytes() == styled[0].read_bytes()


def test_replay_figure_shows_weights_and_states(assert_no_overlap):
    t, w = np.arange(30.0), np.arange(30.0)[:, None, None] * np.ones((5, 20))
    state = {f"trace_{n}": np.sin(t)[:, None] * np.arange(1, n + 1) for n in range(1, 8)}
    figure = plotting.replay_figure(t, w, state)
    assert letters(figure) == "abcdef"
    assert [ax.get_ylabel() for ax in figure.get_axes()] == ["weight", *(f"trace {n}" for n in range(1, 6))]
    weights, one, two = figure.get_axes()[:3]
    assert len(weights.lines) == 41 and len(one.lines) == 1
    (mean,) = (line for line in two.lines if line.get_gid() == "mean")
    np.testing.assert_allclose(mean.get_ydata(), 1.5 * np.sin(t))
    assert_no_overlap(figure)


@pytest.fixture
def rules():
    """Two models, three projections; of one no number of presentations is known."""
    rows = [
        ("a", "BTSP", "H2E_H1E", 0.8, 12),
        ("a", "Oja", "H1E_InputE", 0.5, 90),
        ("b", "BTSP", "H2E_H1E", 0.1, np.inf),
    ]
    return pd.DataFrame(
        [
            {"model": model, "rule": rule, "projection": projection, "cosine": cosine, "low": cosine - 0.05,
             "high": cosine + 0.04, "noiseless": 0.97, "noise_ceiling": cosine + 0.01, "n_for_95": n}
            for model, rule, projection, cosine, n in rows
        ]
    )  # fmt: skip


def test_rules_have_a_line_for_each_projection(rules, assert_no_overlap):
    figure = plotting.rules_figure(rules)
    assert titles(figure) == ["a", "b"]
    names = [[label.get_text() for label in ax.get_yticklabels()] for ax in figure.get_axes()]
    assert names == [["H2E ← H1E  (BTSP)", "H1E ← InputE  (Oja)"], ["H2E ← H1E  (BTSP)"]]
    numbers = [[text.get_text() for text in ax.texts if text.get_text() != "n for .95"] for ax in figure.get_axes()]
    assert numbers == [["12", "90"], ["–"]]
    # dots at the measured cosines, from above downwards, bars at those without noise
    dots = figure.get_axes()[0].containers[1].lines[0].get_xydata()
    np.testing.assert_allclose(dots, [[0.8, 1], [0.5, 0]])
    assert [bar.get_width() for bar in figure.get_axes()[0].containers[0]] == [0.97, 0.97]
    assert_no_overlap(figure)


def test_fidelity_is_shown_as_angles(assert_no_overlap):
    """Columns for what was varied, rows for the references, a line with intervals and a dotted one per read-out."""
    table = pd.DataFrame(
        [
            {"vary": vary, "value": value, "readout": readout, "reference": reference, "median": 0.5, "low": 0.4,
             "high": 0.6, "noise_ceiling": 0.7}
            for vary in ("unit rate (Hz)", "repeats") for value in (4, 1, 2)
            for readout in ("paper", "best") for reference in ("rate", "expected")
        ]
    )  # fmt: skip
    figure = plotting.fidelity_figure(table, "H2E_H1E")
    axes = figure.get_axes()
    assert letters(figure) == "abcd" and len(axes) == 4
    assert [ax.get_xlabel() for ax in axes] == ["", "", "unit rate (Hz)", "repeats"]
    assert "rate's ΔW" in axes[0].get_ylabel() and "expected's ΔW" in axes[2].get_ylabel()
    for ax in axes:
        assert len(ax.containers) == 2 and ax.get_xscale() == "log"
        x, angles = ax.containers[0].lines[0].get_data()
        assert list(x) == [1, 2, 4] and angles == pytest.approx([60] * 3)
        low, high = ax.containers[0].lines[2][0].get_segments()[0][:, 1]
        assert (low, high) == pytest.approx((np.degrees(np.arccos(0.6)), np.degrees(np.arccos(0.4))))
    assert_no_overlap(figure)


def test_a_notebook_shows_a_figure(rules):
    assert plotting.rules_figure(rules)._repr_png_().startswith(b"\x89PNG")


def test_cells_of_another_kind_have_a_colour():
    from spikedtp.plotting.style import cell_colour

    assert cell_colour("InputX") == plotting.COLOURS["other"] != cell_colour("InputE")
