"""Builds the Brian2 network of a `ClosedLoop`: inputs, one group of all cells, a matrix of synapses per projection."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2 import Clock, Equations, Hz, Network, NeuronGroup, SpikeMonitor, StateMonitor, Subgroup
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.groups.group import Group

from spikedtp.circuit import Projection, plateau_of, sees_nudge
from spikedtp.neurons import CellModel, Declaration
from spikedtp.neurons.group import INPUTS, Slots, make_group
from spikedtp.plasticity import Plateau, Tied
from spikedtp.spiking.closed_loop.bias_learning import learn_biases
from spikedtp.spiking.closed_loop.cells import COUNTED, COUNTS, POST_SIGNALS, PRE_SIGNALS, SET, CellsOfLoop
from spikedtp.spiking.closed_loop.learning_event import LearningEvent, copy_tied
from spikedtp.spiking.closed_loop.plan import ClosedLoop, inhibits
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.initial_state import first_values, start_cells
from spikedtp.spiking.parts.operations import give_to_units, run_when
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.parts.tables import mean_of_units
from spikedtp.spiking.parts.units import ADAPTIVE, make_units
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["STATE", "CircuitNumbers", "build_closed"]

#: Weights are float32, as in the rate network and its checkpoints. Spikes then read half as many bytes as with float64.
WEIGHT_TYPE = np.float32

#: What spikes add to.
ARRIVING = ("input_soma", "input_dend", "inhibition_soma", "inhibition_dend")

#: The first part of the names of lasting variables that are no weights, but the state of cells.
STATE = "state"
#: The seed of the state in which cells begin that are never reset.
FIRST_STATE = 1

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
    teachers: NeuronGroup | None
    built: BuiltNetwork
    synapses: dict[str, DenseSynapses] = field(default_factory=dict)

    def models(self) -> list[tuple[NeuronGroup, CellModel]]:
        """Every group with its model."""
        spec = self.spec
        found = [(self.inputs, spec.inputs), (self.cells, spec.cell)]
        found += [] if self.spikers is None else [(self.spikers, spec.spiker)]
        return found if self.teachers is None else [*found, (self.teachers, spec.teacher)]

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
    own = [(n, (place.start, place.stop, 1)) for n, place in spec.slices().items() if n not in spec.spiker_slices()]
    cells = _group(
        spec, spec.cell, spec.n_cells, "cells", clock, of_loop.added, CELLS,
        rest=of_loop.rest, per_cell=of_loop.per_cell, firing=of_loop.firing, push="nudging",
        blocks=[block for _, block in own], unheard=[block for name, block in own if name in of_loop.unheard],
    )  # fmt: skip
    spikers = _spikers(of_loop, cells, clock) if spec.spiker_slices() else None
    teachers = _teachers(spec, clock) if spec.nudged and spec.taught_by_spikes else None
    groups = [group for group in (inputs, cells, spikers, teachers) if group is not None]
    net = Network(*groups, name="presentation_network")
    built = BuiltNetwork(net, clock, spec.n_steps, start=lambda: _start(of_loop, inputs, cells, spikers, teachers))
    parts = _Building(spec, of_loop, given, clock, inputs, cells, spikers, teachers, built)
    built.changing["x"] = inputs.variables["activity"]
    _set_constants(parts)
    _read(parts)
    if spec.nudged:
        _nudge(parts)
    _connect(parts)
    _record(parts)
    if not spec.phases.reset:
        _go_on(parts)
    if teachers is not None:
        _teach(parts, teachers)
    net.add(*(o for group in groups for o in group.contained_objects))
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
    counting = f"count_settled += {spec.reading.code}\ncount_nudged += int({_inside(spec.windows['nudged'])})"
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
        dtype=dict.fromkeys((*ARRIVING, *(["bias"] if spec.biases_learn else [])), WEIGHT_TYPE),
        codeobj_class=code_object_class(),
        **options,
    )


def _spikers(of_loop: CellsOfLoop, cells: NeuronGroup, clock: Clock) -> NeuronGroup:
    """The units that fire for cells. Each has a variable for what its cell is about to fire at."""
    spec = of_loop.spec
    model, places = spec.spiker, spec.spiker_slices()
    own = model.declaration()
    others = Equations([equation for equation in own.equations.values() if equation.varname != "activity"])
    declaration = replace(own, equations=others + Equations("activity : 1"))
    n = sum(place.stop - place.start for place in places.values())
    named = [
        (name, (spec.slices()[name].start, spec.slices()[name].stop, half.start, spec.spikers.get(name, 1)))
        for name in places
        for half in spec.spiker_halves(name).values()
    ]
    blocks, unheard = [block for _, block in named], [block for name, block in named if name in of_loop.unheard]

    def units(some: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int]]:
        return [(first, first + (stop - start) * per_cell, per_cell) for start, stop, first, per_cell in some]

    group = _group(
        spec, model, n, "spikers", clock, COUNTS + of_loop.nudging, declaration=declaration,
        blocks=units(blocks), push="nudging" if unheard else "", unheard=units(unheard),
    )  # fmt: skip
    once = getattr(model, "firing", None) == "lif" or own.before_threshold in ADAPTIVE  # for all units of a cell
    for name in ("activity", *({"opening"} & {*declaration.equations})):
        given = give_to_units(
            cells, name, group, blocks, push="nudging", to_first=once, unheard=unheard if once else (),
            name=f"cells_{name}", when="before_thresholds", clock=clock,
        )  # fmt: skip
        cells.contained_objects.append(given)
    return group


def _teachers(spec: ClosedLoop, clock: Clock) -> NeuronGroup:
    """The units that fire at the target."""
    model = spec.teacher
    return make_group(
        model, spec.circuit.output.size * spec.teachers, slots=INPUTS, clock=clock, name="teachers",
        namespace=dict(RANDOM_NUMBERS), codeobj_class=code_object_class(),
    )  # fmt: skip


def _teach(parts: _Building, teachers: NeuronGroup) -> None:
    """The dendrite of an output cell hears its target from the onset on, and its own spikes with the other sign."""
    spec, built, output = parts.spec, parts.built, parts.spec.circuit.output
    built.changing["target"] = teachers.variables["activity"]
    heard = [(teachers[:], 1.0, f"gain*int(t_in_timesteps >= {spec.phases.onset})", "target_of_output")]
    heard += [(units, -1.0, "gain", "output_of_output") for units in parts.spikers_of(output.name).values()]
    arriving = float(spec.unit_rates[output.name] * spec.phases.dt) * spec.teachers
    for units, weight, gain, name in heard:
        synapses = DenseSynapses(
            parts.population(output.name), parts.population(output.name),
            parts.of_loop.arrives("dend", inhibits=weight < 0), gain=gain, spikers=units,
            parameters={"gain": None}, dtype=WEIGHT_TYPE, clock=parts.clock, name=name,
        )  # fmt: skip
        built.constants[f"{name}.gain"] = (synapses.variables["gain"], np.array([1 / (arriving * parts.of_loop.gain)]))
        built.constants[f"{name}.w"] = (synapses.variables["w"], synapses.flat(weight * np.eye(output.size)))
        parts.synapses[name] = synapses


def _start(
    of_loop: CellsOfLoop,
    inputs: NeuronGroup,
    cells: NeuronGroup,
    spikers: NeuronGroup | None,
    teachers: NeuronGroup | None,
) -> None:
    spec = of_loop.spec
    left = spec.reading.left(spec.n_steps)
    decays = {name: f"{name}*{left!r}" for name in ("count_settled", "soma_sum", "dend_sum")} if left else {}
    start_cells(inputs, spec.inputs.declaration(), more=_known(decays, inputs), lasting=("activity",))
    start_cells(
        cells, of_loop.declaration, more=of_loop.rest | _known(decays, cells),
        lasting=("rate_factor", "bias", "unit_rate", *_going_on(spec, of_loop.declaration)),
    )  # fmt: skip
    if spikers is not None:
        declaration = spec.spiker.declaration()
        start_cells(spikers, declaration, more=_known(decays, spikers), lasting=_going_on(spec, declaration))
    if teachers is not None:
        start_cells(teachers, spec.teacher.declaration(), lasting=("activity",))


def _known(initial: dict[str, str], group: NeuronGroup) -> dict[str, str]:
    return {name: code for name, code in initial.items() if name in group.variables}


def _going_on(spec: ClosedLoop, declaration: Declaration) -> tuple[str, ...]:
    """What cells keep from one presentation to the next: all of their own state, where they are not reset."""
    if spec.phases.reset:
        return ()
    return tuple(
        equation.varname
        for equation in declaration.equations.values()
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER)
        and not {"constant", "shared"} & {*equation.flags}
        and equation.varname not in (*SET, *declaration.clear)
    )


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


def _go_on(parts: _Building) -> None:
    """Let the state of the cells last, and their traces. The first presentation begins as all do that are reset."""
    spec, sums = parts.spec, ("soma_sum", "dend_sum", "count_settled") if parts.spec.reading.traces else ()
    for group, model in parts.models():
        if group is parts.teachers:
            continue
        declaration = model.declaration()
        own = () if group is parts.inputs else _going_on(spec, declaration)
        for name in {*own} & {*declaration.initial}:
            variable, numbers = group.variables[name], np.random.default_rng(FIRST_STATE)
            values = first_values(declaration.initial[name], model.quantities(), group.N, numbers)
            parts.built.constants[f"{STATE}.{group.name}.{name}"] = (variable, values.astype(variable.dtype))
        for name in (*own, *(name for name in sums if name in group.variables)):
            parts.built.lasting[f"{STATE}.{group.name}.{name}"] = group.variables[name]


def _inside(window: tuple[int, int]) -> str:
    return f"t_in_timesteps >= {window[0]} and t_in_timesteps < {window[1]}"


def _read(parts: _Building) -> None:
    """What the rules see of the settle phase, at its end and, of traces, when the plateaus that they meet begin."""
    spec, cells, of_loop = parts.spec, parts.cells, parts.of_loop
    window, onset = spec.reading.window, spec.phases.onset
    weight = f"{spec.reading.code}*" if spec.reading.traces else ""
    sums = f"dend_sum += {weight}dendritic_state"
    if not spec.read_by_spikes:
        sums += f"\nsoma_sum += {weight}somatic_activity"
    parts.when(cells, _inside(window), sums, "cells_settled", when="after_resets", order=2)
    _count(parts, onset, "settled", spec.reading.total(onset), also="pre_settled_previous")
    total = spec.reading.total(onset, spec.n_steps)
    soma = "pre_settled" if spec.read_by_spikes else f"soma_sum/{total!r}"
    code = f"post_settled = {of_loop.activity(soma)}\ndendrite_settled = dend_sum/{total!r}"
    parts.when(cells, f"t_in_timesteps == {window[1] - 1}", code, "cells_read")
    reads = {p.name: spec.read_after(p.name) for p in spec.circuit.populations}
    for read in sorted({*reads.values()} - {onset}):
        _count(parts, read, "settled", spec.reading.total(read), of={name for name in reads if reads[name] == read})
    parts.built.vectors["post_settled"] = cells.variables["post_settled"]
    if spec.signals:
        for group in (parts.inputs, cells):
            for name in (*PRE_SIGNALS, *(POST_SIGNALS if group is cells else ())):
                parts.built.vectors[f"{group.name}.{name}"] = group.variables[name]


def _count(
    parts: _Building, read: int, phase: str, total: float, *, also: str = "", of: Collection[str] | None = None
) -> None:
    """Activities as synapses know them before step `read`: counted spikes, by what an activity of 1 gives.

    `of` are populations; None is all of them.
    """
    spec, source = parts.spec, parts.spec.circuit.input.name
    groups = {"inputs": (parts.inputs, f"count_{phase}", "unit_rate")} if of is None or source in of else {}
    if groups and spec.signed_input:  # of the on cells alone, which stand for both
        cells, function = parts.population(source), f"off_{phase}"
        counts = parts.inputs.variables[f"count_{phase}"]
        cells.namespace[function] = mean_of_units(function, counts, spec.n_inputs, 1)
        groups["inputs"] = (cells, f"(count_{phase} - {function}(i))", "unit_rate")
    if of is None:
        groups["cells"] = (parts.cells, f"count_{phase}", "counted_rate")
    else:
        groups |= {n: (parts.population(n), f"count_{phase}", "counted_rate") for n in sorted(of) if n != source}
    for name in spec.spiker_slices():
        if of is not None and name not in of:
            continue
        cells, count = parts.population(name), ""
        assert parts.spikers is not None  # or there would be no slices of it
        counts = parts.spikers.variables[f"count_{phase}"]
        for sign, place in spec.spiker_halves(name).items():
            function = f"mean_{phase}_{name}{'_off' if sign < 0 else ''}"
            per_cell = spec.spikers.get(name, 1)
            cells.namespace[function] = mean_of_units(function, counts, place.start, per_cell)
            count = f"({count} - {function}(i))" if sign < 0 else f"{function}(i)"
        groups[name] = (cells, count, "counted_rate")
    at, when = f"t_in_timesteps == {read - 1}", "" if of is None else f"_{read}"
    for order, (name, (group, count, rate)) in enumerate(groups.items(), -len(groups) - 1):  # before any learning
        code = f"pre_{phase} = {count}/({rate}*dt*{total!r})" + (f"\n{also} = pre_{phase}" if also else "")
        parts.when(group, at, code, f"{name}_count_{phase}{when}", order=order)


def _nudge(parts: _Building) -> None:
    """The onset: gates, errors, held somas; the end: plateaus and the activity that they make."""
    spec, cells, window = parts.spec, parts.cells, parts.spec.windows["nudged"]
    total = spec.reading.total(spec.phases.onset, spec.n_steps)
    onset = f"t_in_timesteps == {spec.phases.onset}"
    for population in spec.populations:
        plateau = plateau_of(spec.circuit, population)
        if plateau is None:
            continue
        gate = plateau.gate_code("post_settled", signed=population.name in spec.signed, silent=spec.phases.silent)
        group = parts.population(population.name)
        if population.name == spec.circuit.output.name and not spec.taught_by_spikes:
            group.variables.add_array("target", size=population.size, index="_idx")
            parts.built.changing["target"] = group.variables["target"]
            code = f"error = {Plateau.clip_code('target - post_settled')}*{gate}"
        else:
            code = f"gate = {gate}"
        if population.name == spec.circuit.output.name:
            if parts.given.instructed is not None:
                group.variables.add_array("instructed", size=population.size, index="_idx")
                parts.built.constants["instructed"] = (group.variables["instructed"], parts.given.instructed)
                code += "*instructed"
            code += f"\nlowest = -{Plateau.limit:g}" if spec.has_lowest and spec.taught_by_spikes else ""
        elif spec.has_lowest:
            code += f"\nlowest = {plateau.lowest_code('post_settled')}"
        parts.when(group, onset, code, f"{population.name}_onset", when="before_thresholds", order=-2)
    if spec.phases.hold != "none" and parts.of_loop.soma_is_activity:  # else it stays where the onset finds it
        held = "held*" if "held" in cells.variables else ""
        code = f"v_soma += {held}(soma_sum/{total!r} - v_soma)"
        parts.when(cells, onset, code, "cells_hold", when="before_thresholds", order=-1)
    _find_plateaus(parts, window)
    last = f"t_in_timesteps == {window[1] - 1}"
    _count(parts, window[1], "nudged", float(window[1] - window[0]))
    # the nudge adds to the voltage, which may lie below 0
    soma = "post_settled" if parts.spec.read_by_spikes else f"soma_sum/{total!r}"
    activity = parts.of_loop.activity(f"{soma} + plateau")
    code = f"plateau += error\npost_nudged = {activity}"
    parts.when(cells, last, code, "cells_instruct")


def _find_plateaus(parts: _Building, window: tuple[int, int]) -> None:
    """Heights of plateaus, from the mean voltages of dendrites: in windows, or from the time that each has crossed."""
    spec, cells = parts.spec, parts.cells
    if spec.phases.plateau_threshold:
        for layer in spec.latched_layers:
            # an output that hears its own spikes is below 0 before its target comes: all of its voltage is the error
            before = "0" if layer == spec.circuit.output.layer else "dendrite_settled"
            _wait_for_crossings(parts, parts.layer(layer), before)
        return
    for layer in spec.latched_layers if spec.phases.latch else ("",):
        group, part = (parts.layer(layer), spec.nudge_part(layer)) if layer else (cells, window)
        code = "plateau_sum += dendritic_state"
        parts.when(group, _inside(part), code, f"{group.name}_nudged", when="after_resets", order=2)
        code = f"plateau = {parts.of_loop.plateau(f'plateau_sum/{part[1] - part[0]}')}"
        parts.when(group, f"t_in_timesteps == {part[1] - 1}", code, f"{group.name}_plateau", order=-1)


def _wait_for_crossings(parts: _Building, group: Subgroup, before: str) -> None:
    """Plateaus by threshold. What dendrites have changed is averaged from the onset on.

    Dendrites below the threshold are graded at the end. Most of a layer's dendrites change by little and in the same
    direction: without them, what is left to learn from would have the wrong mean, and all activities would grow.
    """
    phases = parts.spec.phases
    rise, tau, nudged = phases.steps("rise"), float(phases.tau_crossing / phases.dt), (phases.onset, phases.end)
    newest = float(-np.expm1(-1 / tau)) if tau else 1.0
    code = f"""
        dendrite_change += {newest!r}*(dendritic_state - {before} - dendrite_change)
        since_crossing += int(since_crossing > 0 or abs(dendrite_change)*gate > {phases.plateau_threshold!r})
        plateau_sum += dendritic_state*int(since_crossing > {rise // 2} and since_crossing <= {rise})
        plateau = int(since_crossing >= {rise})*{parts.of_loop.plateau(f"plateau_sum/{rise - rise // 2}")}
    """
    parts.when(group, _inside(nudged), code, f"{group.name}_plateau", when="after_resets", order=2)
    graded = parts.of_loop.plateau(f"{before} + dendrite_change")
    code = f"plateau += int(since_crossing < {rise})*{graded}"  # 0 up to now
    parts.when(group, f"t_in_timesteps == {nudged[1] - 1}", code, f"{group.name}_graded", order=-1)


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
            parts.of_loop.arrives(projection.compartment, inhibits=inhibits(projection) is (sign > 0)),
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
