"""`EProp`: its traces against NEST's, its gradients against sums over the traces of every synapse, its parameters."""

import json

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from spikedtp import SpikedtpError
from spikedtp.plasticity import EProp
from spikedtp.plasticity.eprop import filtered

DT = 1 * ms


@pytest.mark.parametrize("name", ["small_lif", "small_alif"])
def test_eligibility_traces_of_input_synapses(golden, name):
    run = {key.partition(".")[2]: values for key, values in golden("eprop").items() if key.startswith(f"{name}.")}
    parameters = json.loads(str(run["params"]))
    cells, steps = parameters["nrn_reg"], parameters["T"]
    adapting = parameters.get("nrn_ad", {})
    beta = [0.0] * parameters["n_reg"] + [adapting.get("adapt_beta")] * parameters.get("n_ad", 0)
    rule = EProp(
        tau_m=cells["tau_m"] * ms, tau_readout=parameters["nrn_out"]["tau_m"] * ms, beta=beta,
        tau_adaptation=adapting.get("adapt_tau", 10.0) * ms,
    )  # fmt: skip
    for start in range(0, len(run["rec_V_m"]), steps):
        part = slice(start, start + steps)
        e, ebar = rule.eligibility(run["rec_surrogate_gradient"][part], run["derived_zbar_in"][part], DT)
        for found, wanted in ((e, run["derived_e_in"][part]), (ebar, run["derived_ebar_in"][part])):
            assert np.abs(wanted).max() > 1e-3
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.3, (0.0, 0.7, 0.05, 1.3)])
@pytest.mark.parametrize("window", [60, 20])
def test_outer_products_of_factors_and_spikes_are_sums_over_the_traces_of_synapses(beta, window):
    rng, rule = np.random.default_rng(3), EProp(beta=beta, tau_adaptation=80 * ms)
    signal, psi, spikes = rng.normal(size=(60, 3, 4)), rng.random((60, 3, 4)), rng.random((60, 3, 5)) < 0.3
    signal[: 60 - window] = 0
    trace, extra = filtered(spikes, rule.steps(DT).alpha), rng.normal(size=(3, 4))
    wanted = np.zeros((4, 5))
    for k in range(3):
        e, ebar = rule.eligibility(psi[:, k], trace[:, k], DT)
        wanted += (signal[:, k, :, None] * ebar).sum(axis=0) + extra[k][:, None] * e.sum(axis=0)
    found = np.einsum("kbj,kbi->ji", rule.factors(signal[60 - window :], psi, DT, extra), spikes)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "at_threshold", "one_width_away"),
    [
        ("piecewise_linear", 1.0, 0.0),
        ("exponential", 1.0, np.exp(-1)),
        ("fast_sigmoid_derivative", 1.0, 0.25),
        ("arctan_derivative", 1.0, 0.5),
    ],
)
def test_pseudo_derivatives(name, at_threshold, one_width_away):
    rule = EProp(pseudo_derivative=name, height=3.0, width=0.2)
    found = rule.psi([0.0, 0.2, -0.2])
    np.testing.assert_allclose(found, 3 * np.array([at_threshold, one_width_away, one_width_away]), atol=1e-15)


def test_adam_moves_by_the_learning_rate_at_first():
    rule = EProp(optimizer="adam", learning_rate=0.01, w_max=0.005)
    gradient = np.array([[1e-3, -20.0, 5.0]])
    w, (m, v) = rule.descend(np.zeros((1, 3)), gradient, (np.zeros((1, 3)), np.zeros((1, 3))), 1)
    # epsilon is added to a root that is not corrected yet: it weighs more than in other Adams
    shrunk = np.sqrt(0.001) * np.abs(gradient) / (np.sqrt(0.001) * np.abs(gradient) + 1e-8)
    np.testing.assert_allclose(w, np.minimum(-0.01 * np.sign(gradient) * shrunk, 0.005), rtol=1e-12)
    np.testing.assert_allclose(m, 0.1 * gradient)
    np.testing.assert_allclose(v, 0.001 * gradient**2, rtol=1e-12)


def test_a_filter_remembers_what_decays():
    np.testing.assert_allclose(filtered(np.array([1.0, 0, 0, 1]), 0.5), [1, 0.5, 0.25, 1.125])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pseudo_derivative": "triangle"}, "unknown EProp.pseudo_derivative 'triangle': known are arctan_derivative"),
        ({"loss": "hinge"}, "unknown EProp.loss 'hinge': known are cross_entropy, mean_squared_error"),
        ({"optimizer": "sgd"}, "unknown EProp.optimizer 'sgd': known are adam, gradient_descent"),
        ({"spike_arrival": True}, "unknown EProp.spike_arrival 'True': known are decay, unit"),
        ({"tau_m": 20.0}, "EProp.tau_m must be a quantity in s"),
        ({"v_threshold": 1 * mV}, "EProp.v_threshold must be a number without units"),
        ({"f_target": 10}, "EProp.f_target must be a quantity in"),
        ({"beta": -0.1}, "EProp.beta must be one number of at least 0"),
        ({"beta": [[0.1]]}, "EProp.beta must be one number of at least 0"),
        ({"learning_window": 150}, "EProp.learning_window must be a quantity in s"),
        ({"learning_window": 0 * ms}, "EProp.learning_window must be above 0"),
        ({"average_gradient": "yes"}, "EProp.average_gradient must be True or False, got 'yes'"),
        ({"w_min": 1.0, "w_max": 0.0}, "EProp.w_min must be at most w_max"),
        ({"beta_2": 1.0}, "EProp.beta_2 must be below 1"),
        ({"learning_rate": np.nan}, "EProp.learning_rate must be one finite number"),
    ],
)
def test_bad_parameters(given, message):
    with pytest.raises(SpikedtpError) as error:
        EProp(**given)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_times_must_be_whole_steps():
    for name, value in (("t_refractory", 2.5 * ms), ("learning_window", 10.25 * ms)):
        with pytest.raises(SpikedtpError, match=rf"EProp.{name} must be a multiple of dt = 1\. ms, got {value}"):
            EProp(**{name: value}).steps(DT)
    assert EProp(t_refractory=2.5 * ms, f_target=20 * Hz).steps(0.5 * ms)[5:] == (5, 0.01, None)


def test_rules_are_compared_by_value():
    assert EProp(beta=[0.1, 0.2]) == EProp(beta=np.array([0.1, 0.2])) != EProp(beta=[0.1, 0.3])
    assert EProp().describe().name == "EProp"


@pytest.mark.parametrize("optimizer", EProp.CHOICES["optimizer"])
def test_the_learning_rate_decays_from_update_to_update(optimizer):
    rule, decaying = (EProp(optimizer=optimizer, learning_rate=0.1, learning_rate_decay=d) for d in (1.0, 0.5))
    shares = [decaying.step_size(k) / rule.step_size(k) for k in (1, 2, 5)]
    np.testing.assert_allclose(shares, [1, 0.5, 0.5**4], rtol=1e-12)
    for wrong in (0.0, 1.1):
        with pytest.raises(SpikedtpError, match=r"EProp\.learning_rate_decay must be a"):
            EProp(learning_rate_decay=wrong)
