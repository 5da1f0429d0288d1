"""A circuit for the layers of a torch module: somas as they were, and dendrites that get a top-down error.

Every hidden population gets, from each population above it, a projection onto its dendrites and interneurons that
predict what this projection brings. The interneurons receive the same inputs through copies of the same weights, so
that they cancel it exactly until the population above is nudged [1]_. The dendrite then holds the feedback weights
times the change above. With feedback along the transposed forward weights this is the error that backprop would send
(docs/your_torch_network.md says when).

.. [1] Sacramento, Costa, Bengio & Senn 2018, NeurIPS, for interneurons that predict the layer above;
   Galloni, Peddada, Chennawar & Milstein 2026, Cell Reports 45:117159, for dendritic target propagation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.plasticity import Bounds, DendriticState, Mask, Tied, TopDownHebb
from spikedtp.rate.initial_weights import DrawnWeights
from spikedtp.rate.torch_modules.layered import INPUT, OUTPUT, Layer, Layered

__all__ = ["DEFAULT_RULE", "FEEDBACKS", "Design"]

#: Where the top-down weights come from.
FEEDBACKS = ("tied", "random", "learned")
#: Dendritic target propagation in one top-down pass. A silent cell has no gradient, and no plateau.
DEFAULT_RULE = DendriticState(learning_rate=0.01, one_pass=True, relu_gate=True)
TOP_DOWN_RATE = 0.01
EXCITATORY, INHIBITORY = Bounds(0, None), Bounds(None, 0)
E, COPY, INPUT_COPY, PREDICTION = "E", "I", "InputI", "DendI"


@dataclass
class Design:
    """Makes a circuit and its weights from layers.

    Attributes
    ----------
    layered : Layered
    feedback : {"tied", "random", "learned"}
    dale : bool
        Whether populations are split into excitatory cells and inhibitory copies of them.
    seed : int
        Of top-down weights that are drawn.
    """

    layered: Layered
    feedback: str
    dale: bool
    seed: int
    populations: dict[str, list[Population]] = field(default_factory=dict)
    projections: list[Projection] = field(default_factory=list)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    biases: dict[str, np.ndarray] = field(default_factory=dict)
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    def circuit(self, name: str, n_steps: int) -> tuple[Circuit, DrawnWeights]:
        """The circuit, and the numbers of a network with it."""
        layered = self.layered
        rng = np.random.default_rng(self.seed)
        self.populations[INPUT] = [Population(INPUT, E, layered.n_inputs)]
        for layer, found in layered.layers.items():
            self._population(layer, E, found)
            self._forward(layer, found)
        for layer in layered.layers:
            if layer != OUTPUT:
                for above in layered.targets(layer):
                    self._feedback(layer, above, rng)
        circuit = Circuit(
            tuple(p for layer in self.populations.values() for p in layer),
            tuple(self.projections),
            forward_steps=n_steps,
            backward_steps=n_steps if layered.recurrent else 1,
            name=name,
        )
        float32 = {key: np.ascontiguousarray(w, dtype=np.float32) for key, w in self.weights.items()}
        biases = {key: bias.astype(np.float32) for key, bias in self.biases.items()}
        return circuit, DrawnWeights(float32, biases, dict(self.masks))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _population(self, layer: str, cell: str, like: Layer, bias_like: str | None = None) -> None:
        biased = bool(like.bias.any())
        found = Population(
            layer, cell, like.size, like.activation, include_bias=biased, bias_like=bias_like if biased else None
        )
        self.populations.setdefault(layer, []).append(found)
        self.biases[found.name] = like.bias

    def _project(self, projection: Projection, weights: np.ndarray) -> None:
        self.projections.append(projection)
        self.weights[projection.name] = weights
        if isinstance(projection.constraint, Mask):
            self.masks[projection.name] = projection.constraint.connected.astype(np.float32)

    def _forward(self, layer: str, found: Layer) -> None:
        inputs = [(source, w, "F") for source, w in found.weights.items()]
        inputs += [] if found.recurrent is None else [(layer, found.recurrent, "R")]
        for source, w, direction in inputs:
            mask = Mask(found.masks[source]) if direction == "F" and source in found.masks else None
            for pre, part, bounds in self._halves(source, w, layer):
                self._project(
                    Projection(layer + E, pre, direction=direction, bounds=bounds, rule=DEFAULT_RULE, constraint=mask),
                    part,
                )

    def _halves(self, source: str, w: np.ndarray, layer: str) -> list[tuple[str, np.ndarray, Bounds]]:
        """Presynaptic populations and their weights: one, or under Dale's law an excitatory and an inhibitory one."""
        if not self.dale:
            return [(source + E, w, Bounds())]
        inhibitory = self._inhibitory_copy(source, layer)
        return [(source + E, np.maximum(w, 0), EXCITATORY), (inhibitory, np.minimum(w, 0), INHIBITORY)]

    def _inhibitory_copy(self, source: str, layer: str) -> str:
        """Interneurons that fire as the excitatory cells of `source` do, one for each."""
        home, cell = (layer, INPUT_COPY) if source == INPUT else (source, COPY)
        for others in self.populations.values():
            for population in others:
                if population.name == home + cell or (source == INPUT and population.cell == INPUT_COPY):
                    return population.name
        size = self.layered.layers[source].size if source != INPUT else self.layered.n_inputs
        # a copy of the input must also fire for inputs below 0, as far as there are any
        self._population(home, cell, Layer({}, np.zeros(size), "linear" if source == INPUT else "relu"))
        one_to_one = Projection(home + cell, source + E, bounds=EXCITATORY, constraint=Mask(np.eye(size, dtype=bool)))
        self._project(one_to_one, np.eye(size))
        return home + cell

    def _feedback(self, layer: str, above: str, rng: np.random.Generator) -> None:
        """From `above` onto the dendrites of `layer`, and the interneurons that predict it."""
        post, pre = layer + E, above + E
        forward, back = f"{pre}_{post}", f"{post}_{pre}"
        w = self.weights[forward]
        bounds = EXCITATORY if self.dale else Bounds()
        options: dict = {"compartment": "dend", "update_phase": "B"}
        tied = self.feedback == "tied"
        drawn = rng.standard_normal(w.T.shape) * np.sqrt(np.mean(w**2))
        sparse = None
        if forward in self.masks:  # as sparse as the way up
            drawn, sparse = drawn * self.masks[forward].T, Mask(self.masks[forward].T)
        learned = TopDownHebb(TOP_DOWN_RATE, form="nudged") if self.feedback == "learned" else None
        constraint = Tied(forward, transpose=True) if tied else sparse
        self._project(
            Projection(post, pre, bounds=bounds, rule=learned, constraint=constraint, **options),
            w.T if tied else np.abs(drawn) if self.dale else drawn,
        )  # fmt: skip
        cell = PREDICTION if len(self.layered.targets(layer)) == 1 else above + PREDICTION
        self._predict(layer, cell, above)
        against = Tied(forward, sign=-1, transpose=True) if tied else Tied(back, sign=-1)
        bounds = INHIBITORY if self.dale else Bounds()
        self._project(
            Projection(post, layer + cell, direction="R", bounds=bounds, constraint=against, **options),
            -self.weights[back],
        )  # fmt: skip

    def _predict(self, layer: str, cell: str, above: str) -> None:
        """Interneurons in `layer` with all somatic inputs of the cells of `above`."""
        self._population(layer, cell, self.layered.layers[above], bias_like=above + E)
        order = [INPUT, *self.layered.layers]
        below = {p.name for name in order[: order.index(layer) + 1] for p in self.populations[name]}
        copied = [p for p in self.projections if p.post == above + E and p.compartment == "soma"]
        for p in copied:
            direction = "F" if p.pre in below else "R"
            described = Projection(layer + cell, p.pre, direction=direction, bounds=p.bounds, constraint=Tied(p.name))
            self._project(described, self.weights[p.name])
