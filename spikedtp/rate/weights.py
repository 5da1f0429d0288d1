"""Where a rate network's weights live: stacked matrices for the inner loop, one view per projection for everyone else.

Projections onto neighbouring populations of a layer from the same source share one matrix, so that one product serves
them all. A tied projection is read through its source (a transposed view costs nothing) and written out only when
somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spikedtp.circuit import Circuit, Projection
from spikedtp.plasticity import Bounds, NormalizeRows, Tied
from spikedtp.plasticity.masks import Masked
from spikedtp.rate.initial_weights import DrawnWeights

__all__ = ["Block", "WeightStore", "with_values"]

_TIED_TOLERANCE = 1e-5  # of the largest weight: a stored copy counts as its source's


@dataclass(frozen=True)
class Block:
    """Weights from one population onto the rows `start` to `stop` of a layer; `factor` times them if it is given."""

    matrix: np.ndarray
    layer: str
    start: int
    stop: int
    pre: str
    direction: str
    delay: int
    factor: np.ndarray | None = None


class WeightStore:
    """Weights, biases and masks of one network, and their constraints.

    Attributes
    ----------
    weights : dict of ndarray, (n_post, n_pre)
        Views into the stacked matrices. Tied ones are up to date only after `write_tied`.
    biases : dict of ndarray, (n,)
        Views into one vector per layer, `layer_bias`.
    place : dict of (layer, start, stop)
        Where a population lies in its layer.
    """

    def __init__(self, circuit: Circuit, parameters: DrawnWeights):
        self.circuit = circuit
        self.masks = parameters.masks
        self.place: dict[str, tuple[str, int, int]] = {}
        self.layer_bias: dict[str, np.ndarray] = {}
        self.biases: dict[str, np.ndarray] = {}
        for layer, populations in circuit.layers.items():
            start = 0
            for population in populations:
                self.place[population.name] = (layer, start, start + population.size)
                start += population.size
            self.layer_bias[layer] = np.zeros(start, dtype=np.float32)
        for population in circuit.populations[1:]:
            layer, start, stop = self.place[population.name]
            self.biases[population.name] = self.layer_bias[layer][start:stop]
            self.biases[population.name][:] = parameters.biases[population.name]
        self.weights: dict[str, np.ndarray] = {}
        self._blocks: dict[str, Block] = {}
        for run in self._runs():
            self._stack(run, parameters.weights)
        self.tied = tuple(p for p in circuit.projections if isinstance(p.constraint, Tied))
        self.row_sums: dict[str, np.ndarray] = {}
        self._unwritten = False
        self._own_values: set[str] = set()

    def __reduce__(self) -> tuple[Callable[[Circuit, DrawnWeights], WeightStore], tuple[Circuit, DrawnWeights]]:
        """A copy's views must lie in its own stacked matrices."""
        return with_values, (self.circuit, self.snapshot())

    def _runs(self) -> list[list[Projection]]:
        """Projections that can share a matrix: same source, neighbouring targets, same phases."""
        runs: dict[tuple, list[Projection]] = {}
        for population in self.circuit.populations[1:]:
            layer, start, _ = self.place[population.name]
            for projection in self.circuit.inputs(population.name):
                alone = projection.compartment == "dend" or isinstance(projection.constraint, Tied)
                late = projection.update_phase == "B"
                key: tuple[str | int, ...] = (layer, projection.pre, projection.direction, projection.delay, late)
                key += (projection.name,) if alone else ()
                run = runs.get(key)
                if run is not None and self.place[run[-1].post][2] != start:  # a gap: close this run
                    runs[(*key, run[0].name)] = run
                    run = None
                runs[key] = [projection] if run is None else [*run, projection]
        return list(runs.values())

    def _stack(self, run: list[Projection], values: dict[str, np.ndarray]) -> None:
        layer, start, _ = self.place[run[0].post]
        stop = self.place[run[-1].post][2]
        matrix = np.concatenate([values[p.name] for p in run]).astype(np.float32)
        block = Block(matrix, layer, start, stop, run[0].pre, run[0].direction, run[0].delay)
        for projection in run:
            _, first, last = self.place[projection.post]
            self.weights[projection.name] = matrix[first - start : last - start]
            self._blocks[projection.name] = block

    def blocks(self, projections: list[Projection]) -> list[Block]:
        """The blocks that hold these projections, each once; tied ones as views of their source where possible."""
        blocks: dict[int, Block] = {}
        for projection in projections:
            block = self._tied_block(projection) or self._blocks[projection.name]
            blocks[id(block.matrix) if block.factor is None else id(projection)] = block
        return list(blocks.values())

    def _tied_block(self, projection: Projection) -> Block | None:
        tied = projection.constraint
        if not isinstance(tied, Tied) or not self._virtual(projection):
            return None
        matrix = self.weights[tied.source]
        layer, start, stop = self.place[projection.post]
        matrix = matrix.T if tied.transpose else matrix
        source, factor = projection.pre, np.array(tied.factor)
        return Block(matrix, layer, start, stop, source, projection.direction, projection.delay, factor)

    @property
    def has_own_values(self) -> bool:
        """Whether a tied projection holds loaded values that are not its source's."""
        return bool(self._own_values)

    def _virtual(self, projection: Projection) -> bool:
        """Whether the copy need not exist: a plain copy of weights that are not themselves a copy."""
        tied = projection.constraint
        if not isinstance(tied, Tied) or tied.source2 is not None or projection.name in self._own_values:
            return False
        return not isinstance(self.circuit.projection(tied.source).constraint, Tied)

    def _copied(self, projection: Projection) -> np.ndarray:
        """What a tied projection holds, made from the weights of its source."""
        assert isinstance(projection.constraint, Tied)
        return projection.constraint.value(self.weights)

    def load(self, parameters: DrawnWeights) -> None:
        """Replace all values. What a file says is kept until the first step even where a constraint says otherwise.

        A tied projection whose values are not its source's has values of its own until then; receptive fields that the
        weights do not respect are replaced by the weights' own.
        """
        for name, weight in parameters.weights.items():
            self.weights[name][:] = weight
        for name, bias in parameters.biases.items():
            self.biases[name][:] = bias
        self.row_sums = dict(parameters.row_sums)
        for projection in self.circuit.projections:
            self._keep_sums(projection)
        self._copy_biases()
        self._unwritten = False
        self._own_values.clear()
        for projection in self.tied:
            copy, stored = self._copied(projection), self.weights[projection.name]
            if np.abs(copy - stored).max() > _TIED_TOLERANCE * np.abs(copy).max():
                self._own_values.add(projection.name)
        for name, mask in self.masks.items():
            if np.any(self.weights[name][mask == 0.0]):
                self.masks[name] = (self.weights[name] != 0).astype(np.float32)

    def constrain(self, projection: Projection) -> None:
        """Bounds, then the projection's constraint, in place; ties are not handled here."""
        weight = self.weights[projection.name]
        Bounds(*projection.bounds).apply(weight)
        constraint = projection.constraint
        if isinstance(constraint, Masked):
            constraint.apply(weight, self.masks[projection.name], recurrent=projection.recurrent)
        elif isinstance(constraint, NormalizeRows):
            self._keep_sums(projection)
            constraint.apply(weight, recurrent=projection.recurrent, sums=self.row_sums.get(projection.name))
        elif constraint is not None and not isinstance(constraint, Tied):
            constraint.apply(weight, recurrent=projection.recurrent)

    def _keep_sums(self, projection: Projection) -> None:
        """The sums that rows keep are those that they have first."""
        rows, name = projection.constraint, projection.name
        if isinstance(rows, NormalizeRows) and rows.scale is None and name not in self.row_sums:
            self.row_sums[name] = rows.sums(self.weights[name], recurrent=projection.recurrent)

    def constrain_all(self) -> None:
        """What EIANN does after drawing: every bound and constraint, ties last."""
        for population in self.circuit.populations[1:]:
            population.bias_bounds.apply(self.biases[population.name])
            for projection in self.circuit.inputs(population.name):
                self.constrain(projection)
        self.mark_changed()
        self.write_tied()

    def mark_changed(self) -> bool:
        """Sources may have changed: copies that must exist are made now, the others when asked for.

        Returns
        -------
        bool
            Whether a projection stopped having values of its own, so that compiled programs are out of date.
        """
        self._copy_biases()
        released = bool(self._own_values)
        self._own_values.clear()
        for projection in self.tied:
            if not self._virtual(projection):
                self.weights[projection.name][:] = self._copied(projection)
        self._unwritten = bool(self.tied)
        return released

    def _copy_biases(self) -> None:
        for population in self.circuit.populations:
            if population.bias_like is not None:
                self.biases[population.name][:] = self.biases[population.bias_like]

    def snapshot(self) -> DrawnWeights:
        """Copies of all values."""
        self.write_tied()
        weights = {p.name: self.weights[p.name].copy() for p in self.circuit.projections}
        biases = {name: bias.copy() for name, bias in self.biases.items()}
        return DrawnWeights(weights, biases, dict(self.masks), dict(self.row_sums))

    def write_tied(self) -> None:
        """Bring the stored copies of tied projections up to date."""
        if self._unwritten:
            for projection in self.tied:
                if self._virtual(projection):
                    self.weights[projection.name][:] = self._copied(projection)
            self._unwritten = False


def with_values(circuit: Circuit, parameters: DrawnWeights) -> WeightStore:
    """A store that holds exactly these values, even where a constraint of the circuit says otherwise."""
    store = WeightStore(circuit, parameters)
    store.load(parameters)
    return store
