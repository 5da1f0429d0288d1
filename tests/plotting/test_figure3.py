"""Figure 3: all panels there, labelled, nothing overlapping."""

from __future__ import annotations

import matplotlib as mpl
import pytest
from matplotlib.collections import EventCollection
from plotting.figure_texts import letters, titles

from spikedtp import plotting
from spikedtp.errors import SpikedtpError
from spikedtp.plotting import Shown


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


def test_no_text_overlaps_in_figure3(case, assert_no_overlap):
    assert_no_overlap(plotting.figure3(case.rate, case.spiking, **case.last))
