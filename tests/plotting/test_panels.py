"""What single panels draw: their content against the data."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import EventCollection, PathCollection, PolyCollection

from spikedtp import plotting
from spikedtp.compare import similarity
from spikedtp.plotting import COLOURS, Shown


def drawn_spikes(ax) -> list[np.ndarray]:
    return [np.asarray(c.get_positions()) for c in ax.collections if isinstance(c, EventCollection)]


def with_gid(ax, gid: str):
    (found,) = [artist for artist in ax.get_children() if artist.get_gid() == gid]
    return found


def test_raster_draws_every_spike_of_its_cells(ax):
    spikes = np.random.default_rng(0).random((50, 6)) < 0.2
    times = np.arange(50) * 2.0
    assert plotting.raster(ax, spikes, times, [4, 0, 2], ["r", "g", "b"]) is ax
    for positions, cell in zip(drawn_spikes(ax), [4, 0, 2], strict=True):
        assert np.array_equal(positions, times[spikes[:, cell]])
    assert [mpl.colors.to_hex(c.get_edgecolor()[0]) for c in ax.collections] == [mpl.colors.to_hex(c) for c in "rgb"]
    low, high = ax.get_ylim()
    assert low > high  # the first cell at the top


def test_raster_of_nothing(ax):
    assert not drawn_spikes(plotting.raster(ax, np.zeros((5, 0), bool), np.arange(5)))


@pytest.mark.parametrize(
    ("compartment", "sources"), [("dend", ["OutputE", "H2DendI"]), ("soma", ["H1E", "H2SomaI"])], ids=["dend", "soma"]
)
def test_input_raster(case, ax, compartment, sources):
    shown = Shown(case.rate, case.spiking, **case.last)
    assert plotting.input_raster(ax, shown, compartment) is ax
    cells = {name: shown.most_active(name, 10) for name in sources}
    expected = sum(int(case.raw(case.spiking.spikes[name])[:, cells[name]].sum()) for name in sources)
    assert sum(map(len, drawn_spikes(ax))) == expected > 0
    assert len(drawn_spikes(ax)) == sum(map(len, cells.values()))
    assert [label.get_text() for label in ax.get_yticklabels()] == sources
    assert ax.get_xlabel() == "time (ms)" and ax.get_xlim() == (0, 420)
    assert {"sensory phase", "supervised phase"} <= {text.get_text() for text in ax.texts}


def test_supervised_phase_begins_where_the_nudge_can_be_seen(linear, ax):
    timeline = linear.spiking.spec.timeline
    plotting.mark_phases(ax, timeline)
    shade = with_gid(ax, "supervised-phase")
    assert shade.get_x() == pytest.approx(timeline.settled_end) and shade.get_x() + shade.get_width() == 420
    points = np.zeros((21, 1))
    points[11:] = 1
    assert np.flatnonzero(timeline.interpolate(points)[:, 0])[0] == timeline.settled_end


def test_voltages_of_one_unit(case, ax):
    shown = Shown(case.rate, case.spiking, **case.last)
    spiking_unit = int(np.argmax(shown.spikes["H2E"].sum(axis=0)))
    plotting.somatic_voltage(ax, shown, spiking_unit)
    line, spikes = with_gid(ax, "v-soma"), with_gid(ax, "output-spikes")
    scale = 1e3 if case.lif else 1
    assert np.allclose(line.get_ydata(), case.raw(case.spiking.v_soma["H2E"])[:, spiking_unit] * scale)
    expected = np.flatnonzero(case.raw(case.spiking.spikes["H2E"])[:, spiking_unit])
    assert np.allclose(spikes.get_xdata(), expected) and len(expected) > 0
    assert ("mV" in ax.get_ylabel()) == case.lif and "soma" in ax.get_ylabel()
    # the spikes stand above the voltage
    row = ax.transData.inverted().transform(ax.transAxes.transform((0, spikes.get_ydata()[0])))[1]
    assert row > line.get_ydata().max()


def test_dendritic_voltage(case, ax):
    shown = Shown(case.rate, case.spiking, **case.last)
    plotting.dendritic_voltage(ax, shown, 3, colour=COLOURS["negative"])
    scale = 1e3 if case.lif else 1
    assert np.allclose(with_gid(ax, "v-dend").get_ydata(), case.raw(case.spiking.v_dend["H2E"])[:, 3] * scale)
    assert with_gid(ax, "v-dend").get_color() == COLOURS["negative"]
    assert ("mV" in ax.get_ylabel()) == case.lif


def test_eligibility_traces(case, ax):
    shown = Shown(case.rate, case.spiking, **case.last)
    plotting.eligibility_traces(ax, shown, "H1E", n_cells=5)
    traces = case.raw(case.spiking.eligibility["H1E"])
    drawn = {int(line.get_gid()[5:]): line.get_ydata() for line in ax.lines if str(line.get_gid()).startswith("cell-")}
    assert len(drawn) == 5 and shown.most_active("H1E", 1)[0] in drawn
    for cell, values in drawn.items():
        assert np.array_equal(values, traces[:, cell])
    assert "1.035" in ax.get_ylabel()


@pytest.mark.parametrize("shape", [(20, 30), (80, 90)], ids=["points", "binned"])
def test_update_scatter(ax, shape):
    rng = np.random.default_rng(1)
    rate = rng.normal(size=shape) * 1e-4
    spiking = 0.8 * rate + rng.normal(size=shape) * 2e-5
    assert plotting.update_scatter(ax, rate, spiking, reference="rule") is ax
    x, y = with_gid(ax, "identity").get_data()
    assert np.array_equal(x, y) and x[0] == -x[1] != 0
    (drawn,) = [c for c in ax.collections if isinstance(c, PathCollection | PolyCollection)]
    if shape == (20, 30):
        points = np.asarray(drawn.get_offsets())
        assert np.allclose(points, np.stack([rate.ravel(), spiking.ravel()], axis=1) * 1e4)
    else:
        assert drawn.get_array().sum() == rate.size
    assert "10^{-4}" in ax.get_xlabel() and "10^{-4}" in ax.get_ylabel() and "rule" in ax.get_xlabel()
    found = similarity(rate, spiking)
    assert with_gid(ax, "statistics").get_text() == f"$r$ = {found['pearson_r']:.3f}\nslope = {found['slope']:.2f}"


def test_scatter_of_no_change(ax):
    plotting.update_scatter(ax, np.zeros((3, 4)), np.zeros((3, 4)))
    assert ax.get_xlim() == (-1.05, 1.05)
