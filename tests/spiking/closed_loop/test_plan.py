"""A closed loop as plain data: where cells lie, when things happen, which circuits have no spiking form."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import Hz, Network, SpikeMonitor, ms, prefs
from hypothesis import given
from hypothesis import strategies as st
from spiking.closed_loop.short_presentations import KnownByItsSpikes

from spikedtp.circuit import read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BackpropBias, BiasRule, PlateauBias
from spikedtp.spiking.closed_loop.phases import Phases, phases_of
from spikedtp.spiking.closed_loop.plan import ClosedLoop, check_spiking_form

SMALL = read_circuit(Path(__file__).parents[2] / "golden" / "small_dtp.yaml")
PHASES = Phases(settle=100 * ms, read=60 * ms, nudge=50 * ms, wait=20 * ms, dt=0.5 * ms)


def closed(**options):
    rates = {p.name: (100 + k) * Hz for k, p in enumerate(SMALL.populations)}
    return ClosedLoop(SMALL, rates, **{"phases": PHASES} | options)


def test_windows_in_time_steps():
    assert (PHASES.onset, PHASES.end) == (200, 300)
    assert PHASES.settled == (80, 200) and PHASES.nudged() == (240, 300)
    for nudged, steps in ((False, 200), (True, 300)):
        spec = closed(nudged=nudged)
        assert spec.n_steps == steps and spec.duration == steps * 0.5 * ms
        assert spec.windows == {"settled": (80, 200), "nudged": (240, 300)}
        assert {spec.nudge_part(layer) for layer in ("H1", "H2", "Output")} == {(240, 300)}
    Phases(settle=100 * ms, read=100 * ms)
    with pytest.raises(SpikedtpError, match=r"wait = 50. ms must be shorter than nudge = 50. ms"):
        replace(PHASES, wait=50 * ms)


def test_a_latched_nudge_has_a_part_for_every_hidden_layer():
    phases = replace(PHASES, wait=10 * ms, latch=True)
    spec = closed(phases=phases)
    assert spec.hidden_layers == ("H2", "H1")
    assert spec.nudge_part("H2") == (220, 250) and spec.nudge_part("H1") == (270, 300)
    assert spec.nudge_part("Output") == (220, 300) and spec.windows["nudged"] == (270, 300)
    closed(phases=replace(phases, wait=24.5 * ms))
    with pytest.raises(SpikedtpError, match=r"must be shorter than a layer's part of a latched nudge, 25. ms"):
        closed(phases=replace(phases, wait=25 * ms))
    with pytest.raises(SpikedtpError, match="latch must be true or false"):
        replace(PHASES, latch=1)


def test_cells_and_their_spikers_lie_side_by_side():
    per_cell = {"H1DendI": 3, "H2E": 1, "OutputSomaI": 2}
    spec = closed(spikers=per_cell)
    cells = [(p.name, i) for p in SMALL.populations[1:] for i in range(p.size)]
    spikers = [(name, i) for name, i in cells for _ in range(per_cell.get(name, 0))]
    assert spec.n_cells == len(cells) and spec.n_inputs == SMALL.populations[0].size
    for name, place in spec.slices().items():
        assert {owner for owner, _ in cells[place]} == {name} and place.stop - place.start == sum(
            owner == name for owner, _ in cells
        )
    assert set(spec.spiker_slices()) == set(per_cell)
    for name, place in spec.spiker_slices().items():
        assert spikers[place] == [spiker for spiker in spikers if spiker[0] == name]
    rates, cell = spec.spiker_constants()
    assert [cells[k] for k in cell] == spikers
    assert rates.tolist() == [float(spec.unit_rates[name] / Hz) for name, _ in spikers]


@pytest.mark.parametrize("hold", ["all", "none", "excitatory", "inhibitory", "output"])
def test_whose_somas_are_held(hold):
    held = closed(phases=replace(PHASES, hold=hold)).held()
    wanted = {"all": "EI", "none": "", "excitatory": "E", "inhibitory": "I", "output": ""}[hold]
    kept = {p.name: p.name[-1] in wanted or (hold == "output" and p.name == "OutputE") for p in SMALL.populations}
    assert held.tolist() == [float(kept[p.name]) for p in SMALL.populations[1:] for _ in range(p.size)]


def test_on_cells_lie_before_off_cells():
    circuit = with_population("OutputE", activation="linear")
    rates = {p.name: 100 * Hz for p in circuit.populations}
    spec = ClosedLoop(circuit, rates, {"OutputE": 3, "H1DendI": 2}, on_off=True)
    place = spec.spiker_slices()["OutputE"]
    halves = spec.spiker_halves("OutputE")
    assert spec.signed == {"OutputE"} and place.stop - place.start == 2 * 3 * 10
    assert halves == {1: slice(place.start, place.start + 30), -1: slice(place.start + 30, place.stop)}
    assert spec.spiker_halves("H1DendI") == {1: spec.spiker_slices()["H1DendI"]}
    signs, cells = spec.spiker_constants()
    first = spec.slices()["OutputE"].start
    for sign, half in halves.items():
        assert np.array_equal(signs[half], np.full(30, 100.0 * sign))
        assert np.array_equal(cells[half], first + np.repeat(np.arange(10), 3))
    single = ClosedLoop(circuit, rates, on_off=True).spiker_slices()
    assert single == {"OutputE": slice(0, 20)}


def with_population(name, **changes):
    return replace(SMALL, populations=tuple(replace(p, **changes) if p.name == name else p for p in SMALL.populations))


def with_projection(name, **changes):
    return replace(SMALL, projections=tuple(replace(p, **changes) if p.name == name else p for p in SMALL.projections))


@dataclass(frozen=True)
class RateOnly(BiasRule):
    def update(self, plateau, gradient):
        return self.learning_rate * plateau


REFUSED = [
    *((with_population(p.name, activation="linear"), f"{p.name} is linear") for p in SMALL.populations[1:]),
    (with_population("H1E", bias_rule=BackpropBias(0.1)), "the bias of H1E learns by a gradient"),
    (with_population("H1SomaI", bias_rule=PlateauBias(0.1)), "the bias of H1SomaI learns by plateaus .*has none"),
    (with_population("H1E", bias_rule=RateOnly(0.1)), "the bias of H1E learns by RateOnly, which has no spiking form"),
    (with_projection("H1E_InputE", rule=replace(SMALL.projection("H1E_InputE").rule, max_pop_fraction=0.9)),
     "H1E ranks its plateaus"),
    (with_projection("H2E_H1E", rule=replace(SMALL.projection("H2E_H1E").rule, one_pass=False)),
     "its rules ask for different nudge phases"),
    (with_projection("H1E_InputE", update_phase="B"), "H1E_InputE drives a soma in the nudge phase alone"),
]  # fmt: skip


@pytest.mark.parametrize(("circuit", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_has_no_spiking_form_is_refused(circuit, words):
    with pytest.raises(SpikedtpError, match=words):
        check_spiking_form(circuit)


def test_what_has_a_spiking_form_is_not():
    check_spiking_form(SMALL)
    check_spiking_form(with_population("InputE", activation="linear"))  # has no membrane
    check_spiking_form(with_population("H1E", bias_rule=PlateauBias(0.1)))
    assert np.ptp(closed().held()) == 0


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
        ({"population": "H1E", "bias_rule": BackpropBias(0.1)}, "the bias of H1E learns by a gradient"),
        (
            {"projection": "H1E_InputE", "rule": replace(RULE, top_layer_only=True, one_pass=False)},
            "different nudge phases",
        ),
        ({"projection": "H1E_InputE", "rule": replace(RULE, max_pop_fraction=0.5)}, "H1E ranks its plateaus"),
        ({"projection": "H1E_InputE", "update_phase": "B"}, "drives a soma in the nudge phase alone"),
    ],
)
def test_circuits_that_spikes_cannot_have(changes, message):
    with pytest.raises(SpikedtpError, match=message):
        check_spiking_form(other(DIGITS, **changes))


def late(delay, name="H1E_InputE"):
    return other(SMALL, name, delay=delay)


def test_delays_last_as_long_as_steps_of_the_rate_network():
    circuit = other(other(SMALL, "H1E_H2E", delay=2), "H2E_OutputE", delay=3)
    rates = {p.name: 100 * Hz for p in SMALL.populations}
    phases = replace(PHASES, time_per_step=4 * ms)  # dt is 0.5 ms
    spec = ClosedLoop(circuit, rates, phases=phases)
    assert spec.delay_steps(circuit.projection("H1E_H2E")) == 16 and spec.delay_steps(circuit.projections[0]) == 0
    assert spec.way_down() == 16 + 24
    assert phases_of(8 * ms).time_per_step == 8 * ms and Phases().time_per_step == 20 * ms


@pytest.mark.parametrize(
    ("circuit", "phases", "words"),
    [
        (late(1), {"time_per_step": 0.7 * ms}, "H1E_InputE: its delay of 0.7 ms must be a whole number of time steps"),
        (late(5), {}, r"its delay of 100. ms is as long as the settle phase: make Phases.settle longer than 100. ms"),
        (late(3), {"time_per_step": 17 * ms}, "its delay of 51. ms is as long as the nudge phase"),
    ],
)
def test_delays_that_are_too_long(circuit, phases, words):
    rates = {p.name: 100 * Hz for p in SMALL.populations}
    with pytest.raises(SpikedtpError, match=words):
        ClosedLoop(circuit, rates, phases=replace(PHASES, **phases), nudged=True)


@given(
    delay=st.integers(1, 3), step=st.floats(0.3, 3.0), name=st.sampled_from([p.name for p in SMALL.projections]),
    whole=st.booleans(),
)  # fmt: skip
def test_delays_that_are_no_multiple_of_the_time_step(delay, step, name, whole):
    step = round(step / 0.5) * 0.5 if whole else step
    late = delay * step / 0.5
    phases = replace(PHASES, time_per_step=step * ms)  # dt is 0.5 ms
    rates = {p.name: 100 * Hz for p in SMALL.populations}
    circuit = other(SMALL, name, delay=delay)
    if abs(late - round(late)) <= 1e-6 * late:
        assert ClosedLoop(circuit, rates, phases=phases).delay_steps(circuit.projection(name)) == round(late)
        return
    with pytest.raises(SpikedtpError, match=f"^{name}: its delay of .* must be a whole number of time steps of dt"):
        ClosedLoop(circuit, rates, phases=phases)


@pytest.mark.parametrize("case", range(4))
def test_the_highest_rate_is_what_a_driven_cell_reaches(case):
    """Cells that are read by their spikes are named when they are near it: they cannot ask for more."""
    rng = np.random.default_rng(case)
    dt = rng.choice([0.5, 1.0]) * ms
    cell = KnownByItsSpikes(t_refractory=rng.integers(4) * ms)
    spec = closed(cell=cell, phases=replace(PHASES, dt=dt))
    prefs.codegen.target = "numpy"
    group = cell.group(3, equations="nudging : 1 (shared)\nacting : 1", dt=dt, method="euler")
    group.unit_rate, group.i_soma, group.bias = 100 * Hz, 1e3, 1e3
    seen = SpikeMonitor(group)
    net = Network(group, *group.contained_objects, seen)
    net.run(600 * ms)
    reached = len(seen.t) / 3 / (600 * ms)
    assert float(reached / spec.highest_rate) == pytest.approx(1, abs=0.01)
    limit = float(spec.highest_rate / spec.unit_rates["H1E"])
    assert set(spec.clipped({"H1E": 0.99 * limit, "H2E": 0.8 * limit})) == {"H1E"}
    assert not closed(phases=replace(PHASES, dt=dt)).clipped({"H1E": 0.99 * 950 / 101})  # voltages tell
