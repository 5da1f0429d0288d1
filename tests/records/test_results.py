"""Summary, tables and figures are strict and the same bytes for the same content."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spikedtp.records import save_figure, write_summary, write_table


def test_summary_takes_numpy_and_writes_strict_json(tmp_path):
    path = write_summary(
        tmp_path,
        {
            "n": np.int64(3), "r": np.float32(0.5), "median": np.array(0.25), "ok": np.bool_(True), "missing": np.nan,
            "far": -np.inf, "name": "H2E", "none": None, "interval": np.array([0.1, np.nan]), "pair": (1, 2),
        },
    )  # fmt: skip
    assert path == tmp_path / "summary.json"

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    assert json.loads(path.read_text(), parse_constant=refuse) == {
        "n": 3, "r": 0.5, "median": 0.25, "ok": True, "missing": None, "far": None, "name": "H2E", "none": None,
        "interval": [0.1, None], "pair": [1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"nested": 1}, "is a dict"),
        (Path("/somewhere"), "Path"),
        (np.zeros((2, 2)), "ndarray"),
        ([[1]], "is a list"),
        (1j, "complex"),
    ],
)
def test_summary_refuses_what_is_not_flat(tmp_path, value, message):
    with pytest.raises(TypeError, match=rf"'key'.*{message}"):
        write_summary(tmp_path, {"key": value})
    assert not list(tmp_path.iterdir())


def test_summary_refuses_units(tmp_path):
    from brian2.units import Hz

    with pytest.raises(TypeError, match="carries a unit"):
        write_summary(tmp_path, {"unit_rate": 450 * Hz})


def test_table_keeps_every_digit(tmp_path):
    frame = pd.DataFrame({"projection": ["H2E_H1E", "H2E_H2SomaI"], "r": [1 / 3, np.nan]})
    path = write_table(tmp_path, "synapses", frame)
    assert path.read_bytes() == b"projection,r\nH2E_H1E,0.3333333333333333\nH2E_H2SomaI,\n"
    pd.testing.assert_frame_equal(pd.read_csv(path), frame)


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    def draw(folder: Path) -> list[bytes]:
        figure = Figure(figsize=(2, 2))
        axes = figure.add_subplot()
        axes.plot([0, 1, 2], [2, 0, 1], clip_on=True)
        axes.fill_between([0, 1, 2], [1, 2, 3], hatch="//")
        folder.mkdir()
        paths = save_figure(folder, "panel", figure)
        assert [path.name for path in paths] == ["panel.png", "panel.svg"]
        return [path.read_bytes() for path in paths]

    first, second = draw(tmp_path / "1"), draw(tmp_path / "2")
    assert first == second
    assert first[0].startswith(b"\x89PNG") and b"<svg" in first[1] and b"<dc:date>" not in first[1]
