"""A cell for trying declarations, and the networks that it runs in."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
from brian2 import Equations, Quantity, ms

from spikedtp.neurons import Declaration, NudgedCell
from spikedtp.parameters import parameter
from spikedtp.spiking import run_feedforward
from spikedtp.spiking.open_loop.timeline import Timeline

STEPS, N_IN, N = 60, 6, 5
TIMELINE = Timeline(time_per_step=STEPS / 2 * ms, sensory_points=1, supervised_points=1)


@dataclass(frozen=True)
class Probe(NudgedCell):
    """A cell that every network can run, with any declaration."""

    tau_soma: Quantity = parameter(8 * ms, above=0 * ms)
    tau_dend: Quantity = parameter(12 * ms, above=0 * ms)
    low: float = parameter(-0.3)
    high: float = parameter(0.4)
    rest: Quantity = parameter(3 * ms, least=0 * ms)
    changes: dict | None = None

    plain: ClassVar[Declaration] = Declaration(
        equations=Equations(
            """
            dv_soma/dt = (input_soma - v_soma)/tau_soma : 1
            dv_dend/dt = (input_dend + v_soma - v_dend)/tau_dend : 1
            input_soma : 1
            input_dend : 1
            hidden : 1
            activity = v_soma : 1
            somatic_activity = v_soma : 1
            dendritic_state = v_dend : 1
            drive_soma = input_soma : 1
            drive_dend = input_dend : 1
            gate : 1
            error : 1
            bias : 1 (constant)
            unit_rate : Hz (constant)
            """
        ),
        threshold="v_soma > high",
        reset="v_soma = low",
        clear=("input_soma", "input_dend"),
    )

    def declaration(self) -> Declaration:
        return replace(self.plain, **(self.changes or {}))


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(seed):
    """Spikes (steps, n_in), and weights onto somas and dendrites."""
    weights = {part: rng([seed, k]).normal(0.5, 2, (N, N_IN)).astype(np.float32) for k, part in enumerate("sd")}
    return rng([seed, 9]).random((STEPS, N_IN)) < 0.3, weights["s"], weights["d"]


def in_feedforward(cell, seed=0, device="runtime"):
    raster, soma, _ = drawn(seed)
    response = run_feedforward([soma.T, np.eye(N)], raster[None], hidden=cell, device=device)
    return (response.hidden_spikes[0], response.output_v[0]), (raster @ soma.T, np.zeros((STEPS, N)))


def changed(cell, **changes):
    """A cell of the same class and parameters with another declaration."""

    @dataclass(frozen=True)
    class Changed(type(cell)):
        def declaration(self):
            return replace(super().declaration(), **changes)

    return Changed(**{field.name: getattr(cell, field.name) for field in fields(cell)})
