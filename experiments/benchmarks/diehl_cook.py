"""How long does Diehl & Cook's network take for an image, here and as stock Brian2 objects in the way of its example?

Both learn from the same images, with the same constants, time step and number of cells. The stock network is what a
Brian2 user writes: PoissonGroup, `Synapses` with event-driven traces, weights normalised in Python, and two calls of
`run` for each try of an image, compiled by Cython (or numpy, with --target numpy). It is warmed up with one image, so
that compiling is not counted. Times are CPU seconds of the process and its children, so other work on the machine
matters little. Both take turns, and medians are given.

    python experiments/benchmarks/diehl_cook.py --data mnist:DIR --out results/diehl_cook_time [--cells 100 400]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
from pathlib import Path

import brian2
import numpy as np
import pandas as pd
from brian2 import Clock, Hz, Network, NeuronGroup, PoissonGroup, SpikeMonitor, Synapses, ms, mV

from spikedtp import SpikedtpError, datasets
from spikedtp.plasticity import DiehlCook
from spikedtp.spiking import DiehlCookNetwork

CELLS = """
    dv/dt = ((v_rest - v) - ge*v + gi*(v_inh - v))/tau : volt (unless refractory)
    dge/dt = -ge/(1*ms) : 1
    dgi/dt = -gi/(2*ms) : 1
    """
EXCITATORY = {"v_rest": -65 * mV, "v_inh": -100 * mV, "tau": 100 * ms}
INHIBITORY = {"v_rest": -60 * mV, "v_inh": -85 * mV, "tau": 10 * ms}
SUM, FEWEST = 78.0, 5


class Stock:
    """The network as a Brian2 script."""

    def __init__(self, n: int, n_inputs: int, dt: brian2.Quantity, seed: int):
        clock, rng = Clock(dt), np.random.default_rng(seed)
        self.inputs = PoissonGroup(n_inputs, np.zeros(n_inputs) * Hz, clock=clock)
        exc = NeuronGroup(
            n, CELLS + "dtheta/dt = -theta/(1e7*ms) : volt\ndtimer/dt = 1 : second",
            threshold="v > theta - 72*mV and timer > 50*ms", reset="v = -65*mV; theta += 0.05*mV; timer = 0*ms",
            refractory=5 * ms, method="euler", clock=clock, namespace=EXCITATORY,
        )  # fmt: skip
        inh = NeuronGroup(
            n, CELLS, threshold="v > -40*mV", reset="v = -45*mV", refractory=2 * ms, method="euler", clock=clock,
            namespace=INHIBITORY,
        )  # fmt: skip
        exc.v, inh.v, exc.theta = -65 * mV, -60 * mV, 20 * mV
        self.forward = Synapses(self.inputs, exc, clock=clock, **DiehlCook().arrival_code("ge"))
        self.forward.connect()
        self.forward.w = "(rand() + 0.01)*0.3"
        self.forward.pre.delay = rng.uniform(0, 10, n * n_inputs) * ms
        one_to_one = Synapses(exc, inh, on_pre="ge_post += 10.4", clock=clock)
        one_to_one.connect(j="i")
        others = Synapses(inh, exc, on_pre="gi_post += 17.0", clock=clock)
        others.connect("i != j")
        self.spikes = SpikeMonitor(exc, record=False)
        self.net = Network(self.inputs, exc, inh, self.forward, one_to_one, others, self.spikes)
        self.n, self.n_inputs = n, n_inputs

    def learn(self, images: np.ndarray) -> float:
        """Show the images; the number of tries for each."""
        tries = 0
        for image in images:
            intensity, fired = 2.0, 0
            while fired < FEWEST:
                w = np.array(self.forward.w[:]).reshape(self.n_inputs, self.n)
                self.forward.w = (w * (SUM / w.sum(axis=0))).ravel()
                before = int(self.spikes.num_spikes)
                for rates, duration in ((image * intensity * 31.875 * Hz, 350 * ms), (0 * image * Hz, 150 * ms)):
                    self.inputs.rates = rates
                    self.net.run(duration, namespace={})
                    fired = int(self.spikes.num_spikes) - before if duration > 200 * ms else fired
                intensity, tries = intensity + 1, tries + 1
        return tries / len(images)


def cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(x: np.ndarray, n: int, dt: brian2.Quantity, few: int, many: int, repeats: int) -> dict[str, float]:
    """CPU milliseconds for an image, and tries: stock from `few` images in each turn, ours from `many`."""
    stock, network = Stock(n, x.shape[1], dt, seed=0), DiehlCookNetwork(n_inputs=x.shape[1], n_cells=n, dt=dt)
    state = network.start(seed=0)
    stock.learn(x[:1])
    network.learn(state, x[:1])
    times: dict[str, list[float]] = {"stock": [], "here": []}
    tries: dict[str, list[float]] = {"stock": [], "here": []}
    for k in range(repeats):
        began = cpu_seconds()
        tries["stock"].append(stock.learn(x[k * few : (k + 1) * few]))
        times["stock"].append((cpu_seconds() - began) / few)
        began = cpu_seconds()
        response = network.learn(state, x[k * many : (k + 1) * many])
        times["here"].append((cpu_seconds() - began) / many)
        state = response.state
        tries["here"].append(float(response.tries.mean()))
    found = {f"{who}_ms": 1e3 * statistics.median(values) for who, values in times.items()}
    found |= {f"{who}_tries": statistics.mean(values) for who, values in tries.items()}
    return {"cells": n, "dt_ms": float(dt / ms), **found, "ratio": found["stock_ms"] / found["here_ms"]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="mnist:DIR")
    parser.add_argument("--out", type=Path, required=True, help="folder for times.csv")
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--dt", type=float, default=0.5, help="time step in ms; Brian2's example has 0.1")
    parser.add_argument("--images", type=int, default=10, help="of the stock network in a turn; ours has 50 times more")
    parser.add_argument("--repeats", type=int, default=3, help="turns, of which the medians are taken")
    parser.add_argument("--target", default="cython", choices=("cython", "numpy"), help="of the stock network")
    parser.add_argument("--quick", action="store_true", help="one turn of 1 image with 10 cells")
    given = parser.parse_args(arguments)
    if min(*given.cells, given.images, given.repeats) < 1 or given.dt <= 0:
        print("--cells, --dt, --images and --repeats must be positive", file=sys.stderr)
        return 2
    if given.quick:
        given.cells, given.images, given.repeats = [10], 1, 1
    brian2.prefs.codegen.target = given.target
    try:
        x = datasets.load(given.data).train_x
        few, many = given.images, 2 if given.quick else 50 * given.images
        if len(x) < given.repeats * many:
            raise SpikedtpError(f"--data {given.data}: {given.repeats * many} images are needed, there are {len(x)}")
        found = pd.DataFrame([measure(x, n, given.dt * ms, few, many, given.repeats) for n in given.cells])
    except SpikedtpError as error:
        print(error, file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    found.to_csv(given.out / "times.csv", index=False)
    print(found.round(3).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
