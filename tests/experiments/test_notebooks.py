"""The notebooks run from top to bottom, say what they claim, and are notebooks."""

from __future__ import annotations

import runpy
from pathlib import Path

import brian2
import matplotlib.pyplot as plt
import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "notebooks"


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """``notebook("01")`` runs one in an empty folder and gives its variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(brian2.prefs, "codegen.target", brian2.prefs.codegen.target)  # a notebook may choose one
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))

    def run(number: str) -> dict:
        (path,) = FOLDER.glob(f"{number}_*.py")
        return runpy.run_path(str(path))

    return run


def test_from_torch_to_spikes(notebook):
    found = notebook("01")
    assert set(found["table"].projection) == {"H2E_H1E", "H2E_H2DendI"} and len(found["table"]) == 3 * 5 * 3
    medians = [
        table.query("projection == 'H2E_H1E' and reference == 'rule'")["cosine"].median()
        for table in (found["table"], found["averaged"])
    ]
    assert 0.9 < medians[0] < medians[1] < 1  # averaging lowers the noise


def test_your_own_rule(notebook):
    found = notebook("02")
    assert found["difference"] < 1e-12
    assert found["rate_form"].w.min() >= 0 and np.ptp(found["rate_form"].w[-1]) > 0.01
    assert found["medians"]["MultiplicativeDepression"]["cosine"] > 0.9
    assert min(found["accuracy"].values()) > 0.2  # chance is 0.1


def test_your_own_neuron(notebook):
    found = notebook("03")
    medians = found["medians"].pivot(index="cell", columns="readout", values="cosine")
    own, limit, linear = (
        medians.loc[name] for name in ("AdaptingCell", "no adaptation, no saturation", "TwoCompartment")
    )
    np.testing.assert_allclose(limit, linear, rtol=1e-4)  # the cell that it generalises
    assert own["best"] == pytest.approx(linear["best"], abs=1e-6) and abs(own["paper"] - linear["paper"]) > 1e-3
    # in a network of its own: drive = 2.3 * 20 * 0.05 * 0.4 * 0.45 spikes per step, at the soma and at the dendrite
    drive, cell = 2.3 * 20 * 0.05 * 0.18, found["AdaptingCell"]()
    expected = (drive + cell.coupling * cell.saturation * np.tanh(drive / cell.saturation)) / 1.6
    assert found["voltages"].v_soma[0][200:].mean() == pytest.approx(expected, rel=0.1)
    assert np.mean(found["fired"].count) == pytest.approx(0.4 * 450 * expected, rel=0.25)


def test_analyse_a_sweep(notebook):
    found = notebook("04")
    assert len(found["table"]) == 8 and not found["swept"].failed
    assert (found["again"].n_run, found["again"].n_found) == (0, 8)
    best = found["shown"].query("readout == 'best' and spikes == 9")
    assert best.angle.item() == pytest.approx(best.predicted.item(), rel=0.4)
    assert found["page"].read_text(encoding="utf-8").count("<img") == 1


def test_in_your_own_brian2_script(notebook):
    before = brian2.defaultclock.dt
    try:
        found = notebook("06")
    finally:
        brian2.defaultclock.dt = before
    n_e, rates = found["n_e"], found["rates"]
    assert rates[:n_e].mean() == pytest.approx(rates[n_e:].mean(), rel=0.2) and 5 < rates.mean() < 30
    assert 0.05 < np.std(found["learning"].w[:]) < 0.3
    causal, other = found["rewarded"].w[:]
    # c d over time: 0.1 e^(-5/20) e^-1 after the pair, times 0.5 * 100/s * (1/6 s); what comes later is small
    assert causal == pytest.approx(1 + 0.1 * np.exp(-0.25 - 0.995) * 0.5 * 100 / 6, abs=0.05)
    assert other < 0.7


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_jupytext_reads_them(path):
    jupytext = pytest.importorskip("jupytext")
    cells = jupytext.read(path).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert {cell.cell_type for cell in cells} == {"markdown", "code"}
