"""The validation suite's figure: a dot for each judged line, failures in another colour, a panel for each curve."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from figures.validation import Curve, validation_figure

from spikedtp.plotting.style import COLOURS


def lines():
    return pd.DataFrame(
        {
            "group": ["one", "one", "two", "two"],
            "error": [0.0, 0.5, 3.0, np.nan],
            "tolerance": [0.0, 1.0, 1.0, np.nan],
            "verdict": ["pass", "pass", "FAIL", "left out: no NEST"],
        }
    )


def test_every_line_and_every_curve_is_drawn():
    curves = [
        Curve("a", "x", "y", [1, 2, 4], [1.0, 2.1, 3.9], [1, 2, 4], log="xy"),
        Curve("b", "x", "y", [0], [1], [1]),
    ]
    figure = validation_figure(lines(), curves)
    strips, first, _ = figure.get_axes()
    assert strips.get_title() == "2 of 3 lines pass, 1 left out"
    dots = [line for line in strips.get_lines() if line.get_marker() == "o" and len(line.get_xdata())]
    by_colour = {colour: np.concatenate([d.get_xdata() for d in dots if d.get_color() == colour])
                 for colour in {d.get_color() for d in dots}}  # fmt: skip
    np.testing.assert_allclose(by_colour[COLOURS["E"]], [3])
    np.testing.assert_allclose(np.sort(by_colour[COLOURS["spiking"]]), [1e-5, 0.5])
    measured = next(line for line in first.get_lines() if line.get_gid() == "measured")
    np.testing.assert_array_equal(measured.get_ydata(), [1.0, 2.1, 3.9])
    assert first.get_xscale() == first.get_yscale() == "log"
    letters = {t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_gid() == "panel-letter"}
    assert letters == {"a", "b", "c"}
