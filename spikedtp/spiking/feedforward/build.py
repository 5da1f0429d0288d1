"""Builds the Brian2 network of given spikes, one hidden layer of any cell, and filtered outputs that may learn.

Order of a time step: recording and sums of what the step begins with; spikes; synapses into `input_soma` or
`input_dend`; the cells take their step; resets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons import CellModel, DiscreteLIF, LeakyReadout
from spikedtp.neurons.check import checked_declaration
from spikedtp.neurons.group import Slots, make_group
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.feedforward.rewarded_readout import add_rewarded_choice
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.parts.tables import raster_table

__all__ = ["FeedForward", "build_feedforward"]


@dataclass(frozen=True)
class FeedForward:
    """What to build.

    Attributes
    ----------
    w_hidden : (n_hidden, n_in)
    w_output : (n_out, n_hidden)
    n_steps : int
    hidden : CellModel
    readout : LeakyReadout
    compartment : {"soma", "dend"}
        Where the inputs arrive in the hidden cells.
    rule : RewardedChoice, optional
        How `w_output` learns; it then lasts from one presentation to the next.
    signs : (n_hidden,), optional
        Dale's law for a `w_output` that learns: the sign of each hidden cell, 0 where it is free.
    traces : bool
        Whether to keep the output voltages of every step.
    """

    w_hidden: np.ndarray
    w_output: np.ndarray
    n_steps: int
    dt: Quantity = field(default_factory=lambda: 1 * ms)
    hidden: CellModel = field(default_factory=DiscreteLIF)
    readout: LeakyReadout = field(default_factory=LeakyReadout)
    compartment: str = "soma"
    rule: RewardedChoice | None = None
    signs: np.ndarray | None = None
    traces: bool = True


def build_feedforward(spec: FeedForward) -> BuiltNetwork:
    """Create the network of `spec` on the active Brian2 device."""
    learns = spec.rule is not None
    of_rule, at_spike = spec.rule.hidden if spec.rule is not None else ("", "")
    of_outputs = f"score : 1\n{spec.rule.output if spec.rule is not None else ''}"
    _check(spec, of_rule, of_outputs)
    clock = Clock(spec.dt, name="feedforward_clock")
    inputs = NeuronGroup(
        spec.w_hidden.shape[1], "", threshold="given_spike(t_in_timesteps, i) > 0", reset="", clock=clock,
        name="given", namespace={},
    )  # fmt: skip
    hidden = _cells(spec.hidden, len(spec.w_hidden), "hidden", clock, of_rule, at_spike=at_spike)
    events = {"decide": f"t_in_timesteps == {spec.n_steps - 1}"} if learns else {}
    outputs = _cells(spec.readout, len(spec.w_output), "outputs", clock, of_outputs, events=events)
    net = Network(inputs, hidden, outputs, name="feedforward_network")
    built = BuiltNetwork(net, clock, spec.n_steps, start=lambda: _start(spec, hidden, outputs), precision=np.float64)

    inputs.variables.add_array("spike_table", size=spec.n_steps * inputs.N, dtype=bool)
    built.changing["spikes"] = inputs.variables["spike_table"]
    inputs.namespace["given_spike"] = raster_table("given_spike", built.changing["spikes"], inputs.N, spec.n_steps)

    outputs.run_regularly("score += v_soma", when="start", order=1, clock=clock, name="outputs_score")
    built.vectors["score"] = outputs.variables["score"]
    _connect(built, inputs, hidden, spec.w_hidden, f"input_{spec.compartment}", "hidden_synapses")
    if learns:
        add_rewarded_choice(built, spec, hidden, outputs)
    else:
        _connect(built, hidden, outputs, spec.w_output, "input_soma", "output_synapses")

    for group, model in ((hidden, spec.hidden), (outputs, spec.readout)):
        for name, value in model.quantities().items():
            built.constants[f"{group.name}.{name}"] = (group.variables[name], np.array([float(value)]))
    built.spikes["hidden"] = SpikeMonitor(hidden, name="hidden_spikes")
    net.add(built.spikes["hidden"])
    if spec.traces:
        monitor = StateMonitor(outputs, "v_soma", record=True, when="start", clock=clock, name="output_traces")
        built.traces["v"] = (monitor, "v_soma")
        net.add(monitor)
    net.add(*hidden.contained_objects, *outputs.contained_objects)
    return built


def _check(spec: FeedForward, of_rule: str, of_outputs: str) -> None:
    """Refuse cells that such a network cannot run."""
    arrive = {f"input_{spec.compartment}": "spikes arrive there"}
    names = RANDOM_NUMBERS
    checked_declaration(
        spec.hidden, "hidden cells of a feed-forward network", more=of_rule, namespace=names, needs=arrive, fires=True
    )
    read = {"input_soma": "spikes arrive there", "v_soma": "the output"}
    checked_declaration(spec.readout, "outputs of a feed-forward network", more=of_outputs, namespace=names, needs=read)


def _cells(model: CellModel, n: int, name: str, clock: Clock, more: str, **options: Any) -> NeuronGroup:
    return make_group(
        model, n, slots=Slots(), more=more, clock=clock, name=name, namespace=dict(RANDOM_NUMBERS), **options
    )


def _connect(
    built: BuiltNetwork, source: NeuronGroup, target: NeuronGroup, weights: np.ndarray, variable: str, name: str
) -> Synapses:
    """All to all; Brian2 runs over (pre, post), post fastest."""
    synapses = Synapses(
        source, target, "w : 1", on_pre=f"{variable}_post += w", clock=built.clock, name=name, namespace={}
    )
    synapses.connect()
    built.net.add(synapses)
    built.constants[f"{name}.w"] = (synapses.variables["w"], np.ascontiguousarray(weights.T, dtype=float).ravel())
    return synapses


def _start(spec: FeedForward, hidden: NeuronGroup, outputs: NeuronGroup) -> None:
    """Every state of the cells to its initial value; what lasts (weights, expected reward) stays."""
    start_cells(hidden, spec.hidden.declaration(), lasting=spec.rule.lasting if spec.rule else ())
    start_cells(
        outputs,
        spec.readout.declaration(),
        more=spec.rule.initial if spec.rule else {},
        lasting=spec.rule.lasting if spec.rule else (),
    )
