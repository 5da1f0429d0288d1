"""The confusion table and the accuracy per class, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.accuracy import class_accuracy, confusion
from spikedtp.errors import SpikedtpError

LABELS = np.array([0, 0, 0, 1, 1, 3])
PREDICTED = np.array([0, 0, 2, 1, 0, 3])


def test_confusion_counts_every_pair():
    table = confusion(LABELS, PREDICTED, 4)
    assert list(table.columns) == ["label", "predicted", "n"] and len(table) == 16
    counted = {(row.label, row.predicted): row.n for row in table.itertuples() if row.n}
    assert counted == {(0, 0): 2, (0, 2): 1, (1, 1): 1, (1, 0): 1, (3, 3): 1}


@pytest.mark.parametrize(
    ("labels", "predicted", "words"),
    [
        ([0, 1], [0, 4], "predicted must be classes from 0 to 3"),  # would have counted as another pair
        ([0, 4], [0, 1], "labels must be classes from 0 to 3"),
        ([0, -1], [0, 1], "labels must be classes from 0 to 3"),
        ([0, 1], [0], "one answer for each of 2 labels, got 1"),
    ],
)
def test_classes_that_there_are_not(labels, predicted, words):
    with pytest.raises(SpikedtpError, match=words):
        confusion(labels, predicted, 4)


def test_class_accuracy():
    table = class_accuracy(confusion(LABELS, PREDICTED, 4))
    assert list(table["label"]) == [0, 1, 2, 3] and list(table["n_samples"]) == [3, 2, 0, 1]
    np.testing.assert_allclose(table["accuracy"], [2 / 3, 1 / 2, np.nan, 1])
