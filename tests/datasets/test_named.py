"""What comes with scikit-learn: the split of the digits is fixed for ever, the others are as they are measured."""

import hashlib

import numpy as np
import pytest
from sklearn import datasets as sklearn
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler

from spikedtp.datasets import load
from spikedtp.errors import SpikedtpError


class TestDigits:
    def test_shapes_types_and_range(self):
        data = load("digits")
        assert data.name == "digits" and data.side == 8 and data.n_inputs == 64
        assert data.train_x.shape == (1198, 64) and data.test_x.shape == (599, 64)
        for x, t, y in ((data.train_x, data.train_t, data.train_y), (data.test_x, data.test_t, data.test_y)):
            assert x.dtype == np.float32 and t.dtype == np.float32 and y.dtype == np.int64
            assert x.min() == 0 and x.max() == 1
            np.testing.assert_array_equal(t.sum(axis=1), 1)
            np.testing.assert_array_equal(t.argmax(axis=1), y)

    def test_the_split_is_a_partition_of_all_digits(self):
        data, bunch = load("digits"), load_digits()
        ours = np.concatenate([data.train_x, data.test_x]) * 16
        order = lambda a: a[np.lexsort(a.T)]  # noqa: E731
        np.testing.assert_array_equal(order(ours), order(bunch.data.astype(np.float32)))

    def test_the_split_never_changes(self):
        """Golden: a changed split would mix training and test data of shipped weights."""
        data = load("digits")
        assert data.test_y[:12].tolist() == GOLDEN_TEST_LABELS
        pixels = np.round(np.concatenate([data.train_x, data.test_x]) * 16).astype(np.uint8)
        assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == GOLDEN_DIGEST

    def test_classes_are_balanced(self):
        counts = np.bincount(load("digits").test_y, minlength=10)
        assert counts.min() >= 57 and counts.max() <= 63

    def test_the_split_does_not_touch_the_global_generator(self):
        np.random.seed(1)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        load("digits")
        np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002

    def test_one_half(self):
        data = load("digits", parts="test")
        assert data.train_x.shape == (0, 64) and data.train_t.shape == (0, 10) and data.train_y.shape == (0,)
        np.testing.assert_array_equal(data.test_x, load("digits").test_x)

    def test_digits_have_ten(self):
        assert load("digits", n_classes=12).test_t.shape == (599, 12)
        with pytest.raises(SpikedtpError, match="'digits' has 10 classes, the circuit 3 output cells"):
            load("digits", n_classes=3)

    @pytest.mark.parametrize("parts", [("train", "test"), ("test",)])
    def test_under_scikit_learns_name_they_are_the_same(self, parts):
        """Another split would show shipped weights what they were trained on."""
        ours, theirs = load("digits", parts), load("sklearn:digits", parts)
        for what in ("train_x", "train_t", "train_y", "test_x", "test_t", "test_y"):
            np.testing.assert_array_equal(getattr(ours, what), getattr(theirs, what))


@pytest.mark.parametrize(("name", "n_inputs", "n_classes"), [("iris", 4, 3), ("wine", 13, 3), ("breast_cancer", 30, 2)])
def test_measured_quantities(name, n_inputs, n_classes):
    """All samples, each once, under its label; scaled as scikit-learn scales them."""
    data, bunch = load(f"sklearn:{name}", scale="raw"), getattr(sklearn, f"load_{name}")()
    assert (data.n_inputs, data.n_classes, data.shape) == (n_inputs, n_classes, None)
    ours = np.column_stack([np.concatenate([data.train_x, data.test_x]), np.concatenate([data.train_y, data.test_y])])
    theirs = np.column_stack([bunch.data.astype(np.float32), bunch.target])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])
    scaled = load(f"sklearn:{name}", ("test",), scale="minmax")
    scaler = MinMaxScaler(clip=True).fit(data.train_x.astype(float))
    np.testing.assert_allclose(scaled.test_x, scaler.transform(data.test_x.astype(float)), atol=1e-6)
    assert len(scaled.train_x) == 0


def test_unknown_names_list_the_known():
    with pytest.raises(SpikedtpError, match="'covtype': known are breast_cancer, digits, iris, wine"):
        load("sklearn:covtype")
    with pytest.raises(SpikedtpError, match="'sklearn' needs a name: write sklearn:NAME"):
        load("sklearn")
    with pytest.raises(SpikedtpError, match=r"go from 0\.1 to 7\.9 and must lie in \[0, 1\].*--scale minmax"):
        load("sklearn:iris")


GOLDEN_TEST_LABELS = [8, 8, 1, 4, 3, 7, 5, 6, 0, 6, 0, 0]
GOLDEN_DIGEST = "476247558b05f243"
