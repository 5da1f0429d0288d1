"""The floor of training samples in the closed loop: `floor/closed_loop.cpp` on the circuit of a `SpikingNetwork`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from brian2 import Hz, get_dimensions, ms

from spikedtp.circuit import plateau_of
from spikedtp.datasets import Dataset
from spikedtp.equations.adaptive_firing import GAIN, OFFSET
from spikedtp.equations.escape import LEAST_FREE_TIME
from spikedtp.equations.firing import LEAST_LIF_RATE
from spikedtp.neurons import CellModel, MembraneCell
from spikedtp.plasticity import DendriticLoss, DendriticState, HebbWeightNorm, NoAutapses, NormalizeRows, Tied
from spikedtp.schedules import DEFAULT_SCHEDULE, schedule_named
from spikedtp.spiking import SpikingNetwork
from spikedtp.spiking.closed_loop.cells import CellsOfLoop

from .hand_written import compiled, run_program, write_inputs

__all__ = ["training_floor"]

FIRINGS = ("poisson", "regular", "lif")
#: What a rule multiplies presynaptic activity by: plateaus, dendrites, activities whose sum stays.
RULES = (DendriticState, DendriticLoss, HebbWeightNorm)


def training_floor(network: SpikingNetwork, images: Dataset, folder: Path) -> Callable[..., dict[str, np.ndarray]]:
    """Compile the program for a circuit in dendritic target propagation, with its weights.

    Cells are `NudgedCell` with somas that are held, or `MembraneCell` with latched plateaus timed by a clock.

    Returns
    -------
    callable
        ``run(order, seed)`` trains on these samples, from the network's weights, and gives the weights afterwards.
    """
    spec = network._spec(nudged=True, learning=True)
    cell, phases = spec.cell, spec.phases
    names = [p.name for p in spec.populations]
    per_cell = [spec.spikers.get(name, 1) for name in names]
    sizes = np.array([p.size for p in spec.populations])
    cells, units = _places(sizes), _places(sizes * per_cell)
    parts, unheard = [spec.nudge_part(p.layer) for p in spec.populations], CellsOfLoop(spec).unheard
    populations = [
        (p.size, n, cells[k], units[k], spec.unit_rates[p.name] / Hz / 1000, p.name == spec.circuit.output.name,
         p.name != spec.circuit.output.name and plateau_of(spec.circuit, p) is not None, p.name not in unheard,
         *parts[k])
        for k, (p, n) in enumerate(zip(spec.populations, per_cell, strict=True))
    ]  # fmt: skip
    projections = spec.circuit.projections
    rows = [_row(spec, p, names, [q.name for q in projections]) for p in projections]
    inputs = spec.inputs
    numbers = {
        "n_inputs": spec.n_inputs, "n_cells": cells[-1], "n_units": units[-1], "n_steps": spec.n_steps,
        "onset": phases.onset, "read_from": spec.windows["settled"][0], "dt": phases.dt / ms, "silent": phases.silent,
        "input_rate": inputs.unit_rate / Hz / 1000, "max_input_rate": inputs.max_rate / Hz / 1000,
        "input_firing": FIRINGS.index(inputs.firing), "tau_lif": inputs.tau_lif / ms,
        "dead_time": inputs.dead_time / ms, "least_free_time": LEAST_FREE_TIME, "least_lif_rate": LEAST_LIF_RATE,
        **_numbers(cell),
    }  # fmt: skip
    given, bias = network._given(nudged=True), np.zeros(cells[-1])
    for name, first in zip(names, cells, strict=False):
        bias[first : first + len(given.biases[name])] = given.biases[name]
    arrays = {
        "populations": np.array(populations, dtype=float),
        "projections": np.array(rows, dtype=float),
        "weights": np.concatenate([given.weights[p.name].T.ravel() for p in projections]),
        "bias": bias,
    }
    binary, factor = compiled("closed_loop"), schedule_named(DEFAULT_SCHEDULE)

    def run(order: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
        factors = [factor(k, len(order)) for k in range(len(order))]
        shown = {"x": images.train_x[order], "target": images.train_t[order], "rate_factor": np.array(factors)}
        write_inputs(folder, numbers | {"n_samples": len(order), "seed": seed}, arrays | shown)
        run_program(binary, folder)
        sizes = [given.weights[p.name].size for p in projections]
        found = np.split(np.fromfile(folder / "w_out"), np.cumsum(sizes)[:-1])
        return {p.name: w.reshape(given.weights[p.name].T.shape).T for p, w in zip(projections, found, strict=True)}

    return run


def _numbers(cell: CellModel) -> dict[str, float]:
    """The parameters of a cell in ms and kHz, and which of the program's kinds it is."""
    units = {ms.dim: ms, Hz.dim: 1000 * Hz}
    known = {name: float(value / units.get(get_dimensions(value), 1)) for name, value in cell.quantities().items()}
    if isinstance(cell, MembraneCell):
        known |= {"threshold": known["threshold_membrane"], "gain": GAIN[cell.conductances], "offset": OFFSET}
        return known | {"kind": len(FIRINGS) + cell.conductances}
    return known | {"kind": FIRINGS.index(cell.firing)}


def _places(sizes: np.ndarray) -> np.ndarray:
    """Where each population begins, at whole vectors, and where the last one ends."""
    return np.cumsum([0, *(-(-sizes // 8) * 8)])


def _row(spec, p, names: list[str], projections: list[str]) -> tuple[float, ...]:
    kind, tied, scale = 0, -1, 0.0
    if p.rule is not None:
        kind = 1 + next(k for k, rule in enumerate(RULES) if isinstance(p.rule, rule))
    if isinstance(p.constraint, Tied):
        tied, scale = projections.index(p.constraint.source), p.constraint.scale
    if isinstance(p.constraint, NormalizeRows):
        scale = p.constraint.scale
    own = isinstance(p.constraint, NoAutapses) or (isinstance(p.constraint, NormalizeRows) and p.pre == p.post)
    gain = 1 / float(spec.unit_rates[p.pre] * spec.phases.dt * spec.spikers.get(p.pre, 1))
    rate = 0.0 if p.rule is None else p.rule.learning_rate * getattr(p.rule, "sign", 1)
    pre = names.index(p.pre) if p.pre in names else -1
    deaf = p.compartment == "soma" and spec.holds(spec.circuit.population(p.post))
    return (
        pre, names.index(p.post), kind, tied, p.compartment == "dend", deaf, not own, gain, rate,
        scale, 1 if p.bounds.upper is None else -1,
    )  # fmt: skip
