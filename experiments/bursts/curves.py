"""Event rate and burst probability of cells that are not connected, against the currents into both compartments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Network, ms, pA, second
from recurrent.own_device import run_own

from spikedtp.neurons import BurstPoisson, NaudCell
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.relay import spike_relay
from spikedtp.synapses import BackgroundInput, BurstDetector

__all__ = ["NOISES", "curves", "slopes"]

DT = 0.1 * ms
DENDRITE = (500, 0.05, 0.05)
#: Cells and noise: rate of the sources of a cell (Hz), and their excitatory and inhibitory weights, at the soma.
NOISES: dict[str, tuple[Any, tuple[float, float, float]]] = {
    "burstpoisson_xor_input_noise": (BurstPoisson(), (500, 0.35, 0.35)),
    "burstpoisson_xor_hidden_noise": (BurstPoisson(), (150, 0.385, 0.49)),
    "burstpoisson_xor_output_noise": (BurstPoisson(), (150, 0.35, 0.35)),
    "naud_propagation_noise": (NaudCell(), (500, 0.35, 0.35)),
}
SOMA = (-350, -200, -100, -50, 50, 150, 300), (-200, -100, -50, 50, 100, 150, 200)
DEND = (-200, 0, 200, 400, 600, 800, 1000), (-100, 0, 50, 100, 150, 200, 300)


def curves(name: str, n: int, settled: float, seconds: float, seed: int, device: str) -> tuple[pd.DataFrame, float]:
    """Rates of `n` cells for each pair of currents, with standard errors over cells; CPU seconds of the time steps."""
    cell, noise = NOISES[name]
    active = int(isinstance(cell, NaudCell))
    pairs = [(0, dend) for dend in DEND[active]] + [(soma, 100 if active else 400) for soma in SOMA[active]]

    def make() -> dict[str, Any]:
        group = cell.group(len(pairs) * n, dt=DT, name="ensemble", codeobj_class=code_object_class())
        group.i_soma, group.i_dend = (np.repeat([pair[k] for pair in pairs], n) * pA for k in (0, 1))
        objects: list[Any] = [group]
        for compartment, (rate, *weights) in (("soma", noise), ("dend", DENDRITE)):
            for kind, weight in zip(("exc", "inh"), weights, strict=True):
                variable = f"g_{kind}_{compartment}"
                objects.append(BackgroundInput(group, variable, rate * Hz, weight, name=f"noise_{kind}_{compartment}"))
        detector = BurstDetector(group, name="detected")
        counters = {
            kind: spike_relay(
                spikes, model="n : 1", reset=f"n += int(t_in_timesteps >= {round(settled / float(DT))})", order=5,
                name=f"counted_{kind}",
            )
            for kind, spikes in (("event", detector.events), ("burst", detector.bursts))
        }  # fmt: skip
        return {"net": Network(*objects, *detector.groups, *counters.values()), "counters": counters}

    counts, cost = run_own(
        device, make, lambda made: made["net"].run((settled + seconds) * second, namespace={}),
        lambda made: {kind: np.array(group.n[:]) for kind, group in made["counters"].items()}, seed=seed, dt=DT,
    )  # fmt: skip
    rates = {kind: values.reshape(len(pairs), n) / seconds for kind, values in counts.items()}
    table = pd.DataFrame(pairs, columns=["soma_pA", "dend_pA"])
    table.insert(0, "noise", name)
    for kind, values in rates.items():
        table[f"{kind}_rate_hz"] = values.mean(axis=1)
        table[f"{kind}_rate_se"] = values.std(axis=1, ddof=1) / np.sqrt(n)
    events, bursts = (np.maximum(rates[kind].mean(axis=1), 1e-12) for kind in ("event", "burst"))
    table["burst_probability"] = p = bursts / events
    apart = rates["burst"] - p[:, None] * rates["event"]  # of a ratio of means
    table["burst_probability_se"] = apart.std(axis=1, ddof=1) / np.sqrt(n) / events
    return table, cost.steps


def slopes(table: pd.DataFrame) -> dict[str, float]:
    """How far both curves go from the lowest to the highest current."""
    found = {}
    for name, of_noise in table.groupby("noise"):
        for current, other in (("dend_pA", "soma_pA"), ("soma_pA", "dend_pA")):
            swept = of_noise[of_noise[other] == of_noise[other].mode()[0]].sort_values(current)
            for signal in ("event_rate_hz", "burst_probability"):
                key = f"{name}_{signal}_along_{current.removesuffix('_pA')}"
                found[key] = float(swept[signal].iloc[-1] - swept[signal].iloc[0])
    return found
