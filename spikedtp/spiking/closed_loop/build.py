"""Builds the Brian2 network of a `ClosedLoop`: inputs, one group of all cells, a matrix of synapses per projection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2 import Clock, Equations, Hz, Network, NeuronGroup, SpikeMonitor, StateMonitor, Subgroup
from brian2.groups.group import Group

from spikedtp.circuit import Projection, plateau_of, sees_nudge
from spikedtp.neurons import CellModel
from spikedtp.neurons.group import INPUTS, Slots
from spikedtp.plasticity import Plateau, Tied
from spikedtp.spiking.closed_loop.bias_learning import learn_biases
from spikedtp.spiking.closed_loop.cells import COUNTED, COUNTS, POST_SIGNALS, PRE_SIGNALS, CellsOfLoop
from spikedtp.spiking.closed_loop.learning_event import LearningEvent, copy_tied
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.operations import give_to_units, run_when
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.parts.tables import mean_of_units
from spikedtp.spiking.parts.units import make_units
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["CircuitNumbers", "build_closed"]

#: Weights are float32, as in the rate network and its checkpoints. Spikes then read half as many bytes as with float64.
WEIGHT_TYPE = np.float32

#: Cells integrate when all have been reset, and are read when their accumulators are clear.
CELLS = Slots(integrate="after_resets", early_reset=("resets", 0), late_reset=("after_resets", 3))


@dataclass
class CircuitNumbers:
    """Numbers of the circuit by name: weights and masks `(n_post, n_pre)`, biases, and what the rules remember.

    `instructed` is 1 for the output cells that have an error, where not all of them do.
    """

    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]
    rule_state: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    instructed: np.ndarray | None = None


@dataclass
class _Building:
    """The parts of a network while it is built."""

    spec: ClosedLoop
    of_loop: CellsOfLoop
    given: CircuitNumbers
    clock: Clock
    inputs: NeuronGroup
    cells: NeuronGroup
    spikers: NeuronGroup | None
    built: BuiltNetwork
    synapses: dict[str, DenseSynapses] = field(default_factory=dict)

    def models(self) -> list[tuple[NeuronGroup, CellModel]]:
        """Every group with its model."""
        spec = self.spec
        found = [(self.inputs, spec.inputs), (self.cells, spec.cell)]
        return found if self.spikers is None else [*found, (self.spikers, spec.spiker)]

    def population(self, name: str) -> Subgroup:
        """A fresh subgroup of the cells (or of the inputs) of one population."""
        if name == self.spec.circuit.input.name:
            return self.inputs[0 : self.spec.n_inputs]
        place = self.spec.slices()[name]
        return self.cells[place.start : place.stop]

    def layer(self, name: str) -> Subgroup:
        """A fresh subgroup of the cells of one layer."""
        places = [self.spec.slices()[population.name] for population in self.spec.circuit.layers[name]]
        return self.cells[places[0].start : places[-1].stop]

    def spikers_of(self, name: str) -> dict[int, Subgroup | None]:
        """What a spike counts, 1 or -1 -> the units that fire for a population; None if its cells fire themselves."""
        if name == self.spec.circuit.input.name and self.spec.signed_input:
            return {sign: self.inputs[place.start : place.stop] for sign, place in self.spec.input_halves().items()}
        if self.spikers is None or name not in self.spec.spiker_slices():
            return {1: None}
        halves = self.spec.spiker_halves(name)
        return {sign: self.spikers[place.start : place.stop] for sign, place in halves.items()}

    def when(self, group: Group, at: str, code: str, name: str, *, when: str = "end", order: int = 0) -> None:
        self.built.net.add(run_when(group, at, code, name=name, when=when, order=order))


def build_closed(spec: ClosedLoop, given: CircuitNumbers) -> BuiltNetwork:
    """Create the network on the active Brian2 device.

    In one time step come, one after the other: hazards from the voltages, spikes, propagation into `input_soma` and
    `input_dend`, and counting. Then the membranes integrate what has just arrived, so that it acts on rates from the
    next step on.
    """
    of_loop = CellsOfLoop(spec)
    of_loop.check()
    clock = Clock(spec.phases.dt, name="presentation_clock")
    n_inputs = spec.n_inputs * len(spec.input_halves())
    inputs = _group(spec, spec.inputs, n_inputs, "inputs", clock, COUNTED)
    cells = _group(
        spec, spec.cell, spec.n_cells, "cells", clock, of_loop.added, CELLS,
        rest=of_loop.rest, per_cell=of_loop.per_cell, firing=of_loop.firing, push="nudging",
    )  # fmt: skip
    spikers = _spikers(spec, cells, clock) if spec.spiker_slices() else None
    net = Network(inputs, cells, *([spikers] if spikers else []), name="presentation_network")
    built = BuiltNetwork(net, clock, spec.n_steps, start=lambda: _start(of_loop, inputs, cells, spikers))
    parts = _Building(spec, of_loop, given, clock, inputs, cells, spikers, built)
    built.changing["x"] = inputs.variables["activity"]
    _set_constants(parts)
    _read(parts)
    if spec.nudged:
        _nudge(parts)
    _connect(parts)
    _record(parts)
    net.add(*(o for group in (inputs, cells, spikers) if group is not None for o in group.contained_objects))
    for synapses in parts.synapses.values():
        net.add(synapses, *synapses.contained_objects)
    return built


def _group(
    spec: ClosedLoop,
    model: CellModel,
    n: int,
    name: str,
    clock: Clock,
    more: str,
    slots: Slots = INPUTS,
    **options: Any,
) -> NeuronGroup:
    counting = "\n".join(
        f"count_{phase} += int(t_in_timesteps >= {start} and t_in_timesteps < {stop})"
        for phase, (start, stop) in spec.windows.items()
    )
    return make_units(
        model,
        n,
        n_steps=spec.n_steps,
        slots=slots,
        more=more,
        at_spike=counting,
        method="euler" if model.time_constants else ("exact", "euler"),
        clock=clock,
        name=name,
        namespace=dict(RANDOM_NUMBERS),
        dtype=dict.fromkeys(("input_soma", "input_dend", *(["bias"] if spec.biases_learn else [])), WEIGHT_TYPE),
        codeobj_class=code_object_class(),
        **options,
    )


def _spikers(spec: ClosedLoop, cells: NeuronGroup, clock: Clock) -> NeuronGroup:
    """The units that fire for cells. Each has a variable for what its cell is about to fire at."""
    model, places = spec.spiker, spec.spiker_slices()
    own = model.declaration()
    others = Equations([equation for equation in own.equations.values() if equation.varname != "activity"])
    declaration = replace(own, equations=others + Equations("activity : 1"))
    n = sum(place.stop - place.start for place in places.values())
    blocks = [
        (spec.slices()[name].start, spec.slices()[name].stop, half.start, spec.spikers.get(name, 1))
        for name in places
        for half in spec.spiker_halves(name).values()
    ]
    units = [(first, first + (stop - start) * per_cell, per_cell) for start, stop, first, per_cell in blocks]
    group = _group(spec, model, n, "spikers", clock, COUNTS, declaration=declaration, blocks=units)
    given = give_to_units(
        cells, "activity", group, blocks, push="nudging", to_first=model.firing == "lif",
        name="cells_activity", when="before_thresholds", clock=clock,
    )  # fmt: skip
    cells.contained_objects.append(given)
    return group


def _start(of_loop: CellsOfLoop, inputs: NeuronGroup, cells: NeuronGroup, spikers: NeuronGroup | None) -> None:
    spec = of_loop.spec
    start_cells(inputs, spec.inputs.declaration(), lasting=("activity",))
    start_cells(cells, of_loop.declaration, more=of_loop.rest, lasting=("rate_factor", "bias", "unit_rate"))
    if spikers is not None:
        start_cells(spikers, spec.spiker.declaration())


def _set_constants(parts: _Building) -> None:
    spec, built, cells = parts.spec, parts.built, parts.cells
    for group, model in parts.models():
        for name, value in model.quantities().items():
            if group is cells and name in parts.of_loop.per_cell:
                continue
            built.constants[f"{group.name}.{name}"] = (group.variables[name], np.array([float(value)]))
    rates = [np.full(p.size, float(spec.unit_rates[p.name] / Hz)) for p in spec.populations]
    # a cell for which others fire is silent itself
    fires = np.concatenate([np.full(p.size, p.name not in spec.spiker_slices()) for p in spec.populations])
    if "unit_rate" in cells.variables:
        built.constants["cells.unit_rate"] = (cells.variables["unit_rate"], np.concatenate(rates) * fires)
    built.constants["cells.counted_rate"] = (cells.variables["counted_rate"], np.concatenate(rates))
    if parts.spikers is not None:
        unit_rates, cell = spec.spiker_constants()
        built.constants["spikers.unit_rate"] = (parts.spikers.variables["unit_rate"], unit_rates)
        built.constants["spikers.cell"] = (parts.spikers.variables["cell"], cell)
    bias = cells.variables["bias"]
    biases = [np.asarray(parts.given.biases[p.name], dtype=np.float64) for p in spec.populations]
    built.constants["cells.bias"] = (bias, np.concatenate(biases).astype(bias.dtype))
    if spec.signed:
        lowest = [np.full(p.size, -np.inf if p.name in spec.signed else 0.0) for p in spec.populations]
        built.constants["cells.lowest_activity"] = (cells.variables["lowest_activity"], np.concatenate(lowest))
    if "held" in cells.variables:
        built.constants["cells.held"] = (cells.variables["held"], spec.held())
    built.constants["cells.rate_factor"] = (cells.variables["rate_factor"], np.ones(1))


def _inside(window: tuple[int, int]) -> str:
    return f"t_in_timesteps >= {window[0]} and t_in_timesteps < {window[1]}"


def _read(parts: _Building) -> None:
    """Sums over the windows and, at their ends, what the rules see."""
    spec, cells, windows = parts.spec, parts.cells, parts.spec.windows
    steps = {phase: stop - start for phase, (start, stop) in windows.items()}
    sums = "soma_sum += somatic_activity\ndend_sum += dendritic_state"
    parts.when(cells, _inside(windows["settled"]), sums, "cells_settled", when="after_resets", order=2)
    settled = f"t_in_timesteps == {windows['settled'][1] - 1}"
    activity = parts.of_loop.activity(f"soma_sum/{steps['settled']}")
    code = f"post_settled = {activity}\ndendrite_settled = dend_sum/{steps['settled']}"
    parts.when(cells, settled, code, "cells_read")
    _count(parts, settled, "settled", steps["settled"], also="pre_settled_previous")
    parts.built.vectors["post_settled"] = cells.variables["post_settled"]
    if spec.signals:
        for group in (parts.inputs, cells):
            for name in (*PRE_SIGNALS, *(POST_SIGNALS if group is cells else ())):
                parts.built.vectors[f"{group.name}.{name}"] = group.variables[name]


def _count(parts: _Building, at: str, phase: str, steps: int, also: str = "") -> None:
    """Activities as synapses know them: spikes counted in a window, by what an activity of 1 gives."""
    groups = {"inputs": (parts.inputs, f"count_{phase}", "unit_rate")}
    if parts.spec.signed_input:  # of the on cells alone, which stand for both
        cells, function = parts.population(parts.spec.circuit.input.name), f"off_{phase}"
        counts = parts.inputs.variables[f"count_{phase}"]
        cells.namespace[function] = mean_of_units(function, counts, parts.spec.n_inputs, 1)
        groups["inputs"] = (cells, f"(count_{phase} - {function}(i))", "unit_rate")
    groups["cells"] = (parts.cells, f"count_{phase}", "counted_rate")
    for name in parts.spec.spiker_slices():
        cells, count = parts.population(name), ""
        assert parts.spikers is not None  # or there would be no slices of it
        counts = parts.spikers.variables[f"count_{phase}"]
        for sign, place in parts.spec.spiker_halves(name).items():
            function = f"mean_{phase}_{name}{'_off' if sign < 0 else ''}"
            per_cell = parts.spec.spikers.get(name, 1)
            cells.namespace[function] = mean_of_units(function, counts, place.start, per_cell)
            count = f"({count} - {function}(i))" if sign < 0 else f"{function}(i)"
        groups[name] = (cells, count, "counted_rate")
    for order, (name, (group, count, rate)) in enumerate(groups.items(), -len(groups)):  # before any learning
        code = f"pre_{phase} = {count}/({rate}*dt*{steps})" + (f"\n{also} = pre_{phase}" if also else "")
        parts.when(group, at, code, f"{name}_count_{phase}", order=order)


def _nudge(parts: _Building) -> None:
    """The onset: gates, errors, held somas; the end: plateaus and the activity that they make."""
    spec, cells, windows = parts.spec, parts.cells, parts.spec.windows
    steps = {phase: stop - start for phase, (start, stop) in windows.items()}
    onset = f"t_in_timesteps == {spec.phases.onset}"
    for population in spec.populations:
        plateau = plateau_of(spec.circuit, population)
        if plateau is None:
            continue
        gate = plateau.gate_code("soma_sum", signed=population.name in spec.signed)
        group = parts.population(population.name)
        if population.name == spec.circuit.output.name:
            group.variables.add_array("target", size=population.size, index="_idx")
            parts.built.changing["target"] = group.variables["target"]
            code = f"error = {Plateau.clip_code('target - post_settled')}*{gate}"
            if parts.given.instructed is not None:
                group.variables.add_array("instructed", size=population.size, index="_idx")
                parts.built.constants["instructed"] = (group.variables["instructed"], parts.given.instructed)
                code += "*instructed"
        else:
            code = f"gate = {gate}" + (f"\nlowest = {plateau.lowest_code('post_settled')}" if spec.has_lowest else "")
        parts.when(group, onset, code, f"{population.name}_onset", when="before_thresholds", order=-2)
    if spec.phases.hold != "none" and parts.of_loop.soma_is_activity:  # else it stays where the onset finds it
        held = "held*" if "held" in cells.variables else ""
        code = f"v_soma += {held}(soma_sum/{steps['settled']} - v_soma)"
        parts.when(cells, onset, code, "cells_hold", when="before_thresholds", order=-1)
    last = f"t_in_timesteps == {windows['nudged'][1] - 1}"
    for layer in spec.hidden_layers if spec.phases.latch else ("",):
        group, window = (parts.layer(layer), spec.nudge_part(layer)) if layer else (cells, windows["nudged"])
        parts.when(
            group,
            _inside(window),
            "plateau_sum += dendritic_state",
            f"{group.name}_nudged",
            when="after_resets",
            order=2,
        )
        code = f"plateau = {parts.of_loop.plateau(f'plateau_sum/{window[1] - window[0]}')}"
        parts.when(group, f"t_in_timesteps == {window[1] - 1}", code, f"{group.name}_plateau", order=-1)
    _count(parts, last, "nudged", steps["nudged"])
    # the nudge adds to the voltage, which may lie below 0
    activity = parts.of_loop.activity(f"soma_sum/{steps['settled']} + plateau")
    code = f"plateau += error\npost_nudged = {activity}"
    parts.when(cells, last, code, "cells_instruct")


def _connect(parts: _Building) -> None:
    spec, built = parts.spec, parts.built
    last = f"t_in_timesteps == {spec.n_steps - 1}"
    for projection in spec.circuit.projections:
        sides = {"pre": parts.population(projection.pre), "post": parts.population(projection.post)}
        event = None
        if spec.learning and projection.rule is not None:
            state, sees = parts.given.rule_state[projection.name], sees_nudge(spec.circuit, projection)
            event = LearningEvent(projection, last, sides, state, built, sees)
        on, off = _synapses(parts, projection, sides, event)
        parts.synapses[projection.name] = on
        if off is not None:
            parts.synapses[off.name] = off
        if event is not None:
            event.attach(on, parts.given.masks.get(projection.name))
    if spec.learning:
        built.changing["rate_factor"] = parts.cells.variables["rate_factor"]
        for projection in spec.circuit.projections:
            if isinstance(projection.constraint, Tied):
                copy_tied(projection, parts.synapses, last)
        if spec.biases_learn:
            built.lasting["cells.bias"] = parts.cells.variables["bias"]
            learn_biases(spec, built, parts.population, last)


def _synapses(
    parts: _Building, projection: Projection, sides: dict, event: LearningEvent | None
) -> tuple[DenseSynapses, DenseSynapses | None]:
    """A projection, and for a population with off cells their synapses: at each start the same weights times -1."""
    built, name = parts.built, projection.name
    spikers = parts.spec.spikers.get(projection.pre, 1)
    arriving = float(parts.spec.unit_rates[projection.pre] * parts.spec.phases.dt * spikers)  # at an activity of 1
    numbers = {"gain": 1 / (arriving * parts.of_loop.gain)}
    both = [
        DenseSynapses(
            sides["pre"],
            sides["post"],
            "input_dend" if projection.compartment == "dend" else "input_soma",
            gain=parts.of_loop.gain_code(projection),
            delay_steps=parts.spec.delay_steps(projection),
            spikers=spikers_of_sign,
            parameters=dict.fromkeys(numbers | (event.parameters() if event is not None and sign > 0 else {})),
            dtype=WEIGHT_TYPE,
            clock=parts.clock,
            name=name if sign > 0 else f"{name}_off",
        )
        for sign, spikers_of_sign in parts.spikers_of(projection.pre).items()
    ]
    synapses, off = both[0], both[1] if len(both) > 1 else None
    if off is not None:
        built.constants[f"{off.name}.gain"] = (off.variables["gain"], np.array([numbers["gain"]]))
        off.copy_of(synapses, at="t_in_timesteps == 0", when="start", factor=-1.0)
    numbers |= event.parameters() if event is not None else {}
    for key, value in numbers.items():
        built.constants[f"{name}.{key}"] = (synapses.variables[key], np.array([float(value)]))
    built.constants[f"{name}.w"] = (synapses.variables["w"], synapses.flat(parts.given.weights[name]))
    if parts.spec.learning and (projection.rule is not None or isinstance(projection.constraint, Tied)):
        built.lasting[f"{name}.w"] = synapses.variables["w"]
    return synapses, off


def _record(parts: _Building) -> None:
    built, record = parts.built, parts.spec.record
    if "spikes" in record:
        groups = {group.name: group for group, _ in parts.models()}
        built.spikes = {name: SpikeMonitor(group, name=f"{name}_spikes") for name, group in groups.items()}
        built.net.add(*built.spikes.values())
    voltages = [name for name in ("v_soma", "v_dend") if name in record]
    if voltages:
        monitor = StateMonitor(
            parts.cells, voltages, record=True, when="end", order=9, clock=parts.clock, name="cells_traces"
        )
        built.traces = {name: (monitor, name) for name in voltages}
        built.net.add(monitor)
