"""What a search varies: ranges and choices as Optuna's distributions, and the jobs of a trial with its values."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spikedtp.configuration import Configuration, Draws, SearchConfiguration, set_key
from spikedtp.configuration.files import setting_name
from spikedtp.errors import SpikedtpError, shown
from spikedtp.extras import optional
from spikedtp.jobs.data import input_files
from spikedtp.records import file_hash
from spikedtp.search.objectives import check_objective
from spikedtp.sweep.job import COMMANDS, Job, job_key
from spikedtp.sweep.means import SEEDS

__all__ = ["Space"]

Values = Mapping[str, Any]  # by parameter, as Optuna has them


class Space:
    """The parameters of a search.

    Parameters
    ----------
    search : SearchConfiguration

    Raises
    ------
    SpikedtpError
        A key that the command does not have, a value that it does not take, an objective that it does not give.
    """

    def __init__(self, search: SearchConfiguration):
        self.search = search
        self.sources = {setting_name(key): source for key, source in search.parameters.items()}
        self.distributions = {key: _distribution(key, source) for key, source in self.sources.items()}
        self.first = [self._values(values) for values in search.first]
        self._hash = functools.cache(file_hash)
        for values in self.checked():
            for job in self.configurations(values):
                for objective in search.objectives:
                    check_objective(objective, job)

    def settings(self, values: Values) -> dict[str, Any]:
        """The varied settings of a trial as `--set` takes them, units included."""
        return {key: self._setting(key, value) for key, value in values.items()}

    def configurations(self, values: Values) -> list[Configuration]:
        """The configurations of a trial, one for each seed.

        Raises
        ------
        SpikedtpError
            Values that do not go together.
        """
        model, search = COMMANDS[self.search.job_command], self.search
        shared: dict[str, Any] = {}
        for part in (search.base, self.settings(values), {"plugins": list(search.plugins)} if search.plugins else {}):
            for key, value in part.items():
                set_key(shared, key, copy.deepcopy(value))
        seeded = [key for key in SEEDS if key in model.model_fields and key not in shared]
        where = "the search's trials"
        return [model.of(shared | dict.fromkeys(seeded, seed), where).absolute() for seed in search.seeds]

    def jobs(self, values: Values) -> list[Job]:
        """The jobs of a trial. The same values give the same keys."""
        return [
            {"key": job_key(job, self._hash), "command": job.command, "settings": job.saved()}
            for job in self.configurations(values)
        ]

    def corners(self) -> Iterator[Values]:
        """All parameters at their lower ends, at their upper ends, each choice once."""
        ends = {
            key: source if isinstance(source, list) else [source.low, source.high]
            for key, source in self.sources.items()
        }
        labels = {key: [self._label(key, one) for one in values] for key, values in ends.items()}
        low = {key: values[0] for key, values in labels.items()}
        yield low
        yield {key: values[-1] for key, values in labels.items()}
        for key, source in self.sources.items():
            for label in labels[key][1:-1] if isinstance(source, list) else ():
                yield low | {key: label}

    def checked(self) -> Iterator[Values]:
        """The corners, and what is tried first."""
        yield from self.corners()
        low = next(self.corners())
        yield from ({**low, **values} for values in self.first)

    def contents(self) -> list[str]:
        """What the trials depend on besides their values: hashes of settings, files and version of the package."""
        found = itertools.chain.from_iterable(self.jobs(values) for values in self.corners())
        return sorted({job["key"] for job in found})

    def drawn(self) -> tuple[dict[str, bool], dict[str, bool]]:
        """For the figure: which parameters have a logarithmic scale, and of which objectives more is better."""
        scales = {key: isinstance(source, Draws) and source.scale == "log" for key, source in self.sources.items()}
        pairs = zip(self.search.objectives, self.search.directions, strict=True)
        return scales, {name: direction == "maximize" for name, direction in pairs}

    def input_files(self) -> list[Path]:
        """The files that trials may read."""
        found = (input_files(job) for values in self.corners() for job in self.configurations(values)[:1])
        return sorted(set(itertools.chain.from_iterable(found)))

    def _values(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Values that a user gave, as Optuna has them."""
        found: dict[str, Any] = {}
        for name, value in settings.items():
            key = setting_name(name)
            source = self.sources[key]
            if isinstance(source, Draws):
                number = _number(value, source.unit)
                if number is None or not source.low <= number <= source.high or (source.whole and number % 1):
                    raise SpikedtpError(f"first: {name}: {shown(value)} is outside of its range")
                found[key] = int(number) if source.whole else number
            elif _label(value) in self.distributions[key].choices:
                found[key] = _label(value)
            else:
                raise SpikedtpError(f"first: {name}: {shown(value)} is none of its choices")
        return found

    def _label(self, key: str, value: Any) -> Any:
        source = self.sources[key]
        return _label(value) if isinstance(source, list) else (int(value) if source.whole else value)

    def _setting(self, key: str, value: Any) -> Any:
        source = self.sources[key]
        if isinstance(source, list):
            return next(one for one in source if _label(one) == value)
        return f"{value!r}*{source.unit}" if source.unit else value


def _distribution(key: str, source: Draws | list[Any]) -> Any:
    distributions = optional("optuna.distributions", "search")
    if isinstance(source, list):
        labels = [_label(one) for one in source]
        if len(set(labels)) < len(labels):
            raise SpikedtpError(f"parameters.{key}: a choice stands there twice")
        return distributions.CategoricalDistribution(labels)
    log = source.scale == "log"
    if source.whole:
        low, high = math.ceil(source.low), math.floor(source.high)
        if (low, high) != (source.low, source.high):
            raise SpikedtpError(f"parameters.{key}: whole: true needs whole numbers for low and high")
        return distributions.IntDistribution(low, high, log=log)
    return distributions.FloatDistribution(source.low, source.high, log=log)


def _label(choice: Any) -> str:
    """A choice as the text under which Optuna keeps it."""
    return choice if isinstance(choice, str) else json.dumps(choice, sort_keys=True)


def _number(value: Any, unit: str) -> float | None:
    """The number of a setting such as ``30*ms`` in `unit`; None where it is none."""
    text, _, written = str(value).partition("*")
    try:
        return float(text) if written.strip() == unit else None
    except ValueError:
        return None
