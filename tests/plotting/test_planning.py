"""Contours lie where the cosine is what they say."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from spikedtp.plotting.planning import contours_figure, cosine_contours


def table(projection="H2E_H1E"):
    """Noise power that falls with rate x time."""
    rows = [
        (projection, duration, rate, 1 / np.sqrt(1 + 2e4 / (duration * rate)))
        for duration, rate in itertools.product(np.geomspace(50, 5000, 5), np.geomspace(20, 500, 5))
    ]
    return pd.DataFrame(rows, columns=["projection", "duration", "rate", "cosine"])


def test_lines_at_constant_rate_times_duration():
    ax = cosine_contours(Figure().add_subplot(), table())
    (lines,) = ax.collections
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        wanted = np.cos(np.arctan(np.exp(level)))
        # linear between the points of the grid: on its lines, between two points, not exactly
        found = 1 / np.sqrt(1 + 2e4 / np.prod(path.vertices, axis=1))
        assert len(found) and np.abs(np.degrees(np.arccos(found) - np.arccos(wanted))).max() < 6


def test_one_panel_for_each_projection_and_a_dot_for_the_plan():
    both = pd.concat([table(), table("H2E_H2DendI").assign(cosine=np.nan)])
    figure = contours_figure(both, 420.0, 300.0)
    first, second = figure.axes
    assert len(first.collections) == 1 and not second.collections  # nothing is known there
    for ax in figure.axes:
        assert ax.lines[0].get_xydata().tolist() == [[420.0, 300.0]]
