"""The cell of the closed loop, step by step against its definition; impossible kinds of firing are refused.

Statistics, exact responses and firing rates are checks of the validation suite (`tests/validation`).
"""

import numpy as np
import pytest
from brian2 import Clock, Equations, Hz, Network, NeuronGroup, SpikeMonitor, StateMonitor, TimedArray, ms

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell
from spikedtp.neurons.nudged import Spiker, SteadyInput
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.runtime import run_runtime


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
