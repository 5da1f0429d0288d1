"""Archives of arrays as data sets: both kinds of names, every array accounted for, nothing unpickled."""

import tracemalloc
import zipfile

import numpy as np
import pytest

from spikedtp.datasets import load, parts_of
from spikedtp.errors import SpikedtpError


class Run:
    """Unpickled, it would leave a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 33)), np.arange(30) % 4
PARTS = {"train_x": X[:20], "train_y": Y[:20], "test_x": X[20:], "test_y": Y[20:]}


@pytest.fixture
def save(tmp_path):
    def saved(**arrays):
        np.savez(tmp_path / "x.npz", **arrays)
        return f"npz:{tmp_path / 'x.npz'}"

    return saved


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_parts_of_ones_own(save, dtype):
    data = load(save(**PARTS | {"train_x": X[:20].astype(dtype)}))
    assert (data.n_inputs, data.n_classes, data.shape) == (33, 4, None)
    np.testing.assert_array_equal(data.train_x, X[:20].astype(dtype).astype(np.float32))
    assert data.test_y.tolist() == Y[20:].tolist()


def test_names_as_keras_writes_them(save):
    keras = {"_".join(reversed(name.split("_"))): array for name, array in PARTS.items()}
    ours, theirs = load(save(**PARTS)), load(save(**keras))
    np.testing.assert_array_equal(ours.train_x, theirs.train_x)
    np.testing.assert_array_equal(ours.test_t, theirs.test_t)


def test_one_array_is_split(save):
    data = load(save(x=X, y=Y))
    assert len(data.train_y) == 20 and len(data.test_y) == 10 and parts_of(save(x=X, y=Y)) == ("train", "test")
    again = load(save(x=X, y=Y), ("test",))
    np.testing.assert_array_equal(again.test_x, data.test_x)


def test_images_of_bytes(save):
    x = RNG.integers(0, 256, (9, 3, 5), dtype=np.uint8)
    spec = save(x=x, y=np.arange(9) % 2)
    data = load(spec, scale="max")
    assert data.shape == (3, 5) and data.train_x.max() == 1
    with pytest.raises(SpikedtpError, match=r"must lie in \[0, 1\]"):
        load(spec)


def test_the_number_of_classes_is_that_of_both_parts(save):
    spec = save(**PARTS | {"test_y": np.zeros(10)})
    assert load(spec, ("test",)).n_classes == load(spec, ("train",)).n_classes == 4


def test_a_part_alone(save):
    spec = save(train_x=X, train_y=Y)
    assert parts_of(spec) == ("train",) and len(load(spec, ("train",)).train_y) == 30
    with pytest.raises(SpikedtpError, match="has no test_x and test_y: an archive holds train_x, train_y, test_x"):
        load(spec)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, r"has no y: an archive holds train_x, train_y, test_x, test_y, or x and y$"),
        ({"train_y": Y}, "has no train_x"),
        ({"x": X, "y": Y, **PARTS}, "holds x, y, train_x"),
        ({"x": X, "y": Y, "names": np.array(["a"])}, "holds names too, which has no meaning here"),
        ({}, "holds nothing"),
        (PARTS | {"x_train": X}, "holds one array under two names"),
        ({"x": X[:0], "y": Y[:0]}, r"x is empty, \(0, 33\)"),
        ({"x": X, "y": Y[:-1]}, "y: there must be one label for each of 30 samples, got 29"),
        ({"x": X, "y": Y + 0.5}, "y: labels must be whole numbers from 0, got 0.5 for sample 0"),
        ({"x": X, "y": np.array(["a"] * 30)}, "y: labels must be whole numbers from 0, got text such as"),
        ({"x": np.where(X > 0.9, np.nan, X), "y": Y}, "x holds values that are not finite"),
        ({"x": X + 0.5, "y": Y}, r"must lie in \[0, 1\]"),
        ({"x": X.astype(str), "y": Y}, "x must be an array of numbers, got text"),
        (PARTS | {"test_x": X[20:, :30]}, "its parts train and test have 33 and 30 inputs"),
        (PARTS | {"test_x": X[20:].reshape(10, 3, 11)}, "train_x and test_x are images of other sizes"),
        ({"x": X, "y": np.array([Run("canary")] * 30)}, "the array 'y' holds Python objects"),
    ],
    ids=range(16),
)
def test_refused(save, tmp_path, monkeypatch, arrays, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpikedtpError, match=message):
        load(save(**arrays))
    assert not (tmp_path / "canary").exists()


def test_a_zip_bomb_takes_no_memory(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(2**30))
    tracemalloc.start()
    with pytest.raises(SpikedtpError, match="holds more than 512 MiB: split it"):
        load(f"npz:{tmp_path / 'x.npz'}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_what_is_no_archive(tmp_path):
    (tmp_path / "x.npz").write_text("label,a\n0,1\n")
    with pytest.raises(SpikedtpError, match=r"npz:.* is not an .npz file of arrays but a text file"):
        load(f"npz:{tmp_path / 'x.npz'}")
    with pytest.raises(SpikedtpError, match=r"npz:.*nowhere.npz cannot be read: No such file"):
        load(f"npz:{tmp_path / 'nowhere.npz'}")
