"""From read-out vectors to the signals of a learning rule, for spikes and for their expectation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikedtp.plasticity import Plateau, Signals
from spikedtp.spiking.open_loop.plan import Source

__all__ = ["SignalReader"]


@dataclass(frozen=True)
class SignalReader:
    """Turns read-out vectors into the signals of one projection.

    Attributes
    ----------
    source : Source
        The projection's presynaptic cells.
    cells : slice
        The places of these cells among the inputs.
    plateau : Plateau or None
        How plateaus are made. It is None if the population has none.
    settled : (samples, n_post)
        Activity of the cells in the rate network at the end of the settle phase. It gates plateaus as in Figure 3.
    target : (samples, n_post) or None
        The target, for the output population. The plateau of the output is its error. Other plateaus are dendritic.
    gain, trace_gain : float
        The value of an activity of 1 in a read-out of the cells, and of the presynaptic traces. With 1 the read-out is
        not changed.
    clipped : bool
        Whether dendritic plateaus are clipped as in the rate network. Without clipping they have Figure 3's linear
        form.
    signed : bool
        Whether the activity of the postsynaptic cells may be negative.
    sees_nudge : bool
        Whether the rule sees presynaptic activity at the end of the nudge, or else the settled activity.
    """

    source: Source
    cells: slice
    plateau: Plateau | None
    settled: np.ndarray
    target: np.ndarray | None
    gain: float
    trace_gain: float
    clipped: bool
    signed: bool = False
    sees_nudge: bool = True

    def signals(self, vectors: dict[str, np.ndarray]) -> Signals:
        """Signals from vectors (samples, repeats, n) as named in `BuiltNetwork.vectors`."""

        def read(name: str) -> np.ndarray:
            return vectors[name] / np.float32(self.gain)

        def presynaptic(name: str) -> np.ndarray:
            return self.source.joined(vectors[name][..., self.cells] / np.float32(self.trace_gain))

        lowest = -np.inf if self.signed else 0
        post_settled = read("soma_settled").clip(lowest, None)
        plateau = self._plateau(read("dendrite_nudged"), post_settled)
        trace_settled = presynaptic("trace_settled")
        return Signals(
            pre_settled=trace_settled,
            pre_settled_previous=trace_settled,
            post_settled=post_settled,
            dendrite_settled=read("dendrite_settled"),
            pre_nudged=presynaptic("trace_nudged") if self.sees_nudge else trace_settled,
            # as in the rate network: the nudge adds to the somatic state and never enters it
            post_nudged=(read("soma_nudged") + plateau).clip(lowest, None),
            plateau=plateau,
        )

    def _plateau(self, dendrite: np.ndarray, soma: np.ndarray) -> np.ndarray:
        if self.plateau is None:
            return np.zeros_like(dendrite)
        is_output = self.target is not None
        state = self.target[:, None, :] - soma if self.target is not None else dendrite
        if self.clipped or is_output:
            state = self.plateau.clip(state)
        found = np.empty_like(state)
        state, settled, out = (np.moveaxis(a, -1, 0) for a in (state, self.settled[:, None, :], found))
        self.plateau.write(state, settled, out, is_output=is_output)
        return found

    def at(self, samples: slice) -> SignalReader:
        """The reader of some of the samples."""
        target = None if self.target is None else self.target[samples]
        return replace(self, settled=self.settled[samples], target=target)
