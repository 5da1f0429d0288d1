"""Which names and calls a file may have: the ones of weights, and the classes of the user's own networks."""

from __future__ import annotations

import pytest

from spikedtp.rate.checkpoints.failures import OtherFormat, Refused
from spikedtp.rate.checkpoints.pickled_names import Global, Obj, called, made_new, named


@pytest.mark.parametrize(
    "name",
    ["__main__ Net", "mine.models MLP", "mine Outer.Inner", "lightning.pytorch.utilities AttributeDict", "a _Private"],
)
def test_a_users_class_may_be_filled_but_not_called(name):
    found = named(*name.split())
    assert isinstance(made_new(found, ()), Obj)
    for attempt in (lambda: called(found, ()), lambda: called(found, ("rm",)), lambda: made_new(found, ("rm",))):
        with pytest.raises(Refused, match=found.name):
            attempt()


@pytest.mark.parametrize(
    "name",
    [
        "subprocess Popen", "threading Thread", "ctypes CDLL", "os PathLike", "zipimport X", "__builtin__ X", "posix X",
        "mine run", "mine Net.run", "mine __Net", "mine Net.__init__", "mine N-et", "mi/ne Net", "mine Net.", "a. B",
    ],
)  # fmt: skip
def test_names_that_are_refused(name):
    with pytest.raises(Refused):
        named(*name.split())


def test_what_joblib_writes_is_called_so():
    with pytest.raises(OtherFormat, match="a joblib file"):
        named("joblib.numpy_pickle", "NumpyArrayWrapper")


@pytest.mark.parametrize("builtin", ["set", "list", "dict", "object", "bytearray"])
def test_builtins_under_both_of_their_names(builtin):
    for module in ("builtins", "__builtin__"):
        assert isinstance(called(named(module, builtin), ()), Obj)
    with pytest.raises(Refused):
        called(named("builtins", "getattr"), (Global("os", "x"), "system"))


def test_a_result_has_no_name():
    """Whose text could be as long as the file."""
    inner = Obj(func=Global("a", "B"))
    assert inner.maker == "a.B" and Obj(func=inner).maker == ""
