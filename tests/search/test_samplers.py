"""Samplers and pruners by name, and draws that depend on seed and trial alone."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from spikedtp.errors import SpikedtpError
from spikedtp.search.samplers import pruner_named, quiet, sampler_named

SPACE = {"x": FloatDistribution(0, 1), "y": FloatDistribution(1e-3, 1, log=True), "n": IntDistribution(1, 9)}
SAMPLERS = [
    "RandomSampler",
    {"name": "TPESampler", "n_startup_trials": 3},
    {"name": "TPESampler", "n_startup_trials": 3, "multivariate": True},
    {"name": "GPSampler", "n_startup_trials": 3},
    "QMCSampler",
    {"name": "NSGAIISampler", "population_size": 4},
]


def asked(sampler, seed, n, *, forget):
    """The parameters of n trials; with `forget` every trial is asked for by a new process."""
    storage = optuna.storages.InMemoryStorage()
    with quiet():
        for _ in range(n):
            if forget or "study" not in locals():
                study = optuna.create_study(
                    storage=storage, study_name="s", sampler=sampler_named(sampler, seed), load_if_exists=True
                )
            trial = study.ask(SPACE)
            study.tell(trial, trial.params["x"] + trial.params["y"] / trial.params["n"])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_it_forgets_nothing_that_matters(sampler):
    n = 8
    once = asked(sampler, 1, n, forget=False)
    assert once == asked(sampler, 1, n, forget=True)
    assert len({tuple(params.values()) for params in once}) == n  # no trial twice
    assert once != asked(sampler, 2, n, forget=True)


def test_a_trial_that_was_killed_between_two_parameters():
    """It gets the values that it would have had."""
    whole = asked("RandomSampler", 5, 3, forget=False)
    study = optuna.create_study(sampler=sampler_named("RandomSampler", 5))
    with quiet():
        for _ in range(2):
            study.tell(study.ask(SPACE), 0.0)
        cut = study.ask({"x": SPACE["x"]})
        again = optuna.Trial(study, cut._trial_id)
        assert {name: again._suggest(name, distribution) for name, distribution in SPACE.items()} == whole[2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sampler_named("Magic", 0), "unknown sampler of Optuna 'Magic': known are GPSampler, "),
        (lambda: sampler_named("BaseSampler", 0), "unknown sampler of Optuna"),
        (lambda: sampler_named({"n_startup_trials": 3}, 0), "sampler: needs a name, such as name: TPESampler"),
        (lambda: sampler_named({"name": "TPESampler", "seed": 1}, 0), "give it with --sampler-seed"),
        (lambda: sampler_named({"name": "TPESampler", "magic": 1}, 0), "sampler TPESampler: TypeError: "),
        (lambda: sampler_named("CmaEsSampler", 0), "keeps its state in the storage as a pickle"),
        (lambda: sampler_named("GridSampler", 0), "use 'spikedtp sweep' with grid"),
        (lambda: pruner_named("Magic"), "unknown pruner of Optuna 'Magic': known are HyperbandPruner, "),
        (lambda: pruner_named({"name": "PercentilePruner"}), "pruner PercentilePruner: TypeError: "),
        (lambda: pruner_named({"name": "MedianPruner", "n_startup_trials": -1}), "pruner MedianPruner: ValueError: "),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(SpikedtpError) as caught:
        make()
    assert message in str(caught.value)
