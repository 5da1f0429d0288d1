"""The value of a job, by command and settings, and who does not give it."""

from __future__ import annotations

import pytest

from spikedtp.configuration import CompareConfiguration, EvaluateConfiguration, TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.search.objectives import check_objective, objective_value

RATE, SPIKING = {"validation": 300}, {"validation": 300, "mode": "spiking"}
TRAINED = {"validation_accuracy": 0.5, "validation_accuracy_in_rate": 0.75}
COMPARED = {
    "H2E_H1E.rule.cosine.median": 0.9,
    "H2E_H2DendI.rule.cosine.median": 0.5,
    "H2E_H1E.notebook.cosine.median": 0.1,
    "spiking_accuracy_of_these_samples": 0.25,
    "duration_ms": 420.0,
}


@pytest.mark.parametrize(
    ("name", "job", "results", "value"),
    [
        ("validation_accuracy", TrainConfiguration(**RATE), TRAINED, 0.5),
        ("validation_accuracy", TrainConfiguration(**SPIKING), TRAINED, 0.75),
        ("validation_accuracy_in_spikes", TrainConfiguration(**SPIKING), TRAINED, 0.5),
        ("milliseconds", TrainConfiguration(**SPIKING), TRAINED, 700.0),
        ("milliseconds", TrainConfiguration(**SPIKING, settle=300, phases={"nudge": "100*ms"}, dt=0.5), TRAINED, 400.0),
        ("validation_accuracy", EvaluateConfiguration(**RATE), {"accuracy": 0.5}, 0.5),
        ("validation_accuracy_in_spikes", EvaluateConfiguration(**SPIKING), {"accuracy": 0.5}, 0.5),
        ("milliseconds", EvaluateConfiguration(**SPIKING, settle=300), {}, 300.0),
        ("cosine", CompareConfiguration(**RATE), COMPARED, 0.7),
        ("milliseconds", CompareConfiguration(**RATE), COMPARED, 420.0),
        ("validation_accuracy_in_spikes", CompareConfiguration(**RATE, loop="closed"), COMPARED, 0.25),
    ],
)
def test_values(name, job, results, value):
    check_objective(name, job)
    assert objective_value(name, job, results) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "job", "message"),
    [
        ("cosine", TrainConfiguration(**RATE), "'train' does not give it; compare does"),
        ("cosine", EvaluateConfiguration(**SPIKING), "'evaluate' does not give it; compare does"),
        ("validation_accuracy_in_spikes", TrainConfiguration(**RATE), "'train' gives it only with mode: spiking"),
        ("validation_accuracy", EvaluateConfiguration(**SPIKING), "'evaluate' gives it only with mode: rate"),
        ("validation_accuracy", CompareConfiguration(**RATE), "'compare' does not give it; train or evaluate does"),
        ("validation_accuracy_in_spikes", CompareConfiguration(**RATE), "'compare' gives it only with loop: closed"),
    ],
)
def test_who_does_not_give_it(name, job, message):
    with pytest.raises(SpikedtpError, match=message):
        check_objective(name, job)


def test_no_number_is_no_value():
    """A silent network has no cosine: its trial fails instead of being the worst, or the best."""
    for results in ({}, COMPARED | {"H2E_H1E.rule.cosine.median": None}):
        with pytest.raises(SpikedtpError, match="the job found no cosine"):
            objective_value("cosine", CompareConfiguration(**RATE), results)
