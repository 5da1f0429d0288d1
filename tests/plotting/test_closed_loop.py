"""Figures of a closed loop: what they draw against the response."""

import matplotlib as mpl
import numpy as np
import pytest
from brian2 import ms
from matplotlib.collections import EventCollection

from spikedtp import plotting
from spikedtp.compare import similarity
from spikedtp.spiking import Phases, simulate

PHASES = Phases(settle=150 * ms, read=60 * ms, nudge=100 * ms, wait=40 * ms)


@pytest.fixture(scope="module", params=[True, False], ids=["batch", "single"])
def case(request, trained):
    network, images = trained
    x, target = (images.test_x[:2], images.test_t[:2]) if request.param else (images.test_x[1], images.test_t[1])
    spiking = simulate(
        network, x, target, population="H2E", loop="closed", device="runtime", phases=PHASES, n_repeats=2
    )
    return network.present(x, target), spiking


def lines(ax, n: int) -> list[np.ndarray]:
    """The curves of n points."""
    return [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == n and line.get_linestyle() == "-"]


def test_phases(case, assert_no_overlap):
    rate, spiking = case
    batched = spiking.batched
    sample = 1 if batched else 0
    figure = plotting.phases_figure(rate, spiking, sample=sample, repeat=1)
    assert_no_overlap(figure)
    rows, soma, dend, output = figure.get_axes()
    one = (lambda v: v[sample, 1]) if batched else (lambda v: v[1])
    raster = [len(c.get_positions()) for c in rows.collections if isinstance(c, EventCollection)]
    most = np.argsort(-np.atleast_2d(rate.x)[sample], kind="stable")[:8]
    np.testing.assert_array_equal(raster[:8], one(spiking.spikes["InputE"])[:, most].sum(axis=0))
    assert len(raster) == 24
    for ax, values in ((soma, spiking.v_soma["H2E"]), (dend, spiking.v_dend["H2E"])):
        drawn = lines(ax, 250)
        assert len(drawn) == 2
        for curve in drawn:
            assert (one(values).T == curve).all(axis=1).any()
    np.testing.assert_array_equal(np.array(lines(output, 250)), one(spiking.v_soma["OutputE"]).T)
    for ax in (rows, soma, dend, output):
        (nudge,) = [a for a in ax.get_children() if a.get_gid() == "nudge"]
        assert (nudge.get_x(), nudge.get_x() + nudge.get_width()) == (150, 250)
        read = {a.get_gid(): list(a.get_xdata()) for a in ax.lines if str(a.get_gid()).startswith("read")}
        assert read == {"read-settled": [90, 150], "read-nudged": [190, 250]}
        assert {"settle", "read", "nudge, somas held"} <= {text.get_text() for text in ax.texts}


def test_a_population_without_a_dendrite(case):
    rate, spiking = case
    figure = plotting.phases_figure(rate, spiking, "OutputE")
    assert "OutputE has no dendrite" in [text.get_text() for text in figure.findobj(mpl.text.Text)]


def test_activities(case, assert_no_overlap):
    rate, spiking = case
    figure = plotting.activities_figure(rate, spiking)
    assert_no_overlap(figure)
    axes = {ax.get_title(): ax for ax in figure.get_axes() if ax.get_title()}
    assert list(axes) == [p.name for p in spiking.spec.circuit.populations]
    window = slice(90, 150)
    for name, unit_rate in (("InputE", 450), ("H2E", 450), ("H2SomaI", 112.5)):
        points = axes[name].collections[0].get_offsets()
        n = spiking.spec.circuit.population(name).size
        spikes = spiking.spikes[name][..., window, :].sum(axis=-2)
        counted = (
            spikes.reshape(*spikes.shape[:-1], n, -1).mean(axis=-1) / 0.06
        )  # Hz; several units may fire for a cell
        np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(counted.ravel()), atol=1e-3)
        (line,) = [line for line in axes[name].lines if line.get_gid() == "unit-rate"]
        assert line.get_ydata()[1] / line.get_xdata()[1] == pytest.approx(unit_rate)
    settled = rate.activity["H2E"][..., rate.forward_steps - 1, :]
    np.testing.assert_allclose(np.unique(axes["H2E"].collections[0].get_offsets()[:, 0]), np.unique(settled), rtol=1e-6)


def test_weight_changes(case, assert_no_overlap):
    rate, spiking = case
    figure = plotting.closed_updates_figure(rate, spiking, sample=0, repeat=1)
    assert_no_overlap(figure)
    axes = {ax.get_title(): ax for ax in figure.get_axes() if " from " in ax.get_title()}
    assert list(axes) == ["H2E from H1E", "H2E from H2DendI"]
    expected = rate.updates("H2E_H1E", 0 if spiking.batched else None)
    found = similarity(expected, spiking.weight_updates.of("H2E_H1E", 0, 1))
    (said,) = [text.get_text() for text in axes["H2E from H1E"].texts if text.get_gid() == "statistics"]
    assert f"$r$ = {found['pearson_r']:.3f}" in said
