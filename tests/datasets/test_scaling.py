"""Scaling is what scikit-learn's scalers do, computed on the training part; on and off inputs keep signed values."""

import numpy as np
import pytest
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from spikedtp.datasets import SCALES, Dataset
from spikedtp.datasets.scaling import N_SD, fit_scaling
from spikedtp.errors import SpikedtpError


def drawn(seed):
    """Inputs of several sizes, some of them constant."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 8)
    x = rng.normal(rng.normal(0, 5, n), rng.gamma(1, 9, n), (40, n)) * 10.0 ** rng.integers(-3, 4, n)
    x[:, rng.random(n) < 0.2] = 0.1
    return x[:30], x[30:]


def expected(scale, x, test):
    """The same in [-1, 1] by scikit-learn."""
    if scale == "minmax":
        return MinMaxScaler((-1, 1), clip=True).fit(x).transform(test)
    if scale == "standard":
        return (StandardScaler().fit(x).transform(test) / N_SD).clip(-1, 1)
    return MaxAbsScaler().fit(x.reshape(-1, 1)).transform(test.reshape(-1, 1)).reshape(test.shape).clip(-1, 1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scale", ["minmax", "standard", "max"])
def test_against_scikit_learn(scale, seed):
    x, test = drawn(seed)
    varied = x.min(axis=0) < x.max(axis=0)
    for part in (x, test):
        signed = fit_scaling(scale, True, x, "x")(part)
        on, off = np.split(signed, 2, axis=1)
        assert signed.dtype == np.float32 and signed.min() >= 0 and signed.max() <= 1 and not (on * off).any()
        np.testing.assert_allclose((on - off)[:, varied], expected(scale, x, part)[:, varied], atol=2e-6)
        if scale != "max":
            one = fit_scaling(scale, False, x, "x")(part)
            np.testing.assert_allclose(one[:, varied], (1 + expected(scale, x, part)[:, varied]) / 2, atol=2e-6)
    if scale != "max":  # a constant input says nothing
        np.testing.assert_allclose(signed[:, np.tile(~varied, 2)], 0, atol=1e-12)


def test_max_keeps_the_sizes_of_all_inputs():
    x = np.array([[0, 255], [51, 102]], np.uint8)
    assert fit_scaling("max", False, x, "x")(x).tolist() == [[0, 1], [np.float32(0.2), np.float32(0.4)]]
    with pytest.raises(SpikedtpError, match="go down to -1, and --scale max leaves their signs: add --on-off-inputs"):
        fit_scaling("max", False, np.array([[-1.0, 2]]), "x")


def test_the_test_part_decides_nothing():
    """Neither its values nor its number change what training sees."""
    x, test = drawn(0)
    y, far = np.zeros(len(x), int), 1e6 * test
    for scale in ("minmax", "standard"):
        near = Dataset.from_arrays(x, y, test, np.zeros(10), scale=scale)
        shifted = Dataset.from_arrays(x, y, far, np.zeros(10), scale=scale)
        np.testing.assert_array_equal(near.train_x, shifted.train_x)
        np.testing.assert_array_equal(near.scaling(test), near.test_x)
        assert near.scaling.described() == shifted.scaling.described()


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (
            [[0.5, 2.0]],
            {},
            r"go from 0\.5 to 2 and must lie in \[0, 1\] .* --scale minmax \(each input\), standard .*alike\)$",
        ),
        ([[-0.5, 0.5]], {}, r"or --on-off-inputs for signed inputs in \[-1, 1\]$"),
        ([[-1.5, 0.5]], {"on_off": True}, r"must lie in \[-1, 1\]"),
        ([[0.5]], {"scale": "log"}, "unknown scale 'log': known are max, minmax, none, raw, standard"),
        ([[-1e308], [1e308]], {"scale": "minmax"}, "too far apart for --scale minmax"),
    ],
)
def test_refused(x, options, message):
    with pytest.raises(SpikedtpError, match=message):
        Dataset.from_arrays(x, [0] * len(x), x, [0] * len(x), **options)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("on_off", [False, True])
def test_further_inputs(scale, on_off):
    """What the data set did to its own inputs, images too; what it would refuse there is refused here."""
    x = np.random.default_rng(0).random((9, 3, 2))
    data = Dataset.from_arrays(x, np.zeros(9), x, np.zeros(9), scale=scale, on_off=on_off)
    for images in (x, x.reshape(9, 6), x[:, None]):
        np.testing.assert_array_equal(data.scaling(images), data.train_x)
    for wrong, message in (
        (np.where(x > 0.9, np.nan, x), "inputs holds values that are not finite"),
        (x[:, :2], "inputs: the scaling is for 6 inputs, got 4"), (x[0, 0], r"must be \(samples, inputs\)"),
        (["a"], "must be an array of numbers"),
    ):  # fmt: skip
        with pytest.raises(SpikedtpError, match=message):
            data.scaling(wrong)
    if scale == "none":
        with pytest.raises(SpikedtpError, match=rf"must lie in \[{-on_off:d}, 1\]"):
            data.scaling(2 * x + 1)
    elif scale == "raw":
        with pytest.raises(SpikedtpError, match="beyond the range of 32-bit numbers"):
            data.scaling(x * 1e39)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("on_off", [False, True])
def test_what_was_scaled_is_not_scaled_again(scale, on_off):
    """Nor is its scaling forgotten where none is asked for, as by `load` of a loader's data set."""
    x, y = np.random.default_rng(0).random((9, 3)), np.zeros(9)
    data = Dataset.from_arrays(x, y, x, y, scale=scale, on_off=on_off)
    again = data.scaled("none")
    np.testing.assert_array_equal(again.scaling(x), again.train_x)
    assert again.n_inputs == 6 if on_off else 3
    if on_off or scale not in ("none", "raw"):
        for options in ({"scale": "minmax"}, {"scale": "none", "on_off": True}):
            with pytest.raises(SpikedtpError, match=r"its inputs are scaled already .*: leave out --scale"):
                data.scaled(**options)
    else:
        assert data.scaled("minmax").train_x.max() == 1


@pytest.mark.parametrize("seed", range(12))
def test_numbers_of_any_size(seed):
    """Finite inputs give finite ones in the range, or are refused in one line; nothing is warned of in passing."""
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.choice([-310, -200, -40, 40, 200, 307])
    x = rng.choice([0, size], (8, 1)) * rng.integers(0, 2) + size * rng.integers(-9, 9, (8, 3)) * rng.integers(0, 2, 3)
    for scale in SCALES[1:]:
        for on_off in (False, True):
            try:
                found = Dataset.from_arrays(x, np.zeros(8), x, np.zeros(8), scale=scale, on_off=on_off).train_x
            except SpikedtpError as error:
                assert "\n" not in str(error)
                continue
            assert np.isfinite(found).all()
            assert scale == "raw" or (found.min() >= 0 and found.max() <= 1)


def test_without_a_scaling_inputs_stay():
    x = np.random.default_rng(0).random((6, 3))
    for scale in ("none", "raw"):
        found = Dataset.from_arrays(x, [0] * 6, x, [0] * 6, scale=scale)
        np.testing.assert_array_equal(found.train_x, x.astype(np.float32))
    assert Dataset.from_arrays(5 * x, [0] * 6, scale="raw").train_x.max() > 1
    assert set(SCALES) == {"none", "raw", "minmax", "standard", "max"}


def test_a_scaling_needs_a_training_part():
    with pytest.raises(SpikedtpError, match="--scale minmax is computed on the training part, and there is none"):
        fit_scaling("minmax", False, np.zeros((0, 3)), "data set 'x'")
