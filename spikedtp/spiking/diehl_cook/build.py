"""Diehl & Cook's network in Brian2, where one presentation is an image with its tries.

Order of a time step, Brian2's own: cells step; thresholds; spikes arrive and synapses learn; resets. In the first step
of a try weights are normalised and the spikes of the inputs are drawn, and in the last one it is decided whether
there is another try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, Equations, Network, NeuronGroup, Synapses, ms, mV

from spikedtp.spiking.diehl_cook.settings import Settings
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.given_spikes import draw_spikes, given_spikes
from spikedtp.spiking.parts.operations import run_when
from spikedtp.spiking.rule_synapses.diehl_cook import DiehlCookSynapses
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["LASTING", "Plan", "build_network"]

#: v_rest, v_reset, v_inh (of inhibition; that of excitation is 0), tau, refractory time.
EXCITATORY = -65 * mV, -65 * mV, -100 * mV, 100 * ms, 5 * ms
INHIBITORY = -60 * mV, -45 * mV, -85 * mV, 10 * ms, 2 * ms
#: v_threshold; theta is added to that of excitatory cells.
EXCITATORY_THRESHOLD, INHIBITORY_THRESHOLD = -72 * mV, -40 * mV

CELLS = """
    dv/dt = ((v_rest - v) - ge*v + gi*(v_inh - v))/tau : volt (unless refractory)
    dge/dt = -ge/(1*ms) : 1
    dgi/dt = -gi/(2*ms) : 1
    """
ADAPTING = """
    dtheta/dt = -theta/tau_theta : volt
    dtimer/dt = 1 : second
    count : 1
    """
FIXED = """
    theta : volt
    dtimer/dt = 1 : second
    count : 1
    """
TRY = """
    intensity : 1
    tries : 1
    fired : 1
    again : 1
    """
#: Variables that pass from image to image while the network learns, beside the weights, by the group that has them.
LASTING = {
    "excitatory": ("v", "ge", "gi", "theta", "timer"),
    "inhibitory": ("v", "ge", "gi"),
    "forward": ("_x", "_y1", "_y2"),
}


@dataclass(frozen=True)
class Plan:
    """What to build.

    Attributes
    ----------
    settings : Settings
    weights : (n_cells, n_inputs)
    delays : dict
        Lists of the delays, as the synapses hold them.
    variables : dict
        Those of `LASTING`, as ``excitatory.v``.
    learns : bool
        Whether weights and thresholds change. If not, every image begins at rest, and no time passes between images.
    """

    settings: Settings
    weights: np.ndarray
    delays: dict[str, np.ndarray]
    variables: dict[str, np.ndarray]
    learns: bool

    @property
    def n_steps(self) -> int:
        return self.settings.image_steps + self.learns * self.settings.rest_steps


def build_network(plan: Plan) -> BuiltNetwork:
    """Create the network of `plan` on the active Brian2 device."""
    s = plan.settings
    clock = Clock(s.dt, name="digits_clock")
    one = NeuronGroup(1, TRY, clock=clock, name="tries", namespace={}, codeobj_class=code_object_class())
    inputs = _inputs(s, clock, one)
    excitatory, inhibitory = _excitatory(plan, clock), _inhibitory(s, clock)
    forward = _forward(plan, clock, inputs, excitatory)
    groups = {"excitatory": excitatory, "inhibitory": inhibitory, "forward": forward}
    to_inhibitory = Synapses(
        excitatory, inhibitory, on_pre=f"ge_post += {s.to_inhibitory!r}", clock=clock, name="to_inhibitory",
        namespace={},
    )  # fmt: skip
    to_inhibitory.connect(j="i")
    lateral = DenseSynapses(inhibitory, excitatory, "gi", dtype=np.float32, clock=clock, name="lateral")
    in_time = f"int(t_in_timesteps < {s.image_steps})"
    total = DenseSynapses(excitatory, one, "fired", gain=in_time, clock=clock, name="total")

    net = Network(*groups.values(), inputs, one, to_inhibitory, lateral, total, name="digits_network")
    net.add(*_tries(s, one, plan.n_steps))
    start = _start_learning if plan.learns else _start_resting
    built = BuiltNetwork(net, clock, plan.n_steps, start=lambda: start(groups), precision=np.float64)
    built.again = one.variables["again"]
    built.changing["pixels"] = inputs.variables["pixel"]
    built.vectors |= {"count": excitatory.variables["count"], "tries": one.variables["tries"]}
    built.lasting |= {name: one.variables[name] for name in ("again", "tries", "intensity")}
    names = {f"{group}.{name}": (group, name) for group, names in LASTING.items() for name in names}
    found = {
        full: groups[group].variables[name] for full, (group, name) in names.items() if plan.learns or name == "theta"
    }
    built.constants |= {name: (variable, plan.variables[name]) for name, variable in found.items()}
    built.constants |= {f"forward.{name}": (forward.variables[name], values) for name, values in plan.delays.items()}
    built.constants["forward.w"] = (forward.variables["w"], forward.flat(plan.weights))
    if plan.learns:
        built.lasting |= found | {"forward.w": forward.variables["w"]}
        built.constants |= {
            f"forward.{name}": (forward.variables[name], np.array([value])) for name, value in forward.numbers.items()
        }
    alone = np.ones((s.n_cells, s.n_cells)) - np.eye(s.n_cells)
    built.constants["lateral.w"] = (lateral.variables["w"], lateral.flat(s.to_excitatory * alone))
    built.constants["total.w"] = (total.variables["w"], total.flat(1.0))
    return built


def _inputs(s: Settings, clock: Clock, one: NeuronGroup) -> NeuronGroup:
    inputs = given_spikes(s.n_inputs, s.image_steps, clock=clock, name="inputs")
    inputs.variables.add_array("pixel", size=s.n_inputs, dtype=np.float32)
    inputs.variables.add_reference("intensity", one, "intensity", index="0")
    draw_spikes(inputs, f"pixel*intensity*{float(s.rate * s.dt)!r}", at="t_in_timesteps == 0", n_steps=s.image_steps)
    return inputs


def _stable_step(equations: Equations, variables: Any = None, method_options: Any = None) -> str:
    """Euler's method, but for v, which it would drive out of bounds where many cells inhibit one.

    Between two steps v goes to rest as e^(-x), x = dt (1 + ge + gi)/tau. Euler's 1 - x is below -1 where x is above 2:
    if 24 cells fire at once, cells then fire that were inhibited, and with 1,600 cells all do. 1/(1 + x + x²/2) is as
    near to e^(-x), and never below 0.
    """
    lines = [
        "_total = 1 + ge + gi",
        "_rate = dt*_total/tau",
        "_rest = (v_rest + gi*v_inh)/_total",
        "_v = _rest + (v - _rest)/(1 + _rate + _rate*_rate/2)",
    ]
    others = {name: code for name, code in equations.get_substituted_expressions(variables) if name != "v"}
    lines += [f"_{name} = {name} + dt*({code})" for name, code in others.items()]
    return "\n".join([*lines, "v = _v", *(f"{name} = _{name}" for name in others)])


def _cells(n: int, name: str, clock: Clock, constants: tuple, more: str = "", **options: Any) -> NeuronGroup:
    names = ("v_rest", "v_reset", "v_inh", "tau", "refractory_time")
    namespace = dict(zip(names, constants, strict=True)) | options.pop("namespace")
    return NeuronGroup(
        n, CELLS + more, refractory="refractory_time", method=_stable_step, clock=clock, name=name, namespace=namespace,
        codeobj_class=code_object_class(), **options,
    )  # fmt: skip


def _excitatory(plan: Plan, clock: Clock) -> NeuronGroup:
    s = plan.settings
    wait = s.timer - s.dt / 2  # a sum of time steps is never exact
    names = {"v_threshold": EXCITATORY_THRESHOLD, "wait": wait}
    reset = f"v = v_reset\ntimer = 0*ms\ncount += int(t_in_timesteps < {s.image_steps})"
    if plan.learns:
        names |= {"theta_plus": s.theta_plus, "tau_theta": s.tau_theta}
        reset += "\ntheta += theta_plus"
    return _cells(
        s.n_cells, "excitatory", clock, EXCITATORY, ADAPTING if plan.learns else FIXED,
        threshold="v > v_threshold + theta and timer > wait", reset=reset, namespace=names,
    )  # fmt: skip


def _inhibitory(s: Settings, clock: Clock) -> NeuronGroup:
    return _cells(
        s.n_cells, "inhibitory", clock, INHIBITORY, threshold="v > v_threshold", reset="v = v_reset",
        namespace={"v_threshold": INHIBITORY_THRESHOLD},
    )  # fmt: skip


def _forward(plan: Plan, clock: Clock, inputs: NeuronGroup, excitatory: NeuronGroup) -> DenseSynapses:
    """Synapses whose delays and weights are loaded later: here one has the longest delay, to make room for all."""
    s = plan.settings
    room = np.zeros((s.n_cells, s.n_inputs), dtype=np.int64)
    room[0, 0] = (len(plan.delays["_starts"]) - 1) // s.n_inputs - 1
    options = {"delay_steps": room, "clock": clock, "name": "forward"}
    if not plan.learns:
        forward = DenseSynapses(inputs, excitatory, "ge", **options)
    else:
        forward = DiehlCookSynapses(inputs, excitatory, "ge", rule=s.rule, filled=False, **options)
        forward.normalize_rows(s.weight_sum, at="t_in_timesteps == 0", when="start", order=-1)
    forward.prepare_delays()
    return forward


def _tries(s: Settings, one: NeuronGroup, n_steps: int) -> list:
    begin = (
        f"intensity = {s.intensity!r} + again*(intensity + {s.intensity_step - s.intensity!r})\n"
        "tries = again*tries + 1\nfired = 0"
    )
    end = f"again = int(fired < {s.fewest_spikes} and tries < {s.most_tries})"
    return [
        run_when(one, "t_in_timesteps == 0", begin, name="try_begins", when="start", order=-2),
        run_when(one, f"t_in_timesteps == {n_steps - 1}", end, name="try_ends", when="end"),
    ]


def _start_learning(groups: dict) -> None:
    """Everything goes on, but time, which begins again. By now no cell has been refractory for long."""
    groups["excitatory"].state("count")[:] = 0
    _not_refractory(groups)


def _start_resting(groups: dict) -> None:
    for name, (rest, *_) in (("excitatory", EXCITATORY), ("inhibitory", INHIBITORY)):
        for variable, value in {"v": rest, "ge": 0, "gi": 0}.items():
            groups[name].state(variable, use_units=False)[:] = float(value)
    for variable, value in {"count": 0, "timer": 1e4}.items():
        groups["excitatory"].state(variable, use_units=False)[:] = value
    groups["forward"].forget()
    _not_refractory(groups)


def _not_refractory(groups: dict) -> None:
    for name in ("excitatory", "inhibitory"):
        groups[name].state("lastspike", use_units=False)[:] = -1e4
        groups[name].state("not_refractory", use_units=False)[:] = True
