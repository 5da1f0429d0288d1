"""Cells and inputs: declared impulse responses, what a dendritic state is, limits of a rate.

Their statistics, exact responses and firing rates are checks of the validation suite (`tests/validation`).
"""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Clock, Equations, Hz, Network, NeuronGroup, SpikeMonitor, StateMonitor, TimedArray, ms, pF

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell, PoissonInput, SpikeTrainInput, TwoCompartment, TwoCompartmentLIF
from spikedtp.neurons.nudged import Spiker, SteadyInput
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS
from spikedtp.spiking.open_loop.timeline import Timeline


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
        record=("v_soma", "v_dend", "spikes"),
    )
    raster = np.zeros((timeline.n_steps, 1), bool)
    raster[spikes] = True
    results = run_runtime(lambda: build(spec), RunInputs({"replay": raster[None]}, [0], [1]))
    return results, timeline


@pytest.mark.parametrize("dt", [1 * ms, 0.4 * ms], ids=str)
def test_impulse_responses_are_the_simulated_ones(dt):
    cell = TwoCompartment()
    dend, timeline = run_linear(cell, [30], [[1.0]], dt=dt)
    soma, _ = run_linear(cell, [30], [[1.0]], dt=dt, compartment="soma")
    declared = cell.impulse_responses(timeline.n_steps, dt)
    trace = PoissonInput().impulse_responses(timeline.n_steps, dt)["trace", "spike"]
    assert dend.vectors["trace_nudged"][0, 0] == pytest.approx(trace[timeline.n_steps - 1 - 30], rel=1e-5)
    n = timeline.n_steps - 30
    np.testing.assert_allclose(dend.traces["v_dend"][0, 30:, 0], declared["dendrite", "dend"][:n], atol=1e-7)
    np.testing.assert_allclose(dend.traces["v_soma"][0, 30:, 0], declared["soma", "dend"][:n], atol=1e-7)
    np.testing.assert_allclose(soma.traces["v_soma"][0, 30:, 0], declared["soma", "soma"][:n], atol=1e-7)


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


@pytest.mark.parametrize(("compartment", "expected"), [("dend", 0.04 * 2.3), ("soma", 0.0)])
def test_lif_dendritic_state_at_rest_is_the_dendrites_own_input(compartment, expected):
    """A constant input below the somatic threshold: leak and coupling cancel out of what is read."""
    cell = TwoCompartmentLIF()
    results, _ = run_linear(cell, np.arange(420), [[0.04]], dt=1 * ms, compartment=compartment)
    assert len(results.spikes["cells"][0]) == 0
    assert results.vectors["dendrite_nudged"][0, 0] == pytest.approx(expected, abs=2e-4)
    above_rest = results.traces["v_soma"][0, -1, 0] - float(cell.v_rest)
    assert above_rest > 1e-3
    assert results.vectors["soma_nudged"][0, 0] == pytest.approx(above_rest / 0.08, rel=1e-5)


def test_lif_time_constants_include_the_coupling():
    """300 pF over 7 nS and 200 pF over 12 nS: Euler steps must be shorter than both."""
    cell = TwoCompartmentLIF(t_refractory=0 * ms)
    cell.check_time_step(16.6 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_dend = 16.66.* ms must be longer than the time step"):
        cell.check_time_step(16.7 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_soma = 42.8.* ms must be longer"):
        replace(cell, c_dend=800 * pF).check_time_step(42.9 * ms)
    with pytest.raises(SpikedtpError, match=r"tau_eligibility = 60. ms must be longer"):
        PoissonInput(max_rate=10 * Hz).check_time_step(60 * ms)


def test_rates_are_clipped_and_capped():
    """2250 Hz asked for: one spike in every step is the most there is."""
    timeline, n = Timeline(dt=1 * ms), 50
    source = Source("A_B", "B", "soma", False, np.zeros((1, n), np.float32))
    kernels = READOUTS["paper"].kernels(timeline)
    spec = OpenLoop("A", TwoCompartment(), PoissonInput(), (source,), timeline, kernels, record=("spikes",))
    points = np.full((1, timeline.n_points, n), 5.0)
    results = run_runtime(lambda: build(spec), RunInputs({"replay": points}, [0], [0]))
    assert len(results.spikes["inputs"][0]) > 0.995 * timeline.n_steps * n


def test_parameters_can_be_replaced():
    assert replace(PoissonInput(), unit_rate=100 * Hz).unit_rate == 100 * Hz


def test_a_nudged_cell_step_by_step():
    """Its docstring in a loop: what each soma and dendrite does, and regular spikes at the rate of the activity."""
    cell, n, steps, onset = NudgedCell(firing="regular"), 12, 400, 200
    rng = np.random.default_rng(1)
    given = {"input_soma": rng.normal(0.3, 1, (steps, n)), "input_dend": rng.normal(0, 12, (steps, n))}
    fixed = {"gate": rng.integers(0, 2, n), "error": rng.normal(0, 0.4, n), "bias": rng.normal(0.3, 0.2, n)}
    held = np.arange(n) % 3 == 0

    def build():
        clock, declared = Clock(1 * ms, name="nudged_clock"), cell.declaration()
        more = f"nudging = int(t_in_timesteps >= {onset}) : 1 (shared)\nheld : 1\nrunning = 1 - held*nudging : 1"
        more += "\nacting = gate*clip(v_dend, -1, 1) : 1"
        cells = NeuronGroup(
            n,
            declared.equations + cell.parameter_equations() + Equations(more),
            threshold=declared.threshold,
            reset=declared.reset,
            method="euler",
            clock=clock,
            name="nudged_cells",
            namespace={name: TimedArray(values, dt=1 * ms, name=name) for name, values in
                       (("to_soma", given["input_soma"]), ("to_dend", given["input_dend"]))},
        )  # fmt: skip
        arrive = "input_soma = to_soma(t, i)\ninput_dend = to_dend(t, i)"
        cells.run_regularly(arrive, when="start", clock=clock, name="nudged_arrive")
        cells.run_regularly(declared.before_threshold, when="before_thresholds", clock=clock, name="nudged_hazard")
        cells.state_updater.when = "after_resets"
        spikes = SpikeMonitor(cells, name="nudged_spikes")
        names = ("v_soma", "v_dend", "remaining")
        trace = StateMonitor(cells, names, record=True, when="end", clock=clock, name="nudged_trace")
        net = Network(cells, *cells.contained_objects, spikes, trace, name="nudged_network")

        def start():
            cells.remaining = "rand()"

        constants = {name: np.asarray(value, float) for name, value in fixed.items()} | {"held": held.astype(float)}
        constants |= {"unit_rate": np.linspace(200, 600, n)}
        constants |= {name: np.array([float(value)]) for name, value in cell.quantities().items()}
        return BuiltNetwork(
            net, clock, steps, start, constants={name: (cells.variables[name], v) for name, v in constants.items()},
            spikes={"cells": spikes}, traces={name: (trace, name) for name in names}, precision=np.float64,
        )  # fmt: skip

    results = run_runtime(build, RunInputs({}, [], [1]))
    raster = np.zeros((steps, n), bool)
    raster[tuple(results.spikes["cells"][0].T)] = True
    v_soma, v_dend, remaining = np.zeros(n), np.zeros(n), None
    for k in range(steps):
        activity = v_soma + (k >= onset) * (fixed["gate"] * v_dend.clip(-1, 1) + fixed["error"])
        used = (np.linspace(200, 600, n) * activity).clip(0, 950) * 1e-3
        fires = raster[0] if k == 0 else remaining - used <= 0
        np.testing.assert_array_equal(raster[k], fires)
        runs = 1 - held * (k >= onset)
        v_soma = v_soma + runs * (fixed["bias"] + given["input_soma"][k] - v_soma) / 60
        v_dend = v_dend + (given["input_dend"][k] - v_dend) / 20
        for name, value in (("v_soma", v_soma), ("v_dend", v_dend)):
            np.testing.assert_allclose(results.traces[name][0, k], value, rtol=1e-9, atol=1e-12)
        remaining = results.traces["remaining"][0, k]
    assert raster.sum() > 200 and np.abs(v_dend).max() > 1


@pytest.mark.parametrize("model", [NudgedCell, Spiker, SteadyInput])
def test_impossible_firing_is_refused(model):
    for firing in ("burst", ["lif"]):
        with pytest.raises(SpikedtpError, match=r"unknown firing .*: known are"):
            model(firing=firing)
    with pytest.raises(SpikedtpError, match=r"max_rate = 1. kHz must be below 1/dead_time = 1. kHz"):
        model(max_rate=1000 * Hz)
    model(max_rate=1000 * Hz, firing="lif")
