"""The figure of rules has a line for each projection."""

from __future__ import annotations

import numpy as np
from plotting.figure_texts import titles

from spikedtp import plotting


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
