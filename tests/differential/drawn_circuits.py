"""Small circuits at random: populations, signs, biases, activations, masks, delays, compartments, rules.

Somatic weights onto each cell sum to less than 1, so that every circuit settles and errors die out along its loops.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.plasticity import (
    BTSP,
    Bounds,
    DendriticLoss,
    DendriticState,
    HebbWeightNorm,
    Mask,
    NoAutapses,
    NormalizeRows,
    Oja,
    PlateauBias,
    ReceptiveFields,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
)
from spikedtp.rate import load_rate_network

__all__ = ["Drawn", "draw_circuit"]

#: How much of a cell's somatic input its weights may add up to.
FAN_IN = 0.8


@dataclass(frozen=True)
class Drawn:
    """A rate network with samples to present.

    Attributes
    ----------
    network : RateNetwork
    x, target : (samples, n_in), (samples, n_out)
    signed : bool
        Whether an activity that somebody replays may be negative.
    """

    network: object
    x: np.ndarray
    target: np.ndarray
    signed: bool


def _plateau_rule(rng: np.random.Generator, one_pass: bool, plain: bool):
    """A rule that asks for a nudge; all rules of a circuit ask for the same."""
    gate, fraction = bool(rng.random() < 0.5), 1.0 if plain else float(rng.choice([1.0, 1.0, 0.4]))
    if one_pass:
        return DendriticState(0.1, one_pass=True, relu_gate=gate, max_pop_fraction=fraction)
    kind = rng.integers(4)
    if kind == 0:
        return DendriticState(0.1, relu_gate=gate, max_pop_fraction=fraction, forward_only=bool(rng.random() < 0.5))
    if kind == 1:
        threshold = (None, 0.0, 0.3, 1e9)[rng.integers(4)]
        return BTSP(
            0.1, w_max=1.0, dep_width=0.4, dep_th=0.3, relu_gate=gate, max_pop_fraction=fraction, neg_rate_th=threshold
        )
    if kind == 2:
        return SupervisedBCM(0.1, theta_tau=8.0, k=0.5, sign=int(rng.choice([1, -1])), relu_gate=gate)
    return TemporalContrastHebb(0.1, relu_gate=gate)


def _plain_rule(rng: np.random.Generator):
    sign = int(rng.choice([1, -1]))
    return (None, HebbWeightNorm(0.1, sign, bool(rng.random() < 0.5), bool(rng.random() < 0.5)), Oja(0.1))[
        rng.integers(3)
    ]


def draw_circuit(
    seed: int, *, one_pass: bool | None = None, n_samples: int = 1, plain: bool = False, linear: bool = False
) -> Drawn:
    """A circuit, its weights and its samples.

    Parameters
    ----------
    seed : int
        Of everything.
    one_pass : bool, optional
        Whether rules ask for a one-pass nudge; drawn by default.
    n_samples : int
    plain : bool
        Only what both loops take: no negative inputs, no linear populations, no ranks of plateaus.
    linear : bool
        Linear populations all the same: on and off cells carry them in either loop.
    """
    rng = np.random.default_rng(seed)
    one_pass = bool(rng.random() < 0.5) if one_pass is None else one_pass
    signed_input = not plain and rng.random() < 0.3
    layers = ["Input", *(f"H{k + 1}" for k in range(rng.integers(1, 3))), "Output"]
    n_in = int(rng.integers(3, 8))
    populations, projections, masks = [Population("Input", "E", n_in)], [], {}
    dale = rng.random() < 0.5
    excitatory, inhibitory = (Bounds(0, None), Bounds(None, 0)) if dale else (Bounds(), Bounds())

    def activation() -> str:
        return "linear" if (linear or not plain) and rng.random() < 0.2 else "relu"

    for below, layer, above in zip(layers, layers[1:], [*layers[2:], None], strict=False):
        size = int(rng.integers(2, 9))
        cell = Population(layer, "E", size, activation(), include_bias=bool(rng.random() < 0.6))
        populations.append(cell)
        name, pre = f"{layer}E", f"{below}E"
        projections.append(Projection(name, pre, bounds=excitatory, rule=_plateau_rule(rng, one_pass, plain)))
        if rng.random() < 0.5:
            masks[f"{name}_{pre}"] = rng.random((size, 8)) < 0.7
        if rng.random() < 0.6:  # interneurons onto the soma
            n = int(rng.integers(1, 5))
            soma = Population(layer, "SomaI", n, "relu", include_bias=bool(rng.random() < 0.3))
            populations.append(soma)
            projections += [
                Projection(name, soma.name, direction="R", bounds=inhibitory),
                Projection(soma.name, pre, bounds=excitatory, rule=_plain_rule(rng)),
            ]
            if rng.random() < 0.5:
                projections.append(Projection(soma.name, name, direction="R", bounds=excitatory))
            if rng.random() < 0.3:
                projections.append(
                    Projection(soma.name, soma.name, direction="R", bounds=inhibitory, constraint=NoAutapses())
                )
        if above is not None:
            projections.append(Projection(name, f"{above}E", compartment="dend", update_phase="B", bounds=excitatory))
            if rng.random() < 0.2 and not one_pass:
                projections[-1] = Projection(
                    name, f"{above}E", compartment="dend", update_phase="B", bounds=excitatory,
                    rule=TopDownHebb(0.1, form=str(rng.choice(["product", "settled", "nudged"]))),
                )  # fmt: skip
            if rng.random() < 0.6:  # interneurons onto the dendrite
                n = int(rng.integers(1, 5))
                dend = Population(layer, "DendI", n, "relu", include_bias=bool(rng.random() < 0.3))
                populations.append(dend)
                loss = DendriticLoss(0.1, sign=-1 if dale else int(rng.choice([1, -1])))
                projections += [
                    Projection(
                        name, dend.name, compartment="dend", direction="R", update_phase="B", bounds=inhibitory,
                        rule=loss,
                    ),
                    Projection(
                        dend.name, name, direction="R", bounds=excitatory, rule=_plain_rule(rng),
                        constraint=NormalizeRows(FAN_IN) if rng.random() < 0.5 else None,
                    ),
                ]  # fmt: skip
    projections = [_sparse(p, {q.name: q.size for q in populations}, rng) for p in projections]
    late = rng.random() < 0.4
    if late:
        projections = [replace(p, delay=int(rng.choice([0, 0, 1, 2]))) for p in projections]
    order = {layer: k for k, layer in enumerate(layers)}
    populations.sort(key=lambda p: order[p.layer])  # E first within a layer: drawn so
    populations = _learning_biases(populations, np.random.default_rng([seed, 7]))
    circuit = Circuit(
        tuple(populations), tuple(projections), tau=float(rng.choice([1.0, 1.5])), forward_steps=120 if late else 40,
        name=f"no {seed}",
    )  # fmt: skip
    network = load_rate_network(circuit, _state(circuit, masks, rng))
    x = rng.normal(0, 0.5, (n_samples, n_in)) if signed_input else rng.random((n_samples, n_in))
    target = np.eye(circuit.output.size)[rng.integers(circuit.output.size, size=n_samples)]
    signed = bool((x < 0).any()) or any(p.activation != "relu" for p in circuit.populations[1:])
    return Drawn(network, x.astype(np.float32), target.astype(np.float32), signed)


def _learning_biases(populations: list[Population], rng: np.random.Generator) -> list[Population]:
    """Half of the excitatory cells with a bias let it learn, some of them within bounds."""
    bounds = (Bounds(), Bounds(), Bounds(-0.1, 0.4), Bounds(0, None))
    return [
        replace(p, bias_rule=PlateauBias(float(rng.choice([0.05, 0.3]))), bias_bounds=bounds[rng.integers(4)])
        if p.cell == "E" and p.include_bias and rng.random() < 0.5
        else p
        for p in populations
    ]


def _sparse(p: Projection, sizes: dict[str, int], rng: np.random.Generator) -> Projection:
    """One projection in four is sparse, or has receptive fields, or rows that are normalised besides."""
    if p.constraint is not None or rng.random() < 0.75:
        return p
    n_post, n_pre = sizes[p.post], sizes[p.pre]
    scale = float(rng.choice([FAN_IN / 3, 0.1])) if rng.random() < 0.3 else None
    if rng.random() < 0.3:
        return replace(p, constraint=ReceptiveFields(1, (1, n_pre), scale))
    mask = Mask.random(n_post, n_pre, float(rng.choice([0.3, 0.6])), seed=int(rng.integers(1000)), scale=scale)
    return replace(p, constraint=mask)


def _state(circuit: Circuit, masks: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    sizes, state = {p.name: p.size for p in circuit.populations}, {}
    for post in circuit.populations[1:]:
        for compartment, total in (("soma", FAN_IN), ("dend", 1.5)):
            found = [p for p in circuit.inputs(post.name) if p.compartment == compartment]
            drawn = {p.name: rng.normal(0, 1, (post.size, sizes[p.pre])) for p in found}
            for p in found:
                low, high = p.bounds
                drawn[p.name] = drawn[p.name].clip(low, high)
                if p.name in masks:
                    drawn[p.name] *= masks[p.name][:, : sizes[p.pre]]
                if isinstance(p.constraint, Mask):
                    drawn[p.name] *= p.constraint.connected
                if isinstance(p.constraint, ReceptiveFields):
                    drawn[p.name] *= np.eye(sizes[p.pre])[rng.integers(sizes[p.pre], size=post.size)]
                if p.recurrent:
                    np.fill_diagonal(drawn[p.name], 0)
            summed = sum(np.abs(w).sum(axis=1, keepdims=True) for w in drawn.values())
            for name, w in drawn.items():
                state[f"module_dict.{name}.weight"] = w * total / np.maximum(summed, 1e-9)
        if post.include_bias:
            state[f"parameter_dict.{post.name}_bias"] = rng.normal(0.2, 0.3, post.size)
    return state
