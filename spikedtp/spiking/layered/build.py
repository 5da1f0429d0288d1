"""Builds the Brian2 network of layers: all of a time step in one slot, one layer after the other.

A step of each layer: spikes arrive, the cells take their step, thresholds, resets at once. Connections back come last,
so that their spikes are there when the next step begins.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.check import checked_declaration
from spikedtp.neurons.group import Slots, make_group
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.layered.network import INPUT, Connection, Layer, LayeredNetwork
from spikedtp.spiking.parts.given_spikes import given_spikes
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.tables import raster_table
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["build_layers"]

#: The slot of everything, and how many orders a layer and each of Brian2's own slots have in it.
SLOT, OF_LAYER, OF_SLOT = "synapses", 100, 10
#: Brian2's slots as they follow each other from the arrival of spikes on; those that test thresholds come last.
CYCLE = ("synapses", "after_synapses", "before_thresholds", "thresholds", "before_synapses")
WHERE = "a network of layers"


def build_layers(network: LayeredNetwork, n_steps: int, record: tuple[str, ...], graded: bool) -> BuiltNetwork:
    """Create the network on the active Brian2 device.

    Parameters
    ----------
    record : tuple of str
        The layers whose voltages are kept.
    graded : bool
        Whether the input is not spikes but numbers: what they add up to at each layer is then given.
    """
    clock = Clock(network.dt, name="layers_clock")
    groups = {layer.name: _cells(layer, k, clock) for k, layer in enumerate(network.layers)}
    net = Network(*groups.values(), name="layers_network")
    synapses: list[DenseSynapses] = []
    built = BuiltNetwork(net, clock, n_steps, start=partial(_start, network, groups, synapses), precision=np.float64)
    if not graded:
        groups[INPUT] = given_spikes(network.n_in, n_steps, clock=clock, name="given")
        net.add(groups[INPUT])
        built.changing["spikes"] = groups[INPUT].variables["spike_table"]
    names = [layer.name for layer in network.layers]
    for place, layer in enumerate(network.layers):
        group = groups[layer.name]
        for k, connection in enumerate(layer.connections):
            if connection.source == INPUT and graded:
                continue
            late = connection.source in names[place:]
            synapses.append(
                _connect(
                    built, groups[connection.source], group, connection, f"{group.name}_from_{k}",
                    order=OF_LAYER * (len(names) if late else place), delay_steps=connection.delay_steps - late,
                )
            )  # fmt: skip
        if graded and any(connection.source == INPUT for connection in layer.connections):
            _given_input(built, group, n_steps, order=OF_LAYER * place)
        _constants(built, layer, group)
        if layer.fires:
            built.spikes[layer.name] = SpikeMonitor(group, when="end", name=f"{group.name}_spikes")
            net.add(built.spikes[layer.name])
        if layer.name in record:
            seen: dict[str, Any] = {"when": "end"}
            if layer.cell.declaration().before_threshold:  # it may already be the decay towards the next step
                seen = {"when": SLOT, "order": OF_LAYER * place + OF_SLOT * CYCLE.index("before_thresholds") - 5}
            monitor = StateMonitor(group, "v_soma", record=True, clock=clock, name=f"{group.name}_traces", **seen)
            built.traces[layer.name] = (monitor, "v_soma")
            net.add(monitor)
    return built


def _cells(layer: Layer, place: int, clock: Clock) -> NeuronGroup:
    where = f"layer {layer.name!r} of {WHERE}"
    needs = {"input_soma": "spikes arrive there", "v_soma": "it is recorded"}
    declaration = checked_declaration(layer.cell, where, more="bias : 1 (constant)", needs=needs)
    if declaration.refractory or (declaration.reset and not declaration.early_reset):
        raise SpikedtpError(
            f"{where}: {type(layer.cell).__name__} has a refractory time or resets at the end of its step: use StepLIF"
        )
    group = make_group(
        layer.cell, layer.n, declaration=declaration, slots=Slots(), more="bias : 1 (constant)",
        rest={"input_soma": "bias"}, per_cell=layer.values, clock=clock, name=f"layer_{place}", namespace={},
    )  # fmt: skip
    for part in group.contained_objects:
        if part.when in CYCLE:  # what has code of its own
            part.when, part.order = SLOT, OF_LAYER * place + OF_SLOT * CYCLE.index(part.when) + part.order
    return group


def _connect(
    built: BuiltNetwork, source: NeuronGroup, target: NeuronGroup, connection: Connection, name: str, order: int,
    delay_steps: int,
) -> DenseSynapses:  # fmt: skip
    synapses = DenseSynapses(
        source, target, "input_soma", delay_steps=delay_steps, clock=built.clock, when=SLOT, order=order, name=name
    )
    built.net.add(synapses)
    built.constants[f"{name}.w"] = (synapses.variables["w"], synapses.flat(connection.weights))
    return synapses


def _given_input(built: BuiltNetwork, group: NeuronGroup, n_steps: int, order: int) -> None:
    """What arrives from outside in each step, from a table."""
    group.variables.add_array("input_table", size=n_steps * group.N, dtype=np.float64)
    table = built.changing[f"{group.name}.input"] = group.variables["input_table"]
    group.namespace["given_input"] = raster_table("given_input", table, group.N, n_steps)
    group.run_regularly(
        "input_soma += given_input(t_in_timesteps, i)", when=SLOT, order=order, clock=built.clock,
        name=f"{group.name}_given",
    )  # fmt: skip


def _constants(built: BuiltNetwork, layer: Layer, group: NeuronGroup) -> None:
    for name, value in layer.cell.quantities().items():
        values = layer.values.get(name, np.array([float(value)]))
        built.constants[f"{group.name}.{name}"] = (group.variables[name], values)
    bias = np.zeros(layer.n) if layer.bias is None else layer.bias
    built.constants[f"{group.name}.bias"] = (group.variables["bias"], bias)


def _start(network: LayeredNetwork, groups: dict[str, NeuronGroup], synapses: list[DenseSynapses]) -> None:
    for layer in network.layers:
        start_cells(groups[layer.name], layer.cell.declaration(), more={"input_soma": "bias"})
    for each in synapses:
        each.forget()
