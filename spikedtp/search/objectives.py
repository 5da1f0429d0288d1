"""What a job is worth: each objective as it is read from a job's settings and results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spikedtp.configuration import CompareConfiguration, Configuration, EvaluateConfiguration, TrainConfiguration
from spikedtp.errors import SpikedtpError

__all__ = ["check_objective", "objective_value"]

Results = Mapping[str, Any]
COSINE = ".rule.cosine.median"


def check_objective(name: str, job: Configuration) -> None:
    """Refuse an objective that a job with these settings does not give."""
    _reader(name, job)


def objective_value(name: str, job: Configuration, results: Results) -> float:
    """The value of an objective.

    Raises
    ------
    SpikedtpError
        The job does not give it, or found no number.
    """
    value = _reader(name, job)(results)
    if not isinstance(value, (int, float)):
        raise SpikedtpError(f"the job found no {name}")
    return float(value)


def _reader(name: str, job: Configuration) -> Callable[[Results], float | None]:
    if isinstance(job, TrainConfiguration):
        found = _of_training(name, job)
        needs = "mode: spiking"
    elif isinstance(job, EvaluateConfiguration):
        found = _of_evaluation(name, job)
        needs = "mode: rate" if name == "validation_accuracy" else "mode: spiking"
    else:
        assert isinstance(job, CompareConfiguration)
        found = _of_comparison(name, job)
        needs = "loop: closed" if name == "validation_accuracy_in_spikes" else ""
    if found is not None:
        return found
    home = {"cosine": "compare"}.get(name, "train or evaluate")
    possible = needs and not (name == "cosine" or (name == "validation_accuracy" and needs == "mode: spiking"))
    raise SpikedtpError(
        f"objective {name}: '{job.command}' gives it only with {needs}: set it in base"
        if possible
        else f"objective {name}: '{job.command}' does not give it; {home} does"
    )


def _of_training(name: str, job: TrainConfiguration) -> Callable[[Results], float | None] | None:
    spiking = job.mode == "spiking"
    if name == "validation_accuracy":
        key = "validation_accuracy_in_rate" if spiking else "validation_accuracy"
        return lambda results: results.get(key)
    if name == "validation_accuracy_in_spikes" and spiking:
        return lambda results: results.get("validation_accuracy")
    if name == "milliseconds" and spiking:
        return lambda results: _phases(job).end * job.dt
    return None


def _of_evaluation(name: str, job: EvaluateConfiguration) -> Callable[[Results], float | None] | None:
    spiking = job.mode == "spiking"
    if name == ("validation_accuracy_in_spikes" if spiking else "validation_accuracy"):
        return lambda results: results.get("accuracy")
    if name == "milliseconds" and spiking:
        return lambda results: _phases(job).onset * job.dt
    return None


def _of_comparison(name: str, job: CompareConfiguration) -> Callable[[Results], float | None] | None:
    if name == "cosine":
        return _mean_cosine
    if name == "validation_accuracy_in_spikes" and job.loop == "closed":
        return lambda results: results.get("spiking_accuracy_of_these_samples")
    if name == "milliseconds":
        return lambda results: results.get("duration_ms")
    return None


def _mean_cosine(results: Results) -> float | None:
    """The mean over projections of their median cosine; None if one of them has none."""
    found = [value for key, value in results.items() if key.endswith(COSINE)]
    return None if not found or None in found else sum(found) / len(found)


def _phases(job: TrainConfiguration | EvaluateConfiguration) -> Any:
    from spikedtp.jobs.settings import closed_phases

    return closed_phases(job)
