"""The noise that the populations of a closed loop hand on: its own equations, in steps of some milliseconds.

Within such a step a cell's rate stays what it was at its beginning, and what arrives is spread evenly over it. Counts
are drawn for whole steps, so no spike has a time. All else is that of `spiking.closed_loop`: leaks, phases, windows,
gates, errors, held somas and latched plateaus.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from spikedtp.circuit import plateau_of
from spikedtp.neurons import NudgedCell
from spikedtp.planning.closed_loop.counts import COUNTS, Counts, Expected
from spikedtp.plasticity import Plateau
from spikedtp.spiking.closed_loop.build import CircuitNumbers
from spikedtp.spiking.closed_loop.plan import ClosedLoop

__all__ = ["Propagation"]

FORGOTTEN = 6  # time constants
LIMIT = np.float32(Plateau.limit)


class Propagation:
    """Presentations of one closed loop.

    Parameters
    ----------
    spec : ClosedLoop
        With a nudge.
    given : CircuitNumbers
    longest : int
        Time steps of the simulation in one step here, at most.
    """

    def __init__(self, spec: ClosedLoop, given: CircuitNumbers, longest: int):
        self.spec, self.longest = spec, longest
        self.places, self.windows = spec.slices(), spec.windows
        dt, cell = float(spec.phases.dt), spec.cell
        assert isinstance(cell, NudgedCell)  # `ClosedScene` has refused others
        self.cell = cell
        self.keeps = {"soma": 1 - dt / float(cell.tau_soma), "dend": 1 - dt / float(cell.tau_dend)}
        #: nothing that reaches a dendrite before is read or acts
        self.dendrites_from = self.windows["settled"][0] - round(FORGOTTEN * float(cell.tau_dend) / dt)
        cells = spec.populations
        self.bias = np.concatenate([np.asarray(given.biases[p.name], np.float32) for p in cells])
        self.signed = np.concatenate([np.full(p.size, p.name in spec.signed) for p in cells])
        self.held = spec.held().astype(bool) if spec.phases.hold != "none" else np.zeros(spec.n_cells, bool)
        self.unit_rate = np.concatenate([np.full(p.size, float(spec.unit_rates[p.name])) for p in cells])
        self.units = np.concatenate([np.full(p.size, spec.spikers.get(p.name, 1)) for p in cells])
        self.part = {p.name: spec.nudge_part(p.layer) for p in cells}
        self.ways = self._ways(given.weights)

    def _ways(self, weights: dict[str, np.ndarray]) -> list[tuple[str, int, str, list[str], np.ndarray]]:
        """What leaves a population with the same delay for the same compartments, as one matrix `(n_pre, ...)`."""
        found: dict[tuple[str, int, str], list] = {}
        for p in self.spec.circuit.projections:
            found.setdefault((p.pre, self.spec.delay_steps(p), p.compartment), []).append(p)
        return [
            (*key, [p.post for p in some], np.concatenate([weights[p.name].T for p in some], axis=1, dtype=np.float32))
            for key, some in found.items()
        ]

    def steps(self) -> Iterator[tuple[int, int]]:
        """First time step of each step here, and how many it takes. None reaches into two windows."""
        parts = [*self.windows.values(), *self.part.values(), self.spec.phases.nudged()]
        edges = sorted({0, self.spec.phases.onset, self.spec.n_steps, *itertools.chain(*parts)})
        for start, stop in itertools.pairwise(edges):
            n = -(-(stop - start) // self.longest)
            inside = [start + (stop - start) * k // n for k in range(n + 1)]
            yield from ((first, after - first) for first, after in itertools.pairwise(inside))

    def vectors(
        self, x: np.ndarray, target: np.ndarray, rng: np.random.Generator, *, noise: bool = True
    ) -> dict[str, np.ndarray]:
        """What a simulation reads (`BuiltNetwork.vectors`), one row for each row of `x` and `target`."""
        shown = _Shown(self, np.asarray(x, np.float32), np.asarray(target, np.float32), rng, noise)
        for first, n in self.steps():
            shown.advance(first, n)
        return shown.vectors()


class _Shown:
    """The state of some presentations: arrays of `(rows, cells)`."""

    def __init__(self, loop: Propagation, x: np.ndarray, target: np.ndarray, rng: np.random.Generator, noise: bool):
        self.loop, self.spec, self.x, self.target = loop, loop.spec, x, target
        spec, rows = loop.spec, len(x)
        counts: Callable[..., Counts] = COUNTS[spec.inputs.firing] if noise else Expected
        of_inputs = np.full(spec.n_inputs, float(spec.unit_rates[spec.circuit.input.name]))
        one = np.ones(spec.n_inputs, int)
        self.count_inputs: Counts = counts(spec.inputs, of_inputs, one, rng, rows)
        self.count_cells: Counts = counts(loop.cell, loop.unit_rate, loop.units, rng, rows)
        self.soma, self.dendrite, self.soma_slope, self.dendrite_slope = self._zeros(4)
        self.soma_sum, self.dendrite_sum, self.plateau_sum = self._zeros(3)
        self.plateau, self.error, self.gate = self._zeros(3)
        self.lowest: np.ndarray = np.full((1, 1), -LIMIT)
        self.counted = {
            phase: (np.zeros_like(x), np.zeros_like(self.soma)) for phase in loop.windows
        }  # of inputs and cells
        self.sent: list[tuple[int, int, np.ndarray, np.ndarray]] = []  # that may still be on its way
        self.longest_delay = max(delay for _, delay, *_ in loop.ways)

    def _zeros(self, n: int) -> list[np.ndarray]:
        return [np.zeros((len(self.x), self.spec.n_cells), np.float32) for _ in range(n)]

    def advance(self, first: int, n: int) -> None:
        """From time step `first` to `first + n`."""
        loop, spec, dt = self.loop, self.spec, float(self.spec.phases.dt)
        if first == spec.phases.onset:
            self._onset()
        # rates of the middle of the step, if voltages go on as they do
        ahead = np.float32((n - 1) / 2)
        activity = self.soma + ahead * self.soma_slope
        if first >= spec.phases.onset:
            latch = spec.phases.latch
            acting = self.plateau if latch else self._plateau(self.dendrite + ahead * self.dendrite_slope)
            activity = activity + acting + self.error
        size = activity.clip(0, None)
        if spec.signed:
            size = np.where(loop.signed, np.abs(activity), size)
        cells, inputs = self.count_cells(size, n * dt), self.count_inputs(np.abs(self.x), n * dt)
        inputs = np.copysign(inputs, self.x)  # off cells count as negative
        if spec.signed:
            cells = np.copysign(cells, np.where(loop.signed, activity, 1))
        for phase, (start, stop) in loop.windows.items():
            if start <= first < stop:
                for total, now in zip(self.counted[phase], (inputs, cells), strict=True):
                    total += n * now
        on_the_way = [past for past in self.sent if sum(past[:2]) + self.longest_delay > first]
        self.sent = [*on_the_way, (first, n, inputs, cells)]
        drives = self._arriving(first)
        moving = ~loop.held if first >= spec.phases.onset else None
        soma, self.soma_slope = self._leaky("soma", self.soma, drives["soma"], n, moving)
        dendrite, self.dendrite_slope = self._leaky("dend", self.dendrite, drives["dend"], n, None)
        settled = loop.windows["settled"]
        if settled[0] <= first < settled[1]:
            self.soma_sum += n * soma
            self.dendrite_sum += n * dendrite
        elif first >= spec.phases.onset:
            for name, (start, stop) in loop.part.items():
                if start <= first < stop:
                    place = loop.places[name]
                    self.plateau_sum[:, place] += n * dendrite[:, place]
                    if first + n == stop:
                        mean = self.plateau_sum / (stop - start)
                        self.plateau[:, place] = self._plateau(mean)[:, place]

    def _arriving(self, first: int) -> dict[str, np.ndarray]:
        """The drive of all compartments, `(rows, cells)`."""
        loop, source = self.loop, self.spec.circuit.input.name
        drives = {"soma": np.tile(loop.bias, (len(self.x), 1)), "dend": np.zeros_like(self.dendrite)}
        for pre, delay, compartment, posts, weights in loop.ways:
            if first < delay or (compartment == "dend" and first < loop.dendrites_from):
                continue
            *_, inputs, cells = next(sent for sent in reversed(self.sent) if sent[0] <= first - delay)
            counted = inputs if pre == source else cells[:, loop.places[pre]]
            fires = np.flatnonzero(counted.any(axis=0))
            if 2 * len(fires) < counted.shape[1]:
                counted, weights = counted[:, fires], weights[fires]
            arrived, at = counted @ weights, 0
            for post in posts:
                place = loop.places[post]
                drives[compartment][:, place] += arrived[:, at : at + place.stop - place.start]
                at += place.stop - place.start
        return drives

    def _leaky(
        self, name: str, state: np.ndarray, drive: np.ndarray, n: int, moving: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Move a compartment by `n` time steps: its mean over them, and how far it moves in one of them."""
        drive -= state
        drive *= np.float32(1 - self.loop.keeps[name] ** n)
        if moving is not None:
            drive *= moving
        mean = state + np.float32((n + 1) / (2 * n)) * drive
        state += drive
        return mean, drive / np.float32(n)

    def _onset(self) -> None:
        """Gates, errors and held somas, as the settled state has them."""
        loop, spec = self.loop, self.spec
        start, stop = loop.windows["settled"]
        mean = self.soma_sum / (stop - start)
        if spec.has_lowest:
            self.lowest = np.full_like(mean, -LIMIT)
        for p in spec.populations:
            form, place = plateau_of(spec.circuit, p), loop.places[p.name]
            if form is None:
                continue
            soma = mean[:, place]
            opened = (soma != 0 if p.name in spec.signed else soma > 0) if form.relu_gate else True
            if p.name == spec.circuit.output.name:
                self.error[:, place] = Plateau.clip(self.target - self._activity(mean)[:, place]) * opened
                continue
            self.gate[:, place] = opened
            if form.has_lowest:
                self.lowest[:, place] *= self._activity(mean)[:, place] > form.neg_rate_th
        np.copyto(self.soma, mean, where=loop.held)
        np.copyto(self.soma_slope, 0, where=loop.held)

    def _plateau(self, dendrite: np.ndarray) -> np.ndarray:
        return self.gate * np.clip(dendrite, self.lowest, LIMIT)

    def _activity(self, soma: np.ndarray) -> np.ndarray:
        return np.where(self.loop.signed, soma, soma.clip(0, None))

    def vectors(self) -> dict[str, np.ndarray]:
        lengths = {phase: stop - start for phase, (start, stop) in self.loop.windows.items()}
        found = {
            f"{group}.pre_{phase}": total / lengths[phase]
            for phase, totals in self.counted.items()
            for group, total in zip(("inputs", "cells"), totals, strict=True)
        }
        found |= {f"{group}.pre_settled_previous": found[f"{group}.pre_settled"] for group in ("inputs", "cells")}
        soma, plateau = self.soma_sum / lengths["settled"], self.plateau + self.error
        found |= {
            "cells.post_settled": self._activity(soma),
            "cells.dendrite_settled": self.dendrite_sum / lengths["settled"],
            "cells.plateau": plateau,
            "cells.post_nudged": self._activity(soma + plateau),
        }
        return found | {"post_settled": found["cells.post_settled"]}
