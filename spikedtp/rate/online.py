"""Online training: the order of samples, and one step after the other. `RateNetwork` does the step itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole
from spikedtp.rate.checks import sample_array
from spikedtp.rate.network import RateNetwork
from spikedtp.schedules import DEFAULT_SCHEDULE, schedule_named

__all__ = ["Progress", "sample_order", "train_online"]


class Progress(NamedTuple):
    """A training step that is done: the number of steps so far, its sample, and the factor on the learning rates."""

    step: int
    sample: int
    rate_factor: float


def sample_order(n: int, n_presentations: int, data_seed: int) -> np.ndarray:
    """EIANN's online order of samples, which are shuffled again at each pass with one generator.

    Parameters
    ----------
    n : int
        Number of samples in the training set.
    n_presentations : int
        Number of presentations.
    data_seed : int
        Seed of the order.

    Returns
    -------
    ndarray, (n_presentations,), int64
        Indices into the training set.
    """
    n, n_presentations = check_whole("n", n, least=1), check_whole("n_presentations", n_presentations)
    data_seed = check_whole("data_seed", data_seed)
    generator = torch.Generator().manual_seed(data_seed)
    passes = []
    for _ in range(-(-n_presentations // n)):
        # the draw that torch's data loader spends on its workers' seed
        torch.empty((), dtype=torch.int64).random_(generator=generator)
        passes.append(torch.randperm(n, generator=generator).numpy())
    return np.concatenate(passes)[:n_presentations] if passes else np.zeros(0, dtype=np.int64)


def train_online(
    network: RateNetwork,
    X: Any,
    T: Any,
    *,
    n_samples: int,
    data_seed: int,
    schedule: str | Callable[[int, int], float] = DEFAULT_SCHEDULE,
    start: int = 0,
) -> Iterator[Progress]:
    """Train online. It yields after each step, so that the caller can report, evaluate or stop.

    Parameters
    ----------
    network : RateNetwork
        The network, which is changed in place.
    X, T : array, (samples, n_in), (samples, n_out)
        Inputs in [0, 1] and one-hot targets.
    n_samples : int
        Number of all presentations. The samples are shuffled again at each pass.
    data_seed : int
        Seed of the order of samples (`sample_order`).
    schedule : str or callable
        How learning rates change (``spikedtp.schedules``).
    start : int
        Number of presentations that were run before. The others then give the same as one run of all.

    Yields
    ------
    Progress
    """
    factor = schedule_named(schedule)
    n_samples = check_whole("n_samples", n_samples)
    start = check_whole("start", start, most=n_samples)
    X, T = sample_array(X, "X", network.circuit.input), sample_array(T, "T", network.circuit.output)
    if len(X) != len(T):
        raise SpikedtpError(f"{len(X)} inputs and {len(T)} targets: there must be one target for each input")
    for index, sample in enumerate(sample_order(len(X), n_samples, data_seed)[start:], start):
        rate_factor = factor(index, n_samples)
        network.train_step(X[sample], T[sample], rate_factor=rate_factor)
        yield Progress(index + 1, int(sample), rate_factor)
