"""Which jobs a plan has; mistakes are found before anything runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from spikedtp import SpikedtpError
from spikedtp.configuration import SweepConfiguration
from spikedtp.sweep import plan_jobs


def plan(**settings):
    return plan_jobs(SweepConfiguration.of(settings))


def test_grid_list_and_draws_are_multiplied():
    jobs = plan(
        base={"samples": 3, "cell": {"coupling": 2.0}},
        list=[{"circuit": "digits_dtp"}, {"circuit": "digits_btsp", "population": "H1E"}],
        grid={"unit-rate": [100, 450], "cell.tau_soma": ["30*ms", "60*ms", "90*ms"]},
        random={"n": 4, "parameters": {"seed": [5, 6]}},
    )
    assert len(jobs) == 2 * 4 * 2 * 3 and {job.samples for job in jobs} == {3}
    assert {(job.circuit, job.population) for job in jobs} == {("digits_dtp", "H2E"), ("digits_btsp", "H1E")}
    first, second = jobs[:2]  # the last key of the grid changes fastest; what the base says of the cell stays
    assert (first.unit_rate, first.cell) == (100, {"coupling": 2.0, "tau_soma": "30*ms"})
    assert (second.unit_rate, second.cell["tau_soma"]) == (100, "60*ms")
    points = {(job.unit_rate, job.cell["tau_soma"]) for job in jobs[:6]}
    assert len(points) == 6


def test_the_documented_example():
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text()
    settings = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    jobs = plan(**settings)
    assert len(jobs) == 2 * 20 * 12 and len({job.model_dump_json() for job in jobs}) == len(jobs)
    assert {job.rules["H2E_H1E"] for job in jobs} == {"DendriticState", "Oja"}
    assert all(100 <= job.unit_rate <= 1000 and job.repeats == 8 for job in jobs)


def test_the_documented_sweep_of_trainings():
    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text()
    settings = yaml.safe_load(page.split("```yaml\n")[2].partition("```")[0])
    jobs = plan(**settings)
    assert len(jobs) == 3 * 2 * 5 and {job.command for job in jobs} == {"train"}
    assert [job.mode for job in jobs[:10]] == ["rate"] * 5 + ["spiking"] * 5 and jobs[0].samples == 5000


def test_rules_are_a_setting_like_any_other():
    jobs = plan(grid={"rules.H2E_H1E": ["Oja", {"name": "DendriticState", "learning_rate": 0.1}]})
    assert [job.rules["H2E_H1E"] for job in jobs] == ["Oja", {"name": "DendriticState", "learning_rate": 0.1}]


def test_draws_are_uniform_on_their_scale():
    """Kolmogorov-Smirnov against the distributions asked for; the seed is fixed."""
    from scipy import stats

    parameters = {
        "unit_rate": {"low": 10, "high": 1000, "scale": "log"},
        "time_per_step": {"low": 5, "high": 25},
        "samples": {"low": 1, "high": 100, "whole": True},
        "cell.tau_soma": {"low": 20, "high": 80, "unit": "ms"},
        "readout": ["best", "paper"],
    }
    jobs = plan(random={"n": 600, "parameters": parameters, "seed": 1})
    rates, times = np.log([job.unit_rate for job in jobs]), np.array([job.time_per_step for job in jobs])
    assert stats.kstest(rates, stats.uniform(np.log(10), np.log(100)).cdf).pvalue > 0.01
    assert stats.kstest(times, stats.uniform(5, 20).cdf).pvalue > 0.01
    assert abs(np.corrcoef(rates, times)[0, 1]) < 0.1
    assert {job.samples for job in jobs} <= set(range(1, 101)) and len({job.samples for job in jobs}) > 80
    assert all(job.cell["tau_soma"].endswith("*ms") for job in jobs)
    assert 0.4 < np.mean([job.readout == "best" for job in jobs]) < 0.6
    assert [j.saved() for j in plan(random={"n": 600, "parameters": parameters, "seed": 1})] == [
        j.saved() for j in jobs
    ]
    assert plan(random={"n": 600, "parameters": parameters, "seed": 2})[0] != jobs[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grid": {"no-such": [1]}}, "the sweep's jobs: unknown setting of 'compare' 'no_such'"),
        ({"grid": {"samples": [1, 0]}}, "the sweep's jobs: samples: should be greater than or equal to 1, got 0"),
        ({"grid": {"samples": []}}, "grid.samples: needs at least one value"),
        ({"base": {"samples": 3}}, "a sweep needs something to vary: grid, list or random"),
        ({"base": {"out": "x"}}, "a job of a sweep has no 'out'"),
        ({"grid": {"seed": list(range(400)), "samples": list(range(1, 401))}}, "160000 jobs, more than 100000"),
        ({"random": {"n": 2, "parameters": {"dt": {"low": 2, "high": 1}}}}, "random.parameters.dt: needs low < high"),
        ({"random": {"n": 2, "parameters": {"dt": []}}}, "random.parameters.dt: needs at least one choice"),
        ({"grid": {"seed": 3}}, "grid.seed: should be a valid list"),
        ({"grids": {}}, "unknown setting of 'sweep' 'grids'"),
    ],
)
def test_mistakes_are_found_before_anything_runs(settings, message):
    with pytest.raises(SpikedtpError) as error:
        plan(**settings)
    assert message in str(error.value) and "\n" not in str(error.value)
