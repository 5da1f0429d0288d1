"""NEST 3.10 (pip install 'spikedtp[nest]'), one thread, steps of 1 ms.

A linear dendrite that drives a linear soma is NEST's `iaf_psc_exp` without threshold: its synaptic current is the
dendritic voltage, its membrane the soma. NEST integrates both exactly, where the others take Euler steps; the means are
the same.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from brian2 import ms

from spikedtp.neurons import TwoCompartment

from .cases import DT, Case, Feedforward, PairRule
from .contestant import Contestant, Run

__all__ = ["contestants"]


def _nest():
    with contextlib.redirect_stdout(io.StringIO()):  # it greets on import
        import nest
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = DT
    nest.local_num_threads = 1
    return nest


def feedforward(case: Feedforward) -> Callable[[], dict]:
    """`poisson_generator` -> `parrot_neuron` -> `static_synapse` -> cells; nothing recorded."""
    nest, cell = _nest(), TwoCompartment()
    nest.rng_seed = case.seed + 1
    tau_soma, tau_dend = cell.tau_soma / ms, cell.tau_dend / ms
    parameters = {"tau_m": tau_soma, "tau_syn_ex": tau_dend, "C_m": tau_soma / cell.coupling,
                  "E_L": 0.0, "V_m": 0.0, "V_reset": 0.0, "V_th": 1e12}  # fmt: skip
    cells = nest.Create("iaf_psc_exp", case.n_post, parameters)
    source = nest.Create("parrot_neuron", case.n_pre)
    nest.Connect(nest.Create("poisson_generator", params={"rate": case.rate}), source)
    jump = float(cell.weight_scale * cell.spike_width / cell.tau_dend)
    nest.Connect(source, cells, "all_to_all", {"weight": jump * case.weights, "delay": DT})

    def found() -> dict:
        return {
            "spikes": nest.local_spike_counter,
            "v_soma": np.mean(cells.V_m),
        }

    return found


def pair_rule(case: PairRule) -> Callable[[], dict]:
    """`stdp_synapse` between parrots that repeat the given spikes.

    Additive and bounded like ours, with two differences: spikes of one step do not pair, and what postsynaptic spikes
    do waits for the next presynaptic one. NEST has no rule with a reward that changes and a trace in each synapse.
    """
    nest, rule = _nest(), case.rule
    groups = []
    for raster, shift in ((case.pre, 3), (case.post, 2)):  # the dendritic delay of one step is taken off again
        times = [np.nonzero(train)[0] * DT + shift for train in raster.T]
        given = nest.Create("spike_generator", raster.shape[1], params=[{"spike_times": t} for t in times])
        group = nest.Create("parrot_neuron", raster.shape[1])
        nest.Connect(given, group, "one_to_one", {"delay": DT})
        groups.append(group)
    pre, post = groups
    post.tau_minus = rule.tau_minus / ms
    synapse = {
        "synapse_model": "stdp_synapse", "receptor_type": 1, "delay": DT, "weight": case.w0, "Wmax": case.w_max,
        "tau_plus": rule.tau_plus / ms, "mu_plus": 0.0, "mu_minus": 0.0,
        "lambda": rule.learning_rate * rule.a_plus / case.w_max, "alpha": -rule.a_minus / rule.a_plus,
    }  # fmt: skip
    nest.Connect(pre, post, "all_to_all", synapse)

    def found() -> dict:
        w = np.empty((case.n_post, case.n_pre))
        made = nest.GetConnections(pre, post).get(["source", "target", "weight"])
        w[np.subtract(made["target"], post[0].global_id), np.subtract(made["source"], pre[0].global_id)] = made[
            "weight"
        ]
        return {"w_approximate": w}

    return found


BUILDERS = {Feedforward: feedforward, PairRule: pair_rule}


def prepare(case: Case, folder: Path):
    build = BUILDERS.get(type(case))
    if build is None or getattr(case, "name", "STDP") != "STDP":
        return None
    extra = 5 if isinstance(case, PairRule) else 1  # steps until the last spike has arrived

    def run() -> Run:
        found = build(case)  # the kernel is one for all: build anew, outside the clock
        import nest

        nest.Prepare()
        began = time.perf_counter()
        nest.Run((case.n_steps + extra) * DT)
        wall = time.perf_counter() - began
        nest.Cleanup()
        return Run(nest.GetKernelStatus("time_simulate"), wall, case, found=found())

    return run


def contestants() -> list[Contestant]:
    def missing() -> str | None:
        if importlib.util.find_spec("nest") is None:
            return "nest-simulator is not installed: pip install 'nest-simulator==3.10.*'"
        return None

    return [
        Contestant("NEST", "parrots, static_synapse or stdp_synapse, one thread; records nothing", prepare, missing)
    ]
