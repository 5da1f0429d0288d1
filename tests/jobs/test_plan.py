"""From settings to a plan: what is asked for is what is planned."""

from dataclasses import replace

import pytest
from brian2 import Hz, ms

from spikedtp import SpikedtpError, datasets, load_rate_network, plan
from spikedtp.configuration import PlanConfiguration
from spikedtp.jobs.plan import planned_comparison, run_plan
from spikedtp.models import weights_file
from spikedtp.neurons import NudgedCell, PoissonInput, TwoCompartment
from spikedtp.spiking import phases_of


def test_settings_reach_the_plan():
    settings = PlanConfiguration.of(
        {
            "samples": 2, "readout": "paper", "reference": "notebook", "unit_rate": 200, "time_per_step": 10,
            "repeats": 3, "cells_per_unit": 2, "cell": {"tau_dend": "30*ms"}, "inputs": {"tau_eligibility": "90*ms"},
            "draws": 20, "seed": 4,
        }
    )  # fmt: skip
    digits = datasets.load("digits", parts=("test",))
    expected = plan(
        load_rate_network("digits_dtp", weights_file("digits_dtp")), digits.test_x[:2], digits.test_t[:2],
        population="H2E", readout="paper", reference="notebook", unit_rate=200 * Hz, time_per_step=10 * ms, repeats=3,
        cells_per_unit=2, cell=TwoCompartment(tau_dend=30 * ms), inputs=PoissonInput(tau_eligibility=90 * ms),
        n_draws=20, seed=4,
    )  # fmt: skip
    assert planned_comparison(settings).table.equals(expected.table)
    assert list(expected.cosine) == ["H2E_H1E"]  # the other projection is not onto a dendrite's rule of Figure 3


def test_numbers_reach_the_plan():
    settings = PlanConfiguration.of(
        {
            "cells": 30, "rates": [5, 20.5], "duration": 700, "fan_in": 12, "n_post": 9, "tau_eligibility": 50,
            "tau_dend": 15, "dead_time": 2, "read": "last", "repeats": 2, "cells_per_unit": 3, "draws": 10,
        }
    )  # fmt: skip
    expected = plan(
        dict(
            cells=30, rates=[5, 20.5] * Hz, duration=700 * ms, fan_in=12, n_post=9, tau_eligibility=50 * ms,
            tau_dend=15 * ms, dead_time=2 * ms, read="last", repeats=2, cells_per_unit=3,
        ),
        n_draws=10,
    )  # fmt: skip
    assert planned_comparison(settings).table.equals(expected.table)


def test_settings_of_the_closed_loop_reach_the_plan():
    settings = PlanConfiguration.of(
        {
            "samples": 2, "loop": "closed", "population": "all", "unit_rate": 200, "time_per_step": 4, "spikers": 2,
            "unit_rates": {"H1DendI": 70}, "cell": {"firing": "lif"}, "phases": {"hold": "none", "wait": "8*ms"},
            "draws": 6, "seed": 4,
        }
    )  # fmt: skip
    digits = datasets.load("digits", parts=("test",))
    phases = replace(phases_of(4 * ms), hold="none", wait=8 * ms)
    expected = plan(
        load_rate_network("digits_dtp", weights_file("digits_dtp")), digits.test_x[:2], digits.test_t[:2],
        loop="closed", unit_rate=200 * Hz, spikers=2, unit_rates={"H1DendI": 70 * Hz}, cell=NudgedCell(firing="lif"),
        phases=phases, n_draws=6, seed=4,
    )  # fmt: skip
    assert planned_comparison(settings).table.equals(expected.table)
    assert len(expected.cosine) == 9
    assert settings.saved()["loop"] == "closed"
    assert "loop" not in PlanConfiguration(samples=2).saved()  # as files of earlier versions


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rates": [0.001], "duration": 5}, "no plan: most presentations have no spike"),
        ({"duration": 1e-9}, "Numbers.duration must be at least 1"),
        ({"rates": [1e9]}, "Numbers.rates must be at most 10"),
        ({"tau_dend": 1e9}, "Numbers.tau_dend must be at most"),
        ({"tau_eligibility": 1e-9}, "Numbers.tau_eligibility must be at least"),
    ],
)
def test_numbers_of_no_cell_are_named(tmp_path, given, words):
    with pytest.raises(SpikedtpError, match=words):
        run_plan(PlanConfiguration.of({"cells": 20, "draws": 8} | given), tmp_path / "out")
    assert not (tmp_path / "out").exists()
