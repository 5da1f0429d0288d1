"""Cells and inputs: declared impulse responses, what a dendritic state is, limits of a rate.

Their statistics, exact responses and firing rates are checks of the validation suite (`tests/validation`).
"""

from dataclasses import replace

import numpy as np
from brian2 import Hz, ms

from spikedtp.neurons import PoissonInput, SpikeTrainInput, TwoCompartment, TwoCompartmentLIF
from spikedtp.spiking.network import build
from spikedtp.spiking.open_loop import OpenLoop, Source
from spikedtp.spiking.readout import READOUTS
from spikedtp.spiking.run_data import RunInputs
from spikedtp.spiking.runtime import run_runtime
from spikedtp.spiking.timeline import Timeline


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


def test_impulse_responses_are_the_simulated_ones():
    cell = TwoCompartment()
    dend, timeline = run_linear(cell, [30], [[1.0]], dt=1 * ms)
    soma, _ = run_linear(cell, [30], [[1.0]], dt=1 * ms, compartment="soma")
    declared = cell.impulse_responses(timeline.n_steps, 1 * ms)
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


def test_rates_are_clipped_and_capped():
    """2250 Hz asked for: one spike in every step is the most there is."""
    timeline, n = Timeline(dt=1 * ms), 50
    source = Source("A_B", "B", "soma", False, np.zeros((1, n), np.float32))
    kernels = READOUTS["paper"].kernels(timeline)
    spec = OpenLoop("A", TwoCompartment(), PoissonInput(), (source,), timeline, kernels, ("spikes",))
    points = np.full((1, timeline.n_points, n), 5.0)
    results = run_runtime(lambda: build(spec), RunInputs({"replay": points}, [0], [0]))
    assert len(results.spikes["inputs"][0]) > 0.995 * timeline.n_steps * n


def test_parameters_can_be_replaced():
    assert replace(PoissonInput(), unit_rate=100 * Hz).unit_rate == 100 * Hz
