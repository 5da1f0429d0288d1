"""What a run of e-prop leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.summaries import Summarised, counted

__all__ = ["EPropResponse", "EPropResult"]


@dataclass(frozen=True, eq=False, repr=False)
class EPropResponse(Summarised):
    """What a network did while it learned by `EProp`.

    Attributes
    ----------
    spikes : (intervals, steps, n_rec) bool
    output : (intervals, steps, n_out)
        Of the read-outs: voltages, or probabilities with ``loss="cross_entropy"``.
    losses : (intervals,)
        Before the update at the end of the interval.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import EPropNetwork
    >>> from spikedtp.plasticity import EProp
    >>> network = EPropNetwork(EProp(), np.ones((3, 4)), np.zeros((3, 3)), np.ones((2, 3)), feedback="symmetric")
    >>> network.learn(np.zeros((5, 10, 4), bool), np.zeros((5, 2))).losses.shape
    (5,)
    """

    spikes: np.ndarray
    output: np.ndarray
    losses: np.ndarray

    def _headline(self) -> str:
        return f"{counted(len(self.losses), 'interval')}, mean loss {self.losses.mean():.3g}"

    def _parts(self) -> dict[str, str]:
        return {"spikes": str(self.spikes.shape), "output": str(self.output.shape)}


@dataclass(frozen=True, eq=False, repr=False)
class EPropResult(EPropResponse):
    """Spikes, losses and weights of a network that learned by `EProp`.

    Attributes
    ----------
    spikes, output, losses
        As in `EPropResponse`.
    w_in, w_rec, w_out : (updates + 1, n_post, n_pre)
        The first are those at the start. There is an update after each interval, or after each batch of them.
    feedback : (n_rec, n_out)
        After the last update.
    dt : Quantity
    recorded : dict of str to (intervals, steps, n_rec)
        What `run_eprop` was asked to record.
    timings : dict of str to float
        Seconds that the spiking form took, as `RunResults` has them.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import run_eprop
    >>> from spikedtp.plasticity import EProp
    >>> x = np.ones((2, 10, 1))
    >>> x[:, 0] = 0
    >>> run_eprop(EProp(), [[0.3]], [[0.0]], [[1.0]], x, np.zeros((2, 10, 1)), feedback="symmetric")
    EPropResult: 2 intervals of 10 ms, 1 cell, 1 output, loss 0.0416 → 0.0416
      spikes  (2, 10, 1)
      w_in    (3, 1, 1)
      w_rec   (3, 1, 1)
      w_out   (3, 1, 1)
    """

    w_in: np.ndarray
    w_rec: np.ndarray
    w_out: np.ndarray
    feedback: np.ndarray
    dt: Quantity
    recorded: dict[str, np.ndarray] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    def _headline(self) -> str:
        intervals, steps, n_rec = self.spikes.shape
        length = f"{steps * float(self.dt) * 1e3:g} ms"
        sizes = f"{counted(n_rec, 'cell')}, {counted(self.output.shape[-1], 'output')}"
        return (
            f"{counted(intervals, 'interval')} of {length}, {sizes}, loss {self.losses[0]:.3g} → {self.losses[-1]:.3g}"
        )

    def _parts(self) -> dict[str, str]:
        arrays = {"spikes": self.spikes, "w_in": self.w_in, "w_rec": self.w_rec, "w_out": self.w_out} | self.recorded
        return {name: str(values.shape) for name, values in arrays.items()}
