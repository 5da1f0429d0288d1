"""The XOR network of Burstprop in Brian2: five populations of cells, where one presentation is one example.

An example lasts 80,000 time steps of 0.1 ms. In the first nine tenths there is a prediction and no learning; then the
outputs hear a teacher in their dendrites, and all synapses between cells learn. The network goes on from one example to
the next, without a pause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from brian2 import Clock, Hz, Network, NeuronGroup, Quantity, ms, pA, prefs, second

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import BurstPoisson
from spikedtp.plasticity import Burstprop
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.operations import run_when
from spikedtp.synapses import (
    BackgroundInput,
    BurstDetector,
    BurstpropSynapses,
    DenseSynapses,
    burst_learners,
    burst_senders,
)

__all__ = ["EXAMPLES", "POPULATIONS", "WINDOWS", "Xor", "build_xor", "first_state"]

DT = 0.1 * ms
POPULATIONS = ("input1", "input2", "hidden1", "hidden2", "output")
#: Inputs and target, in the order in which they are shown.
EXAMPLES = ((0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0))
#: Parts of an example in which spikes are counted: name -> from which to which part of it.
WINDOWS = {"first": (0.0, 0.5), "late": (0.5, 0.9), "taught": (0.9, 1.0)}
ON, OFF = 150.0, -350.0  # pA into the somata of an input population
#: From the weight of excitation on: rate (Hz), and excitatory and inhibitory weight of the noise at somata.
NOISE = {"input": (500, 0.35, 0.35), "hidden": (150, 0.385, 0.49), "output": (150, 0.35, 0.35)}
DENDRITE_NOISE = (500, 0.05, 0.05)
EXCITATION, INHIBITION = 0.234, 0.25
#: Feedback onto the dendrites of both hidden populations: excitatory and inhibitory weights.
FEEDBACK = ((0.26, 0.06), (0.026, 0.27))
FEWEST = 100  # cells: with fewer, not enough of them are inputs of a cell


@dataclass(frozen=True)
class Xor:
    """Settings of the network.

    Attributes
    ----------
    n : int
        Cells of each population. A cell hears 100 of each population, whatever n is.
    example : Quantity (second)
    tau_avg : Quantity (second)
        Of the averages of events and bursts.
    rates : (float, float)
        Learning rates of hidden and of output cells.
    """

    n: int = 500
    example: Quantity = field(default_factory=lambda: 8 * second)
    tau_avg: Quantity = field(default_factory=lambda: 2 * second)
    rates: tuple[float, float] = (8e-3, 4e-3)

    def __post_init__(self) -> None:
        if self.n < FEWEST:
            raise SpikedtpError(
                f"an ensemble of {self.n} cells is too small for a population rate, as each cell hears {FEWEST} of "
                f"them: use at least {FEWEST}"
            )

    @property
    def p(self) -> float:
        """Probability of a connection."""
        return min(1.0, FEWEST / self.n)

    @property
    def n_steps(self) -> int:
        return round(float(self.example / DT))

    def step_of(self, part: float) -> int:
        return round(part * self.n_steps)

    def rule(self, rate: float) -> Burstprop:
        return Burstprop(learning_rate=rate, tau_x=100 * ms, tau_avg=self.tau_avg, e_min=2 * Hz, e_max=10 * Hz)


#: The task of one example.
TASK = ("drive_1", "drive_2", "target", "learns", "teaches")
COUNTS = tuple(f"{kind}s_{window}" for window in WINDOWS for kind in ("event", "burst"))


def blocks(n: int, values: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """(populations n, populations n) from one value for each pair of populations."""
    return np.kron(np.array(values), np.ones((n, n)))


def first_state(model: Xor, seed: int) -> dict[str, np.ndarray]:
    """Everything that lasts, before the first example, and the connections, which are drawn."""
    rng, n = np.random.default_rng([seed, 17]), model.n

    def drawn(n_post: int, n_pre: int) -> np.ndarray:
        return rng.random((n_post * n, n_pre * n)) < model.p

    masks = {"to_hidden": drawn(2, 2), "to_output": drawn(1, 2)}
    fixed = {"inhibit_hidden": INHIBITION * drawn(2, 2), "inhibit_output": INHIBITION * drawn(1, 2)}
    for k, name in enumerate(("feedback_exc", "feedback_inh")):
        fixed[name] = drawn(2, 1) * blocks(n, tuple((weights[k],) for weights in FEEDBACK))
    start = rng.normal(-70e-3, 5e-3, n)  # the same in every population, as in the original
    return {
        **{f"{name}.mask": mask for name, mask in masks.items()},
        **{f"{name}.weights": EXCITATION * mask for name, mask in masks.items()},
        **{f"{name}.weights": weights for name, weights in fixed.items()},
        "cells.v_soma": np.tile(start, len(POPULATIONS)),
    }


def build_xor(model: Xor, state: dict[str, np.ndarray]) -> BuiltNetwork:
    """Create the network on the active Brian2 device. All real variables have single precision, as in the original."""
    prefs.core.default_float_dtype = np.float32
    n, clock, single = model.n, Clock(DT, name="xor_clock"), {"dtype": np.float32}
    task = NeuronGroup(
        1,
        "\n".join(f"{name} : 1 (shared)" for name in TASK),
        clock=clock,
        name="task",
        namespace={},
        codeobj_class=code_object_class(),
    )
    more = "i_bias : amp\nread : Hz\n" + "\n".join(f"{name} : 1" for name in COUNTS)
    cells = BurstPoisson().group(
        5 * n, equations=more, clock=clock, name="cells", codeobj_class=code_object_class(), **single
    )
    for name in TASK:
        cells.variables.add_reference(name, task, index="0")
    parts = {name: cells[k * n : (k + 1) * n] for k, name in enumerate(POPULATIONS)}
    rules = {name: model.rule(rate) for name, rate in zip(("hidden", "output"), model.rates, strict=True)}
    rule = rules["hidden"]  # of traces and averages, which both share
    sent = BurstDetector(cells, t_axon=rule.t_axon, name="sent", **single)
    seen = BurstDetector(cells, name="seen", **single)
    senders = burst_senders(sent, rule, name="senders", **single)
    learners = burst_learners(seen, rule, name="learners", **single)
    _count(model, seen.spikes, cells)
    objects = [task, cells, *parts.values(), *sent.groups, seen.spikes, senders, learners]
    for population, weights in NOISE.items():
        start, stop = {"input": (0, 2), "hidden": (2, 4), "output": (4, 5)}[population]
        objects += _noise(cells[start * n : stop * n], "soma", weights, population)
    objects += _noise(cells, "dend", DENDRITE_NOISE, "dendrite")
    synapses = _synapses(cells, sent, senders, learners, rules, state, model)
    net = Network(*objects, *synapses.values(), name="xor_network")
    net.add(*_steps(model, task, cells, learners))

    detecting = (sent.spikes, seen.spikes, senders, learners)
    built = BuiltNetwork(net, clock, model.n_steps, start=partial(_start, model, cells, detecting))
    built.changing |= {name: task.variables[name] for name in TASK}
    built.vectors |= {"read": cells.variables["read"]} | {name: cells.variables[name] for name in COUNTS}
    for group in (cells, *detecting):
        for name, variable in _lasting(group).items():
            built.lasting[f"{group.name}.{name}"] = variable
    built.lasting |= {f"{name}.w": synapses[name].variables["w"] for name in ("to_hidden", "to_output")}
    _first_values(built, model, state, synapses, cells, learners)
    return built


def _noise(target: Any, compartment: str, noise: tuple[float, float, float], name: str) -> list[Any]:
    rate, *weights = noise
    return [
        BackgroundInput(target, f"g_{kind}_{compartment}", rate * Hz, weight, name=f"noise_{kind}_{name}")
        for kind, weight in zip(("exc", "inh"), weights, strict=True)
    ]


def _synapses(
    cells: Any, sent: Any, senders: Any, learners: Any, rules: dict, state: dict, model: Xor
) -> dict[str, Any]:
    n, plastic = model.n, f"learns > 0 and t_in_timesteps >= {model.step_of(WINDOWS['taught'][0])}"
    inputs, hidden, output = slice(0, 2 * n), slice(2 * n, 4 * n), slice(4 * n, 5 * n)
    found: dict[str, Any] = {}
    for name, pre, post in (("hidden", inputs, hidden), ("output", hidden, output)):
        found[f"to_{name}"] = BurstpropSynapses(
            senders[pre], cells[post], "g_exc_soma", learners=learners, rule=rules[name], plastic=plastic,
            mask=state[f"to_{name}.mask"], dtype=np.float32, name=f"to_{name}",
        )  # fmt: skip
        found[f"inhibit_{name}"] = DenseSynapses(
            sent.events[pre], cells[post], "g_inh_soma", dtype=np.float32, name=f"inhibit_{name}"
        )
    for kind in ("exc", "inh"):
        found[f"feedback_{kind}"] = DenseSynapses(
            sent.bursts[output], cells[hidden], f"g_{kind}_dend", dtype=np.float32, name=f"feedback_{kind}"
        )
    return found


def _count(model: Xor, detected: NeuronGroup, cells: NeuronGroup) -> None:
    """Events and bursts in each window, when they are detected."""
    lines = []
    for window, (begin, end) in WINDOWS.items():
        inside = f"int(t_in_timesteps >= {model.step_of(begin)})*int(t_in_timesteps < {model.step_of(end)})"
        for kind in ("event", "burst"):
            detected.variables.add_reference(f"{kind}s_{window}", cells)
            lines.append(f"{kind}s_{window} += {kind}*{inside}")
    detected.event_codes["spike"] += "\n" + "\n".join(lines)


def _steps(model: Xor, task: NeuronGroup, cells: NeuronGroup, learners: NeuronGroup) -> list[Any]:
    """What happens at the begin of an example, and when the teacher comes: it sees the averages of the learners."""
    n = model.n
    for name in ("read", "i_dend"):
        learners.variables.add_reference(name, cells)
    for name in ("target", "teaches"):
        learners.variables.add_reference(name, task, index="0")
    begin = f"i_soma = (drive_1*int(i < {n}) + drive_2*int(i >= {n} and i < {2 * n}))*pamp\ni_dend = i_bias"
    down = "int(event_rate > 3*Hz)/(10 - clip(event_rate/Hz, 3, 9))"
    up = "int(event_rate < 9*Hz)/(clip(event_rate/Hz, 3, 9) - 2)"
    teach = f"read = event_rate\ni_dend += teaches*int(i >= {4 * n})*1000*pamp*(target*{up} - (1 - target)*{down})"
    taught = f"t_in_timesteps == {model.step_of(0.9)}"
    return [
        run_when(cells, "t_in_timesteps == 0", begin, name="example_begin", when="start"),
        run_when(learners, taught, teach, name="example_teach", when="start"),
    ]


def _lasting(group: NeuronGroup) -> dict[str, Any]:
    own = [
        equation.varname for equation in group.user_equations.values()
        if equation.type in ("differential equation", "parameter") and "shared" not in equation.flags
    ]  # fmt: skip
    passing = {"i_soma", "i_dend", "i_bias", "read", "teaching", *COUNTS}
    return {name: group.variables[name] for name in own if name not in passing}


def _start(model: Xor, cells: NeuronGroup, detecting: tuple[NeuronGroup, ...]) -> None:
    """Everything goes on, but time, which begins again."""
    times = [(cells, "ready"), (cells, "bursts_at"), *((group, "last_spike") for group in detecting)]
    for group, name in times:
        group.state(name).set_item(slice(None), f"{name} - {model.n_steps}", namespace={})
    for name in COUNTS:
        cells.state(name)[:] = 0


def _first_values(
    built: BuiltNetwork, model: Xor, state: dict, synapses: dict[str, Any], cells: Any, learners: Any
) -> None:
    n, resting = model.n, {"cells.v_dend": -70e-3, "cells.w_dend": 0.1e-3, "cells.v_threshold": -50e-3}
    resting |= {"cells.bursts_at": -1, "learners.firing_rate": 0.1}
    detecting = [f"{name}.last_spike" for name in ("sent", "seen", "senders", "learners")]
    resting |= dict.fromkeys(("cells.ready", *detecting), model.n_steps)
    for name, variable in built.lasting.items():
        if not name.endswith(".w"):
            value = state.get(name, np.full(variable.size, resting.get(name, 0)))
            built.constants[name] = (variable, np.asarray(value, dtype=variable.dtype))
    for name, made in synapses.items():
        built.constants[f"{name}.w"] = (made.variables["w"], made.flat(state[f"{name}.weights"]))
        if made.mask is not None:
            built.constants[f"{name}.exists"] = (made.variables["exists"], made.flat(np.ones(made.mask.shape)) != 0)
    bias = np.repeat([0, 0, 0, 500, 400], n) * float(pA)
    built.constants["cells.i_bias"] = (cells.variables["i_bias"], bias.astype(np.float32))
