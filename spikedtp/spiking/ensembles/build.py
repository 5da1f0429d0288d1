"""Ensembles of bursting cells in Brian2, where one presentation is a sample: a prediction, and then the teacher.

Order of a time step: somata and dendrites of all units move on; cells fire, and it is drawn which events are bursts;
events arrive at the layer above and bursts at the layer below; averages and traces move on, and synapses learn.
All cells of a unit share its somatic and dendritic input. Every sample begins at rest; weights and biases go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from brian2 import Clock, Network, NeuronGroup, Quantity

from spikedtp.plasticity.burst_rates import SMALL, BurstpropRates
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.operations import give_to_units, run_when
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.parts.relay import spike_relay
from spikedtp.spiking.parts.tables import mean_of_units, raster_table
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["Plan", "build_ensembles"]

UNITS = """
    z : 1
    u : 1
    activity : 1
    p_burst : 1
    trace : 1
    event_rate : 1
    burst_rate : 1
    signal : 1
    teaching : 1
    votes : 1
    x : 1
    target : 1
    bias : 1
    """
CELLS = """
    activity : 1
    left : 1
    event : 1
    burst : 1
    """
#: What the activity of a unit is.
ACTIVITIES = {"input": "x", "hidden": "clip(exp(z), 0, highest)", "output": "clip(exp(z - inhibition), 0, highest)"}


@dataclass(frozen=True)
class Plan:
    """What to build: arrays and constants. Times are in seconds.

    Attributes
    ----------
    rule : BurstpropRates
    weights, biases, feedback : lists of arrays
        As `BurstpropNetwork` has them.
    cells : int
        Of each unit.
    rate : float
        Of a cell of a unit whose event rate is 1, in Hz.
    unit : float
        The time that is 1 in `rule`.
    dt : Quantity (second)
    """

    rule: BurstpropRates
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    feedback: list[np.ndarray]
    cells: int
    rate: float
    unit: float
    dt: Quantity

    @property
    def sizes(self) -> list[int]:
        return [self.weights[0].shape[1], *(len(w) for w in self.weights)]

    def steps(self, time: float) -> float:
        """Time steps of a time of the rule."""
        return time * self.unit / float(self.dt)

    @property
    def n_prediction(self) -> int:
        return round(self.steps(self.rule.prediction))

    @property
    def n_steps(self) -> int:
        return self.n_prediction + round(self.steps(self.rule.teaching))

    @property
    def chance(self) -> float:
        """Of an event of a cell in a step, at an event rate of 1."""
        return self.rate * float(self.dt)


def build_ensembles(plan: Plan) -> BuiltNetwork:
    """Create the network on the active Brian2 device."""
    clock, sizes = Clock(plan.dt, name="ensembles_clock"), plan.sizes
    kinds = ["input", *["hidden"] * (len(sizes) - 2), "output"]
    task = _group(1, "learns : 1\ninhibition : 1", "task", clock)
    units = [_group(n, UNITS, f"units{k}", clock) for k, n in enumerate(sizes)]
    cells = [_cells(plan, n, k, clock) for k, n in enumerate(sizes)]
    net = Network(task, *units, *cells, name="ensembles_network")
    built = BuiltNetwork(net, clock, plan.n_steps, start=partial(_start, task, units), precision=np.float64)
    for k, kind in enumerate(kinds):
        _move(plan, kind, units[k], task)
        _fire(plan, units[k], cells[k], net)
        _count(plan, kind, units[k], cells[k])
    back = [
        spike_relay(group, "burst > 0", name=f"bursts{k}", order=2, refers={"burst": group}) if k > 1 else None
        for k, group in enumerate(cells)
    ]
    net.add(*filter(None, back))
    for k, w in enumerate(plan.weights):
        gain = 1 / (plan.cells * plan.chance * plan.steps(plan.rule.tau_z))
        forward = DenseSynapses(
            units[k], units[k + 1], "z", gain=repr(gain), spikers=cells[k], clock=clock, name=f"forward{k}"
        )
        forward.learn("w += teaching_post*trace_pre", at=f"t_in_timesteps >= {plan.n_prediction}", when="end", order=1)
        net.add(forward)
        built.constants[f"forward{k}.w"] = (forward.variables["w"], forward.flat(w))
        built.constants[f"bias{k}"] = (units[k + 1].variables["bias"], np.asarray(plan.biases[k], dtype=float))
        built.lasting |= {f"w{k}": forward.variables["w"], f"bias{k}": units[k + 1].variables["bias"]}
    for k, b in enumerate(plan.feedback, start=1):
        gain = plan.rule.beta / (plan.cells * plan.chance * plan.steps(plan.rule.tau_u))
        feedback = DenseSynapses(
            units[k + 1], units[k], "u", gain=repr(gain), spikers=back[k + 1], clock=clock, name=f"feedback{k}"
        )
        net.add(feedback)
        built.constants[f"feedback{k}.w"] = (feedback.variables["w"], feedback.flat(b))
    gain = 1 / (plan.cells * plan.chance * plan.steps(plan.rule.tau_z))
    pool = DenseSynapses(
        units[-1], task, "inhibition", gain=repr(gain), spikers=cells[-1], clock=clock, name="competition"
    )
    net.add(pool)
    built.constants["competition.w"] = (pool.variables["w"], pool.flat(1.0))
    net.add(*(each for group in (task, *units, *cells) for each in group.contained_objects))
    built.changing |= {"x": units[0].variables["x"], "target": units[-1].variables["target"]}
    built.changing["learns"] = task.variables["learns"]
    built.vectors |= {f"votes{k}": group.variables["votes"] for k, group in enumerate(units[1:])}
    return built


def _group(n: int, equations: str, name: str, clock: Clock) -> NeuronGroup:
    return NeuronGroup(n, equations, clock=clock, name=name, namespace={}, codeobj_class=code_object_class())


def _cells(plan: Plan, n: int, k: int, clock: Clock) -> NeuronGroup:
    """Escape-rate cells: an event comes when the summed rate has used up an exponential draw."""
    cells = NeuronGroup(
        n * plan.cells, CELLS, threshold="left < 0",
        reset=f"left += exponential()\nevent = 1\nburst = int(rand() < p_of_unit(0, i//{plan.cells}))", clock=clock,
        name=f"cells{k}", namespace=dict(RANDOM_NUMBERS), codeobj_class=code_object_class(),
    )  # fmt: skip
    cells.resetter["spike"].when, cells.resetter["spike"].order = "thresholds", 1
    return cells


def _move(plan: Plan, kind: str, units: NeuronGroup, task: NeuronGroup) -> None:
    """Somata and dendrites of units, at the start of a step."""
    units.variables.add_reference("inhibition", task, "inhibition", index="0")
    units.variables.add_reference("learns", task, "learns", index="0")
    rule, z, u = plan.rule, 1 / plan.steps(plan.rule.tau_z), 1 / plan.steps(plan.rule.tau_u)
    p = "1/(1 + exp(-u))"
    if kind == "output":
        p = (
            f"0.5 + 0.5*int(t_in_timesteps >= {plan.n_prediction})*int(learns > 0)"
            f"*tanh({rule.gain!r}*(target - event_rate)/(event_rate + {SMALL!r}))"
        )
    # what arrived in the last step has its whole effect now, and decays after it
    code = f"activity = {ACTIVITIES[kind]}\np_burst = {p}\nz += {z!r}*(bias - z)\nu -= {u!r}*u"
    units.run_regularly(
        code.replace("highest", repr(1 / plan.chance)), when="start", order=1, name=f"{units.name}_move"
    )
    if kind == "output":
        task.run_regularly(f"inhibition -= {z!r}", when="start", order=2, name="competition_ends")


def _fire(plan: Plan, units: NeuronGroup, cells: NeuronGroup, net: Network) -> None:
    blocks = [(0, units.N, 0, plan.cells)]
    net.add(
        give_to_units(
            units, "activity", cells, blocks, name=f"{cells.name}_activity", when="start", order=3, clock=cells.clock
        ),
        run_when(
            cells, "t_in_timesteps == 0", "left = exponential()", name=f"{cells.name}_begin", when="start", order=0
        ),
    )
    code = f"left -= {plan.chance!r}*activity\nevent = 0\nburst = 0"
    cells.run_regularly(code, when="groups", name=f"{cells.name}_move")
    cells.namespace["p_of_unit"] = raster_table("p_of_unit", units.variables["p_burst"], units.N, 1)


def _count(plan: Plan, kind: str, units: NeuronGroup, cells: NeuronGroup) -> None:
    """Rates of this step, averages and traces, and what the step teaches; spikes have arrived by then."""
    rule, avg, z = plan.rule, 1 / plan.steps(plan.rule.tau_avg), 1 / plan.steps(plan.rule.tau_z)
    for what in ("event", "burst"):
        name = f"{what}s_of_{units.name}"
        units.namespace[name] = mean_of_units(name, cells.variables[what], 0, plan.cells)
    events, bursts = (f"{what}s_of_{units.name}(i)/{plan.chance!r}" for what in ("event", "burst"))
    learn = rule.rate_of(plan.steps(1.0)) * (rule.hidden_rate if kind == "hidden" else 1.0)
    high = f" - {rule.homeostasis!r}*clip(1 - {rule.e_max!r}/clip(event_rate, {rule.e_max!r}, inf), 0, 1)"
    taught = f"int(t_in_timesteps >= {plan.n_prediction})*learns*{learn!r}"
    code = f"""
        _events = {events}
        _bursts = {bursts}
        signal = _bursts - _events*(burst_rate + {SMALL / 2!r})/(event_rate + {SMALL!r})
        teaching = {taught}*(signal{high if kind == "hidden" else ""})
        bias += {taught}*signal
        event_rate += {avg!r}*(_events - event_rate)
        burst_rate += {avg!r}*(_bursts - burst_rate)
        trace += {z!r}*(_events - trace)
        votes += _events*int(t_in_timesteps >= {plan.n_prediction // 2})*int(t_in_timesteps < {plan.n_prediction})
        """
    if kind == "input":
        code = "\n".join(line for line in code.splitlines() if "_events = " in line or "trace" in line)
    units.run_regularly(code, when="end", order=0, name=f"{units.name}_count")


def _start(task: NeuronGroup, units: list[NeuronGroup]) -> None:
    task.state("inhibition")[:] = 0
    for group in units:
        for name in ("z", "u", "trace", "event_rate", "burst_rate", "votes"):
            group.state(name)[:] = 0
