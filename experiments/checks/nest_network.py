"""A recurrent network of 4,000 cells with exponential currents (CUBA) in Brian2 and in NEST: the same connections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import Clock, Equations, Network, NeuronGroup, SpikeMonitor, Synapses, ms
from scipy import stats

from checks.nest_kernel import fresh_kernel, with_nest
from checks.row import FALSE_ALARM, Curve, Row, Scale
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on

__all__ = ["cuba"]

EXCITATORY, INHIBITORY = 3200, 800
N = EXCITATORY + INHIBITORY
WEIGHTS = (60 * 0.27 / 10, -20 * 4.5 / 10)  # mV
DT, SKIP = 0.1, 200.0  # ms; what settles is left out
BLOCK = 50.0  # ms
CUBA = Equations(
    """
    dv/dt = (ge + gi - (v - drive))/tau_m : 1 (unless refractory)
    dge/dt = -ge/tau_e : 1
    dgi/dt = -gi/tau_i : 1
    """,
    tau_m=20 * ms,
    tau_e=5 * ms,
    tau_i=10 * ms,
    drive=-49.0,
)


@dataclass(frozen=True)
class Wiring:
    """Who projects to whom, 2 % of all pairs, and the first voltages."""

    pre: np.ndarray
    post: np.ndarray
    v: np.ndarray

    @classmethod
    def draw(cls, seed: int) -> Wiring:
        rng = np.random.default_rng(seed)
        pre, post = np.nonzero(rng.random((N, N), dtype=np.float32) < 0.02)
        return cls(pre, post, -60 + 10 * rng.random(N))


@with_nest("CUBA network against NEST")
def cuba(scale: Scale) -> list[Row]:
    """Chaotic, so not spike for spike: population rate in blocks of time, and CVs of the cells' intervals.

    References
    ----------
    Vogels & Abbott 2005, J. Neurosci. 25:10786, in the form of Brette et al. 2007, benchmark 2.
    """
    duration = scale.pick(1200.0, 2700.0)
    seeds = range(scale.seed, scale.seed + scale.pick(1, 3))
    found = {"Brian2": [], "NEST": []}
    for seed in seeds:
        wiring = Wiring.draw(seed)
        found["Brian2"].append(describe(in_brian2(wiring, duration, scale.device), duration))
        found["NEST"].append(describe(in_nest(wiring, duration), duration))
    rates, cvs = ({name: np.concatenate([run[k] for run in runs]) for name, runs in found.items()} for k in (0, 1))
    quantiles = np.linspace(0.02, 0.98, 25)
    ours, theirs = (np.quantile(cvs[name], quantiles) for name in ("Brian2", "NEST"))
    curve = Curve("CUBA network: CVs of intervals", "CV, NEST", "CV, Brian2 (quantiles)", theirs, ours, theirs)
    distance = stats.ks_2samp(cvs["Brian2"], cvs["NEST"]).statistic
    sizes = len(cvs["Brian2"]), len(cvs["NEST"])
    return [
        _means("CUBA network: rate of a cell (Hz), Brian2 against NEST", rates, curve),
        _means("CUBA network: mean CV of a cell's intervals, Brian2 against NEST", cvs),
        Row(
            "CUBA network: distance of the two distributions of CVs",
            0.0,
            float(distance),
            float(np.sqrt(-np.log(FALSE_ALARM / 2) / 2 * (1 / sizes[0] + 1 / sizes[1]))),
            f"Kolmogorov-Smirnov, {sizes[0]} and {sizes[1]} cells",
        ),
    ]


def _means(claim: str, values: dict[str, np.ndarray], curve: Curve | None = None) -> Row:
    """Welch's t."""
    ours, theirs = values["Brian2"], values["NEST"]
    test = stats.ttest_ind(ours, theirs, equal_var=False)
    error = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
    return Row(
        claim,
        float(theirs.mean()),
        float(ours.mean()),
        float(stats.t.isf(FALSE_ALARM / 2, test.df) * error),
        f"Welch's t, {len(ours)} and {len(theirs)} values",
        curve,
    )


def describe(spikes: tuple[np.ndarray, np.ndarray], duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Population rate (Hz) in blocks of time, and the CV of every cell with at least 8 intervals."""
    times, cells = (values[spikes[0] >= SKIP] for values in spikes)
    edges = np.arange(SKIP, duration + 1e-6, BLOCK)
    rates = np.histogram(times, edges)[0] / (N * BLOCK * 1e-3)
    order = np.lexsort((times, cells))
    times, cells = times[order], cells[order]
    intervals, owner = np.diff(times), cells[1:]
    same = owner == cells[:-1]
    intervals, owner = intervals[same], owner[same]
    count = np.bincount(owner, minlength=N)
    mean = np.bincount(owner, intervals, N) / np.maximum(count, 1)
    square = np.bincount(owner, (intervals - mean[owner]) ** 2, N) / np.maximum(count - 1, 1)
    enough = count >= 8
    return rates, np.sqrt(square[enough]) / mean[enough]


def in_brian2(wiring: Wiring, duration: float, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Spike times (ms) and cells."""

    def build() -> BuiltNetwork:
        clock = Clock(DT * ms, name="cuba_clock")
        cells = NeuronGroup(
            N,
            CUBA,
            threshold="v > -50",
            reset="v = -60",
            refractory=5 * ms,
            method="exact",
            clock=clock,
            name="cuba",
            namespace={},
        )
        built = BuiltNetwork(
            Network(cells, name="cuba_network"), clock, round(duration / DT), start=lambda: start(cells)
        )
        for k, current in enumerate(("ge", "gi")):
            chosen = (wiring.pre >= EXCITATORY) == bool(k)
            synapses = Synapses(
                cells,
                cells,
                on_pre=f"{current}_post += {WEIGHTS[k]}",
                delay=DT * ms,
                clock=clock,
                name=f"cuba_{current}",
                namespace={},
            )
            synapses.connect(i=wiring.pre[chosen], j=wiring.post[chosen])
            built.net.add(synapses)
        built.spikes["cells"] = SpikeMonitor(cells, name="cuba_spikes")
        built.net.add(built.spikes["cells"])
        built.changing["v"] = cells.variables["v"]
        return built

    def start(cells) -> None:
        cells.ge = cells.gi = 0
        cells.lastspike = -1e4 * 1000 * ms

    results = run_on(device, build, RunInputs({"v": wiring.v[None]}, np.zeros(1, int), np.zeros(1, int)))
    events, _ = results.spikes["cells"]
    return events[:, 0] * DT, events[:, 1]


def in_nest(wiring: Wiring, duration: float) -> tuple[np.ndarray, np.ndarray]:
    nest = fresh_kernel(DT)
    # C in pF equal to τ in ms: currents in pA are the voltages they would hold, in mV
    cells = nest.Create(
        "iaf_psc_exp",
        N,
        params=dict(
            tau_m=20.0,
            C_m=20.0,
            tau_syn_ex=5.0,
            tau_syn_in=10.0,
            E_L=-49.0,
            V_th=-50.0,
            V_reset=-60.0,
            t_ref=5.0,
        ),
    )
    cells.V_m = wiring.v
    first = cells[0].global_id
    weights = np.where(wiring.pre < EXCITATORY, *WEIGHTS)
    nest.Connect(
        first + wiring.pre,
        first + wiring.post,
        "one_to_one",
        syn_spec={"weight": weights, "delay": np.full(len(weights), DT)},
    )
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(duration)
    events = recorder.events
    return events["times"], events["senders"] - first
