"""Chooses how all-to-all synapses are built: as a matrix, or with Brian2's own as reference and fallback."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, Synapses
from brian2.groups.group import Group
from numpy.typing import DTypeLike

from spikedtp.brian2_internals import familiar
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["all_to_all"]


class StockSynapses(Synapses):
    """Brian2's synapses with the two conversions of `DenseSynapses`. `w` runs over (pre, post), with post fastest."""

    def flat(self, weights: np.ndarray) -> np.ndarray:
        """`(n_post, n_pre)` weights as the array ``w`` holds them."""
        return np.ascontiguousarray(np.asarray(weights).T).ravel()


def all_to_all(
    source: Group,
    target: Group,
    onto: str,
    *,
    clock: Clock,
    name: str,
    dense: bool = True,
    dtype: DTypeLike = np.float64,
) -> DenseSynapses | StockSynapses:
    """Synapses from every cell of `source` to every cell of `target` that add their weight to the variable `onto`.

    With a version of Brian2 whose code generation may not take the templates of this package they are Brian2's own.
    """
    if dense and familiar():
        return DenseSynapses(source, target, onto, clock=clock, name=name, dtype=dtype)
    synapses = StockSynapses(source, target, "w : 1", on_pre=f"{onto}_post += w", clock=clock, name=name, namespace={})
    synapses.connect()
    return synapses
