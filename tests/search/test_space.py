"""From ranges and choices to jobs, and what is refused before any of them runs."""

from __future__ import annotations

import numpy as np
import pytest
from search.searches import RATE, search

from spikedtp.configuration import TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.search.space import Space
from spikedtp.sweep.job import job_key

WHOLE = {"samples": {"low": 1, "high": 9, "whole": True}}


def test_values_become_the_jobs_of_a_sweep(small_circuit):
    """Units, whole numbers, nested keys, choices of any kind, and a job for each seed."""
    choices = ["Oja", {"name": "BTSP", "learning_rate": 0.5}, {"learning_rate": 0.25}]
    parameters = {
        "rules.H1E_InputE": choices,
        "phases.nudge": {"low": 100, "high": 300, "unit": "ms", "whole": True},
        "unit-rate": {"low": 10, "high": 1000, "scale": "log"},
    }
    base = {"circuit": str(small_circuit), "samples": 40, "validation": 100, "mode": "spiking", "data_seed": 7}
    space = Space(search(small_circuit, base=base, parameters=parameters, seeds=[3, 5], first=[{"unit_rate": 450}]))
    rng = np.random.default_rng(0)
    keys = set()
    for _ in range(20):
        values = {
            key: rng.choice(distribution.choices)
            if hasattr(distribution, "choices")
            else type(distribution.low)(rng.uniform(distribution.low, distribution.high))
            for key, distribution in space.distributions.items()
        }
        values = {key: str(value) if key.startswith("rules") else value for key, value in values.items()}
        asked = space.configurations(values)
        assert [(job.seed, job.data_seed, job.validation_seed) for job in asked] == [(3, 7, 3), (5, 7, 5)]
        for job, made in zip(space.jobs(values), asked, strict=True):
            again = TrainConfiguration.of(job["settings"])
            assert job["key"] == job_key(made, space._hash) and again == made.model_copy(update={"out": again.out})
            assert again.rules["H1E_InputE"] in choices and again.unit_rate == values["unit_rate"]
            assert again.phases["nudge"] == f"{values['phases.nudge']}*ms"
            keys.add(job["key"])
    assert len(keys) == 40
    assert space.first == [{"unit_rate": 450.0}]
    assert len(list(space.checked())) == 4  # low, high, the other choice, what is tried first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"nonsense": [1]}}, "unknown setting of 'train' 'nonsense'"),
        ({"parameters": {"mode": ["rate", "quantum"]}}, "mode: should be 'rate' or 'spiking', got 'quantum'"),
        ({"parameters": {"samples": {"low": -5, "high": 5, "whole": True}}}, "samples: should be greater than"),
        ({"parameters": {"samples": {"low": 1.5, "high": 5, "whole": True}}}, "needs whole numbers for low and high"),
        ({"parameters": {"samples": [1, "1"]}}, "parameters.samples: a choice stands there twice"),
        ({"first": [{RATE: 2}]}, f"first: {RATE}: 2 is outside of its range"),
        ({"first": [{RATE: "0.5*ms"}]}, "is outside of its range"),
        ({"first": [{"samples": "x"}], "parameters": WHOLE}, "first: samples: 'x' is outside of its range"),
        ({"first": [{"samples": 2.5}], "parameters": WHOLE}, "first: samples: 2.5 is outside of its range"),
        ({"first": [{"schedule": "none"}]}, "first: schedule: 'none' is none of its choices"),
        ({"objective": "cosine"}, "objective cosine: 'train' does not give it; compare does"),
        ({"objective": "milliseconds"}, "objective milliseconds: 'train' gives it only with mode: spiking"),
        ({"objective": "validation_accuracy_in_spikes"}, "gives it only with mode: spiking: set it in base"),
    ],
)
def test_mistakes(small_circuit, changes, message):
    with pytest.raises(SpikedtpError) as caught:
        Space(search(small_circuit, **changes))
    assert message in str(caught.value)


def test_its_contents_are_those_of_its_files(small_circuit, tmp_path):
    copy = tmp_path / small_circuit.name
    copy.write_bytes(small_circuit.read_bytes())
    there = Space(search(copy)).contents()
    assert there == Space(search(small_circuit)).contents()  # wherever they lie
    copy.write_bytes(small_circuit.read_bytes() + b"# another\n")
    assert there != Space(search(copy)).contents()
