"""Cells that are read by their spikes, traces, targets as spikes, plateaus by threshold, and no resets."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV
from spiking.closed_loop.short_presentations import SMALL, KnownByItsSpikes, spiking

from spikedtp.errors import SpikedtpError
from spikedtp.models import weights_file
from spikedtp.neurons import MembraneCell, NudgedCell
from spikedtp.rate import load_rate_network
from spikedtp.spiking import Phases, SpikingNetwork
from spikedtp.spiking.closed_loop.reading import Reading
from spikedtp.spiking.parts.initial_state import first_values

PHASES = Phases(settle=120 * ms, read=60 * ms, nudge=90 * ms, wait=10 * ms, latch=True, hold="none")
TRACES = replace(PHASES, trace=40 * ms)
TAUGHT = replace(TRACES, target="spikes")
GOING_ON = replace(TRACES, reset=False)


def membranes(phases, **options):
    return spiking(**{"cell": MembraneCell(), "unit_rate": 100 * Hz, "phases": phases} | options)


@pytest.mark.parametrize("phases", [PHASES, TRACES, replace(TAUGHT, latch=True), GOING_ON])
def test_activities_are_those_of_the_spikes(digits, phases):
    """Filtered spikes, computed from the raster: what synapses read, the settled activity, and eligibilities."""
    network = membranes(phases, cell=KnownByItsSpikes(), spikers={"H1DendI": 3})
    response = network.respond(digits.test_x[:3], digits.test_t[:3], record=("spikes",))
    spec, dt, before = response.spec, float(phases.dt), {}
    settled = {name: values for name, values in response.activity.items() if name != "InputE"}
    for name, spikes in response.spikes.items():
        units = spec.spikers.get(name, 1)
        raster = spikes[:, 0].reshape(*spikes.shape[:1], spikes.shape[2], -1, units).sum(-1)  # (samples, steps, n)
        rate = float(spec.unit_rates[name] / Hz) * units
        for moment, found in ((phases.onset, settled), (spec.read_after(name), response.counted)):
            if name not in found:
                continue
            weights = np.zeros(raster.shape[1])
            if phases.trace:
                steps = np.arange(moment)
                weights[:moment] = np.exp((steps - moment + 1) * dt / float(phases.trace))
                total = weights.sum()
                if not phases.reset:  # an endless past
                    total = 1 / (1 - np.exp(-dt / float(phases.trace)))
            else:
                weights[slice(*phases.settled)] = 1
                total = weights.sum()
            wanted = np.einsum("kti,t->ki", raster, weights)
            if phases.trace and not phases.reset:
                for k in range(1, len(raster)):  # what earlier presentations have left
                    past = np.concatenate(raster[:k])
                    age = np.arange(len(past), 0, -1) + moment - 1
                    wanted[k] += np.exp(-age * dt / float(phases.trace)) @ past
            np.testing.assert_allclose(
                found[name][:, 0], wanted / (rate * dt * total), rtol=2e-4, atol=1e-6, err_msg=name
            )
            before[name] = wanted.sum()
    assert sum(before.values()) > 100
    if phases.reset:
        for name, values in response.eligibility.items():
            np.testing.assert_allclose(values[:, 0, -1], response.counted[name][:, 0], rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("phases", [PHASES, TRACES])
def test_a_membrane_is_read_by_its_somatic_current(digits, phases):
    """The mean of filtered spikes, computed from the raster and the weights; what has none is silent, exactly."""
    network = membranes(phases)
    response = network.respond(digits.test_x[:3], digits.test_t[:3], record=("spikes",))
    spec, silent = response.spec, 0
    weights, step = np.zeros(spec.n_steps), float(phases.dt / MembraneCell().tau_soma)
    weights[: phases.onset] = Reading(phases).weights(phases.onset)
    for name, learned in (("H1E", "H1E_InputE"), ("H2E", "H2E_H1E")):
        arriving = 0.0
        for p in spec.circuit.projections:
            if p.post == name and p.compartment == "soma":
                units = spec.spikers.get(p.pre, 1)
                spikes = response.spikes[p.pre][:, 0].reshape(3, spec.n_steps, -1, units).mean(-1)
                one = float(spec.unit_rates[p.pre] * phases.dt)
                arriving = arriving + spikes @ network.weights[p.name].T / one
        current, wanted = 0.0, 0.0
        for k in range(spec.n_steps):
            current = current + step * (arriving[:, k] - current)
            wanted = wanted + weights[k] * current / weights.sum()
        read = response.activity[name][:, 0]
        np.testing.assert_allclose(read, wanted.clip(0), rtol=1e-3, atol=1e-4, err_msg=name)
        assert not response.projections[learned].signals.plateau[:, 0][read == 0].any()
        silent += (read == 0).sum()
    assert silent > 10


def test_weights_of_traces():
    rng = np.random.default_rng(0)
    for _ in range(20):
        settle, tau, more = rng.integers(20, 200), rng.uniform(5, 200), rng.integers(0, 50)
        phases = Phases(settle=settle * ms, read=10 * ms, trace=tau * ms)
        weights = Reading(phases).weights(settle + more)
        trace, spikes = 0.0, rng.random(settle + more) < 0.2
        for spike in spikes:
            trace = trace * np.exp(-1 / tau) + spike
        last = np.exp(more / tau)  # weights are 1 at the last step before the onset
        assert weights @ spikes / last == pytest.approx(trace, rel=1e-9)
        lasting = Reading(replace(phases, reset=False))
        assert lasting.total(settle) == pytest.approx(1 / (1 - np.exp(-1 / tau)))


@pytest.mark.parametrize(
    "phases",
    [
        TAUGHT,
        replace(GOING_ON, target="spikes"),
        replace(TAUGHT, plateau_threshold=0.01, rise=20 * ms, tau_crossing=20 * ms),
    ],
)
@pytest.mark.parametrize("synapses", ["currents", "conductances"])
def test_devices_agree(digits, phases, synapses):
    made = {}
    for device in ("runtime", "cpp_standalone"):
        network = spiking(
            cell=MembraneCell(synapses=synapses),
            unit_rate=100 * Hz,
            phases=phases,
            device=device,
            spikers={"OutputE": 2},
        )
        answers = network.train(digits.train_x, digits.train_t, np.arange(3), seed=3)
        made[device] = network.weights, network.respond(digits.test_x[:2], digits.test_t[:2]), answers
    (w, a, answers), (v, b, others) = made.values()
    np.testing.assert_array_equal(answers, others)
    assert any(np.abs(w[name] - load_rate_network(SMALL).weights[name]).max() > 1e-4 for name in w)
    for name in w:
        np.testing.assert_allclose(w[name], v[name], rtol=1e-3, atol=1e-4, err_msg=name)
    for name in a.activity:
        np.testing.assert_allclose(a.activity[name], b.activity[name], rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("threshold", [0.0, 0.1])
def test_output_dendrites_compare_spikes_with_those_of_the_target(digits, threshold):
    """The plateau is the error, (target - activity) in ±1, but for the noise of single spikes, and it acts."""
    phases = replace(TAUGHT, settle=300 * ms, read=100 * ms, nudge=300 * ms, wait=60 * ms, plateau_threshold=threshold)
    network = SpikingNetwork(
        load_rate_network("digits_dtp", weights_file("digits_dtp")),
        cell=MembraneCell(), unit_rate=100 * Hz, phases=phases, device="runtime", spikers={"OutputE": 16},
    )  # fmt: skip
    target = digits.test_t[:3] * np.array([[0.0], [1.0], [1.6]])  # not only ones
    response = network.respond(digits.test_x[:3], target, n_repeats=3, record=("spikes",))
    plateaus = response.projections["OutputE_H2E"].signals.plateau.mean(1)
    active = response.activity["OutputE"].min(1) > 0.02  # silent ones have none
    error = np.clip(target - response.activity["OutputE"].mean(1), -1, 1)
    assert active.sum() > 5
    assert error[active].std() > 0.1
    np.testing.assert_allclose(plateaus[active], error[active], atol=0.12)
    assert np.corrcoef(plateaus[active], error[active])[0, 1] > 0.95
    fired = response.spikes["OutputE"].reshape(3, 3, phases.end, -1, 16).sum(-1) / (16 * 0.1)  # in units of activity
    changes = (fired[:, :, 450:].mean(2) - fired[:, :, 200:300].mean(2)).mean(1)
    too_high = active[0] & (error[0] < -0.1)  # no target excites another cell, which would inhibit them
    assert too_high.any() and changes[0, too_high].mean() < 0.5 * error[0, too_high].mean()


@pytest.mark.parametrize("tau", [0, 5, 30])
def test_plateaus_begin_when_the_average_of_their_dendrite_crosses(digits, tau):
    """From the recorded voltages: the crossing, the mean of the second half of the rise, and who never crosses."""
    threshold = {0: 0.7, 5: 0.65, 30: 0.4}[tau]
    phases = replace(TRACES, plateau_threshold=threshold, rise=20 * ms, tau_crossing=tau * ms)
    response = membranes(phases).respond(digits.test_x[:3], digits.test_t[:3], record=("v_dend",))
    assert response.spec.windows["nudged"] == (phases.end - 20, phases.end)  # plateaus have begun by then
    onset, left, begun, late, graded = phases.onset, np.exp(-1 / tau) if tau else 0.0, 0, 0, 0
    for post, name in (("H1E", "H1E_InputE"), ("H2E", "H2E_H1E")):
        v, signals = response.v_dend[post][:, 0], response.projections[name].signals
        for k in range(3):
            for cell in np.flatnonzero(signals.post_settled[k, 0]):
                settled, average = float(signals.dendrite_settled[k, 0, cell]), [0.0]
                for voltage in v[k, onset:, cell]:
                    average.append(left * average[-1] + (1 - left) * (float(voltage) - settled))
                crossed = np.abs(average[1:]) > threshold
                first = onset + crossed.argmax() if crossed.any() else phases.end
                wanted = settled + average[-1]
                if first + 20 <= phases.end:
                    wanted = v[k, first + 10 : first + 20, cell].mean()
                    begun += 1
                    late += first > onset + 5
                else:
                    graded += wanted != 0
                if np.abs(np.abs(average[1:]) - threshold).min() > 1e-5:  # else rounding decides
                    assert signals.plateau[k, 0, cell] == pytest.approx(np.clip(wanted, -1, 1), abs=2e-5)
    assert min(begun, late, graded) > 5


def test_state_goes_on(digits):
    """One image again and again: without resets the membranes begin where the presentation before has left them."""
    shown = np.repeat(digits.test_x[:1], 3, axis=0)
    for phases in (TRACES, GOING_ON):
        response = membranes(phases).respond(shown, record=("v_dend",))
        v, decay = response.v_dend["H1E"][:, 0], 1 - float(phases.dt / MembraneCell().tau_dend)
        for k in (1, 2):
            last, first = v[k - 1, -1], v[k, 0]
            assert np.abs(last).max() > 0.01
            goes_on = first.any() and np.corrcoef(last * decay, first)[0, 1] > 0.99
            assert bool(goes_on) is (not phases.reset)


def test_what_cannot_be_done(digits):
    going_on = membranes(GOING_ON)
    with pytest.raises(SpikedtpError, match="start again"):
        going_on.train(digits.train_x, digits.train_t, np.arange(4), start=2)
    for wrong, message in (
        ({"target": "spikes", "latch": False}, "target = spikes needs latch"),
        ({"plateau_threshold": 0.1, "rise": 20 * ms, "latch": False}, "plateau_threshold needs latch"),
        ({"plateau_threshold": 0.1, "rise": 100 * ms}, "rise = 100. ms must not be longer"),
        ({"target": "words"}, "target"),
        ({"reset": 1}, "reset must be true or false"),
        ({"silent": -1.0}, "silent must be at least 0"),
        ({"trace": 5}, "trace must be a quantity"),
    ):
        with pytest.raises(SpikedtpError, match=message):
            replace(TRACES, **wrong)


def test_units_of_a_cell_begin_apart(digits):
    """Without resets, too: units without noise of their own would else fire as one for ever."""
    for cell in (NudgedCell(firing="regular"), NudgedCell(firing="lif"), MembraneCell(noise=0.0)):
        network = spiking(cell=cell, unit_rate=200 * Hz, phases=GOING_ON, spikers={"H1SomaI": 4})
        fired = network.respond(digits.test_x[:2], record=("spikes",)).spikes["H1SomaI"][1, 0]
        by_unit = fired.reshape(len(fired), -1, 4)
        several = by_unit.sum(-1)
        assert several.sum() > 20
        assert (several == 4).mean() < 0.5 * (several > 0).mean()


def test_first_values_are_those_of_the_declaration():
    for expression, mean, sd in (
        ("rand()", 0.5, 12**-0.5),
        ("exponential()", 1, 1),
        ("0.1*exp(low) + 2*randn()", 0.1, 2),
    ):
        values = first_values(expression, {"low": 0 * ms}, 20000, np.random.default_rng(0))
        assert values.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(20000))
        assert values.std() == pytest.approx(sd, rel=0.05)
    np.testing.assert_allclose(first_values("v_rest", {"v_rest": -70 * mV}, 3, np.random.default_rng(0)), -0.07)


def test_presentations_that_go_on_run_in_order(digits):
    with pytest.raises(SpikedtpError, match="n_processes must be 1"):
        membranes(GOING_ON).predict(digits.test_x[:4], n_processes=2)


def test_targets_that_no_unit_can_fire_at(digits):
    network = membranes(TAUGHT)
    with pytest.raises(SpikedtpError, match="at least 0 to become firing rates"):
        network.respond(digits.test_x[:1], digits.test_t[:1] - 0.5)
