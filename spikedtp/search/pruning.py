"""Trainings that a pruner may stop: what runs in the process of the job, and looks into the storage of the study."""

from __future__ import annotations

import time
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage

from spikedtp.configuration import SearchConfiguration
from spikedtp.errors import SpikedtpError, in_one_line
from spikedtp.search.samplers import pruner_named, quiet
from spikedtp.search.study import storage_at
from spikedtp.sweep.job import FAILED, Job, run_job

__all__ = ["PRUNED", "check_pruning", "prunable", "run_prunable"]

PRUNED = "pruned"  # the status of a job


class _Pruned(BaseException):
    """The pruner has seen enough. No `except Exception` of a job holds it up."""


def check_pruning(search: SearchConfiguration, url: str) -> None:
    """Refuse a pruner where there is nothing for it to see."""
    if search.pruner is None:
        return
    if search.job_command != "train" or search.objectives != ("validation_accuracy",):
        raise SpikedtpError(
            "pruner: only the validation_accuracy of 'train' is measured on the way; leave the pruner out for "
            f"{search.objective} of {search.job_command!r}"
        )
    if len(search.seeds) > 1:
        raise SpikedtpError("pruner: it compares single trainings: give one seed, or leave it out")
    if search.scheduler is not None and sqlalchemy.make_url(url).get_backend_name() == "sqlite":
        raise SpikedtpError(
            "pruner: workers of a cluster ask the storage, and cannot open a file of this machine: name a --storage "
            "that they reach, such as postgresql://HOST/NAME"
        )


def prunable(job: Job, search: SearchConfiguration, url: str, trial: int) -> Job:
    """A job that `run_prunable` can run for a trial."""
    return {**job, "pruning": {"storage": url, "study": search.study, "pruner": search.pruner, "trial": trial}}


def run_prunable(job: Job, **how: Any) -> dict[str, Any]:
    """Run a job as `run_job` does; one that `prunable` made tells the study each probe, and stops where it should."""
    pruning = job.get("pruning")
    job = {key: value for key, value in job.items() if key != "pruning"}
    if pruning is None:
        return run_job(job, **how)
    started = time.perf_counter()

    def ended(status: str, error: str | None) -> dict[str, Any]:
        seconds = time.perf_counter() - started
        return {**job, "status": status, "error": error, "results": {}, "seconds": seconds, "files": {}}

    with quiet():
        try:
            trial = _trial_of(pruning)
        except Exception as problem:  # every driver of a database has errors of its own
            return ended(FAILED, f"pruner: the storage cannot be opened ({in_one_line(problem)})")

        def probed(done: int, accuracy: float | None) -> None:
            if accuracy is not None:
                trial.report(accuracy, done)
                if done < job["settings"]["samples"] and trial.should_prune():
                    raise _Pruned

        try:
            return run_job(job, probed=probed, **how)
        except _Pruned:
            return ended(PRUNED, None)


def _trial_of(pruning: dict[str, Any]) -> optuna.Trial:
    storage: RDBStorage = storage_at(pruning["storage"])
    study = optuna.load_study(
        study_name=pruning["study"],
        storage=storage,
        sampler=optuna.samplers.RandomSampler(),  # nothing is drawn here
        pruner=pruner_named(pruning["pruner"]),
    )
    owner = storage.get_study_id_from_name(pruning["study"])
    return optuna.Trial(study, storage.get_trial_id_from_study_id_trial_number(owner, pruning["trial"]))
