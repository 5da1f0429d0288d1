"""The settings of ``spikedtp sweep``: which settings its jobs share, and which differ."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spikedtp.configuration.base import Configuration, Number, Positive, Whole, count, setting
from spikedtp.configuration.commands import Out, located

__all__ = ["Draws", "JobsConfiguration", "Processes", "RandomSampling", "Scheduler", "SweepConfiguration"]

Processes = Annotated[Positive | None, setting("Processes. Default: one for each core.", metavar="N")]
Scheduler = Annotated[
    str | None, setting("Run on the Dask cluster of this scheduler, as in tcp://HOST:8786.", metavar="ADDRESS")
]


class Draws(BaseModel):
    """A distribution to draw a setting from, uniform on its scale."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: Annotated[float, Number]
    high: Annotated[float, Number]
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False
    unit: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError("needs low < high, and low > 0 on a log scale")
        return self


class RandomSampling(BaseModel):
    """`n` draws of all `parameters` together, each from a range or a list of choices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: Annotated[Whole, count("Number of draws.")]
    parameters: dict[str, Draws | list[Any]] = Field(min_length=1)
    seed: Annotated[Whole, count("Seed of the draws.", least=0)] = 0


class JobsConfiguration(Configuration):
    """Settings of commands that run jobs. Files and Python may call `job_command`, what each does, just ``command``."""

    @model_validator(mode="before")
    @classmethod
    def _short_name(cls, settings: Any) -> Any:
        if isinstance(settings, dict) and "command" in settings and "job_command" not in settings:
            return {"job_command" if key == "command" else key: value for key, value in settings.items()}
        return settings


class SweepConfiguration(JobsConfiguration):
    """The settings of ``spikedtp sweep``. ``spikedtp sweep --help`` says what each of them means.

    Examples
    --------
    >>> from spikedtp.configuration import SweepConfiguration
    >>> SweepConfiguration(base={"samples": 2}, grid={"time-per-step": [10, 20]}).grid
    {'time-per-step': [10, 20]}
    >>> SweepConfiguration.of({"command": "train", "grid": {"mode": ["rate", "spiking"]}}).job_command
    'train'
    """

    command: ClassVar[str] = "sweep"
    set_example: ClassVar[str] = "base.samples=5"
    unsaved: ClassVar[frozenset[str]] = frozenset({"out", "jobs", "scheduler", "retry_failed"})

    later: ClassVar[frozenset[str]] = Configuration.later | {"job_command"}

    job_command: Annotated[
        Literal["compare", "train", "evaluate", "replay"], setting("What every job does.", also="command")
    ] = "compare"
    base: Annotated[dict[str, Any], setting("Settings of this command that all jobs share.")] = {}
    grid: Annotated[dict[str, list[Any]], setting("Values by setting; every combination is a job.")] = {}
    listed: Annotated[
        list[dict[str, Any]], setting("Settings that go together, one mapping for each job.", alias="list")
    ] = []
    random: Annotated[RandomSampling | None, setting("Draws of settings.")] = None
    jobs: Processes = None
    scheduler: Scheduler = None
    retry_failed: Annotated[bool, setting("Run the jobs again that failed before.")] = False
    out: Out = "results/sweep"

    def absolute(self) -> Self:
        """The same for every value that a job may get."""

        def values(settings: dict[str, Any]) -> dict[str, Any]:
            return {
                key: [located(key, one) for one in value] if isinstance(value, list) else located(key, value)
                for key, value in settings.items()
            }

        random = self.random and self.random.model_copy(update={"parameters": values(self.random.parameters)})
        changed = {"base": values(self.base), "grid": values(self.grid), "listed": [*map(values, self.listed)]}
        return self.model_copy(update={**changed, "random": random})
