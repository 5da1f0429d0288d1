"""Learning one task after the other, and what is forgotten: the same protocol for networks in rate and in spikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikedtp.arrays import as_indices
from spikedtp.circuit import checked_tasks
from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole
from spikedtp.rate import RateNetwork
from spikedtp.rate.online import sample_order, train_online
from spikedtp.spiking import SpikingNetwork
from spikedtp.summaries import Summarised

__all__ = ["LearnedTasks", "learn_tasks"]

Tasks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, repr=False)
class LearnedTasks(Summarised):
    """Accuracies of all tasks after each of them was learned.

    Attributes
    ----------
    tasks : tuple of tuple of int
        The classes of each task that was asked.
    accuracy : ndarray, (tasks, learned)
        Accuracy of each task after 1, 2, ... tasks were learned, when any output cell may answer.
    accuracy_within : ndarray, (tasks, learned)
        The same when only the output cells of the classes of the task may answer, as if somebody told the task.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.continual import LearnedTasks
    >>> found = LearnedTasks(((0, 1), (2, 3)), np.array([[0.9, 0.5], [0.0, 0.9]]), np.array([[1.0, 0.8], [0.6, 1.0]]))
    >>> round(found.forgetting, 3), round(found.forgetting_within, 3)
    (0.4, 0.2)
    """

    tasks: Tasks
    accuracy: np.ndarray
    accuracy_within: np.ndarray

    @property
    def final(self) -> float:
        """Mean accuracy of all tasks at the end."""
        return float(self.accuracy[:, -1].mean())

    @property
    def final_within(self) -> float:
        """Mean accuracy of all tasks at the end, within each task."""
        return float(self.accuracy_within[:, -1].mean())

    @property
    def forgetting(self) -> float:
        """Best minus last accuracy since a task was learned: mean over all tasks but the last. NaN for one task."""
        return _forgetting(self.accuracy)

    @property
    def forgetting_within(self) -> float:
        """The same within each task."""
        return _forgetting(self.accuracy_within)

    def _headline(self) -> str:
        return f"{self.accuracy.shape[1]} tasks learned, {len(self.tasks)} asked after each"

    def _parts(self) -> dict[str, str]:
        return {
            "accuracy at the end": f"{100 * self.final:.1f} %, within tasks {100 * self.final_within:.1f} %",
            "forgetting": f"{100 * self.forgetting:.1f} %, within tasks {100 * self.forgetting_within:.1f} %",
        }


def _forgetting(accuracy: np.ndarray) -> float:
    lost = [task[k:].max() - task[-1] for k, task in enumerate(accuracy[: accuracy.shape[1] - 1])]
    return float(np.mean(lost)) if lost else float("nan")


def learn_tasks(
    network: RateNetwork | SpikingNetwork,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    tasks: Sequence[Sequence[int]],
    *,
    samples: int,
    data_seed: int = 0,
    seed: int = 0,
    schedule: str | Callable[[int, int], float] = "constant",
    joint: bool = False,
) -> LearnedTasks:
    """Let a network learn tasks one after the other, and ask for all of them after each.

    A task is a list of classes, and shows samples of these alone. After each task the network is told so (`end_task`):
    synapses with a consolidation are consolidated, and in a circuit with `task_classes` other output cells are
    instructed from then on.

    Parameters
    ----------
    network : RateNetwork or SpikingNetwork
        It is changed.
    train, test : (x, labels)
        Inputs ``(samples, n_in)`` and classes ``(samples,)``.
    tasks : sequence of sequence of int
        Every class stands in one of them.
    samples : int
        Number of presentations in each task. The samples of a task are shuffled again at each pass.
    data_seed : int
        Seed of the order of samples.
    seed : int
        Seed of the spikes.
    schedule : str or callable
        How learning rates change within each task (``spikedtp.schedules``).
    joint : bool
        Whether all classes are shown together instead, as one task that is as long as all of them: what a network can
        reach that need not remember.

    Returns
    -------
    LearnedTasks

    Raises
    ------
    SpikedtpError
        A class is missing, unknown or in two tasks, or a task has no training or no test samples.

    Examples
    --------
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.continual import learn_tasks
    >>> from spikedtp.datasets import load
    >>> data = load("digits")
    >>> network = load_rate_network("digits_dtp", seed=1)
    >>> halves = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
    >>> found = learn_tasks(
    ...     network, (data.train_x, data.train_y), (data.test_x, data.test_y), halves, samples=20
    ... )
    >>> found.accuracy.shape, network.task
    ((2, 2), 2)
    """
    n_out = network.circuit.output.size
    asked = checked_tasks("tasks", tasks, n_out)
    samples, seed = check_whole("samples", samples, least=1), check_whole("seed", seed)
    (x, labels), (test_x, test_labels) = _checked("train", train, n_out), _checked("test", test, n_out)
    in_task = [np.flatnonzero(np.isin(labels, classes)) for classes in asked]
    in_test = [np.flatnonzero(np.isin(test_labels, classes)) for classes in asked]
    for part, found in (("training", in_task), ("test", in_test)):
        if empty := [k for k, places in enumerate(found) if not len(places)]:
            raise SpikedtpError(f"tasks: there are no {part} samples of task {empty[0] + 1}, classes {asked[empty[0]]}")
    if joint:
        in_task, samples = [np.arange(len(labels))], samples * len(asked)
    targets = np.eye(n_out, dtype=np.float32)[labels]
    any_cell: list[list[float]] = []
    within: list[list[float]] = []
    for k, places in enumerate(in_task):
        _learn(network, x[places], targets[places], samples, data_seed + k, seed + k, schedule)
        network.end_task()
        for answers, among in ((any_cell, [None] * len(asked)), (within, asked)):
            answers.append(
                [
                    _accuracy(network, test_x[i], test_labels[i], cells, seed)
                    for i, cells in zip(in_test, among, strict=True)
                ]
            )
    return LearnedTasks(asked, np.array(any_cell).T, np.array(within).T)


def _checked(name: str, part: tuple[Any, Any], n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    x, labels = np.asarray(part[0]), as_indices(f"labels of {name}", part[1], n_classes, "classes")
    if len(x) != len(labels):
        raise SpikedtpError(f"{name}: {len(x)} inputs and {len(labels)} labels: there must be one label for each input")
    return x, labels


def _learn(
    network: RateNetwork | SpikingNetwork,
    x: np.ndarray,
    targets: np.ndarray,
    samples: int,
    data_seed: int,
    seed: int,
    schedule: str | Callable[[int, int], float],
) -> None:
    if isinstance(network, SpikingNetwork):
        network.train(x, targets, sample_order(len(x), samples, data_seed), seed=seed, schedule=schedule)
        return
    for _ in train_online(network, x, targets, n_samples=samples, data_seed=data_seed, schedule=schedule):
        pass


def _accuracy(network: RateNetwork | SpikingNetwork, x: np.ndarray, labels: np.ndarray, among: Any, seed: int) -> float:
    if isinstance(network, SpikingNetwork):
        return float((network.predict(x, among=among, seed=seed) == labels).mean())
    return float((network.predict(x, among=among) == labels).mean())
