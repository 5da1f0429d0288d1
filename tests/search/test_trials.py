"""The same trials in whatever order jobs end, and however often the search is killed: jobs are pretended here."""

from __future__ import annotations

import random

import pytest
from search.searches import RATE, search

from spikedtp.search.samplers import pruner_named, quiet, sampler_named
from spikedtp.search.space import Space
from spikedtp.search.study import default_storage, enqueue_again, open_study
from spikedtp.search.table import front, trials_table
from spikedtp.search.trials import CLIENT, FAILURE, Trials, client_of
from spikedtp.sweep.journal import Journal


class Killed(BaseException):
    pass


class Machine:
    """Runs the jobs of a search in random order, so many at a time, and is killed at random moments."""

    def __init__(self, settings, out, seed, *, at_a_time=1, kills=0):
        self.search, self.out, self.rng = settings, out, random.Random(seed)
        self.space, self.at_a_time, self.kills = Space(settings), at_a_time, kills
        self.ended: list[str] = []
        self.lines: list[str] = []

    def run(self):
        """The finished trials, after as many attempts as it takes."""
        while True:
            try:
                return self._attempt()
            except Killed:
                self.kills -= 1

    def _attempt(self):
        journal = Journal(self.out)
        self.operations = self.rng.randrange(1, 40) if self.kills > 0 else None
        with quiet(), journal.opened():
            url, client = default_storage(self.out), client_of(journal.folder)
            choosing = sampler_named(self.search.sampler, self.search.sampler_seed), pruner_named(None)
            study, storage = open_study(self.search, url, ["contents"], *choosing)
            for name in ("set_trial_param", "set_trial_state_values", "set_trial_user_attr", "create_new_trial"):
                setattr(storage, name, self._mortal(getattr(storage, name)))
            enqueue_again(study, storage, lambda trial: trial.user_attrs.get(CLIENT) == client)
            trials = Trials(study, url, self.space, client, journal, self.lines.append, {})
            trials.advance()
            running = []
            while trials.jobs or running:
                while trials.jobs and len(running) < self.at_a_time:
                    running.append(trials.jobs.popleft())
                job = running.pop(self.rng.randrange(len(running)))
                self._die_perhaps()
                self.ended.append(job["key"])
                trials.ended(self._done(job))
            return trials.told()

    def _done(self, job):
        rate, seed = job["settings"]["rules"]["H2E_H1E"]["learning_rate"], job["settings"]["seed"]
        failed = job["settings"]["schedule"] == "constant" and 0.01 < rate < 0.2
        status, error = ("failed", "it fell") if failed else ("done", None)
        results = {} if failed else {"validation_accuracy": 1 - abs(rate - 0.1) + seed / 100}
        return {**job, "status": status, "error": error, "results": results, "seconds": 1.0, "files": {}}

    def _mortal(self, operation):
        def mortal(*arguments, **options):
            self._die_perhaps()
            found = operation(*arguments, **options)
            self._die_perhaps()
            return found

        return mortal

    def _die_perhaps(self):
        if self.operations is not None:
            self.operations -= 1
            if self.operations <= 0:
                raise Killed


def shown(machine, trials):
    return trials_table(trials, machine.space).to_pylist()


@pytest.mark.parametrize(
    ("sampler", "cases"),
    [
        ("RandomSampler", [1]),
        pytest.param("RandomSampler", range(2, 6), marks=pytest.mark.slow),
        pytest.param({"name": "TPESampler", "n_startup_trials": 4}, range(3), marks=pytest.mark.slow),
    ],
    ids=["random", "random, more", "TPE"],
)
def test_the_same_in_any_order_and_after_any_interruption(sampler, cases, small_circuit, tmp_path):
    settings = search(small_circuit, sampler=sampler, trials=8, seeds=[0, 4], at_once=3, first=[{RATE: 0.1}])
    alone = Machine(settings, tmp_path / "alone", 0)
    expected = shown(alone, alone.run())
    assert [row["trial"] for row in expected] == list(range(8)) and expected[0][RATE] == 0.1
    assert {row["status"] for row in expected} == {"done", "failed"}
    assert sorted(alone.ended) == sorted(set(alone.ended)) and len(alone.ended) == 16
    for case in cases:
        machine = Machine(settings, tmp_path / f"case{case}", case, at_a_time=1 + case % 3, kills=6)
        assert shown(machine, machine.run()) == expected
        assert machine.kills <= 3  # it was killed three times or more
        assert sorted(machine.ended) == sorted(alone.ended)  # none twice, none lost


def test_what_a_trial_says(small_circuit, tmp_path):
    settings = search(small_circuit, trials=8, seeds=[0, 4], at_once=3)
    machine = Machine(settings, tmp_path / "out", 0)
    trials = machine.run()
    rows = shown(machine, trials)
    assert machine.lines == [f"trial {row['trial']} failed: it fell" for row in rows if row["status"] == "failed"]
    for trial, row in zip(trials, rows, strict=True):
        if row["status"] == "failed":
            assert row["error"] == trial.user_attrs[FAILURE] == "it fell" and row["validation_accuracy"] is None
        else:
            assert row["validation_accuracy"] == pytest.approx(1 - abs(row[RATE] - 0.1) + 0.02)  # seeds 0 and 4
            assert row["validation_accuracy.sem"] == pytest.approx(0.02)  # .04 apart: half of it
    best = max(rows, key=lambda row: row["validation_accuracy"] or 0)
    assert [row["trial"] for row in rows if row["best"]] == [best["trial"]] == [front(trials, settings)[0].number]


def test_more_trials_continue_and_a_lent_storage_is_shared(small_circuit, tmp_path):
    """Two folders with one storage: each leaves the other's running trials alone, and sees the finished ones."""
    few, more = (search(small_circuit, sampler="RandomSampler", trials=n) for n in (3, 5))
    first = Machine(few, tmp_path / "one", 0)
    assert len(first.run()) == 3
    first.search = first.space.search = more
    ended = list(first.ended)
    assert len(first.run()) == 5 and first.ended[: len(ended)] == ended and len(first.ended) == 5
    study, storage = open_study(
        more, default_storage(tmp_path / "one"), ["contents"], sampler_named("RandomSampler", 0), pruner_named(None)
    )
    study.enqueue_trial({}, user_attrs={CLIENT: "another"})
    running = study.ask(first.space.distributions)
    first.search = first.space.search = search(small_circuit, sampler="RandomSampler", trials=7)
    assert [trial.number for trial in first.run()] == [0, 1, 2, 3, 4, 6]
    assert storage.get_trial(running._trial_id).state.name == "RUNNING"
