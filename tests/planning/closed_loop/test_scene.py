"""Plans of the closed loop against simulations of the circuit that ships, and against themselves."""

import numpy as np
import pytest
from brian2 import Hz, ms
from spiking.closed_loop.short_presentations import SHORT

from spikedtp import SpikedtpError, compare_updates, load_rate_network, plan, simulate
from spikedtp.models import weights_file
from spikedtp.neurons import NudgedCell, TwoCompartment
from spikedtp.spiking import Phases, default_device
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork

OPTIONS = dict(loop="closed", phases=SHORT)


@pytest.fixture(scope="module")
def trained():
    return load_rate_network("digits_dtp", weights_file("digits_dtp"))


@pytest.mark.slow
def test_what_is_planned_is_what_is_simulated(trained, images):
    x, target = images
    n = 60
    response = simulate(
        trained, x, target, population="all", n_repeats=n, record=(), device=default_device(), **OPTIONS
    )  # fmt: skip
    table = compare_updates(trained.present(x, target), response, references=("rule",))
    planned = plan(trained, x, target, n_draws=300, **OPTIONS)
    assert list(planned.cosine) == list(table["projection"].unique())
    for projection, prediction in planned.predictions.items():
        mine = table[table.projection == projection]
        for name in ("cosine", "pearson_r", "sign_agreement"):
            for (_, group), drawn in zip(mine.groupby("sample"), getattr(prediction, name), strict=True):
                some = group[name].to_numpy()
                error = 1.3 * np.hypot(np.std(some) / np.sqrt(len(some)), np.std(drawn) / np.sqrt(len(drawn)))
                assert abs(np.nanmedian(some) - np.nanmedian(drawn)) < 4 * error + 0.02, (projection, name)


def test_less_noise_with_more_of_everything(trained, images):
    options = dict(population="H2E", projections=["H2E_H1E"], n_draws=80, **OPTIONS)
    base = plan(trained, *images, unit_rate=100 * Hz, **options)
    for more in (dict(unit_rate=400 * Hz), dict(repeats=4), dict(unit_rate=100 * Hz, cells_per_unit=8)):
        better = plan(trained, *images, **({"unit_rate": 100 * Hz} | more), **options)
        assert better.cosine["H2E_H1E"] > base.cosine["H2E_H1E"] + 0.03, more
        limit = base.table["noiseless_cosine"][0]
        assert better.table["noiseless_cosine"][0] == pytest.approx(limit, abs=0.02)  # noise is all that changes
        assert better.cosine["H2E_H1E"] < limit + 0.01
    table = base.contours(times=[10, 20], rates=[100, 400])
    assert (table.pivot(index="rate", columns="duration", values="cosine").diff().iloc[1] > 0).all()
    assert sorted(table["duration"].unique()) == [80.0, 160.0]  # of which `SHORT` takes eight


def test_cells_are_units_that_fire(trained, images):
    """`cells_per_unit` is what `spikers` of the simulation is, for every population but the input."""
    units = {p.name: 3 for p in trained.circuit.populations[1:]}
    first = plan(trained, *images, population="H2E", spikers=1, cells_per_unit=3, n_draws=20, **OPTIONS)
    second = plan(trained, *images, population="H2E", spikers=units, n_draws=20, **OPTIONS)
    assert first.table.equals(second.table)


def test_the_same_again_and_other_draws_with_another_seed(trained, images):
    options = dict(population="H2E", n_draws=12, **OPTIONS)
    first, again, other = (plan(trained, *images, seed=seed, **options).table for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


def test_backwards(trained, images):
    planned = plan(trained, *images, population="H2E", projections=["H2E_H1E"], unit_rate=100 * Hz, **OPTIONS)
    wanted = planned.cosine["H2E_H1E"] + 0.05
    (row,) = planned.needed(wanted, vary="unit_rate").to_dict("records")
    options = dict(population="H2E", projections=["H2E_H1E"], n_draws=400, **OPTIONS)
    again = plan(trained, *images, unit_rate=row["needed"] * Hz, **options)
    assert again.cosine["H2E_H1E"] == pytest.approx(wanted, abs=0.05)
    with pytest.raises(SpikedtpError, match=r"no such plan reaches a cosine of 0\.99999.*without any noise") as found:
        planned.needed(0.99999, vary=["unit_rate", "repeats"])
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("firing", ["regular", "lif"])
def test_firing_without_much_noise(trained, images, firing):
    options = dict(population="H2E", projections=["H2E_H1E"], n_draws=20, **OPTIONS)
    calm = plan(trained, *images, cell=NudgedCell(firing=firing), **options).table.iloc[0]
    noisy = plan(trained, *images, **options).table.iloc[0]
    assert noisy["cosine"] + 0.02 < calm["cosine"] < 1


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (dict(cell=TwoCompartment()), "no plan for TwoCompartment in the closed loop"),
        (dict(phases=Phases(trace=50 * ms)), "no plan for Phases.trace = 50"),
        (dict(phases=Phases(latch=True, target="spikes")), "no plan for Phases.target = spikes"),
        (dict(phases=Phases(reset=False)), "no plan for Phases.reset = False"),
        (dict(readout="paper"), "unknown option of plan in the closed loop 'readout'"),
        (dict(phases=5), "phases must be Phases"),
        (dict(time_per_step=10 * ms), "both say how long things take"),
        (dict(unit_rates={"H9E": 5 * Hz}), "unknown population 'H9E'"),
        (dict(spikers=0), "spikers of .* must be a whole number of at least 1"),
        (dict(population="H9E"), "H9E"),
        (dict(projections=["H1E_H2E"]), "unknown learned projection 'H1E_H2E'"),
    ],
)
def test_what_cannot_be_planned(trained, images, changes, line):
    with pytest.raises(SpikedtpError, match=line):
        _ = plan(trained, *images, **(OPTIONS | changes)).table


def test_a_plan_tells_that_it_knows_nothing_of_learning_biases(caplog):
    network, x, target = load_rate_network("spirals_dtp", seed=1), np.array([[0.4, -0.5]]), np.eye(4)[:1]
    planned = plan(network, x, target, population="H2E", loop="closed", on_off=True, n_draws=8)
    assert "a plan says nothing of biases that learn (H2E), only of weights" in caplog.text
    assert 0 < planned.cosine["H2E_H1E"] <= 1


def test_inputs_are_checked_as_in_a_simulation(trained, images):
    x, target = images
    with pytest.raises(SpikedtpError, match=r"x must lie in \[0, 1\]"):
        _ = plan(trained, 2 * x, target, **OPTIONS).table
    assert SpikingNetwork(trained, device="runtime").samples(x, target)[0].shape == (2, 64)
