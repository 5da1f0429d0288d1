"""Inputs as rows and labels as class numbers: what is no class number is named, with the sample where it stands."""

import numpy as np
import pytest
import torch

from spikedtp.datasets.labels import class_numbers, input_rows, one_hot
from spikedtp.errors import SpikedtpError


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64, torch.tensor, list])
def test_whole_numbers_of_any_type(seed, kind):
    labels = np.random.default_rng(seed).integers(0, 30, 20)
    given = {torch.tensor: torch.tensor, list: np.ndarray.tolist}.get(kind, lambda y: y.astype(kind))(labels)
    found = class_numbers("y", given, 20)
    assert found.dtype == np.int64 and found.tolist() == labels.tolist()
    targets = one_hot(found, 30)
    assert targets.dtype == np.float32 and np.array_equal(targets, np.eye(30)[labels])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1.5, 2], r"whole numbers from 0, got 1\.5 for sample 1: number the classes from 0, as numpy\.unique"),
        ([0, -1, 2], "whole numbers from 0, got -1 for sample 1"),
        (["cat", "dog", "cat"], "got text such as .*cat.*: number the classes"),
        (np.array(["0", "1", "2"]), "got text such as"),
        ([0, np.nan, 1], "not finite"),
        (np.eye(3), r"got \(3, 3\): one-hot rows become labels with \.argmax\(axis=1\)"),
        ([0, 1], "one label for each of 3 samples, got 2"),
        ([0, 1, 10**6], "label 1e.06 of sample 2 is too large for the number of a class"),
        ([0, 1j, 1], "complex"),
        (5, r"must be \(samples,\)"),
    ],
)
def test_what_is_no_label(labels, message):
    with pytest.raises(SpikedtpError, match=message):
        class_numbers("y", labels, 3)


def test_a_column_of_labels():
    assert class_numbers("y", [[1], [0]], 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("shape", "image"),
    [((5, 6), None), ((5, 2, 3), (2, 3)), ((5, 1, 2, 3), (2, 3)), ((5, 2, 3, 1), (2, 3)), ((5, 3, 2, 4), None)],
)
def test_images_are_flattened_row_by_row(shape, image):
    x = np.random.default_rng(0).random(shape)
    rows, found = input_rows("x", x)
    assert found == image
    np.testing.assert_array_equal(rows, [sample.ravel() for sample in x])


def test_what_are_no_rows():
    for x in (np.zeros(3), np.zeros((3, 0)), 1.0):
        with pytest.raises(SpikedtpError, match=r"x must be"):
            input_rows("x", x)
    with pytest.raises(SpikedtpError, match="x holds values that are not finite"):
        input_rows("x", [[0, np.nan]])
