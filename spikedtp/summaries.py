"""How results show themselves: a line that says what one is, and a line for each of its parts.

`repr` gives text, and a notebook shows the same as a small table. Both say shapes and sizes. They print no array, and
make none in order to describe it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from itertools import islice
from textwrap import wrap
from typing import Any

import numpy as np

__all__ = ["Summarised", "as_text", "counted", "shapes"]

WIDTH = 88  # of a line, in characters
MOST_NAMES = 12  # of arrays, in a line
MOST_PARTS = 20
#: The last axes of an array that has a size of its own for each name.
OWN_AXES = {1: "n", 2: "n_post, n_pre"}
#: Spaces at which no line ends: those inside parentheses, and those that do not follow a comma.
_JOINING = re.compile(r" (?=[^()]*\))|(?<!,) ")
_JOINED = "\N{NO-BREAK SPACE}"


class Summarised:
    """A result with a short `repr`. A dataclass needs ``repr=False``, or it writes one of its own."""

    def _headline(self) -> str:
        """What it is and how large, in one line."""
        raise NotImplementedError

    def _parts(self) -> Mapping[str, str]:
        """What it holds: a line of text for each name."""
        return {}

    def __repr__(self) -> str:
        return as_text(type(self).__name__, self._headline(), self._parts())

    def _repr_html_(self) -> str:
        left = "style='text-align: left'"
        rows = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(text)}</td></tr>"
            for name, text in _first(self._parts()).items()
        )
        table = f"<table>{rows}</table>" if rows else ""
        return f"<div><strong>{escape(type(self).__name__)}</strong>: {escape(self._headline())}{table}</div>"


def as_text(kind: str, headline: str, parts: Mapping[str, str]) -> str:
    """The `repr` of something of this kind."""
    lines, column = [f"{kind}: {headline}"], max(map(len, parts), default=0)
    for name, text in _first(parts).items():
        first, others = f"  {name:<{column}}  ", " " * (column + 4)
        text = _JOINING.sub(_JOINED, text)
        lines += wrap(
            text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
        )
    return "\n".join(lines).replace(_JOINED, " ")


def _first(parts: Mapping[str, str]) -> Mapping[str, str]:
    """The parts, or the first of very many."""
    more = len(parts) - MOST_PARTS
    return parts if more <= 0 else {**dict(islice(parts.items(), MOST_PARTS)), "...": f"and {more} more"}


def counted(n: int, thing: str) -> str:
    """The number of things in words.

    >>> counted(1, "sample"), counted(1200, "sample")
    ('1 sample', '1,200 samples')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def shapes(arrays: Mapping[str, Any], own: int = 1) -> str:
    """Shapes of arrays by name. What all of them share is said once; only the last `own` axes are each array's own.

    Parameters
    ----------
    arrays : mapping of str to array or tuple
        Arrays, or shapes of arrays that need not be made.
    own : int

    >>> print(shapes({"H2E": np.zeros((5, 200)), "H2SomaI": (5, 30)}))
    (5, n) with H2E 200, H2SomaI 30
    """
    found = {name: array if isinstance(array, tuple) else np.shape(array) for name, array in arrays.items()}
    if not found:
        return "none"
    leading = {shape[:-own] for shape in found.values()}
    if len(leading) == 1 and own in OWN_AXES and all(len(shape) >= own for shape in found.values()):
        axes = ", ".join([*map(str, *leading), OWN_AXES[own]])
        start = "(n,) with " if axes == "n" else f"({axes}) with "
        sizes = {name: " × ".join(map(str, shape[-own:])) for name, shape in found.items()}
    else:
        start, sizes = "", {name: str(shape) for name, shape in found.items()}
    listed = [f"{name} {size}" for name, size in list(sizes.items())[:MOST_NAMES]]
    more = len(sizes) - MOST_NAMES
    return start + ", ".join([*listed, f"and {more} more"] if more > 0 else listed)
