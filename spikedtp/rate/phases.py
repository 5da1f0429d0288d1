"""The two-phase presentation, written once: settle, then nudge. No learning rule and no weight change here.

A presentation is compiled into a list of array operations on preallocated buffers, since at batch size one the
interpreter costs more than the arithmetic. `_settle` and `_nudge_*` describe the presentation step by step, but nothing
is computed while they run. Inside, a batch is `(n, samples)`, so that ``weights @ activity`` serves both cases.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from spikedtp.circuit import Population, Projection, nudge_kind, plateau_of
from spikedtp.plasticity import Plateau, Signals
from spikedtp.rate.weights import Block, WeightStore

__all__ = ["Program"]


class Program:
    """One compiled kind of presentation.

    Parameters
    ----------
    store : WeightStore
        The weights. They are read in place, so a program stays valid while they change in place.
    n_samples : int or None
        Size of the batch; None for a single sample without a batch axis.
    nudge : bool
        Whether a target is given and the circuit's nudge phase runs.
    everyone : bool
        Whether every population takes the steps of an equilibrated nudge phase, not only those that training updates.
    record : bool
        Whether the dendritic state of every nudge step is kept.

    Attributes
    ----------
    signals : dict of Signals
        Signals by projection name. They are views into the buffers, ``(n,)`` or ``(samples, n)``, and valid until the
        next run.
    instructed : ndarray or None, (n_out,) or (n_out, 1)
        1 for the output cells that have an error, 0 for those of other tasks. None where all of them always have one.
    settle_rows, nudge_rows : dict of list of int
        The row of the activity buffer that holds each step of a population (`activity`).
    plateau : dict of ndarray
    nudge_dendrite : dict of ndarray, (nudge steps, n)
        With `record`: the dendritic state clipped to ±1 as each nudge step of the phase saw it.
    """

    def __init__(self, store: WeightStore, n_samples: int | None, nudge: bool, everyone: bool, record: bool):
        self.store, self.circuit = store, store.circuit
        self.shape = () if n_samples is None else (n_samples,)
        self.has_target = nudge
        self.kind = nudge_kind(self.circuit) if nudge else "none"
        self.everyone, self.record = everyone, record
        self.layers = list(self.circuit.layers.items())[1:]
        settle = self.circuit.forward_steps
        self.n_nudge = {"none": 0, "one-pass": 1}.get(self.kind, settle)
        self._allocate(1 + settle + self.n_nudge)
        self.operations: list[tuple] = []
        self._settle(settle)
        self._nudge()
        self.signals = {p.name: self._signals(p) for p in self.circuit.projections}

    def _allocate(self, n_rows: int) -> None:
        shape = self.shape
        sizes = {layer: len(self.store.layer_bias[layer]) for layer, _ in self.layers}

        def buffers(*leading: int) -> dict[str, np.ndarray]:
            return {layer: np.zeros((*leading, n, *shape), dtype=np.float32) for layer, n in sizes.items()}

        self.x = np.zeros((self.circuit.input.size, *shape), dtype=np.float32)
        n_out = self.circuit.output.size
        self.target = np.zeros((n_out, *shape), dtype=np.float32)
        of_tasks = self.circuit.task_classes is not None
        self.instructed = np.ones((n_out, *(1 for _ in shape)), dtype=np.float32) if of_tasks else None
        self.rows = buffers(n_rows)
        self.state, self.constant, self.drive, self.scratch = buffers(), buffers(), buffers(), buffers()
        self.nudge, self.zero, self.saved_state = buffers(), buffers(), buffers()
        self.tau = np.array(self.circuit.tau, dtype=np.float32)
        self.dendrite_settled: dict[str, np.ndarray] = {}
        self.dendrite: dict[str, np.ndarray] = {}
        self.plateau: dict[str, np.ndarray] = {}
        self.nudge_dendrite: dict[str, np.ndarray] = {}
        self.now = {p.name: 0 for p in self.circuit.populations}  # row of the present activity
        self.past: dict[str, list[int]] = {name: [] for name in self.now}  # rows of the activities before it
        self.settle_rows: dict[str, list[int]] = {name: [] for name in self.now}
        self.nudge_rows: dict[str, list[int]] = {name: [] for name in self.now}

    def run(self, x: np.ndarray, target: np.ndarray | None = None) -> None:
        """Present ``(n_in,)`` or ``(n_in, samples)``. The results stay in the buffers until the next run."""
        np.copyto(self.x, x)
        if target is not None:
            np.copyto(self.target, target)
        for operation, arguments in self.operations:
            operation(*arguments)

    def activity(self, population: str, row: int) -> np.ndarray:
        """The buffer of this population's activity at this row."""
        if population == self.circuit.input.name:
            return self.x
        layer, start, stop = self.store.place[population]
        return self.rows[layer][row, start:stop]

    # -- compiling -----------------------------------------------------------------------------------------------

    def _do(self, operation: Callable[..., Any], *arguments: Any) -> None:
        self.operations.append((operation, arguments))

    def _settle(self, n_steps: int) -> None:
        for layer, populations in self.layers:
            bias = self.store.layer_bias[layer]
            self._do(np.copyto, self.state[layer], bias.reshape(bias.shape + (1,) * len(self.shape)))
            for start, stop, population in self._groups(populations):
                self._activate(layer, start, stop, population, 0)
            self._do(np.copyto, self.constant[layer], self.state[layer])
            # the input never changes: its drive is part of the constant
            self._input_arrives(layer, populations, 0)
        late = {p.delay for p in self.circuit.projections if p.pre == self.circuit.input.name} - {0}
        for step in range(1, n_steps + 1):
            if step - 1 in late:
                for layer, populations in self.layers:
                    self._input_arrives(layer, populations, step - 1)
            if step == 1 + n_steps - min(self.circuit.backward_steps, n_steps):
                for layer, _ in self.layers:
                    self._do(np.copyto, self.saved_state[layer], self.state[layer])
            for name, past in self.past.items():
                past.append(self.now[name])
            for layer, populations in self.layers:
                for start, stop, population in self._groups(populations):
                    self._step(layer, start, stop, "FA")
                    self._activate(layer, start, stop, population, step)
                    self._moved(layer, start, stop, step)
            for name, rows in self.settle_rows.items():
                rows.append(self.now[name])
        self.settled, self.settled_past = dict(self.now), {name: list(past) for name, past in self.past.items()}
        for population in self.circuit.populations[1:]:
            if self._dendritic(population):
                self.dendrite_settled[population.name] = self._dendrite(population)

    def _input_arrives(self, layer: str, populations: tuple[Population, ...], delay: int) -> None:
        """From this step on the input drives somas along projections of this delay."""
        arriving = self._somatic(populations, "FA", from_input=True)
        self._accumulate([block for block in arriving if block.delay == delay], layer, self.constant[layer])

    def _nudge(self) -> None:
        if self.kind == "none":
            return
        for layer, populations in self.layers:
            late = self._somatic(populations, "B", from_input=True)
            self._accumulate(late, layer, self.constant[layer])
            for population in populations:
                if plateau_of(self.circuit, population) is not None:
                    _, start, stop = self.store.place[population.name]
                    self.plateau[population.name] = self.nudge[layer][start:stop]
        top_down = self.layers[:-2:-1] if self.kind == "output-only" else self.layers[::-1]
        for step in range(self.n_nudge):
            for layer, populations in top_down:
                for population in populations:
                    if self._dendritic(population) and (step == 0 or self.record):
                        self._see(population, step)
                    if step == 0 and population.name in self.plateau:
                        self._instruct(population)
                self._nudge_layer(layer, populations, 1 + self.circuit.forward_steps + step)
            for name, rows in self.nudge_rows.items():
                rows.append(self.now[name])

    def _see(self, population: Population, step: int) -> None:
        """The clipped dendritic state at this nudge step. The first is that of the sweep, which takes no time."""
        dendrite = self._dendrite(population, self.dendrite.get(population.name), in_sweep=step == 0)
        self.dendrite[population.name] = dendrite
        self._do(Plateau.clip, dendrite, dendrite)
        if self.record:
            kept = self.nudge_dendrite.setdefault(
                population.name, np.zeros((self.n_nudge, *dendrite.shape), np.float32)
            )
            self._do(np.copyto, kept[step], dendrite)

    def _instruct(self, population: Population) -> None:
        is_output = population.name == self.circuit.output.name
        settled = self.activity(population.name, self.settled[population.name])
        if is_output:
            error = np.zeros_like(self.target)
            self._do(np.subtract, self.target, self.activity(population.name, self.now[population.name]), error)
            self._do(Plateau.clip, error, error)
            if self.instructed is not None:
                self._do(np.multiply, error, self.instructed, error)
        else:
            error = self.dendrite[population.name]
        plateau = plateau_of(self.circuit, population)
        assert plateau is not None  # only cells that have one are instructed
        write = partial(plateau.write, is_output=is_output)
        self._do(write, error, settled, self.plateau[population.name])

    def _nudge_layer(self, layer: str, populations: tuple[Population, ...], row: int) -> None:
        one_pass = self.kind == "one-pass"
        if one_pass:
            moving = {p.name for p in populations if p.name in self.plateau}
            changed = moving
        else:
            moving = {p.name for p in populations if self._nudged(p)}
            changed = {p.name for p in populations}
        for population in changed:
            self.past[population].append(self.now[population])
        for start, stop, first in self._groups(populations, moving):
            if not one_pass:
                self._step(layer, start, stop, "FAB")
            self._activate(layer, start, stop, first, row, nudged=True)
            self._moved(layer, start, stop, row)

    def _nudged(self, population: Population) -> bool:
        """Whether an equilibrated nudge phase updates this population."""
        if self.everyone and self.kind == "equilibrated":
            return True
        phases = {p.update_phase for p in self.circuit.inputs(population.name)}
        return population.name == self.circuit.output.name or bool(phases & {"A", "B"})

    def _groups(
        self, populations: tuple[Population, ...], moving: set[str] | None = None
    ) -> list[tuple[int, int, Population]]:
        """Groups of neighbouring populations that can step together: none sees the present activity of another.

        Each comes with its first population, whose activation all of them have.
        """
        groups: list[list[Population]] = []
        for population in populations:
            if moving is not None and population.name not in moving:
                groups.append([])  # a gap
                continue
            sees = {p.pre for p in self.circuit.inputs(population.name) if not p.lag and p.compartment != "dend"}
            last = groups[-1] if groups else []
            if last and _activation(last[-1]) == _activation(population) and not sees & {p.name for p in last}:
                last.append(population)
            else:
                groups.append([population])
        place = self.store.place
        return [(place[g[0].name][1], place[g[-1].name][2], g[0]) for g in groups if g]

    def _moved(self, layer: str, start: int, stop: int, row: int) -> None:
        for name, (where, first, last) in self.store.place.items():
            if where == layer and start <= first and last <= stop:
                self.now[name] = row

    def _somatic(self, populations: tuple[Population, ...], phases: str, from_input: bool) -> list[Block]:
        source = self.circuit.input.name
        return self.store.blocks(
            [
                p
                for population in populations
                for p in self.circuit.inputs(population.name)
                if p.compartment != "dend" and p.update_phase in phases and (p.pre == source) == from_input
            ]
        )

    def _step(self, layer: str, start: int, stop: int, phases: str) -> None:
        """state += (-state + bias + input) / tau for some rows of a layer."""
        rows = slice(start, stop)
        state, drive = self.state[layer][rows], self.drive[layer]
        self._do(np.subtract, self.constant[layer][rows], state, drive[rows])
        populations = dict(self.layers)[layer]
        self._accumulate(self._somatic(populations, phases, from_input=False), layer, drive, start, stop)
        self._do(np.divide, drive[rows], self.tau, drive[rows])
        self._do(np.add, state, drive[rows], state)

    def _activate(
        self, layer: str, start: int, stop: int, population: Population, row: int, nudged: bool = False
    ) -> None:
        rows = slice(start, stop)
        state, out = self.state[layer][rows], self.rows[layer][row, rows]
        if nudged:  # the nudge never enters the state
            self._do(np.add, state, self.nudge[layer][rows], out)
            state = out
        if population.activation == "relu":
            self._do(np.maximum, state, self.zero[layer][rows], out)
        elif population.activation == "srelu":
            self._do(np.multiply, state, np.float32(population.slope), out)
            self._do(population.activity_bounds.apply, out)
        elif not nudged:
            self._do(np.copyto, out, state)

    def _accumulate(
        self, blocks: list[Block], layer: str, total: np.ndarray, start: int = 0, stop: int = 10**9
    ) -> None:
        """total[rows] += weights @ activity, for the rows from `start` to `stop` of a layer."""
        for block in blocks:
            first, last = max(block.start, start), min(block.stop, stop)
            if first >= last:
                continue
            row = self._arriving(block)
            if row is None:
                continue
            part = self.scratch[layer][first:last]
            self._product(block, block.matrix[first - block.start : last - block.start], row, part)
            self._do(np.add, total[first:last], part, total[first:last])

    def _arriving(self, block: Block, *, in_sweep: bool = False) -> int | None:
        """The row of the activity that is transmitted in this step; None where nothing was on its way yet."""
        if block.pre == self.circuit.input.name:
            return 0  # from when on is `_input_arrives`
        lag = (block.direction == "R") + (0 if in_sweep else block.delay)
        past = self.past[block.pre]
        if lag > len(past):
            return None
        return past[-lag] if lag else self.now[block.pre]

    def _product(self, block: Block, matrix: np.ndarray, row: int, out: np.ndarray) -> None:
        self._do(np.dot, matrix, self.activity(block.pre, row), out)
        if block.factor is not None:
            self._do(np.multiply, out, block.factor, out)

    def _dendritic(self, population: Population) -> list[Projection]:
        return [p for p in self.circuit.inputs(population.name) if p.compartment == "dend"]

    def _dendrite(self, population: Population, out: np.ndarray | None = None, *, in_sweep: bool = False) -> np.ndarray:
        """Sum of the dendrite's inputs, not clipped. No delay is as long as the settle phase."""
        layer, start, stop = self.store.place[population.name]
        out = np.zeros((population.size, *self.shape), dtype=np.float32) if out is None else out
        for index, block in enumerate(self.store.blocks(self._dendritic(population))):
            part = self.scratch[layer][start:stop] if index else out
            row = self._arriving(block, in_sweep=in_sweep)
            assert row is not None
            self._product(block, block.matrix, row, part)
            if index:
                self._do(np.add, out, part, out)
        return out

    def _signals(self, projection: Projection) -> Signals:
        pre, post = projection.pre, projection.post
        lag = projection.lag
        lag_nudged = lag - projection.delay if self.kind == "one-pass" else lag  # a sweep takes no time

        def at(population: str, row: int) -> np.ndarray:
            return self.activity(population, row).T

        def before(now: dict[str, int], past: dict[str, list[int]], lag: int) -> np.ndarray:
            return at(pre, past[pre][-lag] if lag else now[pre])

        dendrite, plateau = self.dendrite_settled.get(post), self.plateau.get(post)
        return Signals(
            pre_settled=before(self.settled, self.settled_past, lag),
            pre_settled_previous=before(self.settled, self.settled_past, projection.delay + 1),
            post_settled=at(post, self.settled[post]),
            dendrite_settled=None if dendrite is None else dendrite.T,
            pre_nudged=before(self.now, self.past, lag_nudged),
            post_nudged=at(post, self.now[post]),
            plateau=None if plateau is None else plateau.T,
        )


def _activation(population: Population) -> tuple:
    return population.activation, population.slope, population.activity_bounds
