"""Arrays in pickles: bytes, shape and type have to fit together, whoever wrote them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from spikedtp.rate.checkpoints.failures import Damaged, Unfit
from spikedtp.rate.checkpoints.pickled_arrays import array_of, is_array
from spikedtp.rate.checkpoints.pickled_names import Global, Obj

pytestmark = pytest.mark.usefixtures("watched")
FLOAT = Obj(func=Global("numpy", "dtype"), args=("f4", False, True), state=(3, "<", None, None, None, -1, -1, 0))


def array(*state, kind=FLOAT):
    shape, fortran, content = state
    made = Global("numpy.core.multiarray", "_reconstruct")
    return Obj(func=made, args=(Global("numpy", "ndarray"), (0,), b"b"), state=(1, shape, kind, fortran, content))


def typed(code, order="<"):
    return Obj(func=Global("numpy", "dtype"), args=(code, False, True), state=(3, order, None))


def test_a_described_array():
    value = array((2, 3), False, np.arange(6, dtype="<f4").tobytes())
    assert is_array(value) and array_of(value, "w").tolist() == [[0, 1, 2], [3, 4, 5]]
    value = array((2, 3), True, np.arange(6, dtype=">f8").tobytes(), kind=typed("f8", ">"))
    assert array_of(value, "w").tolist() == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize(
    "value",
    [
        array((2, 4), False, bytes(24)),
        array((10**6, 10**6), False, bytes(24)),
        array((-2, -3), False, bytes(24)),
        array((1 << 40_000,), False, bytes(24)),
        array((1,) * 40, False, bytes(4)),
        array([2, 3], False, bytes(24)),
        array((2.0, 3), False, bytes(24)),
        array((2, 3), False, 24),
        array((2, 3), False, "\u1234" * 24),
        array((2, 3), False, None),
        array((2, 3), False, bytes(24), kind=None),
        array((2, 3), False, bytes(24), kind=Global("numpy", "float32")),
        array((2, 3), False, bytes(24), kind=typed("f3")),
        Obj(func=Global("numpy.core.multiarray", "_reconstruct")),
        Obj(func=Global("numpy.core.numeric", "_frombuffer"), args=(bytes(24), FLOAT)),
        Obj(func=Global("numpy.core.numeric", "_frombuffer"), args=(bytes(24), FLOAT, (7,), "C")),
    ],
    ids=range(16),
)
def test_what_does_not_fit(value):
    with pytest.raises(Damaged):
        array_of(value, "w")


@pytest.mark.parametrize("code", ["O8", "U3", "S4", "M8", "V2", "f4,f4", "", "i" * 500])
def test_what_holds_no_numbers(code):
    with pytest.raises(Unfit, match="the array w holds something else than numbers"):
        array_of(array((1,), False, bytes(8), kind=typed(code)), "w")


def test_bytes_of_python_2(tmp_path):
    """It wrote them as text; protocol 0 to 2 of Python 3 write a call of `_codecs.encode`."""
    content = np.arange(200, dtype="<f4").tobytes()
    text = content.decode("latin-1")
    encoded = Obj(func=Global("_codecs", "encode"), args=(text, "latin1"))
    for given in (text, encoded, content, bytearray(content)):
        assert np.array_equal(array_of(array((200,), False, given), "w"), np.arange(200))
    assert b"_codecs" in pickle.dumps(np.arange(3), 2)
