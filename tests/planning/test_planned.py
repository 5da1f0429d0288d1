"""Plans against simulations, against themselves backwards, and what is refused."""

import numpy as np
import pytest
from brian2 import Hz, ms

from spikedtp import SpikedtpError, compare_updates, plan, simulate
from spikedtp.compare import noise_ceiling
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.planning.measures import measures
from spikedtp.spiking import Phases, default_device

N_REPEATS = 60


@pytest.mark.parametrize("readout", ["best", "paper"])
def test_what_is_planned_is_what_is_simulated(network, images, readout):
    options = dict(population="H2E", readout=readout, unit_rate=200 * Hz)
    response = simulate(network, *images, n_repeats=N_REPEATS, record=(), device=default_device(), **options)
    rate = network.present(*images)
    for repeats in (1, 4):
        planned = plan(network, *images, repeats=repeats, n_draws=600, **options)
        simulated = compare_updates(rate, response, average=repeats, references=("rule",))
        for projection in planned.cosine:
            mine = simulated[simulated.projection == projection]
            for name in ("cosine", "pearson_r", "sign_agreement"):
                by_sample = [group[name].to_numpy() for _, group in mine.groupby("sample")]
                expected = getattr(planned.predictions[projection], name)
                for found, drawn in zip(by_sample, expected, strict=True):
                    error = sum(1.3 * np.std(some, ddof=1) / np.sqrt(len(some)) for some in (found, drawn))
                    assert abs(np.nanmedian(found) - np.nanmedian(drawn)) < 4 * error + 0.02, (projection, name)
        # a plan that says 1 or 0 whatever happens would not do
        assert 0.05 < planned.cosine["H2E_H1E"] < 0.998


def test_the_noise_is_that_of_the_noise_ceiling(network, images):
    """Against its own expectation: the same draws, measured in another way."""
    planned = plan(network, *images, population="H2E", n_draws=400)
    response = simulate(network, *images, population="H2E", device="runtime", record=())
    drawn = planned.scene.draw(planned.setting, n_draws=400, seed=0)
    for name in planned.cosine:
        for sample in range(2):
            one = drawn[sample][name]
            found = measures(one.expected, one.noisy, one.learned.weight, one.learned.exists, 1).cosine
            assert np.nanmedian(found) == pytest.approx(noise_ceiling(response, name, sample), abs=1e-4)


def test_cells_are_the_mean_of_their_read_outs(network, images):
    """k cells for one unit: the read-outs of k presentations, averaged before the rule sees them."""
    k, n = 4, 60
    options = dict(population="H2E", projections=["H2E_H1E"], unit_rate=100 * Hz)
    response = simulate(network, *images, n_repeats=k * n, record=(), device=default_device(), **options)
    vectors = {name: v.reshape(2, n, k, -1).mean(axis=2) for name, v in response.results.vectors.items()}
    learned = response.projections["H2E_H1E"]
    updates = learned.change(response.readers["H2E_H1E"].signals(vectors)).dense(learned.weight)
    planned = plan(network, *images, cells_per_unit=k, n_draws=400, **options)
    alone = plan(network, *images, n_draws=400, **options)
    for sample, reference in enumerate(network.present(*images).updates("H2E_H1E")):
        cosines = np.sum(updates[sample] * reference, axis=(1, 2))
        cosines /= np.linalg.norm(updates[sample], axis=(1, 2)) * np.linalg.norm(reference)
        error = 1.3 * cosines.std(ddof=1) / np.sqrt(n)
        expected = np.median(planned.predictions["H2E_H1E"].cosine[sample])
        assert abs(np.median(cosines) - expected) < 4 * error + 0.01
        assert expected > np.median(alone.predictions["H2E_H1E"].cosine[sample]) + 0.02


def test_backwards_and_forwards_again(network, images):
    options = dict(population="H2E", projections=["H2E_H1E"])
    start = dict(unit_rate=100 * Hz, time_per_step=10 * ms, repeats=1, cells_per_unit=1)
    units = {"unit_rate": Hz, "time_per_step": ms}
    planned = plan(network, *images, n_draws=300, **options, **start)
    wanted = (1 + planned.cosine["H2E_H1E"]) / 2
    needed = planned.needed(wanted).set_index("setting")["needed"].dropna()
    assert {"time_per_step", "repeats", "cells_per_unit"} <= set(needed.index)
    for name, value in needed.items():
        value = value * units[name] if name in units else int(value)
        again = plan(network, *images, n_draws=1000, seed=1, **options, **{**start, name: value})
        reached = again.cosine["H2E_H1E"]
        assert reached > wanted - 0.03, name
        assert name in ("repeats", "cells_per_unit") or reached < wanted + 0.03  # whole numbers may be a step above


def test_contours_rise_with_time_and_rate(network, images):
    planned = plan(network, *images, population="H2E", projections="H2E_H1E")
    table = planned.contours(times=[5, 20, 80], rates=[30, 300])
    grid = table.pivot(index="rate", columns="duration", values="cosine").to_numpy()
    assert sorted(table["duration"].unique()) == [105, 420, 1680]
    assert (np.diff(grid, axis=0) > 0).all() and (np.diff(grid, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (dict(phases=Phases()), "unknown option of plan in the open loop 'phases'"),
        (dict(loop="half"), "unknown loop 'half'"),
        (dict(population=None), "needs x, target and, in the open loop, population"),
        (dict(reference="truth"), "unknown reference 'truth'"),
        (dict(seeds=3), "unknown option of plan in the open loop 'seeds'"),
        (dict(repeats=0), "repeats must be a whole number of at least 1"),
        (dict(cells_per_unit=1.5), "cells_per_unit must be a whole number"),
        (dict(unit_rate=450), "rate must be a quantity in"),
        (dict(n_draws=1), "n_draws must be a whole number of at least 4"),
        (dict(cell=TwoCompartmentLIF(), readout="paper"), "no plan for TwoCompartmentLIF"),
    ],
)
def test_what_cannot_be_planned(network, images, changes, line):
    with pytest.raises(SpikedtpError, match=line):
        _ = plan(network, *images, **{"population": "H2E", **changes}).table


@pytest.mark.parametrize("wanted", [0, 1, 1.5, -0.2, True, "0.9", float("nan")])
def test_a_cosine_that_is_none(network, images, wanted):
    with pytest.raises(SpikedtpError, match="cosine must lie between 0 and 1"):
        plan(network, *images, population="H2E").needed(wanted)


def test_a_cosine_that_nothing_reaches(network, images):
    planned = plan(network, *images, population="H2E", projections=["H2E_H1E"], readout="paper")
    with pytest.raises(SpikedtpError, match=r"no such plan reaches a cosine of 0\.99999.*without any noise") as found:
        planned.needed(0.99999)
    assert "\n" not in str(found.value)
    with pytest.raises(SpikedtpError, match="unknown setting to vary 'dt'"):
        planned.needed(0.5, vary="dt")
    with pytest.raises(SpikedtpError, match="unknown projection of this plan 'H2E_X'"):
        planned.needed(0.5, projection="H2E_X")


def test_two_plans_are_compared(network, images):
    first = plan(network, *images, population="H2E", projections=["H2E_H1E"])
    second = plan(network, *images, population="H2E", projections=["H2E_H1E"], unit_rate=100 * Hz, seed=1)
    (row,) = first.detectable(40, against=second).to_dict("records")
    assert row["difference"] == pytest.approx(
        first.predictions["H2E_H1E"].cosine.mean() - second.predictions["H2E_H1E"].cosine.mean()
    )
    (at_needed,) = first.detectable(max(int(row["n_needed"]), 2), against=second).to_dict("records")
    assert at_needed["smallest_difference"] <= abs(row["difference"]) * 1.01
    (same,) = first.detectable(40, against=first).to_dict("records")
    assert same["difference"] == 0 and np.isnan(same["n_needed"])
