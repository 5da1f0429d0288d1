"""The settings of ``spikedtp search``: what is varied, for which objectives, and how Optuna looks for the best."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from spikedtp.configuration.base import Number, Positive, Whole, count, setting
from spikedtp.configuration.commands import Out, located
from spikedtp.configuration.files import setting_name
from spikedtp.configuration.sweeping import Draws, JobsConfiguration, Processes, Scheduler

__all__ = ["OBJECTIVES", "SearchConfiguration"]

#: What a search can look for, and whether more or less of it is better.
OBJECTIVES: dict[str, Literal["maximize", "minimize"]] = {
    "validation_accuracy": "maximize",
    "validation_accuracy_in_spikes": "maximize",
    "cosine": "maximize",
    "milliseconds": "minimize",
}
#: Not inside the annotation: what reads it for the documentation does not know such strings.
WHAT = f"What is looked for, one or several of {', '.join(OBJECTIVES)}."
#: Settings of a job that the search itself sets.
OWN = ("seed", "data_seed", "validation_seed", "validation", "plugins", "tracker", "out", "config", "command")

Seed = Annotated[int, Number, Field(ge=0, lt=2**63)]
Named = str | dict[str, Any]  # a class of Optuna: its name, or name and arguments


def _names(value: Any) -> Any:
    """One or several objectives as text, ``cosine,milliseconds``, however they are written."""
    names = value if isinstance(value, list) else str(value).split(",")
    names = [setting_name(str(name).strip()) for name in names]
    for name in names or [""]:
        if name not in OBJECTIVES:
            raise ValueError(f"unknown objective {name!r}: known are {', '.join(OBJECTIVES)}")
    if len(set(names)) < len(names):
        raise ValueError("names an objective twice")
    return ",".join(names)


class SearchConfiguration(JobsConfiguration):
    """The settings of ``spikedtp search``. ``spikedtp search --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import SearchConfiguration
    >>> search = SearchConfiguration.of({
    ...     "base": {"samples": 500, "validation": 300},
    ...     "parameters": {"rules.H1E_InputE.learning_rate": {"low": 0.001, "high": 0.1, "scale": "log"}},
    ... })
    >>> search.objectives, search.job_command
    (('validation_accuracy',), 'train')
    """

    command: ClassVar[str] = "search"
    set_example: ClassVar[str] = "base.samples=5000"
    unsaved: ClassVar[frozenset[str]] = frozenset({"out", "jobs", "scheduler", "storage", "study"})

    job_command: Annotated[
        Literal["train", "evaluate", "compare"], setting("What every trial runs.", also="command")
    ] = "train"
    base: Annotated[dict[str, Any], setting("Settings of this command that all trials share.")] = {}
    parameters: Annotated[
        dict[str, Draws | list[Any]],
        setting("What is varied: a range (low, high, and scale, whole, unit) or a list of choices by setting."),
    ] = {}
    objective: Annotated[
        str,
        BeforeValidator(_names),
        setting(WHAT, metavar="NAME[,NAME]"),
    ] = "validation_accuracy"
    trials: Annotated[Whole, count("Number of trials, with those that were finished before.")] = 50
    seeds: Annotated[list[Seed], setting("Seeds of each trial, whose mean is its value.", min_length=1)] = [0]
    first: Annotated[
        list[dict[str, Any]], setting("Values to try first, such as those that are known; the others are drawn.")
    ] = []
    sampler: Annotated[Named, setting("Optuna's sampler: a name, or name and arguments in a file.", metavar="NAME")] = (
        "TPESampler"
    )
    sampler_seed: Annotated[Whole, count("Seed of the sampler.", least=0)] = 0
    pruner: Annotated[
        Named | None, setting("Optuna's pruner, which stops poor trainings early. Default: none.", metavar="NAME")
    ] = None
    at_once: Annotated[
        Positive,
        setting("Trials under way at a time, on any number of processes. The results depend on it.", metavar="N"),
    ] = 4
    jobs: Processes = None
    scheduler: Scheduler = None
    storage: Annotated[
        str | None,
        setting("Where Optuna keeps the trials: sqlite:///FILE, postgresql://... Default: in --out.", metavar="URL"),
    ] = None
    study: Annotated[str, setting("The name of the study in the storage.", metavar="NAME")] = "search"
    out: Out = "results/search"

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if not self.parameters:
            raise ValueError(
                "a search needs parameters to vary, as in --set 'parameters.unit-rate={low: 100, high: 1000}'"
            )
        keys = [setting_name(key) for key in self.parameters]
        for key, source in self.parameters.items():
            if setting_name(key) in OWN:
                raise ValueError(f"parameters.{key}: nothing to search for; the search sets {key} itself")
            if keys.count(setting_name(key)) > 1:
                raise ValueError(f"parameters.{key}: stands there twice")
            if isinstance(source, list) and not source:
                raise ValueError(f"parameters.{key}: needs at least one choice")
        for key in ("seed", "plugins", "tracker", "out", "config", "command"):
            if key in self.base:
                raise ValueError(f"base.{key}: give it to the search itself" + (", as seeds" if key == "seed" else ""))
        if not self.base.get("validation"):
            raise ValueError(
                "base.validation: say how many training samples are held out, as in --set base.validation=300, because "
                "a search never sees the test part"
            )
        if len(self.first) > self.trials:
            raise ValueError(f"first: {len(self.first)} sets of values are more than {self.trials} trials")
        for values in self.first:
            for key in values:
                if setting_name(key) not in keys:
                    raise ValueError(f"first: {key} is none of the parameters")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: one of them stands there twice")
        return self

    @property
    def objectives(self) -> tuple[str, ...]:
        return tuple(self.objective.split(","))

    @property
    def directions(self) -> list[Literal["maximize", "minimize"]]:
        return [OBJECTIVES[name] for name in self.objectives]

    def absolute(self) -> Self:
        """The same for every value that a trial may get."""
        base = {key: located(key, value) for key, value in self.base.items()}
        parameters = {
            key: [located(key, one) for one in source] if isinstance(source, list) else source
            for key, source in self.parameters.items()
        }
        first = [{key: located(key, value) for key, value in values.items()} for values in self.first]
        return self.model_copy(update={"base": base, "parameters": parameters, "first": first})
