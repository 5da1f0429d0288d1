"""A loop over time steps in torch, one thread, float32: what a rate-network programmer would write first."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from brian2 import ms

from spikedtp.neurons import TwoCompartment
from spikedtp.spiking.open_loop.readout import readout_named

from .cases import DT, Case, Feedforward, Learning, PairRule, Presentations, shortened
from .contestant import Contestant, Run

__all__ = ["contestants"]


class Cells:
    """A batch of two-compartment cells."""

    def __init__(self, cell: TwoCompartment, batch: int, n: int):
        self.pulse = float(cell.weight_scale * cell.spike_width / (DT * ms))
        self.soma_step, self.dend_step = DT / float(cell.tau_soma / ms), DT / float(cell.tau_dend / ms)
        self.coupling = cell.coupling
        self.v_soma, self.v_dend = torch.zeros(batch, n), torch.zeros(batch, n)

    def step(self, soma_input: torch.Tensor | float, dend_input: torch.Tensor) -> None:
        self.v_dend += self.dend_step * (self.pulse * dend_input - self.v_dend)
        self.v_soma += self.soma_step * (self.pulse * soma_input + self.coupling * self.v_dend - self.v_soma)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32)


def feedforward(case: Feedforward, batch: int):
    """Bernoulli spikes; each element of the batch is a run of its own."""
    weights, p = _tensor(case.weights.T), case.rate * DT / 1000

    def loop():
        cells, count = Cells(TwoCompartment(), batch, case.n_post), torch.zeros(())
        for _ in range(case.n_steps):
            spikes = (torch.rand(batch, case.n_pre) < p).float()
            cells.step(0.0, spikes @ weights)
            count += spikes.sum()
        return {"spikes": count, "v_dend": cells.v_dend.mean(), "v_soma": cells.v_soma.mean()}

    return loop, batch


def presentations(case: Presentations, batch: int):
    """`batch` presentations side by side; rates, spikes, traces, output spikes and read-outs in each step."""
    timeline, kernels = case.timeline, readout_named("best").kernels(case.timeline).weights
    unit, most = (float(rate * DT * ms) for rate in (case.inputs.unit_rate, case.inputs.max_rate))
    n, p = len(case), _tensor(np.concatenate([p for _, p in case.shown()], axis=-1).transpose(1, 0, 2))
    weights = {
        kind: _tensor(np.hstack([s.weight for s in case.sources if s.compartment == kind]).T)
        for kind in ("soma", "dend")
    }
    n_soma, n_in = len(weights["soma"]), p.shape[-1]
    keep = 1 - DT / float(case.inputs.tau_eligibility / ms)
    jump = float(case.inputs.weight_scale * case.inputs.spike_width / case.inputs.tau_eligibility)

    def loop():
        cells, trace = Cells(case.cell, n, case.n_cells), torch.zeros(n, n_in)
        sums = {key: torch.zeros(n, n_in if key[0] == "trace" else case.n_cells) for key in kernels}
        count, outputs = torch.zeros(()), torch.zeros(())
        for t in range(timeline.n_steps):
            spikes = (torch.rand(n, n_in) < p[t]).float()
            outputs += (torch.rand(n, case.n_cells) < (unit * cells.v_soma).clamp(0, most)).sum()
            trace.mul_(keep).add_(spikes, alpha=jump)
            drives = {"trace": spikes, "soma": spikes[:, :n_soma] @ weights["soma"]}
            drives["dendrite"] = spikes[:, n_soma:] @ weights["dend"]
            cells.step(drives["soma"], drives["dendrite"])
            for key, kernel in kernels.items():
                if kernel[t]:
                    sums[key].add_(drives[key[0]], alpha=float(kernel[t]) * cells.pulse)
            count += spikes.sum()
        found = {"spikes": count, "output_spikes": outputs}
        return found | {"v_soma": cells.v_soma.mean(), "v_dend": cells.v_dend.mean()}

    return loop, 1


def pair_rule(case: PairRule, batch: int):
    """Dense outer products in every step."""
    if batch != 1:
        return None
    rule, rewarded = case.rule, case.name == "MSTDPET"
    keep = {side: float(np.exp(-DT / float(getattr(rule, f"tau_{side}") / ms))) for side in ("plus", "minus")}
    keep_z = float(np.exp(-DT / float(rule.tau_e / ms))) if rewarded else 0.0
    pre, post, rate = _tensor(case.pre), _tensor(case.post), rule.learning_rate

    def loop():
        w, z = _tensor(case.w0), torch.zeros(case.n_post, case.n_pre)
        p_plus, p_minus = torch.zeros(case.n_pre), torch.zeros(case.n_post)
        for t in range(case.n_steps):
            p_plus.mul_(keep["plus"]).add_(pre[t], alpha=rule.a_plus)
            p_minus.mul_(keep["minus"]).add_(post[t], alpha=rule.a_minus)
            if rewarded:
                z.mul_(keep_z).addr_(post[t], p_plus, alpha=1 / float(rule.tau_e / ms))
                z.addr_(p_minus, pre[t], alpha=1 / float(rule.tau_e / ms))
                w.add_(z, alpha=rate * float(case.reward[t]) * DT)
            else:  # depression, bounds, potentiation, bounds
                w.addr_(p_minus, pre[t], alpha=rate).clamp_(min=0)
                w.addr_(post[t], p_plus, alpha=rate).clamp_(max=case.w_max)
        return {"w": w}

    return loop, 1


def learning(case: Learning, batch: int):
    if batch != 1:
        return None
    pre, post = _tensor(case.pre), _tensor(case.post)

    def loop():
        w, copy = _tensor(case.w0), torch.zeros(case.n_pre, case.n_post)
        for k in range(case.n_events):
            w.addr_(post[k % case.n_vectors], pre[k % case.n_vectors]).clamp_(case.low, case.high)
            if case.kind == "normalised":
                w.mul_(case.scale / w.sum(dim=1, keepdim=True))
            elif case.kind == "tied":
                torch.mul(w.T, case.scale, out=copy)
        return {"w": w, "copy": copy} if case.kind == "tied" else {"w": w}

    return loop, 1


LOOPS: dict[type[Case], Callable] = {
    Feedforward: feedforward,
    Presentations: presentations,
    PairRule: pair_rule,
    Learning: learning,
}


def prepare(case: Case, folder: Path, *, batch: int):
    case = shortened(case, seconds=1.0, presentations=batch, events=100)
    made = LOOPS[type(case)](case, batch)
    if made is None:
        return None
    loop, times = made
    torch.set_num_threads(1)
    torch.manual_seed(case.seed)

    def run() -> Run:
        began = time.perf_counter()
        with torch.inference_mode():
            found = loop()
        spent = time.perf_counter() - began
        return Run(spent, spent, case, times, {name: value.double().numpy() for name, value in found.items()})

    return run


def contestants() -> list[Contestant]:
    return [
        Contestant(
            f"torch, batch {batch}", "a step loop, one thread, float32; counts spikes", partial(prepare, batch=batch)
        )
        for batch in (1, 32)
    ]
