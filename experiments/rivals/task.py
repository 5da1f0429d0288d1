"""What all rules have in common: the samples, how many presentations, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from processor_time import cpu_seconds

from spikedtp.datasets import Dataset, load

__all__ = ["GOAL", "Task", "cpu_per_sample", "found", "samples_to"]

GOAL = 0.8  # accuracy on validation samples
FEW, MANY = 100, 400  # presentations of two short trainings, for the time of one


@dataclass(frozen=True)
class Task:
    """One task for all rules.

    Attributes
    ----------
    data : str
        As in ``spikedtp train``.
    samples : int
        Presentations in training, one sample at a time.
    validation : int
        Training samples, from the end, that are held out.
    hidden : tuple of int
        Sizes of the hidden layers of the networks that are no circuits of EIANN: those of the circuits' E cells.
    compared : int
        Validation samples whose weight changes are compared, after a tenth of the presentations: they teach more then
        than at the end.
    repeats : int
        Presentations of each of them in spikes.
    tested : bool
        Whether the test samples are shown.
    folder : Path
        Where trained networks are kept.
    device : str
    """

    data: str
    samples: int
    validation: int
    hidden: tuple[int, ...]
    compared: int
    repeats: int
    tested: bool
    folder: Path
    device: str

    @property
    def kind(self) -> str:
        return self.data.partition(":")[0]

    @property
    def early(self) -> int:
        """Presentations after which weight changes are compared."""
        return 2 * self.probe_every

    @property
    def probe_every(self) -> int:
        return max(self.samples // 20, 1)

    @cached_property
    def whole(self) -> Dataset:
        return load(self.data)

    @cached_property
    def material(self) -> Dataset:
        """Its test part are the validation samples."""
        return self.whole.validated(self.validation, None)

    def settings(self) -> list[Any]:
        """What a kept result depends on."""
        return [self.data, self.samples, self.validation, list(self.hidden), self.compared, self.repeats, self.tested]


def found(
    *,
    curve: Iterable[tuple[int, float]],
    validation: float,
    test: float | None,
    angle: float | None = None,
    cosine: float | None = None,
    ceiling: float | None = None,
    spikes: float | None = None,
    simulated_ms: float | None = None,
) -> dict[str, Any]:
    """The result of one rule in one form with one seed, as it is kept.

    Parameters
    ----------
    curve : pairs
        Presentations, and the accuracy on validation samples then.
    validation, test : float
        Accuracy at the end, with the mean of the weights of the last fifth, answering in the form of learning.
    angle : float, optional
        Degrees between the change by one sample and minus the gradient of the loss: mean over samples and over
        projections onto hidden cells.
    cosine, ceiling : float, optional
        Of the changes in spikes with those that the rate form makes from the same weights, and what noise alone would
        leave of it: medians over projections onto hidden cells, samples and presentations.
    spikes, simulated_ms : float, optional
        Of one training sample.
    """
    curve = [[int(n), float(accuracy)] for n, accuracy in curve]
    numbers = dict(validation=validation, test=test, angle=angle, cosine=cosine, ceiling=ceiling, spikes=spikes)
    numbers["simulated_ms"] = simulated_ms
    return {"curve": curve} | {name: None if value is None else float(value) for name, value in numbers.items()}


def samples_to(curve: list[list[float]], goal: float = GOAL) -> float:
    """The first probe at which the accuracy is at least `goal`; NaN if there is none."""
    return next((n for n, accuracy in curve if accuracy >= goal), np.nan)


def cpu_per_sample(learn: Callable[[int], Any], *, few: int = FEW, many: int = MANY) -> float:
    """Milliseconds of processor time for one training sample: what `many` take more than `few`.

    The first training also compiles what is not compiled yet, and is left out.
    """

    def spent(n: int) -> float:
        began = cpu_seconds()
        learn(n)
        return cpu_seconds() - began

    learn(few)
    first = spent(few)
    return 1e3 * (spent(many) - first) / (many - few)
