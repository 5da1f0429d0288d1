"""What `run_eprop` is asked to do, checked: the network, its input and its targets as plain arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity import EProp
from spikedtp.plasticity.eprop import StepConstants, whole_steps

__all__ = ["FEEDBACKS", "PROJECTIONS", "Network", "Task", "checked_network", "checked_spikes", "checked_task"]

FEEDBACKS = ("symmetric", "random", "adaptive")
PROJECTIONS = ("in", "rec", "out")


@dataclass(frozen=True, eq=False)
class Network:
    """A network that can learn.

    Attributes
    ----------
    rule : EProp
    dt : Quantity
    w_in, w_rec, w_out : (n_post, n_pre)
        At the start.
    feedback : {"fixed", "symmetric", "adaptive"}
    b : (n_rec, n_out)
        The feedback weights, or those at the start.
    learns : tuple of {"in", "rec", "out"}
        Whose weights change.
    precision : dtype
        Of all that is computed.
    """

    rule: EProp
    dt: Quantity
    w_in: np.ndarray
    w_rec: np.ndarray
    w_out: np.ndarray
    feedback: str
    b: np.ndarray
    learns: tuple[str, ...]
    precision: type[np.floating] = np.float64

    @cached_property
    def at(self) -> StepConstants:
        return self.rule.steps(self.dt)

    @property
    def beta(self) -> np.ndarray:
        """Of each recurrent cell."""
        return np.broadcast_to(np.asarray(self.rule.beta, dtype=float), len(self.w_rec))

    def window(self, steps: int) -> int:
        """Steps of the learning window, of an interval of so many `steps`."""
        return self.at.window or steps

    def gradient_share(self, steps: int, batch_size: int) -> float:
        """The factor that makes the mean of summed gradients."""
        return 1.0 / (batch_size * (self.window(steps) if self.rule.average_gradient else 1))


@dataclass(frozen=True, eq=False)
class Task:
    """A network and what it is to learn.

    Attributes
    ----------
    network : Network
    x : (intervals, steps, n_in) bool
        Nothing arrives in the first step of an interval.
    target : (intervals, steps, n_out)
    batch_size : int
    """

    network: Network
    x: np.ndarray
    target: np.ndarray
    batch_size: int

    @property
    def n_steps(self) -> int:
        return self.x.shape[1]

    @property
    def window(self) -> int:
        """Steps of the learning window."""
        return self.network.window(self.n_steps)

    @property
    def gradient_share(self) -> float:
        """The factor that makes the mean of summed gradients."""
        return self.network.gradient_share(self.n_steps, self.batch_size)


def checked_network(
    rule: EProp, w_in: ArrayLike, w_rec: ArrayLike, w_out: ArrayLike, *, feedback: Any, dt: Quantity,
    learns: Iterable[str], seed: int,
) -> Network:  # fmt: skip
    """The network, or a one-line error."""
    if not isinstance(rule, EProp):
        raise SpikedtpError(f"e-prop: rule must be an EProp, got {shown(rule)}")
    check_quantity("e-prop", "dt", dt, 1 * ms, above=0 * ms)
    recurrent = _matrix("w_rec", w_rec, "(n_rec, n_rec)")
    n_rec = len(recurrent)
    if recurrent.shape != (n_rec, n_rec):
        raise SpikedtpError(f"w_rec must be (n_rec, n_rec), got {recurrent.shape}")
    if np.diagonal(recurrent).any():
        raise SpikedtpError(
            "w_rec must be 0 on its diagonal, since no cell excites itself: numpy.fill_diagonal(w_rec, 0)"
        )
    given = _matrix("w_in", w_in, "(n_rec, n_in)", rows=n_rec)
    if w_out is None or np.size(w_out) == 0:
        raise SpikedtpError("e-prop needs a read-out: give w_out, (n_out, n_rec) with at least one output")
    out = _matrix("w_out", w_out, "(n_out, n_rec)", columns=n_rec)
    if isinstance(rule.beta, tuple) and len(rule.beta) not in (1, n_rec):
        raise SpikedtpError(f"EProp.beta must be one number or one for each of {n_rec} cells, got {len(rule.beta)}")
    if rule.loss == "cross_entropy" and len(out) < 2:
        raise SpikedtpError("loss='cross_entropy' needs at least two outputs, one for each class: w_out has one row")
    chosen = tuple(dict.fromkeys([learns] if isinstance(learns, str) else learns))
    for name in chosen:
        if name not in PROJECTIONS:
            raise known_names("projection that learns", name, PROJECTIONS)
    kind, b = _feedback(feedback, out, check_whole("seed", seed))
    network = Network(rule, dt, given, recurrent, out, kind, b, chosen)
    _ = network.at  # a time that is no multiple of dt is refused here
    return network


def checked_task(
    network: Network, input_spikes: ArrayLike, target: ArrayLike, *, update_interval: Quantity | None = None,
    batch_size: int = 1, stacklevel: int = 3,
) -> Task:  # fmt: skip
    """The task, or a one-line error."""
    x = checked_spikes(network, input_spikes, update_interval, stacklevel=stacklevel + 1)
    check_whole("batch_size", batch_size, least=1)
    if len(x) % batch_size:
        raise SpikedtpError(f"batch_size must divide the number of intervals, {len(x)}, got {batch_size}")
    task = Task(network, x, _target(target, x, len(network.w_out)), batch_size)
    if network.rule.loss == "cross_entropy":
        wanted = task.target[:, task.n_steps - task.window :]
        if (wanted < 0).any() or np.abs(wanted.sum(axis=-1) - 1).max() > 1e-6:
            raise SpikedtpError(
                "target must be probabilities that sum to 1 in each step of the learning window, such as one-hot rows, "
                "with loss='cross_entropy'"
            )
    return task


def _matrix(name: str, values: Any, shape: str, *, rows: int | None = None, columns: int | None = None) -> np.ndarray:
    found = as_numbers(name, values)
    wrong = found.ndim != 2 or 0 in found.shape
    if wrong or (rows or found.shape[0]) != found.shape[0] or (columns or found.shape[1]) != found.shape[1]:
        n_rec = f" with n_rec = {rows or columns}, as w_rec has" if rows or columns else ""
        raise SpikedtpError(f"{name} must be {shape}{n_rec}, got {found.shape}")
    return found


def checked_spikes(
    network: Network, given: Any, update_interval: Quantity | None = None, *, stacklevel: int = 3
) -> np.ndarray:
    """Input spikes ``(intervals, steps, n_in)``, bool, with none in the first step; or a one-line error."""
    x, n_in, dt = as_numbers("input_spikes", given, None), network.w_in.shape[1], network.dt
    if x.dtype != bool and not ((x == 0) | (x == 1)).all():
        raise SpikedtpError("input_spikes must be spikes: 0 and 1, or False and True")
    if update_interval is not None:
        check_quantity("e-prop", "update_interval", update_interval, 1 * ms, above=0 * ms)
        steps = whole_steps("update_interval", update_interval, dt)
        if x.ndim == 2 and len(x) % steps == 0:
            x = x.reshape(-1, steps, x.shape[1])
        if x.ndim == 2 or x.shape[1] != steps:
            raise SpikedtpError(f"input_spikes must be whole update intervals of {steps} steps, got {np.shape(given)}")
    if x.ndim != 3 or 0 in x.shape or x.shape[2] != n_in:
        raise SpikedtpError(
            f"input_spikes must be (intervals, steps, n_in) with n_in = {n_in}, as w_in has, got {x.shape}"
        )
    if (network.at.window or 0) > x.shape[1]:
        raise SpikedtpError(
            f"EProp.learning_window must be at most the update interval, {x.shape[1] * dt}, "
            f"got {network.rule.learning_window}"
        )
    if first := int(np.count_nonzero(x[:, 0])):
        warnings.warn(
            f"e-prop: {first} input spikes in the first step of an update interval are left out: states begin there",
            stacklevel=stacklevel,
        )
        x = x.copy()
        x[:, 0] = False
    return x.astype(bool, copy=False)


def _target(given: Any, x: np.ndarray, n_out: int) -> np.ndarray:
    target, shape = as_numbers("target", given), (*x.shape[:2], n_out)
    if target.ndim == 2 and target.shape == (shape[0] * shape[1], n_out):
        return target.reshape(shape)
    if target.shape not in (shape, shape[1:]):
        raise SpikedtpError(f"target must be (intervals, steps, n_out) = {shape}, got {target.shape}")
    return np.broadcast_to(target, shape)


def _feedback(given: Any, w_out: np.ndarray, seed: int) -> tuple[str, np.ndarray]:
    if isinstance(given, str):
        if given not in FEEDBACKS:
            raise known_names("feedback", given, (*FEEDBACKS, "or a matrix (n_rec, n_out)"))
        if given == "symmetric":
            return given, w_out.T
        drawn = np.random.default_rng(seed).standard_normal(w_out.T.shape) / np.sqrt(w_out.shape[1])
        return ("fixed" if given == "random" else given), drawn
    b = as_numbers("feedback", given)
    if b.shape != w_out.T.shape:
        raise SpikedtpError(f"feedback must be (n_rec, n_out) = {w_out.T.shape}, got {b.shape}")
    return "fixed", b
