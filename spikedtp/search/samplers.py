"""Optuna's samplers and pruners by name, and a sampler whose draws depend on nothing but seed and trial."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna import logging, pruners, samplers

from spikedtp.errors import SpikedtpError, in_one_line, known_names

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

__all__ = ["SeededByTrial", "pruner_named", "quiet", "sampler_named"]

#: Optuna's samplers that do not fit, and why.
UNFIT = {
    "GridSampler": "every combination is a sweep: use 'spikedtp sweep' with grid",
    "BruteForceSampler": "every combination is a sweep: use 'spikedtp sweep' with grid",
    "CmaEsSampler": "it keeps its state in the storage as a pickle, and reading one can run any code",
    "PartialFixedSampler": "set in base what is fixed",
}
#: Samplers whose draws count on from one trial to the next in the storage, with one seed for all of them.
COUNTING = ("QMCSampler",)


def sampler_named(given: str | Mapping[str, Any], seed: int) -> samplers.BaseSampler:
    """Optuna's sampler of this name, made anew for every trial with a seed of its own.

    Raises
    ------
    SpikedtpError
        An unknown name, one that does not fit, or arguments that it does not take.
    """
    name, arguments = _name_and_arguments("sampler", given)
    if name in UNFIT:
        raise SpikedtpError(f"sampler {name}: {UNFIT[name]}")
    known = {n for n in samplers.__all__ if n.endswith("Sampler") and not n.startswith("Base")} - UNFIT.keys()
    if "seed" in arguments:
        raise SpikedtpError("sampler.seed: give it with --sampler-seed")
    make = _maker("sampler", samplers, name, known, arguments)
    make(seed=seed)  # a mistake in its arguments shows now
    return SeededByTrial(lambda own: make(seed=own), seed, counting=name in COUNTING)


def pruner_named(given: str | Mapping[str, Any] | None) -> pruners.BasePruner:
    """Optuna's pruner of this name; None stands for one that never prunes. Errors are those of `sampler_named`."""
    if given is None:
        return pruners.NopPruner()
    name, arguments = _name_and_arguments("pruner", given)
    known = {n for n in pruners.__all__ if n not in ("BasePruner", "PatientPruner")}
    return _maker("pruner", pruners, name, known, arguments)()


class SeededByTrial(samplers.BaseSampler):
    """A sampler that forgets: what it draws depends on the seed, the trial's number and the finished trials alone.

    So a search that was interrupted goes on with the values that it would have had anyway.

    Parameters
    ----------
    make : callable
        Seed -> sampler.
    seed : int
    counting : bool
        Whether the sampler counts its own trials in the storage, and needs the same seed for all of them.
    """

    def __init__(self, make: Callable[[int], samplers.BaseSampler], seed: int, *, counting: bool = False):
        self._make, self._seed, self._counting = make, seed, counting
        self._current: tuple[int, samplers.BaseSampler] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        # a seed for each parameter: a trial that was interrupted between two of them gets the same second one
        sampler = self._make(self._derived(trial.number, zlib.crc32(param_name.encode())))
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._of(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._of(trial).after_trial(study, trial, state, values)

    def _of(self, trial: FrozenTrial) -> samplers.BaseSampler:
        if self._current is None or self._current[0] != trial.number:
            self._current = trial.number, self._make(self._seed if self._counting else self._derived(trial.number))
        return self._current[1]

    def _derived(self, *of: int) -> int:
        return int(np.random.SeedSequence([self._seed, *of]).generate_state(1)[0] >> 1)


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, Optuna writes nothing but errors: what a user should read comes from here."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"optuna\b.*")
            yield
    finally:
        logging.set_verbosity(before)


def _name_and_arguments(kind: str, given: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(given, str):
        return given, {}
    arguments = dict(given)
    name = arguments.pop("name", None)
    if not isinstance(name, str):
        example = "TPESampler" if kind == "sampler" else "MedianPruner"
        raise SpikedtpError(f"{kind}: needs a name, such as name: {example}")
    return name, arguments


def _maker(kind: str, module: Any, name: str, known: set[str], arguments: dict[str, Any]) -> Callable[..., Any]:
    if name not in known:
        raise known_names(f"{kind} of Optuna", name, known)

    def make(**more: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what Optuna calls experimental, which the user asked for by name
                return getattr(module, name)(**arguments, **more)
        except Exception as problem:
            raise SpikedtpError(f"{kind} {name}: {in_one_line(problem)}") from None

    return make
