"""From which connection probability on are synapses as a matrix quicker than Brian2's own?

All of them stand in one compiled network, between cells that fire at random, and Brian2's profiler times each. What the
profiler itself takes is known from an object that does nothing, and is taken away.
The time of stock synapses grows with the probability, in a straight line through those that were timed. That of dense
synapses is timed at p = 0.1. It does not depend on p, so that both cross at some p. The exception are spikes whose
synapses have delays of their own: dense ones then visit what exists alone, and no p is given.

    python experiments/benchmarks/dense_or_sparse.py --out results/dense_or_sparse [--cells 1000] [--quick]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import brian2
import numpy as np
import pandas as pd
from brian2 import Hz, Network, NeuronGroup, PoissonGroup, Synapses, ms, mV, second

from spikedtp import SpikedtpError
from spikedtp.plasticity import STDP, Clopath
from spikedtp.spiking.engine.compiled.compiler import compile_project
from spikedtp.spiking.engine.compiled.merge_sources import merge_sources
from spikedtp.spiking.engine.compiled.write_source import ALLOCATION
from spikedtp.synapses import DenseSynapses, PairSynapses, SparsePairSynapses

DT, RATE = 0.5 * ms, 20 * Hz
PROBABILITIES = (0.02, 0.1, 0.5)
RULES = {
    "spikes": None,  # synapses that do not learn
    "STDP": STDP(learning_rate=1e-4, w_min=0.0, w_max=1.0),
    "Clopath": Clopath(w_min=0.0, w_max=1.0),
}
#: task -> rule, whether each synapse has a delay of its own
TASKS = {f"{rule}{', delays' * own}": (rule, own) for rule in RULES for own in (False, True)}
#: After a spike the voltage is above the upper threshold of Clopath's rule for about 2.5 ms.
EQUATIONS = "dv/dt = (-70*mV - v)/(2*ms) : volt"


def build(n: int, seed: int) -> tuple[Network, dict[str, tuple[str, str, float]]]:
    """The network, and for each object of synapses: task, kind, probability (of dense ones: the one they have)."""
    rng = np.random.default_rng(seed)
    clock = brian2.Clock(DT, name="bench_clock")
    source = PoissonGroup(n, RATE, clock=clock, name="source")
    idle = NeuronGroup(1, "", threshold="False", reset="", clock=clock, name="idle", namespace={})
    net, made = Network(source, idle), {}
    for task, (rule, spread) in TASKS.items():
        for kind, p in [("dense", PROBABILITIES[1]), *(("stock", p) for p in PROBABILITIES)]:
            name = f"{kind}{len(made)}x"
            target = NeuronGroup(
                n, EQUATIONS, threshold="rand() < rate*dt", reset="v = 20*mV", method="exact", clock=clock,
                name=f"{name}cells", namespace={"rate": RATE},
            )  # fmt: skip
            target.v = -70 * mV
            mask, late = rng.random((n, n)) < p, rng.integers(0, 20, (n, n)) * DT
            late = late if spread else 1.5 * ms
            if kind == "dense":
                options = {"gain": 0.01 * mV, "mask": mask, "delay": late, "name": name}
                synapses = (
                    DenseSynapses(source, target, "v", **options)
                    if RULES[rule] is None
                    else PairSynapses(source, target, "v", rule=RULES[rule], **options)
                )
                synapses.weights = 0.5
            else:
                arrive = {"arrive": "v_post += w*0.01*mV"}
                synapses = (
                    Synapses(source, target, "w : 1", on_pre=arrive, clock=clock, name=name)
                    if RULES[rule] is None
                    else SparsePairSynapses(source, target, "v", rule=RULES[rule], gain=0.01 * mV, name=name)
                )
                pre, post = np.nonzero(mask.T)
                synapses.connect(i=pre, j=post)
                synapses.w = 0.5
                synapses.arrive.delay = late.T[mask.T] if spread else late
            net.add(target, synapses)
            made[name] = task, kind, p
    return net, made


def measure(n: int, duration: float, repeats: int, seed: int) -> pd.DataFrame:
    """Milliseconds for each simulated second, medians."""
    folder = Path(tempfile.mkdtemp())
    brian2.set_device("cpp_standalone", build_on_run=False)
    device = brian2.get_device()
    try:
        net, made = build(n, seed)
        brian2.seed(seed)
        net.run(duration * second, profile=True, namespace={})
        device.build(directory=str(folder), compile=False, run=False, with_output=False)
        shutil.copy(ALLOCATION, folder)
        merge_sources(folder)
        compile_project(folder)
        times: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(repeats):
            device.run(str(folder), with_output=False)
            info = [(name, float(time)) for name, time in net.profiling_info]
            nothing = next(time for name, time in info if name.startswith("idle_spike_thresholder"))
            for own in made:
                parts = [time - nothing for name, time in info if name.startswith(f"{own}_")]
                times[own].append(sum(parts) / duration * 1e3)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [(*made[name], statistics.median(found)) for name, found in times.items()]
    return pd.DataFrame(rows, columns=["task", "kind", "p", "ms_per_second"])


def crossings(found: pd.DataFrame) -> pd.DataFrame:
    """For each task the time of dense synapses, the line of stock ones, the ratio at p = 0.1, and where they cross."""
    rows = []
    for task, times in found.groupby("task", sort=False):
        dense = float(times.loc[times.kind == "dense", "ms_per_second"].iloc[0])
        stock = times[times.kind == "stock"]
        slope, offset = np.polyfit(stock.p, stock.ms_per_second, 1)
        same = float(stock.loc[stock.p == PROBABILITIES[1], "ms_per_second"].iloc[0])
        at = np.nan if TASKS[task] == ("spikes", True) else max(0.0, (dense - offset) / slope)
        rows.append((task, dense, offset, slope, same / dense, at))
    return pd.DataFrame(rows, columns=["task", "dense", "stock_at_0", "stock_per_p", "stock_to_dense", "crossing"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for times.csv and crossings.csv")
    parser.add_argument("--cells", type=int, default=1000, help="cells on either side")
    parser.add_argument("--seconds", type=float, default=2.0, help="simulated seconds")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the medians are taken")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="50 cells, 0.2 s, one run")
    given = parser.parse_args(arguments)
    if min(given.cells, given.repeats) < 1 or given.seconds <= 0:
        print("--cells, --repeats and --seconds must be positive", file=sys.stderr)
        return 2
    if given.quick:
        given.cells, given.seconds, given.repeats = 50, 0.2, 1
    try:
        found = measure(given.cells, given.seconds, given.repeats, given.seed)
    except SpikedtpError as error:
        print(error, file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    found.to_csv(given.out / "times.csv", index=False)
    crossings(found).to_csv(given.out / "crossings.csv", index=False)
    table = found.pivot_table(index="task", columns=["kind", "p"], values="ms_per_second", sort=False)
    print(table.round(2).to_string())
    print(crossings(found).round(3).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
