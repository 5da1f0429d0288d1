"""What backprop would do from a network's weights: a clone of its circuit, and angles between weight changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikedtp.circuit import Circuit, Projection
from spikedtp.plasticity import Backprop, Bounds, Tied
from spikedtp.plasticity.masks import Masked
from spikedtp.rate.gradient import gradients, starting_point
from spikedtp.rate.initial_weights import DrawnWeights, draw_parameters
from spikedtp.rate.phases import Program
from spikedtp.rate.threads import one_thread
from spikedtp.rate.weights import WeightStore

__all__ = [
    "ALL",
    "BackpropClone",
    "angle",
    "backprop_circuit",
    "drives_output",
    "feedback_projections",
    "forward_projections",
    "joined_angles",
]

BACKWARD_STEPS = 3  # of the clone, where the circuit itself differentiates through none
ALL = "all"  # the key of the projections' changes joined into one vector


def forward_projections(circuit: Circuit) -> tuple[Projection, ...]:
    """The learned projections between E populations that drive the soma from the layer below."""
    depth = {layer: k for k, layer in enumerate(circuit.layers)}

    def upward(p: Projection) -> bool:
        post, pre = circuit.population(p.post), circuit.population(p.pre)
        return post.cell == pre.cell == "E" and depth[post.layer] > depth[pre.layer]

    return tuple(p for p in circuit.projections if p.rule is not None and p.compartment != "dend" and upward(p))


def drives_output(circuit: Circuit, projection: Projection, population: str | None = None) -> bool:
    """Whether somas of the output, or of `population`, depend on a projection before the nudge, through any others."""
    reached, waiting = set(), {projection.post} if _before_nudge(projection) else set()
    while waiting:
        reached |= waiting
        waiting = {p.post for p in circuit.projections if p.pre in reached and _before_nudge(p)} - reached
    return (circuit.output.name if population is None else population) in reached


def _before_nudge(projection: Projection) -> bool:
    return projection.compartment != "dend" and projection.update_phase != "B"


def feedback_projections(circuit: Circuit) -> dict[str, str]:
    """Forward projection -> the top-down projection between the same two populations, where there is one."""
    names = {p.name for p in circuit.projections}
    pairs = {p.name: f"{p.pre}_{p.post}" for p in forward_projections(circuit)}
    return {forward: back for forward, back in pairs.items() if back in names}


def backprop_circuit(circuit: Circuit) -> Circuit:
    """The same circuit in which every learned projection uses backprop, at the learning rate that it has.

    Biases stay. A circuit that differentiates through no settle step gets `BACKWARD_STEPS`.
    """
    projections = tuple(
        p if p.rule is None else replace(p, rule=Backprop(p.rule.learning_rate)) for p in circuit.projections
    )
    populations = tuple(replace(p, bias_rule=None) for p in circuit.populations)
    steps = circuit.backward_steps if circuit.backward_steps > 0 else BACKWARD_STEPS
    return replace(circuit, populations=populations, projections=projections, backward_steps=steps)


class BackpropClone:
    """What backprop would do from given weights: one gradient step on the mean loss over some samples.

    Parameters
    ----------
    circuit : Circuit
        Of the network that is compared; the clone's is `backprop_circuit` of it.
    seed : int
        Of the network's fresh weights: receptive fields are drawn with them.
    """

    def __init__(self, circuit: Circuit, *, seed: int = 0):
        self.circuit = backprop_circuit(circuit)
        self.projections = forward_projections(self.circuit)
        self._store = WeightStore(self.circuit, draw_parameters(self.circuit, seed))
        self._programs: dict[int, Program] = {}

    def load(self, weights: dict[str, np.ndarray], biases: dict[str, np.ndarray]) -> None:
        """Take over a network's weights and biases."""
        self._store.load(DrawnWeights(weights, biases, {}))
        if self._store.has_own_values:
            self._programs.clear()

    def gradients(self, x: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """Gradients of the mean loss with respect to the forward projections' weights.

        Parameters
        ----------
        x, target : ndarray, (samples, n_in), (samples, n_out)
        """
        with one_thread():
            program = self._programs.get(len(x))
            if program is None:
                program = self._programs[len(x)] = Program(self._store, len(x), True, False, False)
            program.run(x.T, target.T)
            start = starting_point(program)
            # one column of biases for all samples
            start = start._replace(biases={name: bias[:, None] for name, bias in start.biases.items()})
            found, _ = gradients(start, self._store.weights)
        return {p.name: found[p.name] for p in self.projections}

    def step(self, slopes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What a step down these gradients adds to each forward projection, bounds and constraints included.

        In float64: in float32 the sum of a weight and a small step would lose digits of the step.
        """
        changes = {}
        for p in self.projections:
            before = self._store.weights[p.name].astype(np.float64)
            after = before - p.learned_by.learning_rate * slopes[p.name]
            Bounds(*p.bounds).apply(after)
            if isinstance(p.constraint, Masked):
                p.constraint.apply(after, self._store.masks[p.name], recurrent=False)
            elif p.constraint is not None and not isinstance(p.constraint, Tied):
                p.constraint.apply(after, recurrent=False)
            changes[p.name] = after - before
        return changes


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two arrays as vectors, in degrees; NaN where one of them is zero."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(a @ b / size, -1, 1)))) if size > 0 else np.nan


def joined_angles(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, float]:
    """Angle of each entry of two dicts, and under "all" that of the entries scaled to unit length and joined."""

    def joined(parts: dict[str, np.ndarray]) -> np.ndarray:
        flat = [np.ravel(parts[name]).astype(np.float64) for name in a]
        return np.concatenate([part / (np.linalg.norm(part) or 1.0) for part in flat])

    found = {name: angle(a[name], b[name]) for name in a}
    return {**found, ALL: angle(joined(a), joined(b))} if a else {}
