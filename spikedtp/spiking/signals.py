"""From what was read out of a network to the signals of a learning rule: spikes and their expectation alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikedtp.plasticity import DendriticState, Factors, LearningRule, Signals

__all__ = ["SignalReader"]


@dataclass(frozen=True)
class SignalReader:
    """Turns read-out vectors into the signals, and into the weight change, of one projection.

    Attributes
    ----------
    rule : LearningRule
    weight : (n_post, n_pre)
    state : dict
        What the rule remembers of earlier presentations, as the rate network has it.
    cells : slice
        The projection's cells among the inputs.
    gate : (samples, n_post) or None
        1 where the rate network's soma was active in the settle phase: the gate of Figure 3.
    target : (samples, n_post) or None
        For the output population, whose plateau is its error; other plateaus are dendritic.
    gain : float
        What an activity of 1 gives in a read-out; 1 leaves the read-out in its own units.
    clipped : bool
        Whether plateau and rule clip as in the rate network. False: Figure 3's linear form.
    """

    rule: LearningRule
    weight: np.ndarray
    state: dict[str, np.ndarray]
    cells: slice
    gate: np.ndarray | None
    target: np.ndarray | None
    gain: float
    clipped: bool

    def signals(self, vectors: dict[str, np.ndarray]) -> Signals:
        """Signals from vectors (samples, repeats, n) as named in `BuiltNetwork.vectors`."""

        def read(name: str) -> np.ndarray:
            return vectors[name] / np.float32(self.gain)

        post_settled = read("soma_settled").clip(0, None)
        plateau = self._plateau(read("dendrite_nudged"), post_settled)
        trace_settled = read("trace_settled")[..., self.cells]
        return Signals(
            pre_settled=trace_settled,
            pre_settled_previous=trace_settled,
            post_settled=post_settled,
            dendrite_settled=read("dendrite_settled"),
            pre_nudged=read("trace_nudged")[..., self.cells],
            # as in the rate network: the nudge adds to the somatic state and never enters it
            post_nudged=(read("soma_nudged") + plateau).clip(0, None),
            plateau=plateau,
        )

    def _plateau(self, dendrite: np.ndarray, soma: np.ndarray) -> np.ndarray:
        state = dendrite if self.target is None else self.target[:, None, :] - soma
        if self.clipped or self.target is not None:
            state = state.clip(-1, 1)
        return state if self.gate is None else state * self.gate[:, None, :]

    def at(self, samples: slice) -> SignalReader:
        """The reader of some of the samples."""
        chosen = {name: None if (a := getattr(self, name)) is None else a[samples] for name in ("gate", "target")}
        return replace(self, **chosen)

    def factors(self, signals: Signals) -> Factors:
        """ΔW in factored form, without bounds or constraints."""
        if self.clipped or not isinstance(self.rule, DendriticState):
            return self.rule.factors(signals, self.state)
        # Figure 3's form: neither the dendritic voltage nor the trace is clipped
        return Factors(((self.rule.learning_rate * signals.plateau, signals.pre_nudged),))
