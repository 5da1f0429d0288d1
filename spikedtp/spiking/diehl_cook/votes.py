"""From counts of spikes to classes: each cell is given a class, and the cells of a class vote together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arrays import as_indices
from spikedtp.errors import SpikedtpError

__all__ = ["label_cells", "predicted_classes"]


def label_cells(counts: ArrayLike, labels: ArrayLike, n_classes: int) -> np.ndarray:
    """The class of each cell: that with the highest mean count, -1 for a cell that never fired.

    Parameters
    ----------
    counts : (n_images, n_cells)
    labels : (n_images,) int
    n_classes : int

    Returns
    -------
    (n_cells,) int

    Examples
    --------
    >>> label_cells([[3, 0, 0], [0, 2, 0], [1, 2, 0]], [0, 1, 1], n_classes=2).tolist()
    [0, 1, -1]
    """
    counts = np.asarray(counts, dtype=float)
    labels = as_indices("label_cells: labels", labels, n_classes, "classes")
    if counts.ndim != 2 or len(counts) != len(labels):
        raise SpikedtpError(f"label_cells: counts must be ({len(labels)}, n_cells), got {counts.shape}")
    shown = np.eye(n_classes)[labels]
    means = (shown.T @ counts) / np.maximum(shown.sum(axis=0), 1)[:, None]
    return np.where(means.max(axis=0) > 0, means.argmax(axis=0), -1)


def predicted_classes(counts: ArrayLike, cell_labels: ArrayLike, n_classes: int) -> np.ndarray:
    """The class whose cells fire most, on average, for each image. A class without cells is never predicted.

    Parameters
    ----------
    counts : (n_images, n_cells)
    cell_labels : (n_cells,) int
        Of `label_cells`.
    n_classes : int

    Returns
    -------
    (n_images,) int

    Examples
    --------
    >>> predicted_classes([[3, 0, 0], [1, 1, 0]], [0, 2, 2], n_classes=3).tolist()
    [0, 0]
    """
    counts, cell_labels = np.asarray(counts, dtype=float), np.asarray(cell_labels)
    if counts.ndim != 2 or cell_labels.shape != counts.shape[1:]:
        raise SpikedtpError(
            f"predicted_classes: counts must be (n_images, n_cells) for {cell_labels.shape} labels, got {counts.shape}"
        )
    mine = cell_labels[:, None] == np.arange(n_classes)
    sizes = mine.sum(axis=0)
    means = np.where(sizes > 0, counts @ mine / np.maximum(sizes, 1), -np.inf)
    return means.argmax(axis=1)
