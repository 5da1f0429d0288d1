"""`cell.group(n)` in a network of one's own does what the cell does in this package's networks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import brian2
import numpy as np
import pytest
from brian2 import (
    BrianObjectException,
    Clock,
    Equations,
    Function,
    Hz,
    Network,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    defaultclock,
    ms,
    mV,
    nS,
    pF,
    prefs,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import (
    LIF,
    DiscreteLIF,
    LeakyReadout,
    NudgedCell,
    PoissonInput,
    Spiker,
    SpikeTrainInput,
    SteadyInput,
    TwoCompartment,
    TwoCompartmentLIF,
)
from spikedtp.plasticity import STDP
from spikedtp.spiking import PairSynapses, run_feedforward
from spikedtp.spiking.closed_loop.build import CircuitNumbers, build_closed
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS
from spikedtp.spiking.open_loop.timeline import Timeline

STEPS, N_IN, N, DT = 80, 12, 7, 1 * ms


@pytest.fixture(autouse=True)
def numpy_target():
    """Brian2's numpy target, and its generator as it was."""
    target, state = prefs.codegen.target, np.random.get_state()  # noqa: NPY002
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = target
    np.random.set_state(state)  # noqa: NPY002


def drawn(seed, mean=0.3):
    """Spikes (steps, n_in) and weights (n_in, n)."""
    rng = np.random.default_rng(seed)
    return rng.random((STEPS, N_IN)) < 0.2, rng.normal(mean, 0.5, (N_IN, N))


def given_cells(raster):
    step, cell = np.nonzero(raster)
    return SpikeGeneratorGroup(raster.shape[1], cell, step * DT, dt=DT)


def onto(source, target, weights, variable="input_soma"):
    synapses = Synapses(source, target, "w : 1", on_pre=f"{variable}_post += w", clock=target.clock)
    synapses.connect()
    synapses.w = np.ravel(weights)
    return synapses


def raster_of(monitor, n, steps=STEPS):
    raster = np.zeros((steps, n), bool)
    raster[np.round(np.asarray(monitor.t / DT)).astype(int), np.asarray(monitor.i)] = True
    return raster


taus = st.floats(2.0, 50.0).map(lambda tau: tau * ms)
steps = st.integers(0, 6).map(lambda k: k * ms)
scales = st.floats(0.3, 3.0)
CELLS = st.one_of(
    st.builds(LIF, tau=taus, threshold=scales, reset=st.floats(-2, 0.2), t_refractory=steps),
    st.builds(DiscreteLIF, tau=taus, threshold=scales),
    st.builds(
        TwoCompartment, tau_soma=taus, tau_dend=taus, coupling=st.floats(0, 4), weight_scale=scales,
        unit_rate=scales.map(lambda x: 500 * x * Hz), dead_time=st.floats(0, 1).map(lambda d: d * ms),
    ),
    st.builds(
        TwoCompartmentLIF, c_soma=scales.map(lambda x: 300 * x * pF), g_coupling=scales.map(lambda x: 2 * x * nS),
        v_threshold=st.floats(-66, -50).map(lambda v: v * mV), t_refractory=steps, weight_scale=scales,
    ),
)  # fmt: skip


# --- beside the builders ------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(cell=CELLS, seed=st.integers(0, 99), tau=taus)
def test_as_in_a_feedforward_network_to_the_last_bit(cell, seed, tau):
    raster, weights = drawn(seed)
    out = np.random.default_rng(seed + 1).normal(0, 1, (N, 3))
    dendritic = isinstance(cell, TwoCompartment) and seed % 2
    expected = run_feedforward([weights, out], raster[None], hidden=cell, tau=tau, seed=seed, device="runtime",
                               compartment="dend" if dendritic else "soma")  # fmt: skip
    brian2.seed(seed)
    hidden, outputs = cell.group(N, dt=DT), LeakyReadout(tau=tau).group(3, dt=DT)
    inputs = given_cells(raster)
    arriving = onto(inputs, hidden, weights, "input_dend" if dendritic else "input_soma")
    leaving, spikes = onto(hidden, outputs, out), SpikeMonitor(hidden)
    voltage = StateMonitor(outputs, "v_soma", record=True, when="start")
    Network(inputs, hidden, outputs, arriving, leaving, spikes, voltage).run(STEPS * DT)
    np.testing.assert_array_equal(raster_of(spikes, N), expected.hidden_spikes[0])
    np.testing.assert_array_equal(voltage.v_soma.T, expected.output_v[0])


def test_these_cells_fire_in_such_networks():
    """Else the test above would compare silence."""
    raster, weights = drawn(0)
    for cell in (LIF(), DiscreteLIF(), TwoCompartmentLIF()):
        assert (
            run_feedforward([weights, np.eye(N)], raster[None], hidden=cell, device="runtime").hidden_spikes.sum() > 9
        )


@settings(max_examples=6, deadline=None)
@given(
    cell=CELLS.filter(lambda cell: isinstance(cell, TwoCompartment | TwoCompartmentLIF)),
    inputs=st.builds(
        PoissonInput, tau_eligibility=taus, dead_time=st.sampled_from([0, 0.5, 1]).map(lambda d: d * ms),
        unit_rate=st.sampled_from([200, 800]).map(lambda r: r * Hz),
    ),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_as_in_the_open_loop_with_spikes_that_are_drawn(cell, inputs, seed):
    rng = np.random.default_rng(seed)
    soma, dend = (rng.normal(0.1, 0.5, (N, n)).astype(np.float32) for n in (N_IN - 4, 4))
    sources = (Source("A_B", "B", "soma", False, soma), Source("A_C", "C", "dend", False, dend))
    timeline = Timeline(time_per_step=STEPS / 2 * ms, sensory_points=1, supervised_points=1)
    spec = OpenLoop("A", cell, inputs, sources, timeline, READOUTS["best"].kernels(timeline),
                    record=("spikes", "v_soma", "v_dend", "eligibility"))  # fmt: skip
    activity = rng.uniform(0, 1, N_IN)
    points = np.broadcast_to(activity, (1, timeline.n_points, N_IN))
    expected = run_runtime(lambda: build(spec), RunInputs({"replay": points}, [0], [seed]))

    brian2.seed(seed)
    pre, post = inputs.group(N_IN, dt=DT, name="own_inputs"), cell.group(N, dt=DT, name="own_cells")
    pre.activity = activity
    arriving = [onto(pre[: N_IN - 4], post, soma.T), onto(pre[N_IN - 4 :], post, dend.T, "input_dend")]
    spikes = {"inputs": SpikeMonitor(pre), "cells": SpikeMonitor(post)}
    traces = StateMonitor(post, ["v_soma", "v_dend"], record=True, when="end")
    trace = StateMonitor(pre, "eligibility", record=True, when="end", order=1)
    Network(pre, post, arriving, *spikes.values(), traces, trace).run(STEPS * DT)
    for group, monitor in spikes.items():
        events, _ = expected.spikes[group]
        found = raster_of(monitor, N_IN if group == "inputs" else N)
        assert len(events) == found.sum() and found[events[:, 0], events[:, 1]].all()
    for name, monitor in (("v_soma", traces), ("v_dend", traces), ("eligibility", trace)):
        scale = np.abs(expected.traces[name]).max()
        np.testing.assert_allclose(
            np.asarray(getattr(monitor, name)).T, expected.traces[name][0], rtol=1e-5, atol=2e-6 * scale
        )
    assert len(expected.spikes["inputs"][0]) > 50


@pytest.mark.parametrize("firing", ["poisson", "regular", "lif"])
@pytest.mark.parametrize("seed", [1, 2])
def test_as_in_a_closed_loop(firing, seed):
    rng = np.random.default_rng(seed)
    populations = (Population("Input", "E", N_IN), Population("H", "E", N), Population("Output", "E", 2))
    circuit = Circuit(populations, (Projection("HE", "InputE"), Projection("OutputE", "HE")))
    weights = {"HE_InputE": rng.normal(0.2, 0.3, (N, N_IN)), "OutputE_HE": rng.normal(0.2, 0.3, (2, N))}
    weights = {name: w.astype(np.float32) for name, w in weights.items()}
    biases = {p.name: rng.normal(0.2, 0.1, p.size) for p in populations}
    cell, inputs = NudgedCell(firing=firing, dead_time=0.8 * ms), SteadyInput(unit_rate=400 * Hz, firing=firing)
    spec = ClosedLoop(
        circuit, {p.name: 400 * Hz for p in populations}, {}, cell, inputs, record=("spikes", "v_soma"),
        phases=Phases(settle=STEPS * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms),
    )  # fmt: skip
    x = rng.uniform(0, 1, N_IN)
    expected = run_runtime(
        lambda: build_closed(spec, CircuitNumbers(weights, biases)), RunInputs({"x": x[None]}, [0], [seed])
    )

    brian2.seed(seed)
    pre = inputs.group(N_IN, dt=DT, name="own_inputs")
    pre.activity = x
    more = "nudging : 1 (shared)\nrunning = 1 - nudging : 1 (shared)\nacting = gate*clip(v_dend, -1, 1) : 1"
    post = cell.group(N + 2, dt=DT, name="own_cells", equations=more, dtype={"input_soma": np.float32})
    post.unit_rate = 400 * Hz
    post.bias = np.concatenate([biases["HE"], biases["OutputE"]])
    arriving = [
        onto(pre, post[:N], weights["HE_InputE"].T / 0.4),
        onto(post[:N], post[N:], weights["OutputE_HE"].T / 0.4),
    ]
    monitors = {"inputs": SpikeMonitor(pre), "cells": SpikeMonitor(post)}
    traces = StateMonitor(post, "v_soma", record=True, when="end")
    Network(pre, post, arriving, *monitors.values(), traces).run(STEPS * DT)
    for group, monitor in monitors.items():
        events, _ = expected.spikes[group]
        found = raster_of(monitor, N_IN if group == "inputs" else N + 2)
        assert len(events) == found.sum() > 100 and found[events[:, 0], events[:, 1]].all()
    np.testing.assert_allclose(traces.v_soma.T, expected.traces["v_soma"][0], rtol=1e-4, atol=1e-5)


def test_given_spikes_leave_the_trace_of_the_builder():
    """`SpikeTrainInput` and `Spiker` take what only a network knows from the namespace."""
    raster, _ = drawn(3)

    def given_spike(step, i):
        return raster[step, i].astype(float)

    function = Function(given_spike, arg_units=[1, 1], return_unit=1, arg_types=["integer", "integer"])
    cells = SpikeTrainInput(tau_eligibility=20 * ms).group(N_IN, dt=DT, namespace={"given_spike": function})
    spikes, trace = SpikeMonitor(cells), StateMonitor(cells, "eligibility", record=True, when="end", order=1)
    Network(cells, spikes, trace).run(STEPS * DT)
    np.testing.assert_array_equal(raster_of(spikes, N_IN), raster)
    expected, eligibility = np.zeros(N_IN), []
    for step in range(STEPS):
        expected = expected * (1 - 1 / 20) + raster[step] * 2.3 / 20
        eligibility.append(expected)
    np.testing.assert_allclose(trace.eligibility.T, eligibility, rtol=1e-12)

    activity = np.array([0.2, 0.9])
    function = Function(lambda i: activity[i], arg_units=[1], return_unit=1, arg_types=["integer"])
    spikers = Spiker(firing="regular").group(6, dt=DT, namespace={"activity_of": function})
    spikers.cell, spikers.unit_rate = [0, 0, 0, 1, 1, 1], 500 * Hz
    counted = SpikeMonitor(spikers)
    Network(spikers, counted).run(400 * ms)
    assert np.abs(counted.count - 0.4 * 500 * activity.repeat(3)).max() <= 1


# --- in a network of one's own -------------------------------------------------------------------------------------


def test_parameters_and_initial_values_are_those_of_the_model():
    cell = LIF(tau=7 * ms, reset=-0.5, t_refractory=3 * ms)
    group = cell.group(4, name="lif_cells", dt=0.5 * ms)
    assert group.name == "lif_cells" and group.dt == 0.5 * ms and len(group) == 4
    assert group.tau == 7 * ms and group.t_refractory == 3 * ms and (group.v_soma == -0.5).all()
    brian2.seed(1)
    draws = np.asarray(PoissonInput().group(5000).remaining)
    assert draws.mean() == pytest.approx(1, abs=0.06) and draws.std() == pytest.approx(1, abs=0.08)


def test_the_magic_network_finds_all_that_a_cell_does():
    inputs = PoissonInput().group(20, dt=DT)
    inputs.activity = 1
    cells = LIF(t_refractory=4 * ms).group(3, dt=DT)
    synapses = onto(inputs, cells, np.full((20, 3), 0.2))
    spikes = SpikeMonitor(cells)
    run(100 * ms)
    assert 3 * 15 < spikes.num_spikes <= 3 * 20  # the refractory time and a step
    assert (cells.input_soma == 0).all() and len(synapses) == 60


def test_several_groups_subgroups_and_learning_synapses():
    clock = Clock(DT)
    inputs = [PoissonInput(unit_rate=rate * Hz).group(10, clock=clock) for rate in (100, 400)]
    cells, quiet = LIF().group(6, clock=clock), LIF().group(2, clock=clock)
    for group in inputs:
        group.activity = 1
    rule = STDP(w_min=0, w_max=1)
    learning = PairSynapses(inputs[1], cells, "input_soma", rule=rule, clock=clock, name="own_pairs")
    learning.w = learning.flat(np.full((6, 10), 0.2))
    plain = onto(inputs[0][2:5], cells[:2], np.full((3, 2), 0.3))
    spikes = [SpikeMonitor(group) for group in (cells, quiet)]
    Network(*inputs, cells, quiet, learning, plain, spikes).run(300 * ms)
    assert (spikes[0].count > 20).all() and spikes[1].num_spikes == 0
    assert (np.abs(learning.matrix(np.asarray(learning.w)) - 0.2) > 0.01).any()


@pytest.mark.parametrize("order", [-3, 0, 4])
def test_the_order_of_a_group_moves_all_of_it(order):
    raster, weights = drawn(5)
    expected = run_feedforward([weights, np.eye(N)], raster[None], hidden=TwoCompartmentLIF(), device="runtime")
    inputs, cells = given_cells(raster), TwoCompartmentLIF().group(N, dt=DT, order=order)
    arriving, spikes = onto(inputs, cells, weights), SpikeMonitor(cells)
    Network(inputs, cells, arriving, spikes).run(STEPS * DT)
    assert spikes.num_spikes > 5
    np.testing.assert_array_equal(raster_of(spikes, N), expected.hidden_spikes[0])


def test_activities_may_change_at_any_time():
    """Also those of cells whose hazard the closed loop finds once for each presentation."""
    cells = SteadyInput(unit_rate=500 * Hz).group(400, dt=DT)
    counted, net = SpikeMonitor(cells, name="own_counter"), Network(cells)
    net.add(counted)
    for activity in (0, 0.3, 1, 0):
        before = counted.num_spikes
        cells.activity = activity
        net.run(200 * ms)
        rate = (counted.num_spikes - before) / (400 * 0.2)
        assert rate == pytest.approx(500 * activity, abs=4 * np.sqrt(500 * activity / 80) + 2)


def test_what_a_group_cannot_be_is_one_line():
    cases = [
        (lambda: LIF().group(0), r"LIF.group: n must be a whole number of at least 1, got 0"),
        (lambda: LIF().group(2.5), r"n must be a whole number of at least 1, got 2.5"),
        (lambda: LIF().group(3, threshold="v_soma > 2"), r"unknown option of LIF.group 'threshold': known are clock"),
        (lambda: LIF().group(3, nam="x"), r"unknown option of LIF.group 'nam'"),
        (lambda: LIF().group(3, equations="v_soma : 1"), r"LIF declares v_soma, which is also"),
        (lambda: NudgedCell().group(3), r"NudgedCell uses acting, nudging, running, and nothing defines them: .*equa"),
        (lambda: SpikeTrainInput().group(3), r"uses given_spike, and nothing defines it: .* functions in namespace="),
        (lambda: Spiker().group(3), r"Spiker uses activity_of, and nothing defines it"),
    ]
    for make, message in cases:
        with pytest.raises(SpikedtpError, match=message) as error:
            make()
        assert "\n" not in str(error.value)
    for cell, dt, message in (
        (TwoCompartment(tau_dend=5 * ms, max_rate=100 * Hz), 6 * ms, r"tau_dend = 5. ms must be longer than the time"),
        (PoissonInput(), 2 * ms, r"rate x dt is too large: PoissonInput.max_rate"),
        (LIF(t_refractory=1.5 * ms), 1 * ms, r"LIF.t_refractory = 1.5 ms must be a whole number of time steps"),
    ):
        for options in ({"dt": dt}, {"clock": Clock(dt)}):
            with pytest.raises(SpikedtpError, match=message):
                cell.group(2, **options)
        group, usual = cell.group(2), defaultclock.dt
        try:
            defaultclock.dt = dt  # by a user who has made the group already
            with pytest.raises(BrianObjectException) as error:
                Network(group).run(10 * ms)
        finally:
            defaultclock.dt = usual
        assert isinstance(error.value.__cause__, SpikedtpError) and re.search(message, str(error.value.__cause__))


def test_a_refractory_time_is_as_long_as_it_says():
    """Of a cell that goes on integrating: its thresholds are tested again after exactly that time."""

    class Restless(LIF):
        def declaration(self):
            return replace(
                super().declaration(), equations=Equations("v_soma : 1"), update="v_soma += 1", clear=(), reset=""
            )

    for rest in (0, 1, 4):
        cells = Restless(t_refractory=rest * ms).group(1, dt=DT)
        spikes = SpikeMonitor(cells)
        Network(cells, spikes).run(50 * ms)
        assert set(np.diff(np.round(spikes.t / DT))) == {max(rest, 1)}


# --- on every device -----------------------------------------------------------------------------------------------

SCRIPT = """
import json, sys
import numpy as np
from brian2 import *
from spikedtp.neurons import LIF, PoissonInput, SteadyInput, TwoCompartment, TwoCompartmentLIF

target, folder, *wanted = sys.argv[1:]
if target == "cpp_standalone":
    set_device("cpp_standalone", directory=folder)
else:
    prefs.codegen.target = target
seed(4)
raster = np.random.default_rng(6).random((80, 12)) < 0.2
step, cell = np.nonzero(raster)
given = SpikeGeneratorGroup(12, cell, step*ms, dt=1*ms)
weights = np.random.default_rng(7).normal(0.3, 0.5, (12, 7))
groups, monitors, more = {}, {}, []
for model in (LIF(t_refractory=2*ms), TwoCompartmentLIF(), TwoCompartment()):
    name = type(model).__name__
    if name not in wanted:
        continue
    groups[name] = model.group(7, dt=1*ms, name=name)
    synapses = Synapses(given, groups[name], "w : 1", on_pre="input_soma_post += w", dt=1*ms)
    synapses.connect()
    synapses.w = weights.ravel()
    more.append(synapses)
for model in (PoissonInput(), SteadyInput()):
    name = type(model).__name__
    if name not in wanted:
        continue
    groups[name] = model.group(500, dt=1*ms, name=name)
    groups[name].activity = 1
monitors = {name: SpikeMonitor(group) for name, group in groups.items()}
Network(given, *groups.values(), *monitors.values(), more).run(80*ms)
print("FOUND", json.dumps({
    "v_soma": {name: np.array(g.v_soma).tolist() for name, g in groups.items() if "v_soma" in g.variables},
    "spikes": {name: [np.round(m.t/ms).tolist(), m.i[:].tolist()] for name, m in monitors.items()},
}))
"""


EVERY = ("LIF", "TwoCompartmentLIF", "TwoCompartment", "PoissonInput", "SteadyInput")
COMPILED = ("LIF", "TwoCompartment", "PoissonInput")


def on_target(target, folder, models=EVERY):
    command = [sys.executable, "-c", SCRIPT, target, str(folder), *models]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("FOUND"))
    found = json.loads(line.removeprefix("FOUND"))
    return {name: sorted(zip(*events, strict=True)) for name, events in found["spikes"].items()}, found["v_soma"]


@pytest.mark.slow
@pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
@pytest.mark.parametrize(("target", "models"), [("cpp_standalone", COMPILED), ("cython", ("LIF", "PoissonInput"))])
def test_every_target_of_brian2(target, models, tmp_path):
    expected, voltages = on_target("numpy", tmp_path)
    assert len(expected["LIF"]) > 20 and len(expected["TwoCompartmentLIF"]) > 5
    spikes, v_soma = on_target(target, tmp_path / "project", models)
    assert set(spikes) == set(models)
    for name in models:
        if name in ("LIF", "TwoCompartmentLIF"):
            assert spikes[name] == expected[name]
        if name in voltages:
            np.testing.assert_allclose(v_soma[name], voltages[name], rtol=1e-9)
        else:  # 450 Hz with a dead time of 1 ms
            mean = 500 * (36 + 0.45**2 / 2)
            assert len(spikes[name]) == pytest.approx(mean, abs=5 * 0.55 * np.sqrt(mean))
