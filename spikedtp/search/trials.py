"""The trials of a search: asked for and told in the order of their numbers, whichever ends first."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from spikedtp.configuration import Configuration
from spikedtp.errors import SpikedtpError
from spikedtp.records.tracking import Tracker, tell
from spikedtp.search.objectives import objective_value
from spikedtp.search.pruning import PRUNED, prunable
from spikedtp.search.space import Space
from spikedtp.sweep.job import FAILED, Job
from spikedtp.sweep.journal import Journal

__all__ = ["CLIENT", "FAILURE", "SEED_VALUES", "Trials", "client_of"]

#: Attributes of a trial: which results folder runs it, why it failed, and its values by objective and seed.
CLIENT, FAILURE, SEED_VALUES = "client", "error", "values_by_seed"


@dataclass
class _UnderWay:
    trial: Trial
    jobs: list[Job] = field(default_factory=list)
    error: str | None = None


class Trials:
    """The trials of a search that are under way, and the jobs that they wait for.

    A search keeps `at_once` trials under way. The next one is asked for when the oldest of them was told, whichever
    ended first. What Optuna knows when it is asked then follows from the numbers of the trials alone: the search finds
    the same in one process, in many and on a cluster, and after any interruption.

    Parameters
    ----------
    study : Study
    url : str
        Its storage.
    space : Space
    client : str
        Who runs the trials that are asked for here: a storage may be shared.
    journal : Journal
        The jobs that are done.
    report : callable
        Called with one line for each trial that fails.
    trackers : mapping of str to callable
        They are told of each job that ends.
    """

    def __init__(
        self,
        study: optuna.Study,
        url: str,
        space: Space,
        client: str,
        journal: Journal,
        report: Callable[[str], object],
        trackers: Mapping[str, Tracker],
    ):
        self.study, self.url, self.space, self.search, self.client = study, url, space, space.search, client
        self.journal, self.report, self.trackers = journal, report, trackers
        self.jobs: deque[Job] = deque()
        self._finished: dict[str, dict[str, Any]] = {}  # jobs by key
        self._under_way: deque[_UnderWay] = deque()
        self._asked: set[str] = set()  # keys of jobs

    def advance(self) -> None:
        """Tell the trials that are done, in their order, ask for as many others, and put their jobs into `jobs`."""
        while True:
            while len(self._under_way) < self.search.at_once and self._ask():
                pass
            if not self._under_way or not self._done(self._under_way[0]):
                return
            self._tell(self._under_way.popleft())

    def ended(self, job: dict[str, Any]) -> None:
        """Record a job that has ended, tell the trackers, and go on. Its files are kept only for trackers."""
        recorded = self.journal.write(job if self.trackers else {**job, "files": {}})
        self._finished[job["key"]] = recorded
        tell(self.trackers, self.journal.run_of(recorded), self.report)
        self.advance()

    def told(self) -> list[FrozenTrial]:
        """The finished trials by number."""
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def _ask(self) -> bool:
        """Take one more trial, unless there are enough."""
        known = self.study.get_trials(deepcopy=False)
        if not any(trial.state == TrialState.WAITING for trial in known):
            number = len(known)
            if number >= self.search.trials:
                return False
            first = self.space.first[number] if number < len(self.space.first) else {}
            self.study.enqueue_trial(first, user_attrs={CLIENT: self.client})  # so that it is somebody's from the start
        trial = self.study.ask(self.space.distributions)
        trial.set_user_attr(CLIENT, self.client)  # another client may have enqueued it
        asked = _UnderWay(trial)
        try:
            asked.jobs = self.space.jobs(trial.params)
        except SpikedtpError as error:
            asked.error = str(error)
        new = {job["key"]: job for job in asked.jobs if job["key"] not in self._asked}
        self._asked |= new.keys()
        self._finished |= self.journal.read(new)
        todo = [job for key, job in new.items() if key not in self._finished]
        if self.search.pruner is not None:
            todo = [prunable(job, self.search, self.url, trial.number) for job in todo]
        self.jobs += todo
        self._under_way.append(asked)
        return True

    def _done(self, asked: _UnderWay) -> bool:
        return all(job["key"] in self._finished for job in asked.jobs)

    def _tell(self, asked: _UnderWay) -> None:
        trial, error = asked.trial, asked.error
        if error is None:
            jobs = [self._finished[job["key"]] for job in asked.jobs]
            if any(job["status"] == PRUNED for job in jobs):
                self.study.tell(trial, state=TrialState.PRUNED)
                return
            error = next((job["error"] for job in jobs if job["status"] == FAILED), None)
        if error is None:
            try:
                found = list(self._values(self.space.configurations(trial.params), jobs))
            except SpikedtpError as problem:
                error = str(problem)
        if error is not None:
            trial.set_user_attr(FAILURE, error)
            self.study.tell(trial, state=TrialState.FAIL)
            self.report(f"trial {trial.number} failed: {error}")
            return
        trial.set_user_attr(SEED_VALUES, found)
        self.study.tell(trial, [float(np.mean(values)) for values in found])

    def _values(self, configurations: list[Configuration], jobs: list[dict[str, Any]]) -> Iterator[list[float]]:
        for objective in self.search.objectives:
            yield [
                objective_value(objective, settings, job["results"])
                for settings, job in zip(configurations, jobs, strict=True)
            ]


def client_of(folder: Path) -> str:
    """The name by which a results folder knows its trials; drawn once."""
    path = folder / ".client"
    if not path.is_file():
        path.write_text(secrets.token_hex(8), encoding="utf-8")
    return path.read_text(encoding="utf-8")
