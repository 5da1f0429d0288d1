"""Learning output weights from reward alone: the choice of a class is right or wrong. Synapses have three factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.parameters import Parameters, parameter

__all__ = ["RewardedChoice"]


@dataclass(frozen=True)
class RewardedChoice(Parameters):
    r"""Policy gradient of a noisy choice, once per presentation, with a reward that all synapses share.

    The outputs compete with their scores S_j, the sums of their voltages over time. The cell with the largest
    ``gain S_j + Gumbel noise`` is chosen, so cell j is chosen with probability p_j = softmax(gain S)_j. The reward r is
    1 for the right class, else 0. At the decision::

        W_ji      <- W_ji + learning_rate (r - expected) (chosen_j - p_j) gain X_i      then clipped to Dale's sign
        expected  <- expected + expectation_rate (r - expected)

    X_i is the presynaptic trace. It is filtered in the same way as the outputs filter spikes, and it is summed over the
    presentation. ``gain X_i (chosen_j - p_j)`` is then the derivative of log p of the choice that was made, and on
    average W changes so that the reward grows. The three factors are the presynaptic trace, the surprise of the
    postsynaptic cell at the choice, and the reward minus its expectation.

    Parameters
    ----------
    learning_rate : float
    gain : float
        Inverse temperature of the choice.
    expectation_rate : float
        How fast the expectation follows the reward.

    References
    ----------
    Williams 1992, Mach. Learn. 8:229, 10.1007/BF00992696; as a three-factor rule: Frémaux & Gerstner 2016,
    Front. Neural Circuits 9:85, 10.3389/fncir.2015.00085.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import RewardedChoice
    >>> rule = RewardedChoice(learning_rate=1.0, gain=0.01)
    >>> change = rule.update(trace=np.array([2.0]), score=np.zeros(2), chosen=0, reward=1.0, expected=0.5)
    >>> change.round(4).tolist()  # the weight of the rewarded choice grows
    [[0.005], [-0.005]]
    """

    learning_rate: float = parameter(1.0, least=0.0)
    gain: float = parameter(0.01, above=0.0)
    expectation_rate: float = parameter(0.01, above=0.0, most=1.0)

    # --- as Brian2 code, named by whose state it is and when it runs
    #: equations of the hidden group and what it does at a spike
    hidden: ClassVar[tuple[str, str]] = ("filtered : 1\nsummed : 1", "filtered += 1")
    output: ClassVar[str] = """
        gumbel : 1
        beaten : 1
        mass : 1
        reward : 1
        expected : 1
        target : 1 (constant)
        learning : 1 (constant)
        choice_gain : 1 (shared, constant)
        rate : 1 (shared, constant)
        expectation_rate : 1 (shared, constant)
        chosen = int(beaten < 0.5) : 1
        """
    initial: ClassVar[dict[str, str]] = {"gumbel": "-log(-log(rand()))"}
    lasting: ClassVar[tuple[str, ...]] = ("expected",)
    compare: ClassVar[str] = (
        "beaten_post += int(choice_gain_pre*score_pre + gumbel_pre > choice_gain_pre*score_post + gumbel_post)\n"
        "mass_post += exp(choice_gain_pre*(score_pre - score_post))"
    )
    pay: ClassVar[str] = "reward_post += chosen_pre*target_pre"
    change: ClassVar[str] = (
        "w = clip(w + learning_post*rate_post*(reward_post - expected_post)*(chosen_post - 1/mass_post)"
        "*choice_gain_post*summed_pre, lower, upper)"
    )
    expect: ClassVar[str] = "expected += learning*expectation_rate*(reward - expected)"

    def update(self, trace: np.ndarray, score: ArrayLike, chosen: int, reward: float, expected: float) -> np.ndarray:
        """The same in arrays: ΔW ``(n_out, n_hidden)`` of one presentation before clipping."""
        z = self.gain * (np.asarray(score) - np.max(score))
        p = np.exp(z) / np.exp(z).sum()
        surprise = (np.arange(len(p)) == chosen) - p
        return self.learning_rate * (reward - expected) * self.gain * np.outer(surprise, trace)
