"""Every voltage and signal of a built circuit follows from its spikes, through both phases."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms
from spiking.closed_loop.delayed_circuit import delayed_circuit
from spiking.closed_loop.short_presentations import SMALL, spiking

from spikedtp.circuit import CircuitBuilder, read_circuit
from spikedtp.neurons import NudgedCell
from spikedtp.rate import load_rate_network
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork


@pytest.mark.parametrize(
    ("hold", "latch", "delays"), [("excitatory", False, (0,)), ("all", False, (0, 2, 5)), ("output", True, (0, 1))]
)
def test_every_voltage_and_signal_follows_from_the_spikes(digits, hold, latch, delays):
    """The network's equations in a loop that is told who fires; and who fires has the rate of its activity."""
    cell, spikers, dt = NudgedCell(firing="regular"), {"H1DendI": 3, "H2SomaI": 2}, 0.5
    phases = Phases(settle=40 * ms, read=20 * ms, nudge=24 * ms, wait=6 * ms, hold=hold, latch=latch,
                    dt=dt * ms, time_per_step=3 * ms)  # fmt: skip
    small = read_circuit(SMALL)  # the delays of its projections, in turn
    late = tuple(replace(p, delay=delays[k % len(delays)]) for k, p in enumerate(small.projections))
    network = spiking(replace(small, projections=late), cell=cell, spikers=spikers, phases=phases,
                      unit_rates={"H1E": 300 * Hz, "H1DendI": 200 * Hz})  # fmt: skip
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
                sent = step - 6 * p.delay  # before the presentation nothing is sent
                if sent >= 0:
                    arrived[int(p.compartment == "dend")] += network.weights[p.name] @ heard[p.pre][sent]
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


def test_no_spike_is_on_its_way_from_one_presentation_to_the_next(device):
    """Delays of 0 to 60 ms: in a batch every presentation is what it is alone."""
    network, rng = load_rate_network(delayed_circuit(0, most=3), seed=1), np.random.default_rng(1)
    x, target = rng.random((2, 8)), np.eye(4)[[1, 3]]
    phases = Phases(settle=200 * ms, read=100 * ms, nudge=240 * ms, wait=200 * ms)
    delayed = SpikingNetwork(network, phases=phases, device=device)
    record = ("spikes", "v_soma", "v_dend")
    together = delayed.respond(x, target, seed=1, record=record)
    for k in range(2):
        alone = delayed.respond(x[k], target[k], seed=1, first_sample=k, record=record)
        for what in record:
            for name, values in getattr(alone, what).items():
                np.testing.assert_array_equal(getattr(together, what)[name][k], values)
    assert together.spikes["OutputE"][1].any()


def test_a_delay_shifts_what_a_projection_carries(device):
    """Two steps of the rate network, 20 ms each: the input fires as before, and the cells hear it 40 ms later."""
    somas = []
    for delay in (0, 2):
        net = CircuitBuilder("relay", forward_steps=15)
        net.input(5)
        net.layer("H", 3, delay=delay)
        net.layer("Output", 2)
        cell = NudgedCell(firing="regular")  # who fires draws no random numbers that others would have had
        network = SpikingNetwork(load_rate_network(net.build(), seed=1), cell=cell, device=device)
        somas.append(network.respond(np.full(5, 0.4), seed=2, record=("v_soma",)).v_soma["HE"][0])
    assert not somas[1][:40].any() and somas[0][:40].any()
    np.testing.assert_array_equal(somas[1][40:], somas[0][:-40])
