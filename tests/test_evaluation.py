"""The confusion table and the accuracy per class, against counting by hand."""

from __future__ import annotations

import numpy as np

from spikedtp.evaluation import class_accuracy, confusion

LABELS = np.array([0, 0, 0, 1, 1, 3])
PREDICTED = np.array([0, 0, 2, 1, 0, 3])


def test_confusion_counts_every_pair():
    table = confusion(LABELS, PREDICTED, 4)
    assert list(table.columns) == ["label", "predicted", "n"] and len(table) == 16
    counted = {(row.label, row.predicted): row.n for row in table.itertuples() if row.n}
    assert counted == {(0, 0): 2, (0, 2): 1, (1, 1): 1, (1, 0): 1, (3, 3): 1}


def test_class_accuracy():
    table = class_accuracy(confusion(LABELS, PREDICTED, 4))
    assert list(table["label"]) == [0, 1, 2, 3] and list(table["n_samples"]) == [3, 2, 0, 1]
    np.testing.assert_allclose(table["accuracy"], [2 / 3, 1 / 2, np.nan, 1])
