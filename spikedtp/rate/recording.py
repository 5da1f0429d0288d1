"""From a program that has just run to a `RateResponse`: copies out of the buffers, samples first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikedtp.circuit import Projection
from spikedtp.plasticity import DendriticState, Signals
from spikedtp.rate.backprop_clone import backprop_circuit
from spikedtp.rate.gradient import gradients, needs_gradient, starting_point
from spikedtp.rate.phases import Program
from spikedtp.rate.response import NotebookFactors, RateResponse
from spikedtp.rate.threads import one_thread
from spikedtp.rate.weights import WeightStore, with_values

__all__ = ["NOTEBOOK_NUDGE_STEPS", "respond"]

#: Figure 3 shows 10 of the 15 nudge steps: its 420 ms, and with them its rate ΔW, end there
NOTEBOOK_NUDGE_STEPS = 10


def _samples_first(array: np.ndarray) -> np.ndarray:
    """A copy of (steps, n, samples) as (samples, steps, n); (steps, n) stays."""
    return np.array(np.moveaxis(array, -1, 0), order="C") if array.ndim == 3 else array.copy()


def _activity(program: Program, population: str, rows: list[int]) -> np.ndarray:
    steps = [program.activity(population, row) for row in rows]
    return _samples_first(np.stack(steps))


def _arriving(program: Program, p: Projection, activity: np.ndarray, first: int) -> np.ndarray:
    """What is transmitted in each of the steps from `first` on, counted from 0, of which `activity` is given."""
    n_steps, sweep = activity.shape[-2], program.circuit.forward_steps - first
    of_input = p.pre == program.circuit.input.name
    found = activity
    if p.lag and not (of_input and not p.delay):
        begin = _samples_first(program.activity(p.pre, 0)[None])
        nothing = np.zeros_like(begin)
        before = [nothing] * p.delay if of_input else [nothing] * (p.lag - 1) + [begin]
        found = np.concatenate([*before, activity], axis=-2)[..., :n_steps, :]
    if p.delay and 0 <= sweep < n_steps:  # the sweep takes no time
        found[..., sweep, :] = activity[..., sweep if of_input or p.direction == "F" else max(sweep - 1, 0), :]
    return found


def _dendrites(
    program: Program, weights: dict[str, np.ndarray], activity: dict[str, np.ndarray], first: int = 0
) -> dict[str, np.ndarray]:
    """Dendritic states of all steps from `first` on: F inputs from the present step, R inputs from the step before."""
    found: dict[str, np.ndarray] = {}
    for projection in program.circuit.projections:
        if projection.compartment != "dend":
            continue
        drive = _arriving(program, projection, activity[projection.pre], first) @ weights[projection.name].T
        found[projection.post] = found[projection.post] + drive if projection.post in found else drive
    return found


def respond(
    program: Program, full: Program, store: WeightStore, rule_state: dict[str, dict[str, np.ndarray]]
) -> RateResponse:
    """Copy a presentation out of its program.

    Parameters
    ----------
    program : Program
        Just run with `record`.
    full : Program
        The same presentation with every population updated in the nudge phase (it may be `program` itself).
    store : WeightStore
        The network's weights, the tied ones up to date; copied where a rule or a gradient will need them.
    rule_state : dict
        The rules' memory before this presentation; rules replace it and never change it in place.
    """
    circuit, weights = program.circuit, store.weights
    names = [population.name for population in circuit.populations]
    nudged = program.kind != "none"
    activity = {name: _activity(program, name, program.settle_rows[name] + program.nudge_rows[name]) for name in names}
    learned = [p for p in circuit.projections if p.rule is not None]
    has_target = program.has_target
    gradient_rules = has_target and needs_gradient(circuit)
    keep = [p.name for p in learned if p.learned_by.uses_weight] if has_target else []
    return RateResponse(
        circuit=circuit,
        x=np.array(program.x.T, order="C"),
        target=np.array(program.target.T, order="C") if has_target else None,
        activity=activity,
        dendritic_state=_dendrites(program, weights, activity),
        nudge_dendritic_state={name: _samples_first(kept) for name, kept in program.nudge_dendrite.items()},
        plateau={name: np.array(plateau.T, order="C") for name, plateau in program.plateau.items()},
        signals={p.name: _copy(program.signals[p.name]) for p in circuit.projections} if has_target else {},
        forward_steps=circuit.forward_steps,
        nudge_steps=program.n_nudge,
        nudge_populations="all" if program.everyone else "training",
        _state=dict(rule_state),
        _masks=dict(store.masks),
        _weights={name: weights[name].copy() for name in keep},
        _gradient=_gradient_of(program, weights) if gradient_rules else None,
        _backprop=_backprop_of(program) if has_target else None,
        _notebook=_notebook(full, weights) if nudged else NotebookFactors(),
    )


def _copy(signals: Signals) -> Signals:
    return Signals(**{name: None if v is None else np.array(v) for name, v in vars(signals).items()})


def _gradient_of(program: Program, weights: dict[str, np.ndarray]) -> Callable[[str, int | None], np.ndarray]:
    """Gradients when asked for, from the weights of this presentation: the state it starts from is copied now.

    They go by the names of projections, and of populations whose biases learn.
    """
    kept = {name: weight.copy() for name, weight in weights.items()}
    start = starting_point(program)
    known: dict[int | None, dict[str, np.ndarray]] = {}

    def gradient(name: str, sample: int | None) -> np.ndarray:
        found = known.get(sample)
        if found is None:
            weights, biases = gradients(start, kept, sample)
            found = weights | biases
            known.clear()  # the last sample only: a gradient is a full matrix
            known[sample] = found
        return found[name]

    return gradient


def _backprop_of(program: Program) -> Callable[[str, int | None], np.ndarray]:
    """Gradients of the same presentation in the circuit's clone that learns by backprop, made when first asked for."""
    kept, x, target = program.store.snapshot(), program.x.copy(), program.target.copy()
    n_samples = program.shape[0] if program.shape else None
    instructed = None if program.instructed is None else program.instructed.copy()
    gradient: Callable[[str, int | None], np.ndarray] | None = None

    def of(projection: str, sample: int | None) -> np.ndarray:
        nonlocal gradient
        if gradient is None:
            with one_thread():
                store = with_values(backprop_circuit(program.circuit), kept)
                clone = Program(store, n_samples, True, False, False)
                if instructed is not None:
                    clone.instructed = instructed
                clone.run(x, target)
                gradient = _gradient_of(clone, kept.weights)
        return gradient(projection, sample)

    return of


def _notebook(program: Program, weights: dict[str, np.ndarray]) -> NotebookFactors:
    circuit = program.circuit
    end = len(program.settle_rows[circuit.output.name]) + min(program.n_nudge, NOTEBOOK_NUDGE_STEPS)
    first = max(end - 2 - max((p.delay for p in circuit.projections), default=0), 0)
    shown = {
        p.name: _activity(program, p.name, (program.settle_rows[p.name] + program.nudge_rows[p.name])[first:end])
        for p in circuit.populations
    }
    dendrites = _dendrites(program, weights, shown, first)
    found = NotebookFactors(dendrite={name: states[..., -1, :] for name, states in dendrites.items()})
    for projection in circuit.projections:
        if isinstance(projection.rule, DendriticState) and projection.post in found.dendrite:
            settled = program.signals[projection.name].post_settled
            found.gate[projection.post] = (settled > 0).astype(np.float32)
            lag = projection.lag - (projection.delay if program.kind == "one-pass" else 0)
            found.pre[projection.name] = shown[projection.pre][..., -1 - lag, :]
    return found
