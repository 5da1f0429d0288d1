"""Every field of a `Declaration` acts in every kind of network; a cell that cannot run there is refused in one line."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from brian2 import Equations, Hz, ms
from hypothesis import given, settings
from hypothesis import strategies as st
from spiking.conditions import needs_compiler
from spiking.probe_cells import N_IN, STEPS, TIMELINE, N, Probe, changed, drawn, in_feedforward

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import (
    LIF,
    Declaration,
    PoissonInput,
    SpikeTrainInput,
    SteadyInput,
)
from spikedtp.spiking import learn_readout, simulate
from spikedtp.spiking.closed_loop.build import CircuitNumbers, build_closed
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS

CHANGES = {
    "equations": Equations(str(Probe.plain.equations).replace("(input_soma - v_soma)", "(2*input_soma - v_soma)")),
    "threshold": "v_soma > 1.5*high",
    "reset": "v_soma = low - 1",
    "early_reset": True,
    "refractory": "rest",
    "before_threshold": "v_soma += 0.01",
    "update": "v_soma -= 0.01",
    "clear": ("input_dend",),
    "initial": {"v_soma": "0.3"},
}


def in_open_loop(cell, seed=0, device="runtime", presentations=1):
    """What a cell's network does: spikes, v_soma, v_dend; then what arrived, (steps, n) onto somas and dendrites."""
    raster, soma, dend = drawn(seed)
    sources = (Source("A_B", "B", "soma", False, soma), Source("A_C", "C", "dend", False, dend))
    spec = OpenLoop("A", cell, SpikeTrainInput(), sources, TIMELINE, READOUTS["best"].kernels(TIMELINE),
                    record=("spikes", "v_soma", "v_dend"))  # fmt: skip
    given_spikes = np.repeat(np.concatenate([raster, raster], axis=1)[None], presentations, axis=0)
    results = run_on(
        device, lambda: build(spec), RunInputs({"replay": given_spikes}, range(presentations), [1] * presentations)
    )
    return found(results, "cells"), (raster @ soma.T, raster @ dend.T)


PHASES = Phases(settle=STEPS * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)


def in_closed_loop(cell, seed=0, device="runtime"):
    _, soma, dend = drawn(seed)
    populations = (Population("Input", "E", N_IN), Population("H", "E", N), Population("Output", "E", 2))
    circuit = Circuit(populations, (
        Projection("HE", "InputE"), Projection("OutputE", "HE"),
        Projection("HE", "OutputE", compartment="dend", direction="R", update_phase="B"),
    ))  # fmt: skip
    weights = dict(zip((p.name for p in circuit.projections), (soma, np.abs(dend[:2, :N]), dend[:, :2]), strict=True))
    rates = {p.name: 300 * Hz for p in populations}
    spec = ClosedLoop(circuit, rates, {}, cell, SteadyInput(unit_rate=300 * Hz, firing="regular"), PHASES,
                      record=("spikes", "v_soma", "v_dend"))  # fmt: skip
    biases = {p.name: np.zeros(p.size) for p in populations}
    results = run_on(
        device,
        lambda: build_closed(spec, CircuitNumbers(weights, biases)),
        RunInputs({"x": np.linspace(0.2, 1, N_IN)[None]}, [0], [seed]),
    )
    spikes, v_soma, v_dend = found(results, "cells", n=N + 2)
    gain = 1 / 0.3
    heard = raster_of(results, "inputs", N_IN)
    onto_soma = gain * np.hstack([heard @ soma.T, spikes[:, :N] @ weights["OutputE_HE"].T])
    onto_dend = gain * np.hstack([spikes[:, N:] @ dend[:, :2].T, np.zeros((STEPS, 2))])
    return (spikes, v_soma, v_dend), (onto_soma, onto_dend)


NETWORKS = {"open": in_open_loop, "closed": in_closed_loop, "feedforward": in_feedforward}


def raster_of(results, group, n):
    events, counts = results.spikes[group]
    raster = np.zeros((STEPS, n), bool)
    events = events[: counts[0]]
    raster[events[:, 0], events[:, 1]] = True
    return raster


def found(results, group, n=N):
    return raster_of(results, group, n), results.traces["v_soma"][0], results.traces["v_dend"][0]


def by_hand(cell, arrived_soma, arrived_dend):
    """The docstring of `Declaration` in a loop."""
    declared = cell.declaration()
    n, local = arrived_soma.shape[1], {name: float(value) for name, value in cell.quantities().items()}
    state = {name: np.zeros(n) for name in ("v_soma", "v_dend", "input_soma", "input_dend", "hidden")}
    state |= {name: np.zeros(n) + eval(value, {}, local) for name, value in declared.initial.items()}

    def do(code, where=...):
        for line in code.strip().splitlines():
            target, operation, expression = line.split(maxsplit=2)
            old, value = state[target], np.broadcast_to(eval(expression, {}, local | state), n)
            new = {"=": value, "+=": old + value, "-=": old - value, "*=": old * value}[operation]
            state[target] = np.where(where, new, old) if where is not ... else np.array(new)

    last, traces, spikes = np.full(n, -(10**6)), {"v_soma": [], "v_dend": []}, []
    refractory = round(eval(declared.refractory, {"ms": 1e-3}, local) / 1e-3) if declared.refractory else 0
    for step in range(len(arrived_soma)):
        do(declared.before_threshold)
        fires = eval(declared.threshold, {}, local | state) & (step - last >= refractory)
        last[fires] = step
        if declared.early_reset:
            do(declared.reset, fires)
        state["input_soma"] = state["input_soma"] + arrived_soma[step]
        state["input_dend"] = state["input_dend"] + arrived_dend[step]
        do(declared.update)
        factor = 2 if "2*input_soma" in str(declared.equations) else 1
        change = (factor * state["input_soma"] - state["v_soma"]) / (1e3 * local["tau_soma"])
        dend = (state["input_dend"] + state["v_soma"] - state["v_dend"]) / (1e3 * local["tau_dend"])
        state["v_soma"], state["v_dend"] = state["v_soma"] + change, state["v_dend"] + dend
        for name in declared.clear:
            state[name] = np.zeros(n)
        if not declared.early_reset:
            do(declared.reset, fires)
        spikes.append(fires)
        for name in traces:
            traces[name].append(state[name])
    return np.array(spikes), np.array(traces["v_soma"]), np.array(traces["v_dend"])


def test_no_field_is_forgotten():
    assert set(CHANGES) == {field.name for field in fields(Declaration)}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("field", [field.name for field in fields(Declaration)])
def test_every_field_acts_or_is_refused(field, network):
    plain, _ = NETWORKS[network](Probe())
    try:
        changed, _ = NETWORKS[network](Probe(changes={field: CHANGES[field]}))
    except SpikedtpError as error:
        assert (network, field) == ("feedforward", "clear") and "\n" not in str(error), error
        return
    assert plain[0].any() and any((a != b).any() for a, b in zip(plain, changed, strict=True))


CODE = st.sampled_from(["", "v_soma *= 0.97", "v_soma += 0.01\nv_dend -= 0.02", "hidden += 1\nv_soma += 0.001*hidden"])


@st.composite
def probes(draw):
    changes = {
        "threshold": draw(st.sampled_from(["v_soma > high", "v_soma + 0.2*v_dend > high"])),
        "reset": draw(st.sampled_from(["v_soma = low", "v_soma -= high", "v_soma = low\nv_dend += 0.1", ""])),
        "early_reset": draw(st.booleans()),
        "refractory": draw(st.sampled_from([None, "rest", "2*rest"])),
        "before_threshold": draw(CODE),
        "update": draw(CODE | st.just("v_dend += 0.1*input_soma\ninput_soma *= 0.5")),
        "initial": draw(st.sampled_from([{}, {"v_soma": "2*high"}, {"v_dend": "low", "hidden": "high"}])),
    }
    if draw(st.booleans()):
        changes["equations"] = CHANGES["equations"]
    if draw(st.booleans()):
        changes["early_reset"] = False
    rest, tau = draw(st.integers(0, 4)) * ms, draw(st.integers(3, 20)) * ms
    return Probe(changes=changes, rest=rest, tau_soma=tau), draw(st.integers(0, 5))


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=6, deadline=None)
@given(case=probes())
def test_a_declaration_means_the_same_everywhere(network, case):
    cell, seed = case
    (spikes, *traces), arrived = NETWORKS[network](cell, seed)
    expected, *voltages = by_hand(cell, *arrived)
    if network == "feedforward":
        np.testing.assert_array_equal(spikes, expected)
        return
    # the closed loop propagates in float32; traces are float32 everywhere
    first = np.flatnonzero((spikes != expected).any(axis=1))[:1]
    until = int(first[0]) if len(first) else STEPS
    for trace, voltage in zip(traces, voltages, strict=True):
        np.testing.assert_allclose(trace[:until], voltage[:until], rtol=2e-5, atol=2e-5)
    assert until == STEPS, f"spikes differ in step {until}"


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_compiled_code_does_the_same(network):
    changes = {"refractory": "rest", "update": "v_soma *= 0.97", "before_threshold": "hidden += 1", "early_reset": True,
               "initial": {"v_soma": "2*high"}}  # fmt: skip
    (spikes, *traces), arrived = NETWORKS[network](Probe(changes=changes), 3, "cpp_standalone")
    expected, *voltages = by_hand(Probe(changes=changes), *arrived)
    np.testing.assert_array_equal(spikes, expected)
    if network != "feedforward":
        for trace, voltage in zip(traces, voltages, strict=True):
            np.testing.assert_allclose(trace, voltage, rtol=2e-5, atol=2e-5)


def test_simulate_refuses_a_cell_without_dendrites_in_one_line(figure3):
    network, _, _ = figure3
    x, target = np.zeros(784, np.float32), np.eye(10, dtype=np.float32)[2]
    options = dict(population="H2E", device="runtime")
    with pytest.raises(SpikedtpError, match=r"H2E in the open loop: LIF lacks .*input_dend.*TwoCompartment") as error:
        simulate(network, x, target, cell=LIF(), **options)
    assert "\n" not in str(error.value)
    with pytest.raises(SpikedtpError, match=r"inputs of the open loop must be a PoissonInput .* got SteadyInput"):
        simulate(network, x, target, inputs=SteadyInput(), **options)


WRONG = {
    "undefined": (dict(update="v_soma += gain"), r"uses gain, and nothing defines it"),
    "undefined function": (dict(initial={"v_soma": "2*noise()"}), r"uses noise, and nothing defines it"),
    "accumulator that is none": (dict(clear=("input_soma", "input_spine")), r"names input_spine in .* clear"),
    "cleared expression": (dict(clear=("input_soma", "input_dend", "somatic_activity")), r"names somatic_activity in"),
    "begins with a parameter": (dict(initial={"low": "1"}), r"names low in its declaration's initial"),
    "the network's variable": (
        dict(equations=Probe.plain.equations + "\nsoma_settled : 1\ncount_settled : 1\nfiltered : 1"),
        r"declares (soma_settled|count_settled|filtered), which is also",
    ),
    "a parameter twice": (dict(equations=Probe.plain.equations + "\nlow : 1"), r"declares low, which is also"),
    "no threshold": (dict(threshold="", reset=""), r"lacks threshold"),
}


def learning(cell):
    raster, soma, _ = drawn(1)
    return learn_readout([soma.T, np.eye(N)], raster[None], [0], [0], hidden=cell, device="runtime")


@pytest.mark.parametrize("network", [in_open_loop, in_closed_loop, in_feedforward, learning])
@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_what_a_declaration_gets_wrong_is_one_line(changes, message, network):
    if network is in_feedforward and "soma_settled" in message:
        return  # such a network adds no variable to its hidden cells
    with pytest.raises(SpikedtpError, match=message) as error:
        network(changed(Probe(), **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cell", [None, 3, "LIF", LIF, PoissonInput])
def test_something_else_than_a_cell(cell):
    for run in (in_feedforward, learning) if cell is not None else ():
        with pytest.raises(SpikedtpError, match=r"must be a cell such as|takes inputs at|lacks input_soma"):
            run(cell)
    with pytest.raises(SpikedtpError, match=r"must be a cell such as|lacks"):
        in_open_loop(cell)
    with pytest.raises(SpikedtpError, match=r"must be a cell such as|lacks"):
        in_closed_loop(cell)
