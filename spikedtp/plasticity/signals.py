"""What a learning rule may see of one presentation, in rate and in spikes alike.

The rate network fills these vectors with activities. The spiking side fills them with what it reads out of voltages,
spike counts and traces, in the same units (activity 1 = the unit rate). No rule computes a phase, and no phase depends
on a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikedtp.summaries import Summarised

__all__ = ["Signals", "clip01", "exp", "outer", "positive"]

Array = Any  # numpy or torch; only operators, indexing and ``.clip(lo, hi)`` are used
State = dict[str, Array]  # what a rule hands on to its next step or presentation, by name


@dataclass(frozen=True, repr=False)
class Signals(Summarised):
    """The signals of one projection in one presentation, or in a batch with leading axes.

    `settled` means the end of the settle (forward, sensory) phase, `nudged` the end of the nudge (backward, supervised)
    phase. Presynaptic activities follow the direction of the projection: those of the present step for F, of the step
    before for R.

    Attributes
    ----------
    pre_settled, pre_nudged : (..., n_pre)
        Presynaptic activity.
    pre_settled_previous : (..., n_pre)
        Presynaptic activity one step before the end of the settle phase, for either direction.
    post_settled, post_nudged : (..., n_post)
        Postsynaptic activity.
    dendrite_settled : (..., n_post) or None
        Forward dendritic state, not clipped. It is None for a cell without a dendrite.
    plateau : (..., n_post) or None
        The signal that instructs the synapses: the gated, clipped dendritic state at the onset of the nudge, or the
        error of the output.
    gradient : (..., n_post, n_pre) or None
        Gradient of the loss with respect to the weights. Only the backprop rules have it.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import DendriticState, Signals
    >>> pre = np.array([0.5, 1.0])
    >>> signals = Signals(pre, pre, np.array([0.2]), pre_nudged=pre, plateau=np.array([-0.4]))
    >>> DendriticState(learning_rate=1.0).update(signals, np.zeros((1, 2)), {}).tolist()
    [[-0.2, -0.4]]
    """

    pre_settled: Array
    pre_settled_previous: Array
    post_settled: Array
    dendrite_settled: Array = None  # from here on None where the projection has none, or its rule asks for none
    pre_nudged: Array = None
    post_nudged: Array = None
    plateau: Array = None
    gradient: Array = None

    def _headline(self) -> str:
        return "what the rule of one projection saw"

    def _parts(self) -> dict[str, str]:
        return {name: str(np.shape(value)) for name, value in vars(self).items() if value is not None}


def outer(post: Array, pre: Array) -> Array:
    """Outer product ``(..., n_post) ⊗ (..., n_pre) -> (..., n_post, n_pre)``, batched over leading axes."""
    return post[..., :, None] * pre[..., None, :]


def clip01(x: Array) -> Array:
    """c(x) of EIANN's rules: x between 0 and 1."""
    return x.clip(0.0, 1.0)


def positive(x: Array) -> Array:
    """The positive part of x."""
    return x.clip(0.0, None)


def exp(x: Array) -> Array:
    """e to the x for numpy arrays and torch tensors."""
    return x.exp() if hasattr(x, "exp") else np.exp(x)
