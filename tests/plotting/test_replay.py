"""The figure of a replay shows weights and states."""

from __future__ import annotations

import numpy as np
from plotting.figure_texts import letters

from spikedtp import plotting


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
