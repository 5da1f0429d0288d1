"""How messages show what was given."""

from __future__ import annotations

import enum

import numpy as np
import pytest

from spikedtp.errors import known_names, shown


class Word(enum.StrEnum):
    ONE = "one"


@pytest.mark.parametrize("text", ["a", "it's", "\\n"])
@pytest.mark.parametrize("wrapped", [lambda v: v, lambda v: [v], lambda v: {v: (v,)}])
def test_values_of_numpy_are_shown_as_pythons(text, wrapped):
    assert shown(wrapped(np.str_(text))) == repr(wrapped(text))
    assert shown(wrapped(np.int64(5))) == shown(wrapped(np.uint8(5))) == repr(wrapped(5))
    assert str(known_names("word", np.str_(text), ["b"])) == str(known_names("word", text, ["b"]))


def test_other_kinds_stay_as_they_are():
    assert shown(Word.ONE) == "'one'" and shown(True) == "True" and shown(2.5) == "2.5"
    assert shown("x" * 500) == shown(np.str_("x" * 500)) and len(shown("x" * 500)) < 130
