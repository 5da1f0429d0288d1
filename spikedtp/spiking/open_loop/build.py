"""Builds the Brian2 network of an `OpenLoop`: two groups and one set of synapses per compartment, on any device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor
from brian2.core.variables import ArrayVariable
from brian2.utils.stringtools import get_identifiers
from numpy.typing import DTypeLike

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import CellModel, PoissonInput, SpikeTrainInput
from spikedtp.neurons.check import checked_declaration, declared
from spikedtp.neurons.group import INPUTS, Slots, make_group
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.open_loop.plan import OpenLoop
from spikedtp.spiking.open_loop.readout import PHASES, row
from spikedtp.spiking.parts import tables
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.operations import play_rows, run_when
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.synapses.all_to_all import all_to_all

__all__ = ["build", "check_cells"]

COMPARTMENTS = {"soma": "input_soma", "dend": "input_dend"}


@dataclass
class _Building:
    """What is being built."""

    spec: OpenLoop
    inputs: NeuronGroup
    cells: NeuronGroup
    built: BuiltNetwork


#: A bias is an input that arrives in every step, so that every cell takes it.
BIASED = COMPARTMENTS["soma"]


def _start(spec: OpenLoop, inputs: NeuronGroup, cells: NeuronGroup) -> None:
    start_cells(inputs, spec.inputs.declaration())
    start_cells(cells, spec.cell.declaration(), more={} if spec.bias is None else {BIASED: "bias_input"})


def _readouts(spec: OpenLoop, signals: dict[str, tuple[str, str]], kind: str) -> dict[str, tuple[str, str]]:
    """name -> (weight of this step, code that adds weight * expression to it), for every read-out that is wanted."""
    found = {}
    read = _cell_signals(spec) if signals is CELL_SIGNALS else signals
    for signal, expressions in signals.items():
        for phase in PHASES:
            if signal in read and (signal, phase, kind) in spec.kernels.weights:
                weight = f"kernel({row(tuple(signals), signal, phase, kind)}, t_in_timesteps)"
                name, expression = f"{signal}_{phase}", expressions[0 if kind == "state" else 1]
                found[name] = (weight, f"{name} += {weight}*{expression}")
    return found


#: signal -> (state, drive) in the cells and in the inputs
CELL_SIGNALS = {"dendrite": ("dendritic_state", "drive_dend"), "soma": ("somatic_activity", "drive_soma")}
INPUT_SIGNALS = {"trace": ("eligibility", "weight_scale*spike_width/dt")}

#: Cells are read before their accumulators are cleared: both need what arrived in this very step.
CELLS = Slots(clear=2)


def check_cells(spec: OpenLoop) -> None:
    """Refuse cells that this network cannot run, before anything is built."""
    if not isinstance(spec.inputs, PoissonInput | SpikeTrainInput):
        raise SpikedtpError(
            f"inputs of the open loop must be a PoissonInput or a SpikeTrainInput, got {type(spec.inputs).__name__}"
        )
    replayed = "given_spike" if isinstance(spec.inputs, SpikeTrainInput) else "activity"
    checked_declaration(
        spec.inputs,
        "inputs of the open loop",
        more=_states(INPUT_SIGNALS),
        namespace={*RANDOM_NUMBERS, "given_spike"},
        needs={name: "read for weight changes" for name in _read_of(spec, INPUT_SIGNALS)}
        | ({"activity": "what is replayed"} if replayed == "activity" else {}),
        fires=True,
    )
    where = f"the cells of {spec.population} in the open loop"
    declaration = declared(spec.cell, where)
    checked_declaration(
        spec.cell,
        where,
        more=_states(CELL_SIGNALS),
        namespace=RANDOM_NUMBERS,
        needs={name: "read for weight changes" for name in _read_of(spec, _cell_signals(spec))}
        | {name: "recorded" for name in ("v_soma", "v_dend") if name in spec.record}
        | {name: "inputs arrive there" for part, name in COMPARTMENTS.items() if spec.weights(part).shape[1]},
        fires="spikes" in spec.record,
        remedy="write them into its declaration (spikedtp.equations.membrane.synaptic_drive gives input_* and drive_*),"
        " leave them out of record, or take a cell such as TwoCompartment()",
    )
    if spec.bias is not None and BIASED not in declaration.clear:
        raise SpikedtpError(
            f"{where}: {spec.population} has a bias, which is added to {BIASED} in every step when {BIASED} is "
            f"cleared, but {type(spec.cell).__name__} does not clear it: name it in the declaration's clear"
        )


def _cell_signals(spec: OpenLoop) -> dict:
    """What is read of the cells. Where nothing arrives at dendrites they need none: all that is read of them is 0."""
    known = {*spec.cell.declaration().equations, *spec.cell.quantities()}
    dendritic = spec.weights("dend").shape[1] or known.issuperset(CELL_SIGNALS["dendrite"])
    return {signal: names for signal, names in CELL_SIGNALS.items() if signal != "dendrite" or dendritic}


def _read_of(spec: OpenLoop, signals: dict) -> set[str]:
    """The variables that some read-out uses."""
    wanted = {(signal, kind) for signal, _, kind in spec.kernels.weights}
    expressions = [
        names[kind == "drive"] for signal, names in signals.items() for kind in ("state", "drive")
        if (signal, kind) in wanted
    ]  # fmt: skip
    return set().union(*map(get_identifiers, expressions)) - {"dt"}


def _states(signals: dict) -> str:
    return "\n".join(f"{signal}_{phase} : 1" for signal in signals for phase in PHASES)


def _group(
    spec: OpenLoop, model: CellModel, n: int, name: str, clock: Clock, signals: dict, slots: Slots, **options: Any
) -> NeuronGroup:
    return make_group(
        model,
        n,
        slots=slots,
        more=_states(signals),
        method="euler" if model.time_constants else ("exact", "euler"),
        clock=clock,
        name=name,
        namespace=dict(RANDOM_NUMBERS),
        codeobj_class=None if spec.plain else code_object_class(),
        **options,
    )


def build(spec: OpenLoop) -> BuiltNetwork:
    """Create the network of `spec` on the active Brian2 device.

    One time step: inputs decay and integrate their hazard, spikes, propagation into `input_soma` and `input_dend`,
    resets; then the cells integrate what has just arrived, are read out, and their accumulators are cleared.
    """
    check_cells(spec)
    clock = Clock(spec.timeline.dt, name="presentation_clock")
    at_spike = "\n".join(code for _, code in _readouts(spec, INPUT_SIGNALS, "drive").values())
    rest = {} if spec.bias is None else {BIASED: "bias_input"}
    inputs = _group(spec, spec.inputs, spec.n_inputs, "inputs", clock, INPUT_SIGNALS, INPUTS, at_spike=at_spike)
    cells = _group(spec, spec.cell, spec.n_cells, "cells", clock, CELL_SIGNALS, CELLS, rest=rest)
    net = Network(inputs, cells, name="presentation_network")
    built = BuiltNetwork(net, clock, spec.timeline.n_steps, start=lambda: _start(spec, inputs, cells))
    parts = _Building(spec, inputs, cells, built)
    _add_readouts(parts)
    _add_replay(parts)
    _add_bias(parts)
    for kind in ("state", "drive"):
        _read(parts, cells, CELL_SIGNALS, kind, when="after_synapses", order=1)
    _read(parts, inputs, INPUT_SIGNALS, "state", when="end", order=0)
    _connect(parts)
    _record(parts)
    net.add(*inputs.contained_objects, *cells.contained_objects)
    return built


def _add_readouts(parts: _Building) -> None:
    spec, built = parts.spec, parts.built
    for group, model, signals in (
        (parts.inputs, spec.inputs, INPUT_SIGNALS),
        (parts.cells, spec.cell, CELL_SIGNALS),
    ):
        kernels = spec.kernels.rows(tuple(signals))
        variable = _add_array(group, "kernels", kernels.size)
        group.namespace["kernel"] = tables.kernel_table(f"kernel_{group.name}", variable, built.n_steps)
        built.constants[f"{group.name}.kernels"] = (variable, kernels.ravel())
        for name, value in model.quantities().items():
            built.constants[f"{group.name}.{name}"] = (group.variables[name], np.array([float(value)]))
        for signal in signals:
            for phase in PHASES:
                built.vectors[f"{signal}_{phase}"] = group.variables[f"{signal}_{phase}"]


def _add_array(group: NeuronGroup, name: str, size: int, dtype: DTypeLike = np.float64) -> ArrayVariable:
    group.variables.add_array(name, size=size, dtype=dtype)
    return group.variables[name]


def _add_replay(parts: _Building) -> None:
    """Give the input cells what they replay: activities at the rate steps, or spikes at the time steps."""
    spec, inputs, timeline, built = parts.spec, parts.inputs, parts.spec.timeline, parts.built
    if isinstance(spec.inputs, PoissonInput):
        table = _add_array(inputs, "activity_table", timeline.n_points * spec.n_inputs)
        player = play_rows(
            inputs,
            "activity",
            "activity_table",
            spec.blocks(),
            n_points=timeline.n_points,
            points_per_step=timeline.points_per_step,
            name="inputs_activity",
            plain=spec.plain,
            when="before_thresholds",
            order=-1,
            clock=built.clock,
        )
        built.net.add(player)
    elif isinstance(spec.inputs, SpikeTrainInput):
        table = _add_array(inputs, "spike_table", timeline.n_steps * spec.n_inputs, dtype=bool)
        inputs.namespace["given_spike"] = tables.raster_table("given_spike", table, spec.n_inputs, timeline.n_steps)
    built.changing["replay"] = table


def _add_bias(parts: _Building) -> None:
    if parts.spec.bias is not None:
        variables = parts.cells.variables
        variables.add_array("bias_input", size=parts.spec.n_cells, index="_idx")
        parts.built.constants["cells.bias_input"] = (variables["bias_input"], parts.spec.bias)


def _read(parts: _Building, group: NeuronGroup, signals: dict, kind: str, **schedule: Any) -> None:
    for name, (weight, code) in _readouts(parts.spec, signals, kind).items():
        runner_name = f"{group.name}_{name}_{kind}"
        parts.built.net.add(
            run_when(group, f"{weight} != 0", code, name=runner_name, plain=parts.spec.plain, **schedule)
        )


def _connect(parts: _Building) -> None:
    """All-to-all synapses, one object per compartment."""
    spec, built, start = parts.spec, parts.built, 0
    for compartment, variable in COMPARTMENTS.items():
        weights = spec.weights(compartment)
        n_pre = weights.shape[1]
        if not n_pre:
            continue
        synapses = all_to_all(
            parts.inputs[start : start + n_pre],
            parts.cells,
            variable,
            clock=built.clock,
            name=f"{compartment}_synapses",
            dense=not spec.plain,
            dtype=weights.dtype,
        )
        built.net.add(synapses, *synapses.contained_objects)
        built.constants[f"{compartment}_synapses.w"] = (synapses.variables["w"], synapses.flat(weights))
        start += n_pre


def _record(parts: _Building) -> None:
    record, built = parts.spec.record, parts.built
    if "spikes" in record:
        built.spikes = {
            "inputs": SpikeMonitor(parts.inputs, name="input_spikes"),
            "cells": SpikeMonitor(parts.cells, name="cell_spikes"),
        }
    for group, wanted in ((parts.cells, ("v_soma", "v_dend")), (parts.inputs, ("eligibility",))):
        names = [name for name in wanted if name in record]
        if names:
            monitor = StateMonitor(
                group, names, record=True, when="end", order=1, clock=built.clock, name=f"{group.name}_traces"
            )
            built.traces |= {name: (monitor, name) for name in names}
            built.net.add(monitor)
    built.net.add(*built.spikes.values())
