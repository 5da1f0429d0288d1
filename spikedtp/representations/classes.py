"""What the labels of patterns say of a representation: class averages, preferred classes, similarity by class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.representations.patterns import activities, class_labels

__all__ = ["ClassSimilarity", "class_averages", "similarity_by_class", "unit_labels"]


class ClassSimilarity(NamedTuple):
    """Similarities by class, each (pairs,).

    Attributes
    ----------
    within : dict
        class -> each pair of two of its members once.
    between : dict
        class -> each of its members with each one that is no member. A pair of two classes occurs under both of them.

    Examples
    --------
    >>> from spikedtp.representations import ClassSimilarity, similarity, similarity_by_class
    >>> found = similarity_by_class(similarity([[1, 0], [2, 0], [0, 1]]), [0, 0, 1])
    >>> isinstance(found, ClassSimilarity), {label: values.tolist() for label, values in found.within.items()}
    (True, {0: [1.0], 1: []})
    """

    within: dict[int, np.ndarray]
    between: dict[int, np.ndarray]


def similarity_by_class(S: ArrayLike, labels: ArrayLike) -> ClassSimilarity:
    """Sort the entries of a similarity matrix into those within a class and those between classes.

    Parameters
    ----------
    S : (n, n)
        Of patterns or of units, as `similarity` gives it.
    labels : (n,) int
        The classes of patterns, or of units as `unit_labels` gives them. -1 belongs to no class: such a unit counts
        between classes only.

    Returns
    -------
    ClassSimilarity

    Raises
    ------
    SpikedtpError
        S is not square, or there is not one label for each row.

    Examples
    --------
    >>> from spikedtp.representations import similarity, similarity_by_class
    >>> found = similarity_by_class(similarity([[1, 0], [1, 1], [0, 1]]), [0, 0, 1])
    >>> found.within[0].round(3).tolist(), found.between[0].round(3).tolist()
    ([0.707], [0.0, 0.707])
    """
    S = as_numbers("S", S, None)
    if S.ndim != 2 or S.shape[0] != S.shape[1]:
        raise SpikedtpError(f"S must be (n, n), a similarity for each pair, got {S.shape}")
    labels = class_labels("labels", labels, len(S), least=-1)
    within, between = {}, {}
    for label in np.unique(labels[labels >= 0]).tolist():
        members = labels == label
        block = S[np.ix_(members, members)]
        within[label] = block[np.tril_indices(len(block), -1)]
        between[label] = S[np.ix_(~members, members)].ravel()
    return ClassSimilarity(within, between)


def class_averages(A: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Mean activity of each unit over the patterns of each class.

    Parameters
    ----------
    A : (patterns, units)
    labels : (patterns,) int
        Classes from 0.

    Returns
    -------
    ndarray, (classes, units)
        NaN for a class without patterns.

    Raises
    ------
    SpikedtpError
        A is not of this form, or there is not one label for each pattern.

    Examples
    --------
    >>> from spikedtp.representations import class_averages
    >>> class_averages([[1, 0], [3, 0], [0, 5]], [0, 0, 1]).tolist()
    [[2.0, 0.0], [0.0, 5.0]]
    """
    A = activities(A)
    labels = class_labels("labels", labels, len(A))
    found = np.full((labels.max() + 1, A.shape[1]), np.nan, A.dtype)
    for label in np.unique(labels):
        found[label] = A[labels == label].mean(axis=0)
    return found


def unit_labels(A: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """The class of the pattern that drives each unit most.

    Parameters
    ----------
    A : (patterns, units)
    labels : (patterns,) int
        Classes from 0.

    Returns
    -------
    ndarray of int, (units,)
        -1 for a silent unit. Where patterns of several classes drive a unit equally it is the lowest class.

    Raises
    ------
    SpikedtpError
        A is not of this form, or there is not one label for each pattern.

    Examples
    --------
    >>> from spikedtp.representations import unit_labels
    >>> unit_labels([[0, 2, 0], [1, 3, 0], [4, 0, 0]], [0, 1, 2])
    array([ 2,  1, -1])
    """
    A = activities(A)
    labels = class_labels("labels", labels, len(A))
    order = np.argsort(labels, kind="stable")
    return np.where(A.any(axis=0), labels[order][A[order].argmax(axis=0)], -1)
