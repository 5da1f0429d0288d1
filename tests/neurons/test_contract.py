"""`check_cell`: the shipped cells keep the contract, each way of breaking it is named, and Brian2 stays as it was."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import brian2
import numpy as np
import pytest
from brian2 import Equations, Hz, Network, NeuronGroup, ms, mV, second
from brian2.devices.device import get_device

from spikedtp import SpikedtpError
from spikedtp.circuit import read_circuit
from spikedtp.neurons import (
    LIF,
    CellModel,
    Declaration,
    DiscreteLIF,
    LeakyReadout,
    NudgedCell,
    PoissonInput,
    Spiker,
    SpikeTrainInput,
    SteadyInput,
    StepLI,
    StepLIF,
    TwoCompartment,
    TwoCompartmentLIF,
    TwoCompartmentPlateau,
    check_cell,
)
from spikedtp.neurons.check import PULSE
from spikedtp.neurons.contract import LOOPS, READ, TAKEN
from spikedtp.neurons.step_lif import RESETS
from spikedtp.parameters import parameter
from spikedtp.spiking.closed_loop.cells import NEEDED, SET, CellsOfLoop
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.open_loop.build import CELL_SIGNALS, COMPARTMENTS

SHIPPED = [
    (TwoCompartment(), ("open", "closed")),
    (TwoCompartmentLIF(), ("open", "closed")),
    (TwoCompartmentPlateau(), ("open",)),  # its `plateau` is another than that of the closed loop
    *((NudgedCell(firing=firing), ("closed",)) for firing in ("poisson", "regular", "lif")),
    *((StepLIF(alpha=0.5, reset=reset), ()) for reset in RESETS),
    *((cell, ()) for cell in (LIF(), DiscreteLIF(), LeakyReadout(), PoissonInput(), SteadyInput(), StepLI())),
]


@pytest.mark.parametrize(("cell", "loops"), SHIPPED, ids=lambda value: type(value).__name__)
def test_shipped_cells_pass(cell, loops):
    assert check_cell(cell) == loops


def test_what_a_network_gives_is_given():
    with pytest.raises(SpikedtpError, match="SpikeTrainInput uses given_spike, and nothing defines it"):
        check_cell(SpikeTrainInput())
    given = {"given_spike": brian2.TimedArray(np.eye(20)[:, :3], dt=1 * ms, name="given_spike")}
    trains = replace(SpikeTrainInput(), tau_eligibility=20 * ms)
    declaration = trains.declaration()

    class Given(SpikeTrainInput):
        def declaration(self):
            return replace(declaration, threshold="given_spike(t, i) > 0")

    assert check_cell(Given(), namespace=given) == ()
    with pytest.raises(SpikedtpError, match="Spiker uses activity_of"):
        check_cell(Spiker())


def test_the_notebooks_cell_passes(monkeypatch):
    text = (Path(__file__).parents[2] / "experiments" / "notebooks" / "03_your_own_neuron.py").read_text()
    notebook = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    exec(text[: text.index("AdaptingCell(tau_adaptation")], vars(notebook))
    assert check_cell(notebook.AdaptingCell()) == ("open", "closed")


def test_the_loops_ask_what_this_says():
    read = {name for names in CELL_SIGNALS.values() for name in names}
    assert LOOPS["open"] == read | {*COMPARTMENTS.values(), *PULSE}
    assert {signal: names[0] for signal, names in CELL_SIGNALS.items()} == READ
    assert LOOPS["closed"] == set(NEEDED)
    spec = ClosedLoop(read_circuit("digits_dtp"), {})
    added = set(Equations(CellsOfLoop(replace(spec, cell=TwoCompartment())).added))
    some = Phases(latch=True, plateau_threshold=0.1, hold="output")
    added |= set(Equations(CellsOfLoop(replace(spec, cell=TwoCompartment(), phases=some)).added))
    of_some_circuits = {"lowest", "lowest_activity"}  # with negative plateaus of their own, or linear populations
    assert added - set(SET) == TAKEN - of_some_circuits


# --- broken cells -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Good(CellModel):
    """A leaky compartment that fires, and the base of all that is broken below."""

    tau: second = parameter(20 * ms, above=0 * ms)
    threshold: float = parameter(1.0, above=0.0)
    time_constants: ClassVar[tuple[str, ...]] = ("tau",)

    def declaration(self):
        return declared()


def declared(v="dv/dt = (input_soma - v)/tau : 1", reset="v = 0", clear=("input_soma",), more="", **options):
    return Declaration(
        equations=Equations(f"{v}\ninput_soma : 1\nsomatic_activity = v : 1\n{more}"),
        threshold="v > threshold",
        reset=reset,
        clear=clear,
        **options,
    )


def declaring(*arguments, **options):
    return {"declaration": lambda self: declared(*arguments, **options)}


def half(self, n_steps, dt):
    step = float(dt / self.tau)
    return {("soma", "soma"): 0.5 * step * (1 - step) ** np.arange(n_steps)}


BROKEN = {
    "unchecked": ({"__post_init__": lambda self: None}, r"Broken\.tau is not checked: begin __post_init__ with super"),
    "undefined": (declaring(reset="v = v_reset"), "Broken uses v_reset, and nothing defines it: make what"),
    "declared twice": (declaring(more="threshold : 1"), "Broken declares threshold, which is also a parameter"),
    "clears what is not there": (declaring(clear=("input_dend",)), "names input_dend in its declaration's clear"),
    "begins with what is not there": (declaring(initial={"u": "1"}), "names u in its declaration's initial"),
    "not a number": (declaring("dv/dt = (input_soma + log(v))/tau : 1"), "not finite"),
    "not finite at first": (declaring(initial={"v": "log(t/second)"}), r"Broken\.v is not finite at the start"),
    "never cleared": (declaring(clear=()), "Broken.input_soma keeps what arrives from step to step: name it in"),
    "feels nothing": (declaring("dv/dt = -v/tau : 1"), "Broken.input_soma has no effect: let its equations use it"),
    "runs away": (declaring("dv/dt = (input_soma + v)/tau : 1", reset=""), "Broken.v runs away once nothing arrives"),
    "not linear": (declaring("dv/dt = (input_soma - v**3)/tau : 1") | {"time_constants": ()},
                   "cannot be run by Brian2: Unsupported.*: name its time constants in time_constants"),
    "other units": (declaring("dv/dt = input_soma - v : 1"), "cannot be run by Brian2: .*: mend its equations"),
    "no code": (declaring(reset="v == 0"), "cannot be run by Brian2"),
    "no declaration": ({"declaration": lambda self: "v : 1"}, "Broken.declaration gives 'v : 1': it must be a"),
    "fails": ({"declaration": lambda self: 1 / 0}, "Broken.declaration fails with ZeroDivisionError, division by zero"),
    "not Brian2's": (declaring("dv/dt = (( : 1"), "Broken.declaration fails with "),
    "no such time constant": ({"time_constants": ("tau_soma",)}, "names tau_soma, which is no parameter with the unit"),
    "no time": ({"whole_steps": ("threshold",)}, "Broken.whole_steps names threshold, which is no parameter"),
    "no time step": ({"tau": 1e-3 * ms}, "Broken.tau = 1. us must be longer than the time step"),
    "impulse": ({"impulse_responses": half}, "Broken.impulse_responses has another soma after a spike at soma"),
}  # fmt: skip


def the_line(cell) -> str:
    with pytest.raises(SpikedtpError) as caught:
        check_cell(cell)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_base_of_the_broken_cells_is_good():
    assert check_cell(Good()) == ()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_cell_is_named(name):
    changes, wanted = BROKEN[name]
    values = {key: value for key, value in changes.items() if key == "tau"}
    broken = dataclass(frozen=True)(type("Broken", (Good,), {k: v for k, v in changes.items() if k not in values}))
    message = the_line(broken(**values))
    assert re.search(wanted, message), message


def test_fields_that_no_group_can_have_are_named():
    @dataclass(frozen=True)
    class NoDefault(CellModel):
        tau: second

    assert the_line(NoDefault(20 * ms)).startswith(
        "NoDefault.tau has no default: give it one, as in parameter(20 * ms)"
    )

    class Undecorated(Good):
        v_reset: float = 0.0

    assert the_line(Undecorated()).startswith("Undecorated.v_reset is no field: write @dataclass(frozen=True)")


@pytest.mark.parametrize("cell", [None, "LIF", LIF, brian2.NeuronGroup, Equations("v : 1")])
def test_something_else_is_no_cell(cell):
    assert the_line(cell).startswith("check_cell takes a cell such as MyCell(), got ")


def test_units_and_rest_are_the_cells_own():
    """Volts and a rest that is not 0: what is checked has no scale in mind."""

    @dataclass(frozen=True)
    class Volts(CellModel):
        tau: second = parameter(20 * ms, above=0 * ms)
        v_rest: mV = parameter(-70 * mV)
        top_rate: Hz = parameter(100 * Hz, above=0 * Hz)
        time_constants: ClassVar[tuple[str, ...]] = ("tau",)

        def declaration(self):
            return Declaration(
                equations=Equations("dv/dt = (v_rest - v + input_soma*mV)/tau : volt\ninput_soma : 1"),
                threshold="v > -50*mV",
                reset="v = v_rest",
                clear=("input_soma",),
                initial={"v": "v_rest"},
            )

    assert check_cell(Volts()) == ()


def test_brian2_is_left_as_it_was():
    """Objects, names, random numbers, preferences and device of the caller's own script."""
    group = NeuronGroup(1, "v : 1", name="checked_cells")
    own = Network(group)
    own.run(1 * ms)
    brian2.seed(5)
    device, target = get_device(), brian2.prefs.codegen.target
    state = np.random.get_state()  # noqa: NPY002
    check_cell(TwoCompartment())
    with pytest.raises(SpikedtpError):
        check_cell(dataclass(frozen=True)(type("Broken", (Good,), declaring("dv/dt = input_soma - v : 1")))())
    assert get_device() is device and brian2.prefs.codegen.target == target
    assert np.array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002
    own.run(1 * ms)
    assert group.name == "checked_cells" and own.t == 2 * ms


@pytest.mark.parametrize("used", ["running", "nudging", "acting"])
def test_each_of_what_the_closed_loop_adds_may_be_used_alone(used):
    @dataclass(frozen=True)
    class Uses(TwoCompartment):
        def declaration(self):
            found = super().declaration()
            return replace(found, equations=found.equations + Equations(f"seen = 1.0*{used} : 1"))

    assert check_cell(Uses()) == ("open", "closed")
