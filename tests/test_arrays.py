"""Arrays from users: whatever holds numbers gives the same ones; what would change its meaning is one line."""

from fractions import Fraction

import hypothesis
import numpy as np
import pandas as pd
import pytest
import torch
import xarray
from brian2 import mV
from hypothesis import strategies as st
from scipy import sparse

from spikedtp.arrays import as_indices, as_numbers, as_samples
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import MSTDP
from spikedtp.rate import load_rate_network
from spikedtp.rate.state import read_parameters
from spikedtp.spiking import SpikingNetwork, replay
from spikedtp.spiking.feedforward.run import _checked

VALUES = np.array([[0.0, 1.0, 0.5], [1.0, 0.25, 0.0]])  # every type below holds them exactly
QUIET = pytest.mark.filterwarnings("ignore")  # torch's and numpy's words on types that they give up


def tensor(**options):
    return torch.tensor(VALUES, **options)


SAME = {
    "float64": lambda: VALUES,
    "lists": VALUES.tolist,
    "tuples": lambda: tuple(map(tuple, VALUES.tolist())),
    "lists of ints and floats": lambda: [[0, 1, 0.5], [1, 0.25, 0]],
    "Fortran order": lambda: np.asfortranarray(VALUES),
    "a view with steps": lambda: np.repeat(VALUES, 2, axis=1)[:, ::2],
    "backwards": lambda: VALUES[::-1, ::-1].copy()[::-1, ::-1],
    "another byte order": lambda: VALUES.astype(">f8"),
    "float16": lambda: VALUES.astype(np.float16),
    "float128": lambda: VALUES.astype(np.longdouble),
    "matrix": lambda: np.matrix(VALUES),
    "objects": lambda: VALUES.astype(object),
    "fractions": lambda: np.array([[Fraction(v) for v in row] for row in VALUES]),
    "read-only": lambda: np.frombuffer(VALUES.tobytes()).reshape(2, 3),
    "nothing masked": lambda: np.ma.array(VALUES, mask=False),
    "DataFrame": lambda: pd.DataFrame(VALUES, columns=list("abc"), index=[7, 3]),
    "nullable DataFrame": lambda: pd.DataFrame(VALUES).astype("Float32"),
    "mixed DataFrame": lambda: pd.DataFrame({"a": [0, 1], "b": [1.0, 0.25], "c": np.array([0.5, 0], object)}),
    "DataArray": lambda: xarray.DataArray(VALUES, dims=("sample", "cell")),
    "scipy's sparse": lambda: sparse.csr_matrix(VALUES),
    "scipy's sparse array": lambda: sparse.coo_array(VALUES),
    "tensor": tensor,
    "float32 tensor": lambda: tensor(dtype=torch.float32),
    "bfloat16": lambda: tensor(dtype=torch.bfloat16),
    "half": lambda: tensor(dtype=torch.float16),
    "8 bits": lambda: tensor().to(torch.float8_e5m2),
    "with gradients": lambda: tensor(requires_grad=True),
    "result of a graph": lambda: tensor(dtype=torch.bfloat16, requires_grad=True) * 1,
    "parameter": lambda: torch.nn.Parameter(tensor()),
    "transposed tensor": lambda: tensor().T.contiguous().T,
    "sparse tensor": lambda: tensor().to_sparse(),
    "sparse rows": lambda: tensor().to_sparse_csr(),
    "sparse bfloat16": lambda: tensor(dtype=torch.bfloat16).to_sparse(),
    "quantised": lambda: torch.quantize_per_tensor(tensor(dtype=torch.float32), 0.25, 0, torch.quint8),
    "lazily negated": lambda: torch.complex(tensor(), -tensor()).conj().imag,
    "list of tensors": lambda: [torch.tensor(row, requires_grad=True) for row in VALUES],
    "list of bfloat16": lambda: [row.bfloat16() for row in tensor()],
    "list of scalars": lambda: [[torch.tensor(v) for v in row] for row in VALUES],
    "list of Series": lambda: [pd.Series(row) for row in VALUES],
}


@QUIET
@pytest.mark.parametrize("kind", SAME)
def test_whatever_holds_numbers_gives_them(kind):
    for dtype in (np.float64, np.float32):
        found = as_numbers("x", SAME[kind](), dtype)
        assert type(found) is np.ndarray and found.dtype == dtype and np.array_equal(found, VALUES)
    assert np.array_equal(as_numbers("x", SAME[kind](), None), VALUES)


class Odd:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not today\nnor tomorrow. And more")


REFUSED = {
    "text": ("image", "got str, which is not an array"),
    "bytes": (b"image", "got bytes, which is not an array"),
    "None": (None, "got NoneType, which is not an array"),
    "set": ({1, 2}, "got set, which is not an array"),
    "dict": ({"x": 1}, "got dict, which is not an array"),
    "generator": ((k for k in range(3)), "got generator, which is not an array"),
    "numbers as text": ([["0", "1"], ["1", "0"]], "but one of its entries is '0'"),
    "an array of text": (VALUES.astype(str), "got text"),
    "text among numbers": ([[0, "1"], [1, 0]], "but one of its entries is '1'"),
    "text in a DataFrame": (pd.DataFrame({"a": ["1", "2"], "b": [1, 2]}), "but one of its entries is '1'"),
    "None inside": ([[None, 1]], "but one of its entries is None"),
    "missing": (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "but one of its entries is <NA>|not finite"),
    "complex": (VALUES + 1j, "got complex numbers"),
    "complex without imaginary part": (VALUES + 0j, "got complex numbers"),
    "complex tensor": (torch.tensor(VALUES + 0j), "got complex numbers"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "got dates"),
    "durations": (np.array([3], "m8[s]"), "got durations"),
    "records": (np.zeros(3, dtype=[("a", float)]), r"got \[\('a'"),
    "dicts": (np.array([{"w": np.ones(2)}]), "but one of its entries is {'w'"),
    "ragged": ([[1, 2], [3]], "got list"),
    "masked": (np.ma.array(VALUES, mask=VALUES == 0.5), "1 of its 6 entries are masked: fill them first"),
    "masked rows": ([np.ma.array(row, mask=row > 0.8) for row in VALUES], "1 of its 3 entries are masked"),
    "masked entry": ([[np.ma.masked, 1.0]], "1 of its 1 entries are masked"),
    "units": (VALUES * mV, "got a quantity in mV: divide it by its unit"),
    "units inside": ([1 * mV, 2 * mV], "got a quantity in mV"),
    "no data": (torch.empty(2, 3, device="meta"), "got Tensor"),
    "nested": (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "got Tensor"),
    "masked tensor": (torch.masked.masked_tensor(tensor(), tensor() > 0), "got MaskedTensor"),
    "Dataset": (xarray.Dataset({"a": ("x", [1.0])}), "got Dataset"),
    "something odd": (Odd(), r"got Odd \(not today nor tomorrow\)"),
    "huge ints": ([[10**400, 1]], "got list"),
    "NaN": (VALUES * np.nan, r"x holds values that are not finite \(NaN or infinite\): 6 of 6"),
    "one infinite": ([[1.0, float("inf")]], "not finite .*: 1 of 2"),
    "NaN in bfloat16": (tensor(dtype=torch.bfloat16) / 0, "not finite"),
    "missing in a Series": (pd.Series([1.0, None]), "not finite .*: 1 of 2"),
    "too large": (VALUES * 1e300, "x holds values that are too large for float32: 4 of 6"),
}


@QUIET
@pytest.mark.parametrize("kind", REFUSED)
def test_the_rest_is_one_line(kind):
    given, words = REFUSED[kind]
    with pytest.raises(SpikedtpError, match=words) as error:
        as_numbers("x", given, np.float32)
    assert str(error.value).startswith("x ") and "\n" not in str(error.value)


LEAVES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=2),
    st.binary(max_size=2),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.datetimes(),
    st.just(np.ma.masked),
    st.just(3 * mV),
    st.just(torch.tensor(1.0)),
    st.just(torch.ones(2, dtype=torch.bfloat16)),
    st.just(np.ma.array([1.0, 2.0], mask=[0, 1])),
    st.just(np.zeros((0, 2))),
    st.sampled_from([np.float16(2), np.longdouble(1), np.int8(-3), pd.NA, pd.NaT, object(), len, range(2), {}]),
)


@QUIET
@hypothesis.settings(max_examples=300, deadline=None, derandomize=True, database=None)
@hypothesis.given(
    st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=8)
)
def test_anything_is_an_array_or_one_line(values):
    try:
        found = as_numbers("x", values)
    except SpikedtpError as error:
        assert "\n" not in str(error) and str(error).startswith("x ")
    else:
        assert type(found) is np.ndarray and found.dtype == np.float64 and np.isfinite(found).all()


def test_a_schedule_is_finite_numbers_in_spikes_too(network):
    with pytest.raises(SpikedtpError, match="schedule holds values that are not finite"):
        SpikingNetwork(network, device="runtime").train(
            np.zeros((1, 64)), np.eye(10)[:1], [0, 0], schedule=lambda k, n: np.nan
        )


def test_numbers_that_may_be_missing():
    found = as_numbers("x", pd.Series([1.0, None, np.inf]), finite=False)
    assert np.array_equal(found, [1.0, np.nan, np.inf], equal_nan=True)


def test_indices():
    for given in ([2, 0, 1], np.array([2.0, 0.0, 1.0]), torch.tensor([2, 0, 1]), pd.Series([2, 0, 1])):
        assert as_indices("order", given, 3, "samples").tolist() == [2, 0, 1]
    for wrong in ([], 3, [[0]], [3], [-1], [0.5], [True, False, True], ["0"], [np.nan], None):
        with pytest.raises(SpikedtpError, match=r"order (must be|holds)"):
            as_indices("order", wrong, 3, "samples")


@pytest.mark.parametrize(
    ("name", "shape", "hint"),
    [
        ("target", (7,), r"got \(7,\): class numbers become one-hot rows with numpy.eye\(12\)\[target\]"),
        ("target", (), "one-hot"),
        ("x", (12, 7), r"samples are rows, transpose it with .T"),
        ("x", (3, 4), r"pixels are flattened row by row, with .reshape\(-1, 12\)"),
        ("x", (7, 3, 4), "pixels are flattened"),
        ("x", (7, 11), r"x must be \(12,\) or \(samples, 12\) for H1E, got \(7, 11\)$"),
        ("x", (2, 7, 12), r"got \(2, 7, 12\)$"),
    ],
)
def test_shapes_that_are_common_mistakes(name, shape, hint):
    with pytest.raises(SpikedtpError, match=hint):
        as_samples(name, np.zeros(shape), 12, cells="H1E")


# --- every door ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    return load_rate_network("digits_btsp", seed=0)


def doors(network):
    """What takes arrays: a name for messages, what it makes of them, and an array that is good."""
    rng, spiking = np.random.default_rng(0), SpikingNetwork(network)
    x, target = rng.integers(0, 2, (2, 64)) * 0.5, np.eye(10)[[1, 2]]
    good = network.state_dict()
    key = "module_dict.H2E_H1E.weight"
    weight = np.asarray(torch.round(good[key] * 64) / 64)
    pre, spikes = np.eye(4, 3), rng.integers(0, 2, (1, 4, 3))
    return {
        "present": (lambda a: network.present(a).activity["OutputE"], x),
        "target": (lambda a: network.present(x, a).activity["OutputE"], target),
        "weight_updates": (lambda a: network.weight_updates(a, target)["OutputE_H2E"], x),
        "predict": (network.predict, x),
        "weights": (lambda a: read_parameters(network.circuit, {**good, key: a}).weights["H2E_H1E"], weight),
        "spiking x": (lambda a: spiking.samples(a, None)[0], x),
        "spiking target": (lambda a: spiking.samples(x, a)[1], target),
        "replay pre": (lambda a: replay(MSTDP(), a, pre, 0.5, modulator=np.ones(4)).w, pre),
        "replay w0": (lambda a: replay(MSTDP(), pre, pre, a, modulator=np.ones(4)).w, np.full((3, 3), 0.5)),
        "replay modulator": (lambda a: replay(MSTDP(), pre, pre, 0.5, modulator=a).w, np.array([1, 0, 0.5, 1])),
        "torch w1": (lambda a: _checked([a, np.ones((2, 1))], spikes, None)[0], np.full((3, 2), 0.5)),
        "torch spikes": (lambda a: _checked([np.ones((3, 2)), np.ones((2, 1))], a, None)[2], spikes),
    }


@QUIET
@pytest.mark.parametrize("door", doors(load_rate_network("digits_btsp", seed=0)))
def test_every_door_takes_tensors_of_any_kind_and_refuses_masks_and_units(door, network):
    run, good = doors(network)[door]
    expected = run(good)
    whole = torch.tensor(good, dtype=torch.float32)
    for given in (
        whole.bfloat16(), whole.half().requires_grad_(), whole.double().requires_grad_(), whole.to_sparse(),
        good.tolist(), good.astype(object), list(whole.bfloat16()), good.astype(np.longdouble),
    ):  # fmt: skip
        assert np.array_equal(run(given), expected), given
    for wrong in (np.ma.array(good, mask=good == good.max()), good * mV, whole + 0j, good.astype(str), good * np.nan):
        with pytest.raises(SpikedtpError):
            run(wrong)
