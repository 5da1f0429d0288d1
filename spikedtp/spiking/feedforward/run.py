"""Networks of two matrices that were trained in torch: run with any hidden cell, or learning from reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_indices, as_numbers
from spikedtp.errors import SpikedtpError, shown
from spikedtp.neurons import CellModel, DiscreteLIF, LeakyReadout
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.private_brian2 import harmless_warnings
from spikedtp.spiking.engine.batch import RunInputs, RunResults
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.feedforward.build import FeedForward, build_feedforward
from spikedtp.spiking.feedforward.trained_weights import oriented
from spikedtp.summaries import Summarised, counted

__all__ = ["FeedForwardResponse", "RewardedRun", "learn_readout", "run_feedforward", "spikes_given"]


@dataclass(frozen=True, repr=False)
class FeedForwardResponse(Summarised):
    """The response of a feed-forward network to each sample.

    Attributes
    ----------
    hidden_spikes : (samples, steps, n_hidden) bool
    output_v : (samples, steps, n_out) float64 or None
        Voltages at the start of each step.
    score : (samples, n_out) float64
        Sum of `output_v` over the steps.
    """

    hidden_spikes: np.ndarray
    output_v: np.ndarray | None
    score: np.ndarray

    def _headline(self) -> str:
        samples, steps, hidden = self.hidden_spikes.shape
        cells = f"{counted(hidden, 'hidden cell')}, {counted(self.score.shape[-1], 'output cell')}"
        return f"{counted(samples, 'sample')} of {counted(steps, 'time step')}, {cells}"

    def _parts(self) -> dict[str, str]:
        return {name: "not kept" if array is None else str(array.shape) for name, array in vars(self).items()}


@dataclass(frozen=True, repr=False)
class RewardedRun(Summarised):
    """The result of `learn_readout`.

    Attributes
    ----------
    reward : (presentations,)
        1 where the noisy choice of the network was right, else 0.
    score : (presentations, n_out)
    w : (n_hidden, n_out)
        The weights of the read-out at the end.
    """

    reward: np.ndarray
    score: np.ndarray
    w: np.ndarray

    def _headline(self) -> str:
        return f"{counted(len(self.reward), 'presentation')}, {self.reward.mean():.1%} of them rewarded"

    def _parts(self) -> dict[str, str]:
        return {name: str(array.shape) for name, array in vars(self).items()}


def run_feedforward(
    weights: Sequence,
    input_spikes: ArrayLike,
    *,
    hidden: CellModel | None = None,
    compartment: str = "soma",
    tau: Quantity = 5 * ms,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    traces: bool = True,
    orientation: str | None = None,
    device: str = "cpp_standalone",
) -> FeedForwardResponse:
    """Run trained weights as `run_torch_snn` does, with any cell in the hidden layer.

    Parameters
    ----------
    hidden : CellModel
        The cell of the hidden layer. The default is `DiscreteLIF`.
    compartment : {"soma", "dend"}
        The compartment where the inputs arrive.
    tau : Quantity (second)
        Time constant of the output cells.
    seed : int
        Seed for cells that draw random numbers. Sample k uses ``seed + k``, which must stay below 2**32.
    traces : bool
        Whether to keep the output voltages.
    orientation : {"in_out", "out_in"}, optional
        How the weights are stored, as in `run_torch_snn`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.neurons import LIF
    >>> from spikedtp.spiking import run_feedforward
    >>> w1, w2 = np.full((3, 2), 0.6), np.ones((2, 1))
    >>> spikes = np.zeros((1, 10, 3), dtype=bool)
    >>> spikes[0, 2] = True
    >>> response = run_feedforward([w1, w2], spikes, hidden=LIF(), device="runtime")
    >>> np.flatnonzero(response.hidden_spikes[0, :, 0]), response.score.shape
    (array([3]), (1, 1))
    """
    w1, w2, x = _checked(weights, input_spikes, orientation)
    seeds = _seeds(seed, len(x))
    check_device(device)
    hidden = _cell("run_feedforward", hidden, dt)
    _check_compartment(hidden, compartment)
    spec = FeedForward(w1.T, w2.T, x.shape[1], dt, hidden, LeakyReadout(tau=tau), compartment, traces=traces)
    results = _run(spec, RunInputs({"spikes": x}, np.arange(len(x)), seeds), device)
    return FeedForwardResponse(_raster(results, x, len(w2)), results.traces.get("v"), results.vectors["score"])


def learn_readout(
    weights: Sequence,
    input_spikes: ArrayLike,
    labels: ArrayLike,
    order: ArrayLike,
    *,
    rule: RewardedChoice | None = None,
    learning: ArrayLike = True,
    signs: ArrayLike | None = None,
    hidden: CellModel | None = None,
    tau: Quantity = 5 * ms,
    dt: Quantity = 1 * ms,
    seed: int = 0,
    orientation: str | None = None,
    device: str = "cpp_standalone",
) -> RewardedRun:
    """Learn the output weights from reward in Brian2.

    One run has many presentations, and each begins with the weights that the one before has left.

    Parameters
    ----------
    weights : [w1, w2]
        As in `run_torch_snn`. Learning starts from w2.
    input_spikes : (samples, steps, n_in)
    labels : (samples,) int
        The class that is rewarded.
    order : (presentations,) int
        Which sample each presentation shows.
    rule : RewardedChoice
        The learning rule of the output weights.
    learning : bool or (samples,) bool
        The samples from which the network learns. The others only test it.
    signs : (n_hidden,), optional
        Dale's law for w2: the sign of each hidden cell, -1 or 1, or 0 for a cell without a sign.
    seed : int
        Seed of the noise. Presentation k uses ``seed + k``, which must stay below 2**32.
    orientation : {"in_out", "out_in"}, optional
        How the weights are stored, as in `run_torch_snn`. The weights of the result are ``(n_hidden, n_out)``.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.spiking import learn_readout
    >>> rng = np.random.default_rng(0)
    >>> w1, w2 = rng.random((5, 4)), np.zeros((4, 2))
    >>> spikes = rng.random((6, 10, 5)) < 0.3
    >>> labels, order = [0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5]
    >>> learned = learn_readout([w1, w2], spikes, labels, order, device="runtime")
    >>> learned.reward.shape, learned.w.shape
    ((6,), (4, 2))
    """
    w1, w2, x = _checked(weights, input_spikes, orientation)
    labels = as_indices("learn_readout: labels", labels, w2.shape[1], "one class")
    if len(labels) != len(x):
        raise SpikedtpError(f"learn_readout: there must be one label for each of {len(x)} samples, got {len(labels)}")
    order = as_indices("learn_readout: order", order, len(x), "sample numbers")
    seeds = _seeds(seed, len(order))
    learning = as_numbers("learn_readout: learning", learning)
    if learning.shape not in ((), (len(x),)) or not np.isin(learning, (0, 1)).all():
        raise SpikedtpError(
            f"learn_readout: learning must be True, False or one of them for each of {len(x)} samples, got shape "
            f"{learning.shape}"
        )
    if signs is not None:
        signs = as_numbers("learn_readout: signs", signs)
        if signs.shape != (len(w2),) or not np.isin(signs, (-1, 0, 1)).all():
            raise SpikedtpError(f"learn_readout: signs must be -1, 0 or 1 for each of {len(w2)} hidden cells")
    check_device(device)
    rule = RewardedChoice() if rule is None else rule
    if not isinstance(rule, RewardedChoice):
        raise SpikedtpError(f"learn_readout: rule must be a RewardedChoice, got {shown(rule)}")
    hidden = _cell("learn_readout", hidden, dt)
    _check_compartment(hidden, "soma")
    spec = FeedForward(w1.T, w2.T, x.shape[1], dt, hidden, LeakyReadout(tau=tau), rule=rule, signs=signs, traces=False)
    target = np.eye(w2.shape[1])[labels]
    gate = np.broadcast_to(learning.reshape(-1, 1), target.shape)
    patterns = {"spikes": x, "target": target, "learning": gate}
    results = _run(spec, RunInputs(patterns, order, seeds), device)
    vectors = results.vectors
    return RewardedRun(vectors["reward"][:, 0], vectors["score"], vectors["w"][-1].reshape(w2.shape))


def _run(spec: FeedForward, data: RunInputs, device: str) -> RunResults:
    return run_on(device, partial(build_feedforward, spec), data)


def _raster(results: RunResults, x: np.ndarray, n_hidden: int) -> np.ndarray:
    events, counts = results.spikes["hidden"]
    raster = np.zeros((len(x), x.shape[1], n_hidden), dtype=bool)
    raster[np.repeat(np.arange(len(x)), counts), events[:, 0], events[:, 1]] = True
    return raster


def _cell(where: str, hidden: CellModel | None, dt: Quantity) -> CellModel:
    """The cell of the hidden layer, which time steps of `dt` fit."""
    check_quantity(where, "dt", dt, ms, above=0 * ms)
    hidden = DiscreteLIF() if hidden is None else hidden
    if not isinstance(hidden, CellModel):
        raise SpikedtpError(f"{where}: hidden must be a cell such as spikedtp.neurons.LIF(), got {shown(hidden)}")
    hidden.check_time_step(dt)
    return hidden


def _check_compartment(hidden: CellModel, compartment: str) -> None:
    with harmless_warnings():
        places = [name.removeprefix("input_") for name in hidden.declaration().clear]
    if compartment not in places:
        raise SpikedtpError(
            f"run_feedforward: {type(hidden).__name__} takes inputs at {' or '.join(places)}, got {compartment!r}"
        )


def _checked(
    weights: Sequence, input_spikes: ArrayLike, orientation: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w1 and w2 in float64, (n_in, n_out), and the inputs as bool, or an error that says what does not fit."""
    x = spikes_given(input_spikes)
    return (*oriented(weights, x.shape, orientation), x)


def spikes_given(input_spikes: ArrayLike) -> np.ndarray:
    """Input spikes as `(samples, steps, n_in)` bool, or an error that says what they are."""
    x = as_numbers("input_spikes", input_spikes, None)
    if x.ndim != 3 or 0 in x.shape:
        raise SpikedtpError(
            f"input_spikes must be an array of numbers with 3 axes, (samples, steps, n_in), got shape {x.shape}"
        )
    if x.dtype != bool:
        if not np.isin(x, (0, 1)).all():
            raise SpikedtpError("input_spikes must hold spikes, 0 or 1")
        x = x.astype(bool)
    return x


def _seeds(seed: int, n: int) -> np.ndarray:
    """One for each of `n` presentations; Brian2 takes 32 bits of a seed."""
    return check_whole("seed", seed, most=2**32 - n) + np.arange(n)
