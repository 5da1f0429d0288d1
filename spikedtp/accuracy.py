"""The quality of a classifier: accuracy of each class, and the confusion table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spikedtp.arrays import as_indices
from spikedtp.errors import SpikedtpError

__all__ = ["class_accuracy", "confusion"]


def confusion(labels: np.ndarray, predicted: np.ndarray, n_classes: int) -> pd.DataFrame:
    """How often each label was classified as each class.

    Parameters
    ----------
    labels, predicted : ndarray of int, (samples,)
        Classes 0 to `n_classes` - 1.

    Returns
    -------
    DataFrame
        One row per pair with the columns ``label, predicted, n``. Pairs that did not occur have a row too.

    Raises
    ------
    SpikedtpError
        A class does not exist, or there is not one answer for each label.
    """
    labels = as_indices("labels", labels, n_classes, "classes")
    predicted = as_indices("predicted", predicted, n_classes, "classes")
    if len(labels) != len(predicted):
        raise SpikedtpError(f"there must be one answer for each of {len(labels)} labels, got {len(predicted)}")
    counts = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    label, guess = np.divmod(np.arange(n_classes**2), n_classes)
    return pd.DataFrame({"label": label, "predicted": guess, "n": counts})


def class_accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each class, from a table of `confusion`.

    Returns
    -------
    DataFrame
        One row per class with the columns ``label, n_samples, accuracy``. The accuracy is NaN without samples.
    """
    n_samples = table.groupby("label")["n"].sum()
    right = table[table["label"] == table["predicted"]].set_index("label")["n"]
    return pd.DataFrame(
        {"label": n_samples.index, "n_samples": n_samples.to_numpy(), "accuracy": (right / n_samples).to_numpy()}
    )
