"""`run_torch_snn`: a network trained in torch in discrete time, run in Brian2; and the same weights on other cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from brian2 import ms

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

__all__ = ["FeedForwardResponse", "RewardedRun", "learn_readout", "run_feedforward", "run_torch_snn"]


@dataclass(frozen=True)
class FeedForwardResponse:
    """What the network did with each sample.

    Attributes
    ----------
    hidden_spikes : (samples, steps, n_hidden) bool
    output_v : (samples, steps, n_out) float64 or None
        At the start of each step.
    score : (samples, n_out) float64
        Sum of `output_v` over the steps.
    """

    hidden_spikes: np.ndarray
    output_v: np.ndarray | None
    score: np.ndarray


@dataclass(frozen=True)
class RewardedRun:
    """What `learn_readout` gives.

    Attributes
    ----------
    reward : (presentations,)
        1 where the network's own, noisy choice was right.
    score : (presentations, n_out)
    w : (n_hidden, n_out)
        The read-out weights at the end.
    """

    reward: np.ndarray
    score: np.ndarray
    w: np.ndarray


def run_torch_snn(
    weights: Sequence,
    input_spikes,
    *,
    tau=5 * ms,
    dt=1 * ms,
    threshold: float = 1.0,
    orientation: str | None = None,
    device: str = "cpp_standalone",
) -> tuple[np.ndarray, np.ndarray]:
    """Run a trained discrete-time network in Brian2, spike for spike.

    Hidden cells are `DiscreteLIF`, outputs `LeakyReadout`, all in float64.

    Parameters
    ----------
    weights : [w1, w2]
        ``(n_in, n_hidden)`` and ``(n_hidden, n_out)``, as in torch's ``x @ w``; arrays, tensors, or the layers
        (``torch.nn.Linear`` without bias) themselves.
    input_spikes : (samples, steps, n_in)
        0 and 1, or bool.
    tau : Quantity (second)
    dt : Quantity (second)
    threshold : float
    orientation : {"in_out", "out_in"}, optional
        How arrays and tensors are stored: ``(n_in, n_out)``, or ``(n_out, n_in)`` as ``torch.nn.Linear.weight`` is.
        Their shapes tell it unless all are square; then it must be said.
    device : {"cpp_standalone", "runtime"}

    Returns
    -------
    hidden_spikes : (samples, steps, n_hidden) bool
    output_v : (samples, steps, n_out) float64
        0 in step 0.

    Raises
    ------
    SpikedtpError
        Shapes that do not fit, or fit both ways round; inputs that are no spikes, wrong units, an unknown device.
    """
    response = run_feedforward(
        weights, input_spikes, hidden=DiscreteLIF(tau=tau, threshold=threshold), tau=tau, dt=dt,
        orientation=orientation, device=device,
    )  # fmt: skip
    return response.hidden_spikes, response.output_v


def run_feedforward(
    weights: Sequence,
    input_spikes,
    *,
    hidden: CellModel | None = None,
    compartment: str = "soma",
    tau=5 * ms,
    dt=1 * ms,
    seed: int = 0,
    traces: bool = True,
    orientation: str | None = None,
    device: str = "cpp_standalone",
) -> FeedForwardResponse:
    """As `run_torch_snn`, with any cell in the hidden layer.

    Parameters
    ----------
    hidden : CellModel
        Default `DiscreteLIF`.
    compartment : {"soma", "dend"}
        Where the inputs arrive.
    tau : Quantity (second)
        Of the outputs.
    seed : int
        For cells that draw random numbers; sample k uses ``seed + k``, all of them below 2**32.
    traces : bool
        Whether to keep the output voltages.
    orientation : {"in_out", "out_in"}, optional
        Of the weights, as in `run_torch_snn`.
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
    input_spikes,
    labels,
    order,
    *,
    rule: RewardedChoice | None = None,
    learning=True,
    signs=None,
    hidden: CellModel | None = None,
    tau=5 * ms,
    dt=1 * ms,
    seed: int = 0,
    orientation: str | None = None,
    device: str = "cpp_standalone",
) -> RewardedRun:
    """Learn the read-out from reward in Brian2: many presentations in one run, the weights last.

    Parameters
    ----------
    weights : [w1, w2]
        As in `run_torch_snn`; w2 is where learning starts.
    input_spikes : (samples, steps, n_in)
    labels : (samples,) int
        The class that is rewarded.
    order : (presentations,) int
        Which sample each presentation shows.
    rule : RewardedChoice
    learning : bool or (samples,) bool
        Samples from which the network learns; the others only test it.
    signs : (n_hidden,), optional
        Dale's law for w2: -1, 1, or 0 for a cell that is free.
    seed : int
        Presentation k draws its noise from ``seed + k``, all of them below 2**32.
    orientation : {"in_out", "out_in"}, optional
        Of the weights, as in `run_torch_snn`. The result's are ``(n_hidden, n_out)``.
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


def _cell(where: str, hidden: CellModel | None, dt) -> CellModel:
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


def _checked(weights, input_spikes, orientation: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w1 and w2 in float64, (n_in, n_out), and the inputs as bool, or an error that says what does not fit."""
    x = as_numbers("input_spikes", input_spikes, None)
    if x.ndim != 3 or 0 in x.shape:
        raise SpikedtpError(
            f"input_spikes must be an array of numbers with 3 axes, (samples, steps, n_in), got shape {x.shape}"
        )
    w1, w2 = oriented(weights, x.shape, orientation)
    if x.dtype != bool:
        if not np.isin(x, (0, 1)).all():
            raise SpikedtpError("input_spikes must hold spikes, 0 or 1")
        x = x.astype(bool)
    return w1, w2, x


def _seeds(seed: int, n: int) -> np.ndarray:
    """One for each of `n` presentations; Brian2 takes 32 bits of a seed."""
    return check_whole("seed", seed, most=2**32 - n) + np.arange(n)
