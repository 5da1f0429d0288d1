"""The part of a feed-forward network that learns by `RewardedChoice`: lateral comparison, reward, change."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from brian2 import NeuronGroup, Synapses
from brian2.units.fundamentalunits import Quantity

from spikedtp.neurons import LeakyReadout
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.spiking.engine.built_network import BuiltNetwork

__all__ = ["add_rewarded_choice"]


class Rewarded(Protocol):
    """What is to know of the network; `FeedForward` says what each is."""

    @property
    def w_output(self) -> np.ndarray: ...

    @property
    def dt(self) -> Quantity: ...

    @property
    def readout(self) -> LeakyReadout: ...

    @property
    def rule(self) -> RewardedChoice | None: ...

    @property
    def signs(self) -> np.ndarray | None: ...


def add_rewarded_choice(built: BuiltNetwork, spec: Rewarded, hidden: NeuronGroup, outputs: NeuronGroup) -> None:
    """Plastic synapses from `hidden` to `outputs`, which decide in the last step of every presentation."""
    rule, clock = spec.rule, built.clock
    assert rule is not None  # or nothing would be learned
    hidden.run_regularly("summed += filtered", when="start", order=1, clock=clock, name="hidden_sum")
    decay = float(np.exp(-float(spec.dt / spec.readout.tau)))
    hidden.variables.add_constant("trace_decay", decay)
    hidden.run_regularly("filtered *= trace_decay", when="after_synapses", order=2, clock=clock, name="hidden_decay")

    lateral = Synapses(
        outputs, outputs, "", clock=clock, name="lateral", namespace={},
        on_pre={"compare": rule.compare, "pay": rule.pay}, on_event={"compare": "decide", "pay": "decide"},
    )  # fmt: skip
    lateral.connect()
    lateral.compare.order, lateral.pay.order = 10, 11
    readout = Synapses(
        hidden, outputs, "w : 1\nlower : 1 (constant)\nupper : 1 (constant)", clock=clock, name="output_synapses",
        namespace={}, on_pre={"pre": "input_soma_post += w"}, on_post={"learn": rule.change},
        on_event={"pre": "spike", "learn": "decide"},
    )  # fmt: skip
    readout.connect()
    readout.learn.order = 12
    outputs.run_on_event("decide", rule.expect, when="after_synapses", order=3)
    built.net.add(lateral, readout)

    signs = np.zeros(len(hidden)) if spec.signs is None else np.asarray(spec.signs)
    per_synapse = np.repeat(signs, len(outputs))
    for name, values in (
        ("w", np.ascontiguousarray(spec.w_output.T, dtype=float).ravel()),
        ("lower", np.where(per_synapse > 0, 0.0, -np.inf)),
        ("upper", np.where(per_synapse < 0, 0.0, np.inf)),
    ):
        built.constants[f"output_synapses.{name}"] = (readout.variables[name], values)
    for name, value in (
        ("choice_gain", rule.gain),
        ("rate", rule.learning_rate),
        ("expectation_rate", rule.expectation_rate),
    ):
        built.constants[f"outputs.{name}"] = (outputs.variables[name], np.array([float(value)]))
    built.constants["outputs.expected"] = (outputs.variables["expected"], np.full(len(outputs), 1 / len(outputs)))
    for name in ("target", "learning"):
        built.changing[name] = outputs.variables[name]
    built.lasting |= {"w": readout.variables["w"], "expected": outputs.variables["expected"]}
    built.vectors |= {"w": readout.variables["w"], "reward": outputs.variables["reward"]}
