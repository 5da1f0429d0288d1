"""Figures of training: accuracies and confusion."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from spikedtp import plotting
from spikedtp.accuracy import confusion
from spikedtp.errors import SpikedtpError
from spikedtp.plotting.style import SINGLE_COLUMN


def test_training_figure():
    n, accuracy = np.arange(0, 500, 100), np.array([0.1, 0.5, 0.7, 0.8, 0.85])
    figure = plotting.training_figure(n, accuracy, interval=(accuracy - 0.05, accuracy + 0.05), n_classes=10, title="T")
    (ax,) = figure.get_axes()
    curve, chance = ax.lines
    assert np.allclose(curve.get_ydata(), 100 * accuracy) and np.array_equal(curve.get_xdata(), n)
    assert set(chance.get_ydata()) == {10.0}
    assert ax.get_xlabel() == "presentations" and ax.get_ylabel() == "accuracy (%)"
    assert ax.get_title() == "T: 85.0 % at the end"
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(90) and band.min() == pytest.approx(5)
    with pytest.raises(SpikedtpError, match="one accuracy for each"):
        plotting.training_figure(n, accuracy[:3])


def test_training_figure_with_accuracies_in_spikes():
    n, accuracy, spiking = (
        np.arange(0, 500, 100),
        np.linspace(0.1, 0.9, 5),
        np.array([np.nan, np.nan, 0.4, np.nan, 0.7]),
    )
    (ax,) = plotting.training_figure(n, accuracy, spiking=spiking).get_axes()
    rate, spikes = ax.lines
    assert np.allclose(rate.get_ydata(), 100 * accuracy)
    assert spikes.get_xdata().tolist() == [200, 400] and np.allclose(spikes.get_ydata(), [40, 70])
    assert rate.get_color() != spikes.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["in rate", "in spikes"]
    assert ax.get_title() == "90.0 % in rate, 70.0 % in spikes at the end"
    (ax,) = plotting.training_figure(n, accuracy, spiking=np.full(5, np.nan)).get_axes()
    assert len(ax.lines) == 1 and ax.get_legend() is None
    with pytest.raises(SpikedtpError, match="one accuracy in spikes for each in rate"):
        plotting.training_figure(n, accuracy, spiking=[0.5])


def test_confusion_figure():
    labels, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    figure = plotting.confusion_figure(confusion(labels, predicted, 4))  # class 3 does not occur
    ax = figure.get_axes()[0]
    shares = np.asarray(ax.images[0].get_array())
    assert np.allclose(shares[0], [200 / 3, 100 / 3, 0, 0]) and np.allclose(shares[3], 0)
    written = {tuple(map(int, t.get_position())): t.get_text() for t in ax.texts}
    assert written == {(0, 0): "2", (1, 0): "1", (1, 1): "2", (0, 2): "1"}
    assert ax.get_xlabel() == "predicted class" and ax.get_ylabel() == "label"
    assert ax.get_title() == "66.7 % of 6 right"
    assert isinstance(confusion(labels, predicted, 4), pd.DataFrame)


@pytest.mark.parametrize("n_classes", [2, 10, 27, 62, 200])
def test_labels_of_any_number_have_room(n_classes):
    """None of the words along an axis covers its neighbour; a table of ten classes has the size that it had."""
    labels = np.arange(3 * n_classes) % n_classes
    figure = plotting.confusion_figure(confusion(labels, np.roll(labels, 1), n_classes))
    figure.draw_without_rendering()
    ax = figure.get_axes()[0]
    for axis, low, high in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
        boxes = sorted(
            (label.get_window_extent() for label in axis.get_ticklabels()), key=lambda box: getattr(box, low)
        )
        assert len(boxes) > 1
        assert all(getattr(a, high) <= getattr(b, low) for a, b in itertools.pairwise(boxes))
    if n_classes <= 20:
        assert figure.get_size_inches().tolist() == pytest.approx([SINGLE_COLUMN, 3.0])


@pytest.mark.parametrize("n_classes", [3, 10, 26, 100])
def test_the_line_of_chance_does_not_run_through_the_legend(n_classes):
    figure = plotting.training_figure([0, 1], [0.1, 0.9], spiking=[np.nan, 0.8], n_classes=n_classes)
    figure.draw_without_rendering()
    (ax,) = figure.get_axes()
    (line,) = (line for line in ax.lines if line.get_gid() == "chance")
    height = ax.transData.transform((0, line.get_ydata()[0]))[1]
    box = ax.get_legend().get_window_extent()
    assert not box.y0 < height < box.y1
