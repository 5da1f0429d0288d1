"""A population whose dendrites get more and less input, while the synapses onto its somata learn by Burstprop.

Weights move while burst probability differs from its own average, for some two time constants of the average. They come
back when burst probability does. The burst probability of presynaptic cells does not matter.

What differs from the authors' program: the sources of the background belong to a cell each, and are not drawn from
50,000 that cells share. So all cells have 100 of them, and not 100 on average.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Network, NeuronGroup, PoissonGroup, SpikeMonitor, StateMonitor, ms, mV, pA, second
from recurrent.own_device import run_own

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NaudCell
from spikedtp.plasticity import Burstprop
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.synapses import (
    BackgroundInput,
    BurstDetector,
    BurstpropSynapses,
    DenseSynapses,
    burst_learners,
    burst_senders,
)

__all__ = ["PHASES", "learn_in_population", "weights_of_phases"]

DT = 0.1 * ms
P = 0.2  # probability of a connection
WEIGHT, DEND_WEIGHT = 0.08, 0.25
#: Background of presynaptic cells: rates of excitation and inhibition (Hz), and their weights.
BACKGROUND = {"soma": ((500, 0.17), (150, 0.26)), "dend": ((500, 0.0425), (150, 0.065))}
#: Name, begin and end (s), factor on the input to dendrites, and current into presynaptic dendrites (pA).
PHASES = (
    ("off", 0, 20, 1.0, 0),
    ("first", 20, 45, 1.0, 0),
    ("more", 45, 70, 1.5, 0),
    ("again", 70, 95, 1.0, 0),
    ("less", 95, 120, 0.55, 0),
    ("back", 120, 145, 1.0, 0),
    ("presynaptic", 145, 170, 1.0, 40),
)
BIN = 2.5  # s
FEWEST = 200


def learn_in_population(n: int, scale: float, seed: int, device: str) -> tuple[pd.DataFrame, float]:
    """Rates, burst probabilities and the mean weight in bins, and the CPU seconds of the time steps.

    Parameters
    ----------
    n : int
        Cells before and after the synapses. Each hears as many as one of 1000 does.
    scale : float
        Factor on all times of the protocol.
    """
    if n < FEWEST:
        raise SpikedtpError(f"a population of {n} cells is too small for its burst probability: use at least {FEWEST}")
    time = PHASES[-1][2] * scale * second
    found, cost = run_own(
        device,
        lambda: _network(n, scale, seed),
        lambda made: made["net"].run(time, namespace={}),
        _read,
        seed=seed,
        dt=DT,
    )
    return _binned(n, scale, *found), cost.steps


def _network(n: int, scale: float, seed: int) -> dict[str, Any]:
    rng, own, width = np.random.default_rng([seed, 29]), code_object_class(), round(BIN * scale / float(DT))
    rule = Burstprop(learning_rate=3.5e-3, tau_x=100 * ms, tau_avg=5 * scale * second, e_min=2 * Hz, e_max=12 * Hz)
    before = NaudCell().group(n, dt=DT, name="before", codeobj_class=own)
    after = NaudCell().group(n, dt=DT, name="after", codeobj_class=own, equations="heard : 1")
    before.v_soma, after.i_dend = rng.normal(-70, 5, n) * mV, 50 * pA
    late, current = PHASES[-1][1] * scale, PHASES[-1][4]
    told = before.run_regularly(f"i_dend = {current}*pamp*int(t >= {late!r}*second)", when="start", name="told")
    noise = [
        BackgroundInput(before, f"g_{kind}_{where}", rate * Hz, weight, name=f"noise_{kind}_{where}")
        for where, inputs in BACKGROUND.items()
        for kind, (rate, weight) in zip(("exc", "inh"), inputs, strict=True)
    ]
    sources = PoissonGroup(100, 1 * Hz, dt=DT, name="sources")
    factor = " + ".join(
        f"{value!r}*int(t >= {begin * scale!r}*second)*int(t < {end * scale!r}*second)"
        for _, begin, end, value, _ in PHASES
    )
    dendrites = DenseSynapses(sources, after, "g_exc_dend", gain=factor, delay=0.8 * ms, name="dendrites",
                              mask=rng.random((n, 100)) < P)  # fmt: skip
    dendrites.weights = DEND_WEIGHT
    sent = BurstDetector(before, t_axon=rule.t_axon, name="sent")
    seen = BurstDetector(after, name="seen")
    senders, learners = burst_senders(sent, rule, name="senders"), burst_learners(seen, rule, name="learners")
    # in the step that ends a bin nothing is learned, so that all weights are brought up to date and can be copied
    at_end, begin = f"t_in_timesteps % {width} == {width - 1}", PHASES[1][1] * scale
    mask = rng.random((n, n)) < P * 1000 / n
    plastic = BurstpropSynapses(
        senders, after, "g_exc_soma", learners=learners, rule=rule, name="plastic",
        plastic=f"t_in_timesteps >= {round(begin / float(DT))} and not ({at_end})",
        mask=mask,
    )  # fmt: skip
    plastic.weights = WEIGHT
    # all cells of a probe fire at once, through copies of the weights, so that their sums arrive
    probe = NeuronGroup(n, "", threshold=f"t_in_timesteps % {width} == 0 and t_in_timesteps > 0", reset="", dt=DT,
                        name="probe", codeobj_class=own)  # fmt: skip
    weighed = DenseSynapses(probe, after, "heard", name="weighed")
    weighed.copy_of(plastic, at=at_end, when="end", order=2)
    monitors = {
        f"{kind}s_{name}": SpikeMonitor(getattr(detector, f"{kind}s"), name=f"{kind}s_{name}")
        for name, detector in (("before", sent), ("after", seen))
        for kind in ("event", "burst")
    }
    averages = StateMonitor(
        learners, ["event_rate", "burst_rate"], record=True, dt=BIN * scale * second, name="averages"
    )
    sums = StateMonitor(after, "heard", record=True, dt=BIN * scale * second, when="start", name="sums")
    objects = [before, after, told, *noise, sources, dendrites, *sent.groups, *seen.groups, senders, learners, plastic]
    net = Network(*objects, probe, weighed, *monitors.values(), averages, sums)
    return {"net": net, "monitors": monitors, "averages": averages, "sums": sums, "n_synapses": int(mask.sum())}


def _read(made: dict[str, Any]) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, int]:
    times = {name: np.array(monitor.t[:]) for name, monitor in made["monitors"].items()}
    averages = made["averages"]
    p = np.array(averages.burst_rate).sum(axis=0) / np.maximum(np.array(averages.event_rate).sum(axis=0), 1e-12)
    return times, p, np.array(made["sums"].heard).sum(axis=0), made["n_synapses"]


def _binned(
    n: int, scale: float, times: dict[str, np.ndarray], average: np.ndarray, sums: np.ndarray, n_synapses: int
) -> pd.DataFrame:
    bins = round(PHASES[-1][2] / BIN)
    edges = np.arange(bins + 1) * BIN
    table = pd.DataFrame({"time_s": edges[1:]})
    for name, spikes in times.items():
        kind, where = name.split("s_")
        table[f"{where}_{kind}_rate"] = np.histogram(spikes / scale, edges)[0] / (n * BIN * scale)
    for where in ("before", "after"):
        events = np.maximum(table[f"{where}_event_rate"], 1e-12)
        table[f"{where}_burst_probability"] = table[f"{where}_burst_rate"] / events
    table["average_burst_probability"] = np.append(average[1:], average[-1])[:bins]
    # what had arrived when a bin began, and the last one has no later probe
    weights = np.diff(sums)[1:] / n_synapses
    table["weight_percent"] = np.append(100 * (weights / WEIGHT - 1), [np.nan] * bins)[:bins]
    middle = table["time_s"] - BIN / 2
    for name, begin, end, *_ in PHASES:
        table.loc[(middle > begin) & (middle < end), "phase"] = name
    return table


def weights_of_phases(table: pd.DataFrame) -> dict[str, float]:
    """The mean weight at the end of each phase, in per cent of change."""
    return {
        str(name): float(phase["weight_percent"].dropna().iloc[-1])
        for name, phase in table.groupby("phase", sort=False)
    }
