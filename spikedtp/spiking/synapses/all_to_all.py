"""Chooses how all-to-all synapses are built: as a matrix, or with Brian2's own as reference and fallback."""

from __future__ import annotations

import warnings

import brian2
import numpy as np
from brian2 import Clock, Synapses
from brian2.groups.group import Group
from numpy.typing import DTypeLike

from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["all_to_all", "dense_synapses_work"]

#: Brian2 versions whose code generation takes the templates of this package.
KNOWN = ("2.9", "2.10")


class StockSynapses(Synapses):
    """Brian2's synapses with the two conversions of `DenseSynapses`. `w` runs over (pre, post), with post fastest."""

    def flat(self, weights: np.ndarray) -> np.ndarray:
        """`(n_post, n_pre)` weights as the array ``w`` holds them."""
        return np.ascontiguousarray(np.asarray(weights).T).ravel()


def dense_synapses_work() -> bool:
    """Whether `DenseSynapses` are tested with this version of Brian2. It warns if not."""
    if brian2.__version__.rpartition(".")[0] in KNOWN:
        return True
    warnings.warn(
        f"dense synapses are not tested with Brian2 {brian2.__version__}: using its own, which are slower", stacklevel=2
    )
    return False


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
    """Synapses from every cell of `source` to every cell of `target` that add their weight to the variable `onto`."""
    if dense and dense_synapses_work():
        return DenseSynapses(source, target, onto, clock=clock, name=name, dtype=dtype)
    synapses = StockSynapses(source, target, "w : 1", on_pre=f"{onto}_post += w", clock=clock, name=name, namespace={})
    synapses.connect()
    return synapses
