"""The synapses of a network that learns by e-prop: traces and gradients in each step, the optimizer after the last."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from brian2 import NeuronGroup, Synapses

from spikedtp.plasticity import EProp
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.eprop.task import Task
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["INTO_CELLS", "OF_OUTPUTS", "learn_in_cells", "learn_in_outputs"]

#: Slots of a time step: read-outs and errors; then the synapses onto the cells.
OF_OUTPUTS, INTO_CELLS = "after_resets", "end"


def learn_in_cells(
    task: Task, built: BuiltNetwork, source: NeuronGroup, cells: NeuronGroup, name: str, weights: np.ndarray
) -> None:
    """Plastic synapses onto the recurrent cells. Spikes of `source` arrive before the cells take their step.

    What a cell has fired then is still that of the last step; at the start of an interval that is nothing.
    """
    numbers = _numbers(task) | {
        "zeta": task.network.at.zeta,
        "rho": task.network.at.rho,
        "kappa": task.network.at.kappa,
    }
    synapses = DenseSynapses(
        source, cells, onto="drive", gain="zeta*int(t_in_timesteps > 0)", when="before_groups", clock=built.clock,
        parameters=dict.fromkeys((*numbers, "step_size")), name=f"{name}_synapses",
    )  # fmt: skip
    built.net.add(synapses)
    adapts, regular = bool(task.network.beta.any()), task.network.rule.c_reg > 0
    states = ["filtered", *(["eps"] if adapts else []), *(["eligible"] if regular else [])]
    lasting = ["w", "gradient", *_moments(task.network.rule)]
    for state in (*states, *lasting[1:]):
        synapses.variables.add_array(state, size=synapses.stop, dtype=np.float64)
    synapses.learn("\n".join(f"{state} = 0" for state in states), at="t_in_timesteps == 0", when="start")
    step = [
        "now = psi_post*(trace_pre - beta_post*eps)\neps = rho*eps + now" if adapts else "now = psi_post*trace_pre",
        "filtered = kappa*filtered + (1 - kappa)*now",
        "gradient += learning_signal_post*filtered",
    ]
    ends = f"t_in_timesteps == {task.n_steps - 1}"
    synapses.learn("\n".join(step + ["eligible += now"] * regular), at="True", when=INTO_CELLS, order=2)
    if regular:
        synapses.learn("gradient += too_often_post*eligible", at=ends, when=INTO_CELLS, order=3)
    updates = f"{ends} and step_size >= 0"
    synapses.learn(_optimizer(task.network.rule, "step_size"), at=updates, when=INTO_CELLS, order=4)
    if source is cells:
        synapses.zero_diagonal(at=updates, when=INTO_CELLS, order=5)
    built.changing[f"{name}.step_size"] = synapses.variables["step_size"]
    _keep(built, synapses, name, lasting, {"w": synapses.flat(weights), **numbers})


def learn_in_outputs(task: Task, built: BuiltNetwork, cells: NeuronGroup, outputs: NeuronGroup) -> None:
    """Plastic synapses onto the read-outs, which hear the spikes of the same step, and the way back of their errors."""
    adaptive, numbers = task.network.feedback == "adaptive", _numbers(task)
    lasting = ["w", "gradient", *_moments(task.network.rule), "b"]
    update = f"before = w\n{_optimizer(task.network.rule, 'step_size_post')}"
    if adaptive:
        numbers["feedback_decay"] = task.network.rule.feedback_decay
        update += "\nb = (b + w - before)*(1 - feedback_decay)\nw = w*(1 - feedback_decay)"
    shared = "".join(f"\n{name} : 1 (shared, constant)" for name in numbers)
    synapses = Synapses(
        cells, outputs, "\n".join(f"{name} : 1" for name in lasting) + shared, on_pre="drive_post += zeta_out_pre*w",
        on_post={"update": update}, on_event={"pre": "spike", "update": "update"}, clock=built.clock,
        name="out_synapses", namespace={},
    )  # fmt: skip
    synapses.connect()
    synapses.update.when, synapses.update.order = INTO_CELLS, 4
    back = "w" if task.network.feedback == "symmetric" else "b"
    synapses.run_regularly(
        f"learning_signal_pre += {back}*error_post\ngradient += error_post*out_trace_pre",
        when=OF_OUTPUTS, order=3, clock=built.clock, name="out_step",
    )  # fmt: skip
    built.net.add(synapses)
    if task.network.rule.loss == "cross_entropy":
        others = Synapses(outputs, outputs, clock=built.clock, name="softmax", namespace={})
        others.connect()
        others.run_regularly(
            "mass_post += exp(u_pre - u_post)", when=OF_OUTPUTS, order=1, clock=built.clock, name="softmax_sum"
        )
        built.net.add(others)
    flat = {"w": np.ascontiguousarray(task.network.w_out.T).ravel(), "b": np.ascontiguousarray(task.network.b).ravel()}
    _keep(built, synapses, "out", lasting, {**flat, **numbers})
    if adaptive:
        built.vectors["b"] = synapses.variables["b"]


def _moments(rule: EProp) -> list[str]:
    return ["moment_1", "moment_2"] if rule.optimizer == "adam" else []


def _numbers(task: Task) -> dict[str, float]:
    """The constants of the optimizer."""
    rule, wanted = task.network.rule, ["beta_1", "beta_2", "epsilon"] if task.network.rule.optimizer == "adam" else []
    wanted += [name for name in ("w_min", "w_max") if getattr(rule, name) is not None]
    return {"share": task.gradient_share} | {name: float(getattr(rule, name)) for name in wanted}


def _optimizer(rule: EProp, step_size: str) -> str:
    """`EProp.descend` as code of a synapse."""
    code = [f"changed = w - {step_size}*share*gradient"]
    if rule.optimizer == "adam":
        code = [
            "moment_1 = beta_1*moment_1 + (1 - beta_1)*share*gradient",
            "moment_2 = beta_2*moment_2 + (1 - beta_2)*(share*gradient)**2",
            f"changed = w - {step_size}*moment_1/(sqrt(moment_2) + epsilon)",
        ]
    low, high = ("-inf" if rule.w_min is None else "w_min"), ("inf" if rule.w_max is None else "w_max")
    limited = rule.w_min is not None or rule.w_max is not None
    return "\n".join([*code, f"w = clip(changed, {low}, {high})" if limited else "w = changed", "gradient = 0"])


def _keep(
    built: BuiltNetwork, synapses: DenseSynapses | Synapses, name: str, lasting: list[str],
    values: Mapping[str, np.ndarray | float],
) -> None:  # fmt: skip
    """What the synapses begin with, what lasts from one interval to the next, and weights after each of them."""
    for key, value in values.items():
        given = np.atleast_1d(np.asarray(value, dtype=float))
        built.constants[f"{name}_synapses.{key}"] = (synapses.variables[key], given)
    built.lasting |= {f"{name}.{key}": synapses.variables[key] for key in lasting}
    built.vectors[f"w_{name}"] = synapses.variables["w"]
