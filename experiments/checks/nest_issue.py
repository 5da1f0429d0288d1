"""The equations as posted in NEST issue 1939, in stock Brian2 synapses: what remains of their difference from NEST."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, Network, SpikeGeneratorGroup, Synapses, ms

from checks.nest_kernel import with_nest
from checks.nest_plasticity import END, P, in_brian2, in_nest, trains
from checks.row import Row, Scale, exact
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on

__all__ = ["as_posted"]

MODEL = """
dn/dt = -n/tau_n : 1 (clock-driven)
dc/dt = -c/tau_c : 1 (clock-driven)
dweight/dt = c*(n - b)/ms : 1 (clock-driven)
dApre/dt = -Apre/tau_plus : 1 (clock-driven)
dApost/dt = -Apost/tau_minus : 1 (clock-driven)
"""


@with_nest("the equations of NEST issue 1939 against NEST")
def as_posted(scale: Scale) -> list[Row]:
    """Brian2's delay is axonal: as posted, the weight is that of other trains. Euler's error is extrapolated away."""
    h, delay = 0.1, 2.0
    pre, post, dopa = trains(scale.seed + 4, h, delay, (0.05, 0.05, 0.02))
    post = post[~np.isin(post, np.round(pre + delay, 6))]
    theirs = in_nest(pre, post, dopa, h, delay, h) - 1
    other = in_brian2(np.round(pre + delay, 6), post, dopa + h, h, scale.device) - 1
    rows = []
    for where, expected, claim in (
        ("pre", other, f"as posted, delay before the synapse: ΔW of trains so delayed (NEST: {theirs:.3f})"),
        ("post", theirs, "with the delay behind it and dopamine in NEST's units: ΔW in NEST"),
    ):
        coarse, fine = (in_stock_brian2(pre, post, dopa + h, dt, where, delay) for dt in (h, h / 2))
        judged = "second order in dt, after extrapolation"
        rows.append(exact(f"issue 1939's equations {claim}", expected, 2 * fine - coarse, 1e-5 * abs(expected), judged))
    return rows


def in_stock_brian2(pre, post, dopa, dt: float, delayed: str, delay: float) -> float:
    """ΔW at the end; the delay (ms) on the pathway `delayed`."""

    def build() -> BuiltNetwork:
        clock = Clock(dt * ms, name="issue_clock")
        sources = [
            SpikeGeneratorGroup(1, np.zeros(len(t), int), t * ms, clock=clock, name=f"issue_{name}")
            for name, t in (("pre", pre), ("post", post), ("dopamine", dopa))
        ]
        constants = {name: getattr(P, name) * ms for name in ("tau_plus", "tau_minus", "tau_c", "tau_n")}
        synapse = Synapses(
            *sources[:2],
            MODEL,
            on_pre="c += Apost\nApre += A_plus",
            on_post="c += Apre\nApost -= A_minus",
            method="euler",
            clock=clock,
            name="issue_synapse",
            namespace=constants | {"A_plus": P.a_plus, "A_minus": P.a_minus, "b": P.b, "ms": ms},
        )
        synapse.connect()
        getattr(synapse, delayed).delay = delay * ms
        release = Synapses(sources[2], synapse, on_pre=f"n_post += {1 / P.tau_n}", clock=clock, name="issue_release",
                           namespace={})  # fmt: skip
        release.connect()
        net = Network(*sources, synapse, release, name="issue_network")
        vectors = {"weight": synapse.variables["weight"]}
        return BuiltNetwork(net, clock, round(END / dt), lambda: None, vectors=vectors, precision=np.float64)

    results = run_on("runtime", build, RunInputs({}, np.zeros(1, int), np.zeros(1, int)))
    return float(results.vectors["weight"][0, 0])
