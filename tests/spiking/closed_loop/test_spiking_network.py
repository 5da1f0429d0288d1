"""Closed loop: devices, resuming, the rate network's activities, and mistakes in one line."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms
from spiking.closed_loop.short_presentations import SHORT, SMALL, spiking

from spikedtp.circuit import CircuitBuilder, read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.models import weights_file
from spikedtp.neurons import LIF, AdaptiveLIF, NudgedCell
from spikedtp.plasticity import DendriticState, TopDownHebb
from spikedtp.rate import load_rate_network
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.present import simulate_closed
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork


def test_devices_agree(digits):
    made = {}
    for device in ("runtime", "cpp_standalone"):
        network = spiking(device=device, spikers={"H1DendI": 3, "H2SomaI": 2})
        # sums of single precision differ in the last place: here and there that moves a spike to the next step
        answers = network.train(digits.train_x, digits.train_t, np.arange(3), seed=3)
        response = network.respond(digits.test_x[:2], digits.test_t[:2], record=("spikes", "v_soma", "v_dend"))
        made[device] = network.weights, response, answers
    (w, a, answers), (v, b, others) = made.values()
    np.testing.assert_array_equal(answers, others)
    assert any(np.abs(w[name] - load_rate_network(SMALL).weights[name]).max() > 1e-3 for name in w)
    for name in w:
        np.testing.assert_allclose(w[name], v[name], rtol=1e-4, atol=1e-5, err_msg=name)
    for name in a.spikes:
        np.testing.assert_array_equal(a.spikes[name], b.spikes[name], err_msg=name)
    assert a.spikes["H1E"].sum() > 1000
    for name in a.v_soma:
        np.testing.assert_allclose(a.v_soma[name], b.v_soma[name], atol=1e-3)
        np.testing.assert_allclose(a.v_dend[name], b.v_dend[name], atol=1e-3)


def signed_network():
    """Two layers with a linear output and linear interneurons, whose activities have both signs."""
    lds = DendriticState(0.2, one_pass=True)
    net = CircuitBuilder("signed", dale=False, tau=1, forward_steps=30)
    net.input(6)
    net.layer("H1", 7, rule=lds, bias=True)
    net.interneurons("H1", "DendI", 4, from_e={"init": 1.0}, recurrent=None)
    net.layer("Output", 4, rule=lds, activation="linear")
    net.feedback("H1", rule=TopDownHebb(0.2, form="nudged"), init=1.5)
    circuit = net.build()
    linear = [replace(p, activation="linear") if p.cell == "DendI" else p for p in circuit.populations]
    network, rng = load_rate_network(replace(circuit, populations=tuple(linear)), seed=2), np.random.default_rng(4)
    state = {key: np.asarray(value) for key, value in network.state_dict().items()}
    network.load_state_dict({key: rng.normal(0, 0.35, value.shape) for key, value in state.items()})
    return network, rng.random((3, 6)), np.eye(4)[[0, 1, 2]]


LONG = Phases(settle=600 * ms, read=400 * ms, nudge=400 * ms, wait=100 * ms)


@pytest.mark.parametrize("spikers", [1, {"OutputE": 2, "H1DendI": 3}])
def test_on_and_off_cells_carry_linear_populations(device, spikers):
    network, x, target = signed_network()
    with pytest.raises(SpikedtpError, match=r"H1DendI is linear; .*on_off=True"):
        SpikingNetwork(network)
    network_in_spikes = SpikingNetwork(
        network, cell=NudgedCell(firing="regular"), phases=LONG, device=device, on_off=True, spikers=spikers,
        unit_rates={"H1DendI": 400 * Hz},
    )  # fmt: skip
    response = network_in_spikes.respond(x, target, record=("spikes",))
    rate = network.present(x, target)
    for name in ("OutputE", "H1DendI"):
        settled = rate.activity[name][:, rate.forward_steps - 1]
        assert (settled < -0.1).any() and (settled > 0.1).any()
        np.testing.assert_allclose(response.activity[name][:, 0], settled, atol=0.03)
        np.testing.assert_allclose(response.counted[name][:, 0], settled, atol=0.03)
        units = spikers[name] if isinstance(spikers, dict) else 1
        on, off = np.split(response.spikes[name][:, 0, 200:600].sum(axis=1), 2, axis=-1)  # of the part that is read
        counts = (on - off).reshape(3, -1, units).mean(axis=-1) / (0.4 * float(network_in_spikes.spec.unit_rates[name]))
        np.testing.assert_allclose(counts, response.counted[name][:, 0], atol=1e-6)
        assert not ((on > 3) & (off > 3)).any()  # one of the two is silent
    for name in response.weight_updates:
        wanted, found = rate.updates(name), response.weight_updates[name][:, 0]
        np.testing.assert_allclose(found, wanted, atol=0.06 * np.abs(wanted).max(), err_msg=name)


def test_off_cells_have_the_weights_that_were_learned(device):
    """What was learned in one run acts as it does in a network that begins with it."""
    network, x, target = signed_network()
    options = dict(cell=NudgedCell(firing="regular"), phases=SHORT, device=device, on_off=True)
    learning, rate = SpikingNetwork(network, **options), network
    learning.train(x, target, np.array([0, 1, 2, 0]), seed=5, schedule="constant")
    assert np.abs(learning.weights["H1E_OutputE"] - rate.weights["H1E_OutputE"]).max() > 0.01
    in_parts = SpikingNetwork(network, **options)
    for k in range(4):  # a build and a start of its own for each
        in_parts.train(x, target, np.array([0, 1, 2, 0])[: k + 1], seed=5, start=k, schedule="constant")
    for name, w in learning.weights.items():
        np.testing.assert_array_equal(w, in_parts.weights[name], err_msg=name)


def test_eligibility_ends_as_it_was_counted_with_off_cells():
    network, x, target = signed_network()
    response = simulate_closed(
        network, x, target, phases=SHORT, device="runtime", on_off=True, record=("spikes", "eligibility")
    )
    for name, trace in response.eligibility.items():
        np.testing.assert_allclose(trace[:, 0, -1], response.counted[name][:, 0], atol=1e-5)
    assert (response.eligibility["OutputE"] < 0).any()


def test_interrupted_and_resumed_is_uninterrupted(digits, device):
    order, kept = np.array([3, 1, 4, 1, 5]), {}
    images = digits.train_x, digits.train_t, order

    def checkpoint(done, network, answers):
        kept[done] = len(answers)

    def interrupt(done, network, answers):
        raise KeyboardInterrupt

    whole, part = spiking("digits_btsp", device), spiking("digits_btsp", device)
    whole.train(*images, checkpoint_every=2, checkpoint=checkpoint)
    assert kept == {2: 2, 4: 4, 5: 5}
    with pytest.raises(KeyboardInterrupt):
        part.train(*images, checkpoint_every=2, checkpoint=interrupt)
    # a checkpoint is a rate network's state dict, and what the rules remember
    rate = load_rate_network("digits_btsp", part.state_dict())
    rate.rule_state = part.rule_state
    resumed = SpikingNetwork(rate, device=device, phases=SHORT)
    resumed.train(*images, start=2)
    for name in whole.weights:
        np.testing.assert_array_equal(whole.weights[name], resumed.weights[name], err_msg=name)
        for key, value in whole.rule_state.get(name, {}).items():
            np.testing.assert_array_equal(value, resumed.rule_state[name][key])
    assert whole.rule_state["H1E_InputE"]["past_pre"].any()


@pytest.mark.parametrize("firing", ["poisson", "regular", "lif"])
def test_spikes_carry_the_rate_networks_activities(digits, firing):
    rate = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    network = SpikingNetwork(rate, cell=NudgedCell(firing=firing), phases=Phases(settle=400 * ms, read=200 * ms))
    x = digits.test_x[:40]
    response, expected = network.respond(x), rate.present(x)
    noise = {}
    for population in ("H1E", "H1DendI", "H2E", "OutputE"):
        a, b = expected.activity[population][:, -1], response.activity[population][:, 0]
        slope = (a * b).sum() / (a * a).sum()
        assert 0.93 < slope < 1.08, (population, slope)
        noise[population] = np.sqrt(((b - slope * a) ** 2).mean() / (a**2).mean())
        assert noise[population] < (0.5 if firing == "poisson" else 0.15)
    np.testing.assert_array_less(0.8, (network.predict(x) == digits.test_y[:40]).mean())


def test_same_seed_same_answers_in_several_processes(digits):
    network = spiking(device="cpp_standalone")
    one = network.respond(digits.test_x[:5], n_repeats=2, seed=3)
    two = network.respond(digits.test_x[:5], n_repeats=2, seed=3, n_processes=2)
    other = network.respond(digits.test_x[:5], n_repeats=2, seed=4)
    assert one.activity["H2E"].shape == (5, 2, 100)
    np.testing.assert_array_equal(one.activity["H2E"], two.activity["H2E"])
    assert (one.activity["H2E"] != other.activity["H2E"]).any()


def test_spikers_make_interneurons_less_noisy(digits):
    """Counts of k spikers a cell: the same mean, about a k-th of the variance around the cell's voltage."""
    rate, variance = load_rate_network("digits_dtp", weights_file("digits_dtp")), {}
    for k in (1, 9):
        network = SpikingNetwork(rate, spikers=k, phases=Phases(settle=300 * ms, read=200 * ms))
        response = network.respond(digits.test_x[:40], record=("spikes",))
        counted, voltage = (values["H1DendI"].astype(float) for values in (response.counted, response.activity))
        assert response.spikes["H1DendI"].shape == (40, 1, 300, k * network.circuit.population("H1DendI").size)
        assert response.spikes["H1E"].shape == (40, 1, 300, 200)
        likely = (voltage > 0.3) & (voltage < 3)  # neither silent nor near the dead time
        assert abs((counted / voltage)[likely].mean() - 1) < 0.03
        variance[k] = ((counted - voltage)[likely] ** 2 / voltage[likely]).mean()
    assert 0.08 < variance[9] / variance[1] < 0.16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spikers": {"H7E": 2}}, "H7E"),
        ({"spikers": 1.5}, "whole number of at least 1"),
        ({"unit_rate": 450}, "unit_rate must be a quantity in Hz"),
        ({"unit_rates": {"H9E": 5 * Hz}}, "H9E"),
        ({"circuit": "digits_backprop_dale"}, "gradient"),
        ({"cell": NudgedCell(tau_dend=0.5 * ms)}, "must be longer than the time step"),
        ({"cell": LIF()}, r"LIF lacks input_dend \(spikes arrive there\); dendritic_state \(read"),
        ({"phases": Phases(dt=2 * ms)}, r"rate x dt is too large: NudgedCell.max_rate = 0.95 kHz at dt = 2. ms"),
    ],
)
def test_mistakes_get_one_line(options, message):
    with pytest.raises(SpikedtpError, match=message) as error:
        spiking(**options)
    assert "\n" not in str(error.value)


def test_samples_are_checked(digits):
    network = spiking()
    with pytest.raises(SpikedtpError, match=r"x must lie in \[0, 1\]"):
        network.predict(16 * digits.test_x[:2])
    with pytest.raises(SpikedtpError, match=r"\(64,\)"):
        network.predict(digits.test_x[:2, :10])
    with pytest.raises(SpikedtpError, match="one for each"):
        network.respond(digits.test_x[:2], digits.test_t[:3])


def test_what_train_cannot_do(digits):
    network = spiking()
    x, target = digits.train_x[:2], digits.train_t[:2]
    with pytest.raises(SpikedtpError, match="start = 2 must lie among the 2 presentations"):
        network.train(x, target, order=[0, 1], start=2)
    with pytest.raises(SpikedtpError, match="x must be an array of numbers"):
        network.predict("image")
    with pytest.raises(SpikedtpError, match="x holds values that are not finite"):
        network.predict(np.full_like(x, np.nan))


def test_a_nudge_that_is_read_before_it_has_come_down_is_told(caplog):
    circuit = replace(read_circuit(SMALL), projections=tuple(
        replace(p, delay=2 if p.name in ("H2E_OutputE", "H1E_H2E") else 0) for p in read_circuit(SMALL).projections
    ))  # fmt: skip
    for wait, told in ((60, True), (80, False)):
        caplog.clear()
        spiking(circuit, phases=Phases(settle=200 * ms, read=100 * ms, nudge=200 * ms, wait=wait * ms))
        assert ("top-down delays add up to 80. ms, but" in caplog.text) == told


def signed_inputs():
    """A small circuit, inputs of both signs beyond 1, and targets."""
    lds = DendriticState(0.2, one_pass=True)
    net = CircuitBuilder("signed", dale=False, tau=1, forward_steps=30)
    net.input(5)
    net.layer("H1", 7, rule=lds, bias=True)
    net.layer("Output", 4, rule=lds)
    net.feedback("H1", tied=0.5)
    x = np.array([[-1.3, 0.4, -0.2, 0, 1.2], [0.6, -0.9, 0.1, -0.4, -0.05], [0.2, 1.1, -1.2, 0.8, 0.3]])
    return load_rate_network(net.build(), seed=2), x, np.eye(4)[[0, 1, 2]]


def test_on_and_off_cells_carry_signed_inputs(device):
    network, x, target = signed_inputs()
    with pytest.raises(SpikedtpError, match=r"x must lie in \[0, 1\] .*got -1.3 to 1.2: .*\(on_off=True, --on-off\)"):
        SpikingNetwork(network, device=device).predict(x)
    regular = SpikingNetwork(
        network, cell=NudgedCell(firing="regular"), phases=LONG, device=device, on_off=True,
    )  # fmt: skip
    response, rate = regular.respond(x, target, record=("spikes",)), network.present(x, target)
    np.testing.assert_allclose(response.activity["InputE"][:, 0], x, atol=0.01)
    np.testing.assert_allclose(response.activity["H1E"][:, 0], rate.activity["H1E"][:, 29], atol=0.02)
    on, off = np.split(response.spikes["InputE"][:, 0], 2, axis=-1)
    assert on[:, :].any(axis=1).tolist() == (x > 0).tolist() and off.any(axis=1).tolist() == (x < 0).tolist()
    np.testing.assert_allclose(response.eligibility["InputE"][:, 0, -1], x, atol=0.01)
    for name in response.weight_updates:  # presynaptic activity below 0 counts as 0, in either network
        wanted, found = rate.updates(name), response.weight_updates[name][:, 0]
        assert (wanted != 0).any()
        np.testing.assert_allclose(found, wanted, atol=0.05 * np.abs(wanted).max(), err_msg=name)
    np.testing.assert_array_equal(regular.predict(x), network.predict(x))


def test_synapses_of_signed_inputs_learn(device):
    """A step in spikes is close to a step in rate, from the weights that the steps before have left."""
    network, x, target = signed_inputs()
    regular = SpikingNetwork(network, cell=NudgedCell(firing="regular"), phases=LONG, device=device, on_off=True)
    before = network.weights
    regular.train(x, target, [0, 1, 2], seed=1, schedule="constant")
    for sample in range(3):
        network.train_step(x[sample], target[sample])
    for name in ("H1E_InputE", "OutputE_H1E"):
        wanted, found = network.weights[name] - before[name], regular.weights[name] - before[name]
        np.testing.assert_allclose(found, wanted, atol=0.1 * np.abs(wanted).max(), err_msg=name)


def test_inputs_above_0_need_no_off_cells():
    """On and off cells for other populations leave the inputs, and what they draw, as they were."""
    network, x, _ = signed_inputs()
    x = np.abs(x).clip(0, 1)
    response = SpikingNetwork(network, device="runtime", phases=SHORT, on_off=True).respond(x, seed=3)
    plain = SpikingNetwork(network, device="runtime", phases=SHORT).respond(x, seed=3)
    np.testing.assert_array_equal(response.activity["H1E"], plain.activity["H1E"])


def test_unit_rates_that_a_cell_cannot_reach(caplog):
    network, free = load_rate_network(SMALL, seed=0), replace(SHORT, hold="none")
    with pytest.raises(SpikedtpError, match=r"E: AdaptiveLIF cannot fire at the unit rate of 800 Hz, but at 500 Hz at"):
        SpikingNetwork(network, cell=AdaptiveLIF(), phases=free, unit_rate=800 * Hz)
    with caplog.at_level("WARNING"):
        SpikingNetwork(network, cell=AdaptiveLIF(), phases=free, unit_rate=100 * Hz)
    (said,) = (message for message in caplog.messages if "at an activity of 1" in message)  # a quarter of it is theirs
    assert said.startswith("AdaptiveLIF fires at 100 Hz at an activity of 1, but the unit rate is of H1SomaI")
