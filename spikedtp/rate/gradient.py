"""Gradients for the backprop rules: the last settle steps once more in torch, with autograd.

Only the last `backward_steps` steps are differentiated; the state before them is a constant.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import torch

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import LocalBackprop
from spikedtp.rate.phases import Program

__all__ = ["StartingPoint", "activate", "check_backward_steps", "gradients", "needs_gradient", "starting_point"]


def needs_gradient(circuit: Circuit) -> bool:
    """Whether a rule of the circuit is a gradient."""
    rules = [p.rule for p in circuit.projections] + [p.bias_rule for p in circuit.populations]
    return any(rule is not None and rule.needs_gradient for rule in rules)


def check_backward_steps(circuit: Circuit) -> None:
    """Backprop through no step at all would silently learn nothing."""
    if needs_gradient(circuit) and circuit.backward_steps < 1:
        raise SpikedtpError(f"{circuit.name}: backprop rules need training_kwargs.backward_steps of at least 1, got 0")


class StartingPoint(NamedTuple):
    """Where differentiation starts: activities and states by population, `(n,)` or `(n, samples)`, biases, target.

    `past` holds the activities of the steps before, the oldest first, as far back as delays reach; `step` is how many
    steps the network has settled for. `instructed` is 1 for the output cells that are part of the loss, `(n_out,)`.
    """

    circuit: Circuit
    step: int
    past: tuple[dict[str, np.ndarray], ...]
    activity: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]
    target: np.ndarray
    instructed: np.ndarray | None = None


def starting_point(program: Program) -> StartingPoint:
    """Of a program that has just run with a target; copies, so that later runs do not change it."""
    circuit, place = program.circuit, program.store.place
    row = circuit.forward_steps - min(circuit.backward_steps, circuit.forward_steps)
    state = {}
    for population in circuit.populations[1:]:
        layer, first, last = place[population.name]
        state[population.name] = program.saved_state[layer][first:last].copy()
    reach = max((p.lag for p in circuit.projections), default=0)
    past = tuple(
        {p.name: program.activity(p.name, before).copy() for p in circuit.populations}
        for before in range(max(row + 1 - reach, 0), row)
    )
    return StartingPoint(
        circuit,
        row,
        past,
        {p.name: program.activity(p.name, row).copy() for p in circuit.populations},
        state,
        {name: bias.copy() for name, bias in program.store.biases.items()},
        program.target.copy(),
        None if program.instructed is None else program.instructed.reshape(-1).copy(),
    )


def gradients(
    start: StartingPoint, weights: dict[str, np.ndarray], sample: int | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Gradients of one sample, for every projection and every bias that learns by a gradient.

    Parameters
    ----------
    start : StartingPoint
    weights : dict of ndarray
        The weights of the presentation.
    sample : int or None
        Which sample of a batch.

    Returns
    -------
    dict of ndarray, (n_post, n_pre)
        By projection.
    dict of ndarray, (n,)
        By population.
    """
    circuit = start.circuit

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array if sample is None else array[..., sample]))

    matrix = {name: torch.from_numpy(array) for name, array in weights.items()}
    bias = {name: torch.from_numpy(array.copy()) for name, array in start.biases.items()}
    learned = {p.name: p for p in circuit.projections if p.rule is not None and p.rule.needs_gradient}
    learned_biases = [p.name for p in circuit.populations if p.bias_rule is not None and p.bias_rule.needs_gradient]
    for name in learned:
        matrix[name] = matrix[name].detach().requires_grad_()
    for name in learned_biases:
        bias[name].requires_grad_()

    steps = min(circuit.backward_steps, circuit.forward_steps)
    activity = {name: tensor(array) for name, array in start.activity.items()}
    state = {name: tensor(array) for name, array in start.state.items()}
    past = [{name: tensor(array) for name, array in before.items()} for before in start.past]

    def transmitted(p: Projection, step: int) -> torch.Tensor | None:
        """The presynaptic activity that a projection transmits in a step; None where nothing was on its way yet."""
        if p.pre == circuit.input.name:
            return activity[p.pre] if step > p.delay else None
        if not p.lag:
            return activity[p.pre]
        return past[-p.lag][p.pre] if p.lag <= len(past) else None

    for step in range(start.step + 1, start.step + 1 + steps):
        past.append(dict(activity))
        for population in circuit.populations[1:]:
            name = population.name
            change = bias[name] - state[name]
            for p in circuit.inputs(name):
                arriving = transmitted(p, step)
                if p.compartment != "dend" and p.update_phase in "FA" and arriving is not None:
                    change = change + matrix[p.name] @ arriving
            state[name] = state[name] + change / circuit.tau
            activity[name] = activate(population, state[name])

    output, target = activity[circuit.output.name], tensor(start.target)
    if start.instructed is not None:
        part = torch.from_numpy(start.instructed != 0)
        output, target = output[part], target[part]
    found = _differentiate(
        torch.mean((output - target) ** 2),
        [matrix[name] for name, p in learned.items() if p.learned_by.needs_gradient == "output"]
        + [bias[name] for name in learned_biases],
    )
    local_rules = (p.rule for p in learned.values() if p.learned_by.needs_gradient == "dendrite")
    for source in {cast(LocalBackprop, rule).source for rule in local_rules}:
        dendrite = sum(
            matrix[p.name] @ cast(torch.Tensor, transmitted(p, circuit.forward_steps))
            for p in circuit.inputs(source)
            if p.compartment == "dend"
        )
        local = [matrix[name] for name, p in learned.items() if getattr(p.rule, "source", None) == source]
        found |= _differentiate(torch.mean(cast(torch.Tensor, dendrite) ** 2), local)
    return (
        {name: found[id(matrix[name])] for name in learned},
        {name: found[id(bias[name])] for name in learned_biases},
    )


def activate(population: Population, state: torch.Tensor) -> torch.Tensor:
    """Activities from somatic states."""
    if population.activation == "srelu":
        lower, upper = population.activity_bounds
        return (population.slope * state).clamp(
            -torch.inf if lower is None else lower, torch.inf if upper is None else upper
        )
    return torch.relu(state) if population.activation == "relu" else state


def _differentiate(loss: torch.Tensor, leaves: list[torch.Tensor]) -> dict[int, np.ndarray]:
    """Gradients by the leaf's id; zeros where the loss does not depend on it."""
    if not leaves:
        return {}
    if not loss.requires_grad:
        return {id(leaf): np.zeros(tuple(leaf.shape), np.float32) for leaf in leaves}
    results = torch.autograd.grad(loss, leaves, retain_graph=True, allow_unused=True)
    return {
        id(leaf): np.zeros(tuple(leaf.shape), np.float32) if result is None else result.numpy()
        for leaf, result in zip(leaves, results, strict=True)
    }
