"""Which pairs of cells have a synapse: masks from a condition, a probability or lists of cells, as in `connect`."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.parsing.rendering import NumpyNodeRenderer
from brian2.utils.stringtools import get_identifiers
from numpy.typing import ArrayLike

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_quantity

__all__ = ["asked_mask", "checked_mask", "told"]

#: What a condition may call, beside `i`, `j`, `N_pre` and `N_post`.
_FUNCTIONS: dict[str, Any] = {
    name: getattr(np, name) for name in ("abs", "sqrt", "exp", "log", "sin", "cos", "floor", "ceil", "clip")
}
_FUNCTIONS["int"] = lambda values: np.asarray(values).astype(int)


#: Pairs of cells that are drawn at once: more would take memory, and the draws do not depend on it.
_AT_ONCE = 2**22


def asked_mask(
    owner: str,
    shape: tuple[int, int],
    *,
    condition: str | None = None,
    i: Any = None,
    j: Any = None,
    p: float = 1.0,
    seed: Any = None,
    mask: ArrayLike | None = None,
) -> np.ndarray:
    """The mask `(n_post, n_pre)` that `SynapseMatrix.connect` was asked for.

    Raises
    ------
    SpikedtpError
    """
    ways = {"mask": mask is not None, "i and j": i is not None or j is not None}
    ways["a condition or p"] = condition is not None or not (isinstance(p, float | int) and p == 1)
    if sum(ways.values()) > 1:
        given = ", ".join(way for way, is_given in ways.items() if is_given)
        raise SpikedtpError(f"{owner}: connect takes either a condition and p, or i and j, or mask, got {given}")
    if mask is not None:
        return checked_mask(owner, mask, shape)
    if not ways["i and j"]:
        return _drawn_mask(owner, condition, p, seed, shape)
    if i is None or j is None:
        raise SpikedtpError(f"{owner}: connect needs both i and j")
    return _listed_mask(owner, i, j, shape)


def checked_mask(owner: str, mask: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    """A mask `(n_post, n_pre)` of type bool: True where there is a synapse.

    Raises
    ------
    SpikedtpError
    """
    given = np.asarray(mask)
    if given.shape != shape:
        turned = ": give its transpose" if given.shape == shape[::-1] else ""
        raise SpikedtpError(f"{owner}: mask must be (n_post, n_pre) = {shape}, got {given.shape}{turned}")
    if given.dtype != bool:
        raise SpikedtpError(
            f"{owner}: mask must be of type bool, got {given.dtype}: give mask != 0, and weights as synapses.weights"
        )
    return given.copy()


def _listed_mask(owner: str, i: Any, j: Any, shape: tuple[int, int]) -> np.ndarray:
    """The mask of the pairs (i, j), presynaptic and postsynaptic cells; one number stands for as many as the other."""
    ends = []
    for name, cells, size in (("i", i, shape[1]), ("j", j, shape[0])):
        found = np.atleast_1d(np.asarray(cells))
        if found.dtype.kind not in "iu" or found.ndim != 1:
            raise SpikedtpError(f"{owner}: {name} must be numbers of cells, one or a list, got {shown(cells)}")
        if found.size and not 0 <= found.min() <= found.max() < size:
            raise SpikedtpError(
                f"{owner}: {name} must be cells from 0 to {size - 1}, got {found.min()} to {found.max()}"
            )
        ends.append(found)
    if len({len(found) for found in ends} - {1}) > 1:
        raise SpikedtpError(f"{owner}: i and j must be of one length, got {len(ends[0])} and {len(ends[1])}")
    pre, post = np.broadcast_arrays(*ends)
    pairs, counts = np.unique(np.stack([pre, post]), axis=1, return_counts=True)
    if (counts > 1).any():
        twice = tuple(pairs[:, np.argmax(counts)].tolist())
        raise SpikedtpError(
            f"{owner}: two cells can have one synapse, but the pair (i, j) = {twice} is listed more often: "
            "use Brian2's Synapses"
        )
    mask = np.zeros(shape, bool)
    mask[post, pre] = True
    return mask


def _drawn_mask(owner: str, condition: str | None, p: float, seed: Any, shape: tuple[int, int]) -> np.ndarray:
    """The mask of the pairs for which the condition is true, each drawn with probability `p`."""
    check_quantity(owner, "p", p, 1.0, least=0.0, most=1.0)
    mask = np.ones(shape, bool) if condition is None else _where(owner, condition, shape)
    if p < 1:
        try:
            rng = np.random.default_rng(seed)
        except (TypeError, ValueError):
            raise SpikedtpError(f"{owner}: seed must be a whole number of at least 0, got {shown(seed)}") from None
        for rows in _parts(shape):
            mask[rows] &= rng.random(mask[rows].shape) < p
    return mask


def _parts(shape: tuple[int, int]) -> list[slice]:
    """All rows, some at a time."""
    n = max(1, _AT_ONCE // max(1, shape[1]))
    return [slice(first, min(first + n, shape[0])) for first in range(0, shape[0], n)]


def _where(owner: str, condition: str, shape: tuple[int, int]) -> np.ndarray:
    names: dict[str, Any] = {"i": np.arange(shape[1])[None, :], "j": np.arange(shape[0])[:, None]}
    names |= {"N_pre": shape[1], "N_post": shape[0]}
    if not isinstance(condition, str):
        raise SpikedtpError(f"{owner}: a condition must be text such as 'i != j', got {shown(condition)}: mask= takes "
                            "an array")  # fmt: skip
    known = names | _FUNCTIONS
    for name in sorted(get_identifiers(condition) - set(known) - {"and", "or", "not", "True", "False"}):
        raise known_names(f"name in {owner}'s condition {condition!r}", name, known)
    mask = np.empty(shape, bool)
    try:
        code = NumpyNodeRenderer().render_expr(condition)
        for rows in _parts(shape):
            known["j"] = names["j"][rows]
            found = np.asarray(eval(code, {"__builtins__": {}, "logical_not": np.logical_not}, known))
            if found.dtype != bool:
                raise TypeError("it is a number, and not true or false, as 'i != j' is")
            mask[rows] = found
    except (SyntaxError, TypeError, ValueError) as error:
        raise SpikedtpError(f"{owner}: condition {condition!r} cannot be evaluated: {error}") from None
    return mask


def told(synapses: Any, rule: str, shape: tuple[int, int], n: int | None, kind: str) -> str:
    """One line about synapses, for `repr`; `synapses.why` tells why they are of that kind."""
    why = f" ({synapses.why})" if synapses.why else ""
    count = "not connected yet" if n is None else f"{n:,} synapses"
    return (
        f"<{type(synapses).__name__} {synapses.name!r}: {rule}, {shape[1]:,} -> {shape[0]:,} cells, {count}, "
        f"{kind}{why}>"
    )
