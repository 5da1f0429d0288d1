"""The style of figures: left behind by none, the same bytes twice, a colour for every cell."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from spikedtp import plotting
from spikedtp.plotting import COLOURS
from spikedtp.records import save_figure


def test_style_is_left_behind(ax):
    assert mpl.rcParams["font.size"] == 7  # the fixture's
    with mpl.rc_context({"font.size": 13}):
        with plotting.style():
            assert mpl.rcParams["font.size"] == 7 and mpl.rcParams["svg.hashsalt"] == "spikedtp"
        assert mpl.rcParams["font.size"] == 13


def test_colours_differ():
    assert len(set(COLOURS.values())) == len(COLOURS)


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


def test_a_notebook_shows_a_figure(rules):
    assert plotting.rules_figure(rules)._repr_png_().startswith(b"\x89PNG")


def test_cells_of_another_kind_have_a_colour():
    from spikedtp.plotting.style import cell_colour

    assert cell_colour("InputX") == plotting.COLOURS["other"] != cell_colour("InputE")
