"""Which jobs a sweep has: the product of its grid, its list and its random draws. Nothing is run."""

from __future__ import annotations

import copy
import itertools
from typing import Any, TypeVar

import numpy as np

from spikedtp.configuration import Configuration, Draws, SearchConfiguration, SweepConfiguration, set_key
from spikedtp.configuration.files import setting_name
from spikedtp.errors import SpikedtpError
from spikedtp.spiking import default_device
from spikedtp.sweep.job import COMMANDS

__all__ = ["MAX_JOBS", "plan_jobs", "varied_keys", "with_device"]

MAX_JOBS = 100_000
Jobs = TypeVar("Jobs", SweepConfiguration, SearchConfiguration)


def with_device(configuration: Jobs) -> Jobs:
    """The same with the device of this machine, so that jobs run on one alike wherever they run; a job's own wins."""
    if configuration.base.get("device") is not None:
        return configuration
    return configuration.model_copy(update={"base": {**configuration.base, "device": default_device()}})


def plan_jobs(configuration: SweepConfiguration) -> list[Configuration]:
    """The jobs in order: by list entry, then by draw, then by grid point (the last key changes fastest).

    Raises
    ------
    SpikedtpError
        A key that the jobs' command does not have, a value that it does not take, or nothing to vary.
    """
    entries = configuration.listed or [{}]
    draws = _draws(configuration)
    keys = list(configuration.grid)
    for key, values in configuration.grid.items():
        if not values:
            raise SpikedtpError(f"grid.{key}: needs at least one value")
    n_jobs = len(entries) * len(draws) * int(np.prod([float(len(v)) for v in configuration.grid.values()]))
    if n_jobs > MAX_JOBS:
        raise SpikedtpError(f"the sweep has {n_jobs} jobs, more than {MAX_JOBS}: split it")
    jobs = []
    for entry, draw in itertools.product(entries, draws):
        for point in itertools.product(*configuration.grid.values()):
            settings: dict[str, Any] = {}
            for part in (configuration.base, entry, draw, dict(zip(keys, point, strict=True))):
                for key, value in part.items():
                    set_key(settings, key, copy.deepcopy(value))
            jobs.append(_checked(COMMANDS[configuration.job_command], settings, configuration.plugins))
    if not (configuration.listed or configuration.grid or configuration.random):
        raise SpikedtpError("a sweep needs something to vary: grid, list or random, as in --set grid.samples=[5,10]")
    return jobs


def varied_keys(configuration: SweepConfiguration) -> list[str]:
    """The settings that differ between jobs, as columns of the table."""
    keys = [key for entry in configuration.listed for key in entry]
    keys += configuration.random.parameters if configuration.random else []
    keys += configuration.grid
    return list(dict.fromkeys(setting_name(key) for key in keys))


def _checked(model: type[Configuration], settings: dict[str, Any], plugins: tuple[str, ...]) -> Configuration:
    for key in ("out", "config", "command"):
        if key in settings:
            raise SpikedtpError(f"a job of a sweep has no {key!r}: its results go into the sweep's table")
    for key, option in {"plugins": "--plugin", "tracker": "--tracker"}.items():
        if key in settings:
            raise SpikedtpError(f"a job of a sweep has no {key!r} of its own: give them to the sweep, with {option}")
    if plugins:
        settings = {**settings, "plugins": list(plugins)}
    return model.of(settings, "the sweep's jobs").absolute()


def _draws(configuration: SweepConfiguration) -> list[dict[str, Any]]:
    """One mapping per draw; uniform numbers alone are taken from the generator, whose stream numpy keeps."""
    random = configuration.random
    if random is None:
        return [{}]
    generator = np.random.Generator(np.random.PCG64(random.seed))
    return [
        {key: _drawn(key, source, generator.random()) for key, source in random.parameters.items()}
        for _ in range(random.n)
    ]


def _drawn(key: str, source: Draws | list[Any], u: float) -> Any:
    if isinstance(source, list):
        if not source:
            raise SpikedtpError(f"random.parameters.{key}: needs at least one choice")
        return source[int(u * len(source))]
    low, high = source.low, source.high
    if source.scale == "log":
        value = low * (high / low) ** u
    else:
        value = low + u * (high - low)
    if source.whole:
        value = round(value)
    return f"{value!r}*{source.unit}" if source.unit else value
