"""A data set from arrays, and what does not fit together in one."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikedtp.datasets import Dataset, load
from spikedtp.errors import SpikedtpError


def arrays(n=30, shape=(3, 5), n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, *shape)), np.arange(n) % n_classes


def test_images_that_are_not_square():
    x, y = arrays()
    data = Dataset.from_arrays(x, y)
    assert (data.shape, data.n_inputs, data.n_classes, data.n_labels) == ((3, 5), 15, 4, 4)
    with pytest.raises(SpikedtpError, match=r"no square images: its shape is \(3, 5\)"):
        _ = data.side
    assert Dataset.from_arrays(x, y, on_off=True).shape is None
    both = np.concatenate([data.train_x, data.test_x])
    flat = x.reshape(30, -1).astype(np.float32)
    np.testing.assert_array_equal(both[np.lexsort(both.T)], flat[np.lexsort(flat.T)])


def test_given_parts_stay_in_their_order():
    (x, y), (test_x, test_y) = arrays(), arrays(7, seed=1)
    data = Dataset.from_arrays(x, y, test_x, test_y)
    assert data.train_y.tolist() == y.tolist() and data.test_y.tolist() == test_y.tolist()
    np.testing.assert_array_equal(data.test_x, test_x.reshape(7, -1).astype(np.float32))
    assert len(data.only(["test"]).train_y) == 0 and data.only(["test"]).n_inputs == 15


def test_the_side_of_square_images_as_a_shape():
    """As `Dataset(name, side, ...)` was written before there were other shapes."""
    x, t, y = np.zeros((2, 9), np.float32), np.eye(2, dtype=np.float32), np.arange(2)
    data = Dataset("old", 3, x, t, y, x, t, y)
    assert data.shape == (3, 3) and data.side == 3
    assert load("digits", ("test",)).side == 8


@pytest.mark.parametrize("seed", range(6))
def test_parts_that_do_not_fit(seed):
    """One array of six, with a row or a column too many."""
    rng = np.random.default_rng(seed)
    x, y = arrays()
    good = Dataset.from_arrays(x, y)
    key = f"{rng.choice(['train', 'test'])}_{rng.choice(list('xty'))}"
    array = getattr(good, key)
    axis = rng.integers(array.ndim)
    with pytest.raises(SpikedtpError, match=r"must be \(samples, inputs\), .* and .*_y \(samples,\)"):
        replace(good, **{key: np.concatenate([array, np.take(array, [0], axis)], axis)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_y": None}, "arrays: test_x and test_y must both be given"),
        ({"test_x": np.zeros((2, 4, 4))}, r"arrays: x and test_x are images of other sizes, \(3, 5\) and \(4, 4\)"),
        ({"test_x": np.zeros((2, 15))}, "images of other sizes"),
        ({"x": np.zeros((30, 14)), "test_x": np.zeros((2, 15))}, "its parts train and test have 14 and 15 inputs"),
        ({"y": np.arange(29)}, "arrays: y: there must be one label for each of 30 samples, got 29"),
        ({"x": np.full((30, 3, 5), np.nan)}, "arrays: x holds values that are not finite"),
        ({"x": [[1, 2], [3]]}, "arrays: x must be an array of numbers"),
    ],
)
def test_arrays_that_do_not_fit(change, message):
    x, y = arrays()
    given = {"x": x, "y": y, "test_x": x[:2], "test_y": y[:2]} | change
    with pytest.raises(SpikedtpError, match=message):
        Dataset.from_arrays(**given)


def test_names_for_other_inputs():
    with pytest.raises(SpikedtpError, match="15 inputs have 2 input_names"):
        replace(Dataset.from_arrays(*arrays()), input_names=("a", "b"))


def test_targets_for_more_output_cells():
    data = Dataset.from_arrays(*arrays())
    assert data.with_classes(6).test_t.shape == (len(data.test_y), 6) and data.with_classes(4) is data
    with pytest.raises(SpikedtpError, match="'arrays' has 4 classes, the circuit 3 output cells: fit the circuit"):
        data.with_classes(3)


def test_the_page_on_data_runs(capsys):
    """In this process, without a compiler; what it prints is an accuracy well above chance, and cosines."""
    page = (Path(__file__).parents[2] / "docs" / "your_data.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(code.replace('population="H2E")', 'population="H2E", device="runtime")'), {})
    said = capsys.readouterr().out
    assert float(said.split()[0]) > 0.8 and "H2E_H1E" in said


def test_the_published_part_for_validation_is_the_end_of_the_training_part():
    digits = load("digits", ["train"])
    parts = digits.validated(300, None)
    np.testing.assert_array_equal(parts.train_x, digits.train_x[:-300])
    np.testing.assert_array_equal(parts.test_y, digits.train_y[-300:])
