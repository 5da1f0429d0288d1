"""Cells and inputs against theory: Poisson statistics, exact responses, convergence in dt, firing rates.

Statistical bounds are set at a false-alarm rate of about 1e-5 each, with fixed seeds.
"""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms
from scipy import linalg, stats

from spikedtp.neurons import PoissonInput, SpikeTrainInput, TwoCompartment, TwoCompartmentLIF
from spikedtp.spiking.network import build
from spikedtp.spiking.open_loop import OpenLoop, Source
from spikedtp.spiking.readout import READOUTS
from spikedtp.spiking.run_data import RunInputs
from spikedtp.spiking.runtime import run_runtime
from spikedtp.spiking.timeline import Timeline


def spike_trains(activity, *, n=400, dt=1 * ms, duration=420 * ms, model=None, seed=0, record=("spikes",)):
    """Rasters `(n_steps, n)` of `n` input cells that all replay `activity` (a number, or one per rate step)."""
    timeline = Timeline(time_per_step=duration / 21, dt=dt)
    source = Source("A_B", "B", "soma", False, np.zeros((1, n), np.float32))
    spec = OpenLoop(
        "A", TwoCompartment(), model or PoissonInput(), (source,), timeline, READOUTS["paper"].kernels(timeline), record
    )
    points = np.broadcast_to(np.broadcast_to(activity, (timeline.n_points,))[:, None], (timeline.n_points, n))
    results = run_runtime(lambda: build(spec), RunInputs({"replay": points[None].copy()}, [0], [seed]))
    events, _ = results.spikes["inputs"]
    raster = np.zeros((timeline.n_steps, n), bool)
    raster[events[:, 0], events[:, 1]] = True
    return raster, timeline


@pytest.mark.parametrize("rate", [5, 200, 450, 900])
def test_the_rate_asked_for_comes_out(rate):
    raster, timeline = spike_trains(rate / 450)
    seconds = raster.size * float(timeline.dt)
    expected = rate * seconds
    variance = expected * (1 - rate * 1e-3) ** 2
    assert abs(raster.sum() - expected) < 4.5 * np.sqrt(variance) + 400 * rate * 1e-3  # edge: the first dead time


def test_interval_statistics_with_dead_time():
    """A renewal process with dead time: CV = 1 - r τ, Fano = (1 - r τ)² (r the mean rate)."""
    raster, _ = spike_trains(200 / 450, n=300, duration=4200 * ms, dt=0.25 * ms, seed=2)
    intervals = np.concatenate([np.diff(np.flatnonzero(raster[:, k])) for k in range(raster.shape[1])]) * 0.25
    assert intervals.min() >= 1.0
    assert intervals.std() / intervals.mean() == pytest.approx(0.8, abs=0.012)
    counts = raster.sum(axis=0)
    fano = counts.var(ddof=1) / counts.mean()
    assert fano == pytest.approx(0.64, abs=4.5 * 0.64 * np.sqrt(2 / 300))


def test_no_dead_time_is_plain_poisson():
    model = PoissonInput(dead_time=0 * ms)
    raster, _ = spike_trains(100 / 450, n=400, duration=2100 * ms, dt=0.1 * ms, model=model, seed=4)
    intervals = np.concatenate([np.diff(np.flatnonzero(raster[:, k])) for k in range(400)]) * 0.1
    assert intervals.std() / intervals.mean() == pytest.approx(1.0, abs=0.02)
    counts = raster.sum(axis=0)
    assert counts.var(ddof=1) / counts.mean() == pytest.approx(1, abs=4.5 * np.sqrt(2 / 400))


def test_time_rescaled_intervals_are_exponential():
    """Integrated hazard between the spikes of a train whose rate varies in time; the first interval included."""
    activity = 0.05 + 0.4 * (1 + np.sin(np.arange(21) * 2 * np.pi / 7)) / 2
    dt = 0.05 * ms
    raster, timeline = spike_trains(activity, n=150, dt=dt, seed=6)
    rate = timeline.interpolate(activity[:, None])[:, 0] * 450
    hazard = rate / (1 - rate * 1e-3) * float(dt)
    rescaled = []
    for k in range(raster.shape[1]):
        since, dead = 0.0, 0
        for step in range(timeline.n_steps):
            if dead:
                dead -= 1
            else:
                since += hazard[step]
            if raster[step, k]:
                rescaled.append(since)
                since, dead = 0.0, 20 - 1
    # the grid limits the resolution: hazard per step stays below .02
    assert hazard.max() < 0.02 and len(rescaled) > 3000
    # trains end at 420 ms, which cuts long intervals short: compare below that horizon
    assert stats.kstest(rescaled, "expon").pvalue > 1e-5


def run_linear(cell, spikes, weights, *, dt, compartment="dend"):
    """Time courses of cells whose one input cell fires in the given steps."""
    timeline = Timeline(time_per_step=20 * ms, dt=dt)
    source = Source("A_B", "B", compartment, False, np.asarray(weights, np.float32))
    spec = OpenLoop(
        "A",
        cell,
        SpikeTrainInput(),
        (source,),
        timeline,
        READOUTS["paper"].kernels(timeline),
        ("v_soma", "v_dend", "spikes"),
    )
    raster = np.zeros((timeline.n_steps, 1), bool)
    raster[spikes] = True
    results = run_runtime(lambda: build(spec), RunInputs({"replay": raster[None]}, [0], [1]))
    return results, timeline


def exact_response(cell, t):
    """Dendrite and soma `t` after a dendritic pulse of weight 1: the 2 x 2 matrix exponential of the linear cell."""
    tau_d, tau_s = float(cell.tau_dend), float(cell.tau_soma)
    system = np.array([[-1 / tau_d, 0], [cell.coupling / tau_s, -1 / tau_s]])
    start = np.array([cell.weight_scale * float(cell.spike_width) / tau_d, 0])
    return np.array([linalg.expm(system * s) @ start for s in t])


def test_two_compartments_converge_to_the_exact_response_at_first_order():
    cell, errors = TwoCompartment(), []
    for dt in (1 * ms, 0.5 * ms, 0.25 * ms):
        at = round(float(20 * ms / dt))
        results, timeline = run_linear(cell, [at], [[1.0]], dt=dt)
        t = timeline.times[at:] - timeline.times[at]  # the pulse has arrived at the end of its step
        exact = exact_response(cell, t)
        dend, soma = (results.traces[name][0, at:, 0] for name in ("v_dend", "v_soma"))
        errors.append((np.abs(dend - exact[:, 0]).max(), np.abs(soma - exact[:, 1]).max()))
    ratios = np.array(errors)[:-1] / np.array(errors)[1:]
    assert ((ratios > 1.7) & (ratios < 2.4)).all(), errors


def test_impulse_responses_are_the_simulated_ones():
    cell = TwoCompartment()
    dend, timeline = run_linear(cell, [30], [[1.0]], dt=1 * ms)
    soma, _ = run_linear(cell, [30], [[1.0]], dt=1 * ms, compartment="soma")
    declared = cell.impulse_responses(timeline.n_steps, 1 * ms)
    n = timeline.n_steps - 30
    np.testing.assert_allclose(dend.traces["v_dend"][0, 30:, 0], declared["dendrite", "dend"][:n], atol=1e-7)
    np.testing.assert_allclose(dend.traces["v_soma"][0, 30:, 0], declared["soma", "dend"][:n], atol=1e-7)
    np.testing.assert_allclose(soma.traces["v_soma"][0, 30:, 0], declared["soma", "soma"][:n], atol=1e-7)


def test_filtered_poisson_input_has_campbells_mean_and_variance():
    """A jump leak driven by Poisson spikes: mean r w τ, variance r w² τ/2."""
    rate, n = 100.0, 300
    model = PoissonInput(dead_time=0 * ms, tau_eligibility=20 * ms)
    timeline = Timeline(time_per_step=100 * ms, dt=0.5 * ms)
    source = Source("A_B", "B", "soma", False, np.zeros((1, n), np.float32))
    spec = OpenLoop(
        "A", TwoCompartment(), model, (source,), timeline, READOUTS["paper"].kernels(timeline), ("eligibility",)
    )
    points = np.full((1, 21, n), rate / 450)
    trace = run_runtime(lambda: build(spec), RunInputs({"replay": points}, [0], [9])).traces["eligibility"][0, 400:]
    jump = 2.3 * 1e-3 / 20e-3
    assert trace.mean() == pytest.approx(rate * jump * 20e-3, rel=0.01)
    # Euler decay 1 - dt/τ: the stationary variance is r j² τ/2 / (1 - dt/2τ)
    assert trace.var() == pytest.approx(rate * jump**2 * 20e-3 / 2 / (1 - 0.5 / 40), rel=0.05)


def test_lif_rate_follows_theory():
    """Constant somatic drive through regular unit spikes in every step: f = 1/(t_ref + τ ln((μ - v_r)/(μ - v_th)))."""
    cell = TwoCompartmentLIF(g_coupling=0 * TwoCompartmentLIF.default("g_soma"))
    activity, dt = 0.6, 0.1 * ms
    weight = activity / (cell.weight_scale * float(cell.spike_width / dt))
    timeline_steps = round(float(420 * ms / dt))
    results, _ = run_linear(cell, np.arange(timeline_steps), [[weight]], dt=dt, compartment="soma")
    events, _ = results.spikes["cells"]
    times = events[:, 0] * float(dt)
    measured = 1 / np.diff(times)
    drive, threshold, reset = (
        float(v) for v in (cell.unit_voltage * activity, cell.v_threshold - cell.v_rest, cell.v_reset - cell.v_rest)
    )
    tau, refractory = float(cell.c_soma / cell.g_soma), float(cell.t_refractory)
    expected = 1 / (refractory + tau * np.log((drive - reset) / (drive - threshold)))
    assert measured == pytest.approx(expected, rel=0.02)


def test_lif_dendritic_state_does_not_see_somatic_resets():
    """Without dendritic input the state stays at 0 on average, however often the soma fires."""
    cell = TwoCompartmentLIF()
    results, _ = run_linear(cell, np.arange(420), [[0.5]], dt=1 * ms, compartment="soma")
    soma, dend = results.traces["v_soma"][0, 100:, 0], results.traces["v_dend"][0, 100:, 0]
    events, _ = results.spikes["cells"]
    assert len(events) > 20
    ratio = float(cell.g_coupling / cell.g_dend)
    rest = float(cell.v_rest)
    state = ((dend - rest) + ratio * (dend - soma)) / float(cell.unit_voltage)
    naive = (dend - rest) / float(cell.unit_voltage)
    assert abs(state.mean()) < 0.05 * abs(naive.mean())


def test_rates_are_clipped_and_capped():
    raster, _ = spike_trains(5.0, n=50)  # 2250 Hz asked for: one spike in every step is the most there is
    assert raster.mean() > 0.995


def test_parameters_can_be_replaced():
    assert replace(PoissonInput(), unit_rate=100 * Hz).unit_rate == 100 * Hz
