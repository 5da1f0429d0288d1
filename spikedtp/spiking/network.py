"""Builds the Brian2 network of an `OpenLoop`: two groups and one set of synapses per compartment, on any device."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from spikedtp.neurons import CellModel, PoissonInput, SpikeTrainInput
from spikedtp.spiking import tables
from spikedtp.spiking.open_loop import OpenLoop
from spikedtp.spiking.readout import PHASES, row

__all__ = ["BuiltNetwork", "build"]

COMPARTMENTS = {"soma": "input_soma", "dend": "input_dend"}


@dataclass
class BuiltNetwork:
    """Brian2 objects of one network and how to drive them. It holds references to all objects.

    Attributes
    ----------
    constants : dict
        name -> (Brian2 variable, values): written once before the first presentation.
    changing : dict
        name -> Brian2 variable: overwritten at the start of a presentation.
    vectors : dict
        name -> Brian2 variable: read at the end of a presentation.
    spikes : dict
        name -> SpikeMonitor
    traces : dict
        name -> (StateMonitor, variable name)
    """

    net: Network
    clock: Clock
    spec: OpenLoop
    inputs: NeuronGroup
    cells: NeuronGroup
    synapses: dict[str, Synapses]
    constants: dict = field(default_factory=dict)
    changing: dict = field(default_factory=dict)
    vectors: dict = field(default_factory=dict)
    spikes: dict = field(default_factory=dict)
    traces: dict = field(default_factory=dict)

    def start_presentation(self) -> None:
        """Set every state variable to its initial value; runs as Brian2 code on either device."""
        for group, model in ((self.inputs, self.spec.inputs), (self.cells, self.spec.cell)):
            initial = model.declaration().initial
            for name in _state_variables(group):
                if name not in initial:
                    group.state(name, use_units=False)[:] = 0
            if "lastspike" in group.variables and model.declaration().refractory:
                group.state("lastspike", use_units=False)[:] = -1e4
            for name, expression in initial.items():
                setattr(group, name, expression)


def _state_variables(group: NeuronGroup) -> list[str]:
    equations = group.user_equations.values()
    return sorted(
        eq.varname
        for eq in equations
        if eq.type == DIFFERENTIAL_EQUATION or (eq.type == PARAMETER and "constant" not in eq.flags)
    )


def _readout_code(signals: dict[str, tuple[str, str]], kind: str) -> str:
    """`x_phase += weight of this step * expression`, for every signal and phase."""
    names = tuple(signals)
    return "\n".join(
        f"{signal}_{phase} += kernel({row(names, signal, phase, kind)}, t_in_timesteps)*{expression}"
        for signal, expressions in signals.items()
        for phase in PHASES
        for expression in [expressions[0 if kind == "state" else 1]]
    )


#: signal -> (state, drive) in the cells and in the inputs
CELL_SIGNALS = {"dendrite": ("dendritic_state", "drive_dend"), "soma": ("somatic_activity", "drive_soma")}
INPUT_SIGNALS = {"trace": ("eligibility", "weight_scale*spike_width/dt")}


def _group(model: CellModel, n: int, name: str, clock: Clock, extra: str, signals: dict, **reset) -> NeuronGroup:
    declaration = model.declaration()
    readouts = "\n".join(f"{signal}_{phase} : 1" for signal in signals for phase in PHASES)
    return NeuronGroup(
        n,
        declaration.equations + model.parameter_equations() + f"{extra}\n{readouts}",
        threshold=declaration.threshold,
        reset=declaration.reset + reset.get("at_spike", ""),
        refractory=declaration.refractory or False,
        method="euler",
        clock=clock,
        name=name,
        namespace={},
    )


def build(spec: OpenLoop) -> BuiltNetwork:
    """Create the network of `spec` on the active Brian2 device.

    One time step: inputs decay and integrate their hazard, spikes, propagation into `input_soma` and `input_dend`,
    resets; then the cells integrate what has just arrived, are read out, and their accumulators are cleared.
    """
    timeline, n_steps = spec.timeline, spec.timeline.n_steps
    clock = Clock(timeline.dt, name="presentation_clock")

    at_spike = "\n" + _readout_code(INPUT_SIGNALS, "drive")
    inputs = _group(
        spec.inputs, spec.n_inputs, "inputs", clock, "lag : integer (constant)", INPUT_SIGNALS, at_spike=at_spike
    )
    cells = _group(spec.cell, spec.n_cells, "cells", clock, "", CELL_SIGNALS)
    built = BuiltNetwork(Network(name="presentation_network"), clock, spec, inputs, cells, {})

    for group, model, signals in ((inputs, spec.inputs, INPUT_SIGNALS), (cells, spec.cell, CELL_SIGNALS)):
        kernels = spec.kernels.rows(tuple(signals))
        kernel_variable = _add_array(group, "kernels", kernels.size)
        group.namespace["kernel"] = tables.kernel_table(f"kernel_{group.name}", kernel_variable, n_steps)
        built.constants[f"{group.name}.kernels"] = (kernel_variable, kernels.ravel())
        for name, value in model.quantities().items():
            built.constants[f"{group.name}.{name}"] = (group.variables[name], np.array([float(value)]))
        for signal in signals:
            for phase in PHASES:
                built.vectors[f"{signal}_{phase}"] = group.variables[f"{signal}_{phase}"]

    _add_replay(built)
    _schedule(built)
    _connect(built)
    _record(built)
    built.net.add(inputs, cells, *inputs.contained_objects, *cells.contained_objects, *built.synapses.values())
    return built


def _add_array(group: NeuronGroup, name: str, size: int, dtype=np.float64):
    group.variables.add_array(name, size=size, dtype=dtype)
    return group.variables[name]


def _add_replay(built: BuiltNetwork) -> None:
    """Give the input cells what they replay: activities at the rate steps, or spikes at the time steps."""
    spec, inputs, timeline = built.spec, built.inputs, built.spec.timeline
    lag = np.zeros(spec.n_inputs, dtype=np.int32)
    for source in spec.sources:
        lag[spec.slices()[source.projection]] = timeline.lag_steps * source.lagged
    built.constants["inputs.lag"] = (inputs.variables["lag"], lag)
    if isinstance(spec.inputs, PoissonInput):
        table = _add_array(inputs, "activity_table", timeline.n_points * spec.n_inputs)
        inputs.namespace["replayed_activity"] = tables.interpolated_table(
            "replayed_activity",
            table,
            inputs.variables["lag"],
            spec.n_inputs,
            timeline.n_points,
            timeline.points_per_step,
        )
    elif isinstance(spec.inputs, SpikeTrainInput):
        table = _add_array(inputs, "spike_table", timeline.n_steps * spec.n_inputs, dtype=bool)
        inputs.namespace["given_spike"] = tables.raster_table("given_spike", table, spec.n_inputs, timeline.n_steps)
    built.changing["replay"] = table


def _schedule(built: BuiltNetwork) -> None:
    """Order the parts of a time step."""
    for group, model in ((built.inputs, built.spec.inputs), (built.cells, built.spec.cell)):
        code = model.declaration().before_threshold
        if code:
            group.run_regularly(code, when="before_thresholds", clock=built.clock, name=f"{group.name}_hazard")
    built.cells.state_updater.when = "after_synapses"
    clear = "\n".join(f"{name} = 0" for name in built.spec.cell.declaration().clear)
    readout = "\n".join(_readout_code(CELL_SIGNALS, kind) for kind in ("state", "drive"))
    # read before clearing: both need what arrived in this very step
    built.cells.run_regularly(
        f"{readout}\n{clear}", when="after_synapses", order=1, clock=built.clock, name="cells_readout"
    )
    built.inputs.run_regularly(
        _readout_code(INPUT_SIGNALS, "state"), when="end", clock=built.clock, name="inputs_readout"
    )


def _connect(built: BuiltNetwork) -> None:
    """All-to-all synapses, one object per compartment; `w` runs over (pre, post), post fastest."""
    spec, start = built.spec, 0
    for compartment, variable in COMPARTMENTS.items():
        weights = spec.weights(compartment)
        n_pre = weights.shape[1]
        if not n_pre:
            continue
        synapses = Synapses(
            built.inputs[start : start + n_pre],
            built.cells,
            "w : 1",
            on_pre=f"{variable}_post += w",
            clock=built.clock,
            name=f"{compartment}_synapses",
            namespace={},
        )
        synapses.connect()
        built.synapses[compartment] = synapses
        built.constants[f"{compartment}_synapses.w"] = (
            synapses.variables["w"],
            np.ascontiguousarray(weights.T).ravel(),
        )
        start += n_pre


def _record(built: BuiltNetwork) -> None:
    record = built.spec.record
    if "spikes" in record:
        built.spikes = {
            "inputs": SpikeMonitor(built.inputs, name="input_spikes"),
            "cells": SpikeMonitor(built.cells, name="cell_spikes"),
        }
    for group, wanted in ((built.cells, ("v_soma", "v_dend")), (built.inputs, ("eligibility",))):
        names = [name for name in wanted if name in record]
        if names:
            monitor = StateMonitor(
                group, names, record=True, when="end", order=1, clock=built.clock, name=f"{group.name}_traces"
            )
            built.traces |= {name: (monitor, name) for name in names}
            built.net.add(monitor)
    built.net.add(*built.spikes.values())
