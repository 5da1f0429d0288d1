"""Closed loop: what a learning event does to every matrix, devices, resuming, and what the phases and firings mean."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, ms

from spikedtp.circuit import read_circuit
from spikedtp.datasets import load
from spikedtp.errors import SpikedtpError
from spikedtp.models import weights_file
from spikedtp.neurons import LIF, NudgedCell
from spikedtp.plasticity import Bounds, PlateauBias, ReceptiveFields, Tied
from spikedtp.rate import load_rate_network
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import check_spiking_form
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork

SMALL = Path(__file__).parents[2] / "golden" / "small_dtp.yaml"
SHORT = Phases(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms)
CIRCUITS = ("digits_dtp", "digits_btsp", "digits_supervised_bcm", "digits_temporal_contrast", "digits_hebb_weight_norm")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def spiking(circuit=SMALL, device="runtime", **options):
    return SpikingNetwork(load_rate_network(circuit), device=device, **{"phases": SHORT} | options)


def expected_step(network: SpikingNetwork, signals, rate_factor: float):
    """One learning event by the rate forms of the rules and the constraints of the rate network."""
    circuit, before = network.circuit, network.weights
    after, state = {name: w.astype(np.float64) for name, w in before.items()}, {}
    for p in circuit.projections:
        if p.rule is not None:
            change = p.rule.update(signals[p.name], before[p.name].astype(np.float64), network.rule_state[p.name])
            after[p.name] += rate_factor * change[0, 0]
            Bounds(*p.bounds).apply(after[p.name])
            state[p.name] = p.rule.next_state(signals[p.name], network.rule_state[p.name])
    for p in circuit.projections:
        if p.rule is not None and p.constraint is not None and not isinstance(p.constraint, Tied):
            p.constraint.apply(after[p.name], recurrent=p.recurrent)
    for p in circuit.projections:
        if isinstance(p.constraint, Tied):
            after[p.name] = p.constraint.value(after)
    return after, state


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_learning_events_are_the_rules_applied_to_what_was_read(circuit, digits):
    order, seed = np.array([4, 7, 9]), 5
    network, schedule = spiking(circuit), (lambda index, total: (1.0, 0.5, 0.25)[index])
    for k in range(2):  # the second event sees what the rules remember of the first
        signals = network.respond(digits.train_x[order[k]], digits.train_t[order[k]], seed=seed, first_sample=k).signals
        after, state = expected_step(network, signals, schedule(k, 3))
        network.train(digits.train_x, digits.train_t, order[: k + 1], seed=seed, start=k, schedule=schedule)
        changed = 0
        for name, w in after.items():
            tolerance = 1e-5 * np.abs(w).max()
            np.testing.assert_allclose(network.weights[name], w, rtol=1e-5, atol=tolerance, err_msg=name)
            changed += np.any(w != load_rate_network(circuit).weights[name])
        for name, values in state.items():
            for key, value in values.items():
                np.testing.assert_allclose(network.rule_state[name][key], value.squeeze(), rtol=1e-4, atol=1e-6)
        assert changed >= 4, "hardly anything learned: the test shows nothing"


@pytest.mark.parametrize(("hold", "latch"), [("excitatory", False), ("all", False), ("output", True)])
def test_every_voltage_and_signal_follows_from_the_spikes(digits, hold, latch):
    """The network's equations in a loop that is told who fires; and who fires has the rate of its activity."""
    cell, spikers, dt = NudgedCell(firing="regular"), {"H1DendI": 3, "H2SomaI": 2}, 0.5
    phases = Phases(settle=40 * ms, read=20 * ms, nudge=24 * ms, wait=6 * ms, hold=hold, latch=latch,
                    dt=dt * ms)  # fmt: skip
    network = spiking(cell=cell, spikers=spikers, phases=phases, unit_rates={"H1E": 300 * Hz, "H1DendI": 200 * Hz})
    # so that dendrites leave -1 to 1 on both sides, and somas of more than 1 hear it
    for p in network.circuit.projections:
        network.weights[p.name] *= 8 if p.compartment == "dend" else 4 if p.name in ("H1E_InputE", "H2E_H1E") else 1
    x, target = digits.test_x[0], digits.test_t[0]
    response = network.respond(x, target, record=("spikes", "v_soma", "v_dend"))
    spec, names = network.spec, [p.name for p in network.circuit.populations]
    onset, read, late, end = 80, 40, 92, 128
    # when dendrites are read: all in the nudge, or a latched one layer by layer from the top
    parts = {"H2": (92, 104), "H1": (116, 128)} if latch else {}
    read_dend = {name: parts.get(name[:2], (late, end)) for name in names}
    late = 116 if latch else late
    assert response.spikes["H2E"].shape[-2] == end

    # spikes of each cell, in units of what an activity of 1 gives in a step
    heard = {}
    for name in names:
        k, one = spec.spikers.get(name, 1), float(spec.unit_rates[name] * dt * ms)
        heard[name] = response.spikes[name][0].reshape(end, -1, k).mean(axis=-1) / one
    v = {name: np.zeros((2, heard[name].shape[1])) for name in names[1:]}  # somas, dendrites
    mean = {name: np.zeros_like(value) for name, value in v.items()}
    gate, error, read_late, latched = ({name: np.zeros_like(value[0]) for name, value in v.items()} for _ in range(4))
    activity = {name: np.zeros_like(heard[name]) for name in names} | {names[0]: np.tile(x, (end, 1))}
    for step in range(end):
        for name in v:
            holds = {"all": True, "excitatory": name.endswith("E"), "output": name == "OutputE"}[hold]
            held = step >= onset and holds
            if step == onset:
                if name in ("H1E", "H2E"):
                    gate[name] = (mean[name][0] > 0).astype(float)
                elif name == "OutputE":
                    error[name] = (target - mean[name][0].clip(0)).clip(-1, 1) * (mean[name][0] > 0)
                if held:
                    v[name][0] = mean[name][0]
            activity[name][step] = v[name][0]
            if step >= onset:
                acting = latched[name] if latch else gate[name] * v[name][1].clip(-1, 1)
                activity[name][step] += acting + error[name]
            arrived = np.zeros_like(v[name])
            for p in network.circuit.inputs(name):
                arrived[int(p.compartment == "dend")] += network.weights[p.name] @ heard[p.pre][step]
            v[name] += (arrived - v[name]) / np.array([[np.inf if held else 60 / dt], [20 / dt]])
            mean[name] += v[name] / (onset - read) * (read <= step < onset)
            first, stop = read_dend[name]
            read_late[name] += v[name][1] / (stop - first) * (first <= step < stop)
            if step == stop - 1:
                latched[name] = gate[name] * read_late[name].clip(-1, 1)
            for found, value in zip((response.v_soma, response.v_dend), v[name], strict=True):
                np.testing.assert_allclose(found[name][0, step], value, atol=2e-5 * max(1, np.abs(value).max()))

    high = {name: (gate[name] > 0) & (mean[name][0] > 1.5) for name in ("H1E", "H2E")}
    acted_on = np.concatenate([read_late[name][cells] for name, cells in high.items()])
    assert acted_on.min() < -1.5 and acted_on.max() > 1
    for p in network.circuit.projections:
        if p.rule is None:
            continue
        signals, near = response.signals[p.name], dict(rtol=1e-4, atol=1e-4)
        plateau, voltage = latched[p.post] + error[p.post], mean[p.post][0]
        # along R a rule sees the step before, which the single step of a one-pass nudge leaves as it was
        heard_late = slice(read, onset) if p.direction == "R" else slice(late, None)
        np.testing.assert_allclose(signals.pre_settled[0, 0], heard[p.pre][read:onset].mean(axis=0), **near)
        np.testing.assert_allclose(signals.pre_settled_previous, signals.pre_settled)
        np.testing.assert_allclose(signals.pre_nudged[0, 0], heard[p.pre][heard_late].mean(axis=0), **near)
        np.testing.assert_allclose(signals.post_settled[0, 0], voltage.clip(0), **near)
        np.testing.assert_allclose(signals.dendrite_settled[0, 0], mean[p.post][1], **near)
        np.testing.assert_allclose(signals.plateau[0, 0], plateau, **near)
        np.testing.assert_allclose(signals.post_nudged[0, 0], (voltage + plateau).clip(0), **near)

    for name in names:
        k = spec.spikers.get(name, 1)
        asked = (float(spec.unit_rates[name] / Hz) * np.repeat(activity[name], k, axis=1)).clip(0, 950) * dt * 1e-3
        lead = np.cumsum(response.spikes[name][0], axis=0) - np.cumsum(asked, axis=0)
        # a regular unit is never a whole spike ahead of the integral of its rate, nor behind it
        assert (np.ptp(lead, axis=0) < 1 + 1e-3).all(), name
        assert response.spikes[name].any()


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


def test_the_nudge_moves_held_and_free_somas(digits):
    """Held somas rest at their settled means, free ones drift; both see output error and dendritic gates."""
    for hold, holds in (("all", "EIO"), ("none", ""), ("excitatory", "EO"), ("inhibitory", "I"), ("output", "O")):
        phases = Phases(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms, hold=hold)
        response = spiking("digits_dtp", phases=phases).respond(digits.test_x[0], digits.test_t[0], record=("v_soma",))
        for population, kind in (("H1E", "E"), ("H1SomaI", "I"), ("OutputE", "O")):
            moved = np.abs(np.diff(response.v_soma[population][0, 101:], axis=0)).max()
            assert moved == 0 if kind in holds else moved > 1e-3
            settled = response.v_soma[population][0, 40:100].mean(axis=0)
            if kind in holds:
                np.testing.assert_allclose(response.v_soma[population][0, 101], settled, atol=1e-6)
        signals = response.signals["OutputE_H2E"]
        error = np.clip(digits.test_t[0] - signals.post_settled[0, 0], -1, 1) * (signals.post_settled[0, 0] > 0)
        np.testing.assert_allclose(signals.plateau[0, 0], error, atol=1e-6)


def test_a_latched_plateau_is_read_in_its_layers_part_and_acts_from_then_on(digits):
    """By the recorded voltages: regular firing counts the integral of the rate, so spikes show what acted when."""
    phases = Phases(settle=100 * ms, read=60 * ms, nudge=120 * ms, wait=20 * ms, hold="none", latch=True)
    network = spiking("digits_dtp", phases=phases, cell=NudgedCell(firing="regular"), unit_rates={"H2E": 900 * Hz})
    response = network.respond(digits.test_x[0], digits.test_t[0], record=("spikes", "v_soma", "v_dend"))
    for projection, population, start in (("H2E_H1E", "H2E", 100), ("H1E_InputE", "H1E", 160)):
        v, plateau = response.v_soma[population][0], response.signals[projection].plateau[0, 0]
        gate = response.v_soma[population][0, 40:100].sum(axis=0) > 0
        read = response.v_dend[population][0, start + 20 : start + 60].mean(axis=0)
        np.testing.assert_allclose(plateau, gate * np.clip(read, -1, 1), atol=1e-5)
        per_step = float(network.spec.unit_rates[population] * phases.dt)
        latched = np.where(np.arange(220)[:, None] >= start + 60, plateau, 0)
        # a step's rate follows from the voltage at the end of the step before
        acts = per_step * np.minimum(np.maximum(v[:-1] + latched[1:], 0), 0.95 / per_step)
        for first, last in ((100, start + 60), (start + 60, 220)):
            counted = response.spikes[population][0, first:last].sum(axis=0)
            np.testing.assert_allclose(counted, acts[first - 1 : last - 1].sum(axis=0), atol=1.01)
    assert np.abs(response.signals["H2E_H1E"].plateau).max() * 60 * 0.9 > 4, "no plateau large enough to show"


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
        ({"cell": LIF()}, r"LIF lacks input_dend \(spikes arrive there\); dendritic_state, somatic_activity \(read"),
        ({"phases": Phases(dt=2 * ms)}, r"rate x dt is too large: NudgedCell.max_rate = 0.95 kHz at dt = 2. ms"),
    ],
)
def test_mistakes_get_one_line(options, message):
    with pytest.raises(SpikedtpError, match=message) as error:
        spiking(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"read": 200 * ms}, "longer than settle"), ({"wait": 60 * ms}, "shorter than nudge"), ({"hold": "some"}, "hold"),
     ({"latch": "yes"}, "latch must be true or false"),
     ({"nudge": 60.5 * ms}, "whole number of time steps")],
)  # fmt: skip
def test_phases_are_checked(change, message):
    good = dict(settle=100 * ms, read=60 * ms, nudge=60 * ms, wait=20 * ms)
    with pytest.raises(SpikedtpError, match=message):
        Phases(**good | change)


def test_samples_are_checked(digits):
    network = spiking()
    with pytest.raises(SpikedtpError, match=r"x must lie in \[0, 1\]"):
        network.predict(16 * digits.test_x[:2])
    with pytest.raises(SpikedtpError, match=r"\(64,\)"):
        network.predict(digits.test_x[:2, :10])
    with pytest.raises(SpikedtpError, match="one for each"):
        network.respond(digits.test_x[:2], digits.test_t[:3])


DIGITS = read_circuit("digits_dtp")
RULE = DIGITS.projection("H1E_InputE").rule


def other(circuit, projection=None, population=None, **changes):
    """The circuit with a projection or a population changed."""
    return replace(
        circuit,
        projections=tuple(replace(p, **changes) if p.name == projection else p for p in circuit.projections),
        populations=tuple(replace(p, **changes) if p.name == population else p for p in circuit.populations),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population": "H1E", "activation": "linear"}, "H1E is linear; a firing rate cannot be negative"),
        ({"population": "H1E", "bias_rule": PlateauBias(0.1)}, "the bias of H1E learns, which has no spiking form yet"),
        (
            {"projection": "H1E_InputE", "rule": replace(RULE, top_layer_only=True, one_pass=False)},
            "different nudge phases",
        ),
        ({"projection": "H1E_InputE", "rule": replace(RULE, max_pop_fraction=0.5)}, "H1E ranks its plateaus"),
        ({"projection": "H1E_InputE", "update_phase": "B"}, "drives a soma in the nudge phase alone"),
        ({"projection": "H1E_InputE", "constraint": ReceptiveFields(3)}, "learns inside receptive fields"),
    ],
)
def test_circuits_that_spikes_cannot_have(changes, message):
    with pytest.raises(SpikedtpError, match=message):
        check_spiking_form(other(DIGITS, **changes))


def test_what_train_cannot_do(digits):
    network = spiking()
    x, target = digits.train_x[:2], digits.train_t[:2]
    with pytest.raises(SpikedtpError, match="start = 2 must lie among the 2 presentations"):
        network.train(x, target, order=[0, 1], start=2)
    with pytest.raises(SpikedtpError, match="x must be an array of numbers"):
        network.predict("image")
    with pytest.raises(SpikedtpError, match="x holds values that are not finite"):
        network.predict(np.full_like(x, np.nan))
