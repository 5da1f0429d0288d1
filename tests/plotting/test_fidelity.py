"""Fidelity is shown as angles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from plotting.figure_texts import letters

from spikedtp import plotting


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
