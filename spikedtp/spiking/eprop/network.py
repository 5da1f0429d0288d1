"""E-prop in Brian2: each synapse keeps its own traces and sees its two cells. An update interval is one presentation.

Order of a time step: inputs fire; spikes of inputs, and of the cells' last step, arrive; cells step and fire; read-outs
step with these spikes; errors go back; synapses of the cells take their step; after the last step, the optimizer's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor

from spikedtp.plasticity.eprop import PSEUDO_DERIVATIVES
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.eprop.learning import INTO_CELLS, OF_OUTPUTS, learn_in_cells, learn_in_outputs
from spikedtp.spiking.eprop.result import EPropResult
from spikedtp.spiking.eprop.task import PROJECTIONS, Task
from spikedtp.spiking.parts.tables import raster_table

__all__ = ["build_eprop", "run_network"]

CELLS = """
    v : 1
    adaptation : 1
    psi : 1
    learning_signal : 1
    drive : 1
    fired : 1
    resting : 1
    n_spikes : 1
    trace : 1
    out_trace : 1
    too_often : 1
    beta : 1 (constant)
    height : 1 (shared, constant)
    width : 1 (shared, constant)
    v_threshold : 1 (shared, constant)
    refractory_steps : 1 (shared, constant)
    c_reg : 1 (shared, constant)
    target_rate : 1 (shared, constant)
    alpha : 1 (shared, constant)
    rho : 1 (shared, constant)
    kappa : 1 (shared, constant)
    zeta : 1 (shared, constant)
    zeta_out : 1 (shared, constant)
    threshold_now = v_threshold + beta*adaptation : 1
    """
CELL_STEP = """
    resting = clip(resting - 1, 0, inf)
    v = alpha*v + drive - v_threshold*fired
    adaptation = rho*adaptation + fired
    x = (v - threshold_now)/width
    psi = int(resting < 0.5)*height*{pseudo_derivative}
    trace = alpha*trace + zeta*fired
    drive = 0
    fired = 0
    """
OUTPUTS = """
    u : 1
    drive : 1
    mass : 1
    y : 1
    error : 1
    loss : 1
    kappa : 1 (shared, constant)
    step_size : 1 (shared, constant)
    """
#: The last line of each step: the error, and what the step adds to the loss.
ERRORS = {
    "mean_squared_error": "y = u\nerror = inside*(y - wanted)\nloss += 0.5*error**2/n_outputs",
    "cross_entropy": "y = 1/mass\nerror = inside*(y - wanted)\nloss += inside*wanted*log(mass)/n_window",
}


def run_network(task: Task, record: tuple[str, ...], device: str) -> EPropResult:
    """Run every interval of `task` on `device`; the recorded variables are named by `record`."""
    n, last = len(task.x), np.arange(1, len(task.x) + 1) % task.batch_size == 0
    sizes = np.where(last, [task.network.rule.step_size(k // task.batch_size + 1) for k in range(n)], -1.0)
    patterns = {"spikes": task.x, "target": task.target}
    never = np.full(n, -1.0)
    patterns |= {f"{name}.step_size": sizes if name in task.network.learns else never for name in PROJECTIONS}
    data = RunInputs(patterns, np.arange(n), np.zeros(n, dtype=np.int64))
    one = replace(task, x=task.x[:1], target=task.target[:1])  # the network is the same for any number of intervals
    results = run_on(device, partial(build_eprop, one, record), data)
    raster = np.zeros((*task.x.shape[:2], len(task.network.w_rec)), dtype=bool)
    events, counts = results.spikes["cells"]
    raster[np.repeat(np.arange(n), counts), events[:, 0], events[:, 1]] = True
    weights = {}
    for name, start in (("in", task.network.w_in), ("rec", task.network.w_rec), ("out", task.network.w_out)):
        kept = results.vectors[f"w_{name}"][last]
        rows = kept.reshape(len(kept), start.shape[1], -1)[..., : len(start)]
        weights[name] = np.concatenate([start[None], rows.swapaxes(1, 2)])
    b = (
        results.vectors["b"][-1].reshape(task.network.b.shape)
        if task.network.feedback == "adaptive"
        else task.network.b
    )
    if task.network.feedback == "symmetric":
        b = weights["out"][-1].T
    losses = results.vectors["loss"].sum(axis=1)
    recorded = {name: results.traces[name] for name in record}
    return EPropResult(
        raster, results.traces["y"], losses, weights["in"], weights["rec"], weights["out"], b, task.network.dt,
        recorded, results.timings,
    )  # fmt: skip


def build_eprop(task: Task, record: tuple[str, ...]) -> BuiltNetwork:
    """Create the network of `task` on the active Brian2 device."""
    clock = Clock(task.network.dt, name="eprop_clock")
    inputs, cells, outputs = _inputs(task, clock), _cells(task, clock), _outputs(task, clock)
    groups = (inputs, cells, outputs)
    net = Network(*groups, name="eprop_network")
    built = BuiltNetwork(net, clock, task.n_steps, start=lambda: _start(groups), precision=np.float64)
    built.changing |= {"spikes": inputs.variables["spike_table"], "target": outputs.variables["target_table"]}
    built.changing["out.step_size"] = outputs.variables["step_size"]
    _constants(task, built, groups)
    learn_in_cells(task, built, inputs, cells, "in", task.network.w_in)
    learn_in_cells(task, built, cells, cells, "rec", task.network.w_rec)
    learn_in_outputs(task, built, cells, outputs)
    built.vectors["loss"] = outputs.variables["loss"]
    built.spikes["cells"] = SpikeMonitor(cells, name="cell_spikes")
    net.add(built.spikes["cells"])
    for group, names in ((outputs, ("y",)), (cells, record)):
        for name in names:
            monitor = StateMonitor(group, name, record=True, when="end", order=20, clock=clock, name=f"{name}_trace")
            built.traces[name] = (monitor, name)
            net.add(monitor)
    net.add(*(each for group in groups for each in group.contained_objects))
    return built


def _inputs(task: Task, clock: Clock) -> NeuronGroup:
    n = task.network.w_in.shape[1]
    inputs = NeuronGroup(
        n, "trace : 1\nalpha : 1 (shared, constant)\nzeta : 1 (shared, constant)",
        threshold="given_spike(t_in_timesteps, i) > 0", reset="", clock=clock, name="inputs", namespace={},
    )  # fmt: skip
    inputs.thresholder["spike"].when = "start"
    inputs.variables.add_array("spike_table", size=task.n_steps * n, dtype=bool)
    inputs.namespace["given_spike"] = raster_table("given_spike", inputs.variables["spike_table"], n, task.n_steps)
    step = "trace = alpha*trace + zeta*given_spike(t_in_timesteps, i)"
    inputs.run_regularly(step, when="groups", clock=clock, name="inputs_step")
    return inputs


def _cells(task: Task, clock: Clock) -> NeuronGroup:
    cells = NeuronGroup(
        len(task.network.w_rec), CELLS, threshold="v >= threshold_now and resting < 0.5",
        reset="fired = 1\nn_spikes += 1\nresting = refractory_steps", clock=clock, name="cells", namespace={},
    )  # fmt: skip
    pseudo = PSEUDO_DERIVATIVES[task.network.rule.pseudo_derivative].code
    cells.run_regularly(CELL_STEP.format(pseudo_derivative=pseudo), when="groups", clock=clock, name="cells_step")
    forget = "out_trace = kappa*out_trace + zeta_out*fired\nlearning_signal = 0"
    cells.run_regularly(forget, when="after_resets", order=0, clock=clock, name="cells_traces")
    share = (
        f"too_often = int(t_in_timesteps == {task.n_steps - 1})*c_reg*(n_spikes/{task.n_steps} - target_rate)"
        f"/{task.n_steps}"
    )
    cells.run_regularly(share, when=INTO_CELLS, order=1, clock=clock, name="cells_regularisation")
    return cells


def _outputs(task: Task, clock: Clock) -> NeuronGroup:
    n = len(task.network.w_out)
    updates = {"update": f"t_in_timesteps == {task.n_steps - 1} and step_size >= 0"}
    outputs = NeuronGroup(n, OUTPUTS, events=updates, clock=clock, name="outputs", namespace={})
    outputs.variables.add_array("target_table", size=task.n_steps * n, dtype=np.float64)
    outputs.namespace["given_target"] = raster_table("given_target", outputs.variables["target_table"], n, task.n_steps)
    outputs.run_regularly(
        "u = kappa*u + drive\ndrive = 0\nmass = 0", when=OF_OUTPUTS, order=0, clock=clock, name="outputs_step"
    )
    error = (
        ERRORS[task.network.rule.loss].replace("n_outputs", str(float(n))).replace("n_window", str(float(task.window)))
    )
    inside = f"inside = int(t_in_timesteps >= {task.n_steps - task.window})\nwanted = given_target(t_in_timesteps, i)\n"
    outputs.run_regularly(inside + error, when=OF_OUTPUTS, order=2, clock=clock, name="outputs_error")
    return outputs


def _constants(task: Task, built: BuiltNetwork, groups: tuple[NeuronGroup, ...]) -> None:
    rule, at = task.network.rule, task.network.at
    values = at._asdict() | {
        "height": rule.height, "width": rule.width, "v_threshold": rule.v_threshold, "c_reg": rule.c_reg,
        "refractory_steps": at.refractory, "target_rate": at.target, "beta": task.network.beta,
    }  # fmt: skip
    for group in groups:
        for name in values.keys() & set(group.variables):
            built.constants[f"{group.name}.{name}"] = (
                group.variables[name], np.array(values[name], dtype=float, ndmin=1)
            )  # fmt: skip


def _start(groups: tuple[NeuronGroup, ...]) -> None:
    """All states to 0, where every interval begins."""
    for group in groups:
        for equation in group.user_equations.values():
            if equation.type == "parameter" and "constant" not in equation.flags:
                group.state(equation.varname, use_units=False)[:] = 0
