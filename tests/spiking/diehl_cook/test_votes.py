"""Names for cells, and predictions from their counts."""

import numpy as np
import pytest

from spikedtp import SpikedtpError
from spikedtp.spiking import label_cells, predicted_classes


def test_cells_are_named_by_means_and_not_by_sums():
    # the cell fires more often for class 0, which is shown three times, but more strongly for class 1
    assert label_cells([[1], [1], [1], [2]], [0, 0, 0, 1], 2).tolist() == [1]


def test_a_class_without_cells_is_never_predicted():
    counts = np.zeros((3, 2))  # nobody fires: a class without cells has no mean, not the mean 0
    assert predicted_classes(counts, [1, 2], 4).tolist() == [1, 1, 1]
    assert predicted_classes([[0, 3]], [-1, 2], 4).tolist() == [2]


def test_both_against_loops():
    rng = np.random.default_rng(4)
    counts, labels = rng.poisson(1.0, (50, 12)), rng.integers(0, 5, 50)
    named = label_cells(counts, labels, 5)
    for cell in range(12):
        means = [counts[labels == k, cell].mean() if (labels == k).any() else 0.0 for k in range(5)]
        assert named[cell] == np.argmax(means)
    for k, row in enumerate(counts):
        votes = [row[named == c].mean() if (named == c).any() else -np.inf for c in range(5)]
        assert predicted_classes(counts, named, 5)[k] == np.argmax(votes)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SpikedtpError, match=r"label_cells: counts must be \(3, n_cells\), got \(2, 4\)"):
        label_cells(np.ones((2, 4)), [0, 1, 1], 2)
    with pytest.raises(SpikedtpError, match="label_cells: labels"):
        label_cells(np.ones((2, 4)), [0, 2], 2)
    with pytest.raises(SpikedtpError, match="predicted_classes: counts must be"):
        predicted_classes(np.ones((2, 4)), [0, 1], 2)
