"""Which cells and which values a figure shows."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.plotting import Shown, population_correlation
from spikedtp.plotting.presentation import rate_dendritic_states, spiking_dendritic_states


def test_takes_the_presentation_asked_for(case):
    shown = Shown(case.rate, case.spiking, **case.last)
    for population, raster in case.spiking.spikes.items():
        assert np.array_equal(shown.spikes[population], case.raw(raster))
    assert np.array_equal(shown.eligibility("H1E"), case.raw(case.spiking.eligibility["H1E"]))
    voltage, unit = shown.voltage("soma")
    assert unit == ("mV" if case.lif else "")
    assert np.allclose(voltage, case.raw(case.spiking.v_soma["H2E"]) * (1e3 if case.lif else 1))
    if case.lif:
        assert -200 < np.median(voltage) < 0


def test_units_of_either_sign_are_active(case):
    shown = Shown(case.rate, case.spiking, **case.last)
    positive, negative = shown.opposed_units()
    states = case.rate.dendritic_state["H2E"][..., -1, :].reshape(-1, 100)[-1]
    settled = case.rate.activity["H2E"][..., case.rate.forward_steps - 1, :].reshape(-1, 100)[-1]
    assert states[positive] > 0 > states[negative]
    assert settled[positive] > 0 and settled[negative] > 0


def test_most_active_are_ordered_and_never_silent(linear):
    shown = Shown(linear.rate, linear.spiking)
    mean = shown.activity("H1E").mean(axis=0)
    cells = shown.most_active("H1E", 10)
    assert len(cells) == 10 and np.all(np.diff(mean[cells]) <= 0)
    assert mean[cells].min() >= np.delete(mean, cells).max()
    everyone = shown.most_active("H1E", 1000)
    assert len(everyone) == (mean > 0).sum() < 1000


def test_replayed_activity_ends_at_the_nudged_one(case):
    shown = Shown(case.rate, case.spiking, **case.last)
    activity = case.rate.activity["H1E"].reshape(-1, *case.rate.activity["H1E"].shape[-2:])[-1]
    shown_activity = shown.activity("H1E")
    assert shown_activity.shape == (420, 100)
    assert np.allclose(shown_activity[-1], activity[-1])
    assert np.allclose(shown_activity[0], activity[case.rate.forward_steps - 11], atol=1e-6)


def test_recurrent_rates_come_one_step_late(linear):
    shown = Shown(linear.rate, linear.spiking)
    late, activity = shown.presynaptic_rate("H2DendI"), shown.activity("H2DendI")
    assert not late[:20].any() and np.allclose(late[20:], activity[:-20].clip(0, 1000 / 450))
    assert np.allclose(shown.presynaptic_rate("H1E"), shown.activity("H1E").clip(0, 1000 / 450))


def test_dendritic_state_is_the_model_s_own(case):
    found = spiking_dendritic_states(case.spiking, case.last["sample"])[-1]
    v_dend, v_soma = case.raw(case.spiking.v_dend["H2E"]), case.raw(case.spiking.v_soma["H2E"])
    if case.lif:
        v_dend = (v_dend + 0.070 + 0.2 * (v_dend - v_soma)) / 0.080
    assert np.allclose(found, v_dend, atol=1e-6)


def test_correlation_over_the_population(case):
    correlation = population_correlation(case.rate, case.spiking)
    assert correlation.shape == (case.spiking.n_samples * 2, 420)
    found = spiking_dendritic_states(case.spiking, case.last["sample"])[-1, -1]
    expected = rate_dendritic_states(case.rate, case.spiking, case.last["sample"])[-1]
    assert correlation[-1, -1] == pytest.approx(np.corrcoef(expected, found)[0, 1], abs=1e-5)
    assert np.median(correlation[:, -100:]) > 0.8  # the dendrite follows the rate network


@pytest.mark.parametrize("wrong", [{"sample": 2}, {"repeat": 2}, {"sample": -1}])
def test_a_presentation_that_is_not_there(linear, wrong):
    with pytest.raises(SpikedtpError, match="to plot: there are 2, numbered from 0"):
        Shown(linear.rate, linear.spiking, **wrong)


def test_responses_that_do_not_belong_together(linear, trained):
    network, images = trained
    other = network.present(images.test_x[:3], images.test_t[:3])
    with pytest.raises(SpikedtpError, match="3 sample"):
        Shown(other, linear.spiking)
    with pytest.raises(SpikedtpError, match="no nudge phase"):
        Shown(network.present(images.test_x[:2]), linear.spiking)
    with pytest.raises(SpikedtpError, match="H1E"):
        Shown(linear.rate, linear.spiking).eligibility("H9E")
