"""STDP and dopamine-modulated STDP in NEST, on the same given trains.

NEST's delay is dendritic: a postsynaptic spike reaches the synapse late, a presynaptic one at once. (Brian2's is
axonal: the other way round.) A rule of the package has no delay, so it is given the postsynaptic spikes when they
arrive.
"""

from __future__ import annotations

import numpy as np
from brian2 import ms

from checks.nest_kernel import fresh_kernel, parrots, with_nest
from checks.nest_order import Dopamine, weight_in_nest_order
from checks.row import Curve, Row, Scale, exact
from spikedtp import replay
from spikedtp.plasticity import MSTDPET, STDP

__all__ = ["dopamine", "stdp"]

END = 1000.0  # ms
WIDE = 1e6  # bounds of NEST's weights, out of reach
P = Dopamine()


def trains(seed: int, h: float, delay: float, rates) -> list[np.ndarray]:
    """Random spike times in ms on a grid of `h`; of pre and post, the first two, none meet at the synapse."""
    rng = np.random.default_rng(seed)
    steps = round(END / h)
    inside = slice(round((2 * delay + 2) / h), steps - round((3 * delay + 60) / h))
    found = [np.arange(steps)[inside][rng.random(steps)[inside] < rate * h] for rate in rates]
    found[1] = found[1][~np.isin(found[1] + round(delay / h), found[0])]
    return [np.round(times * h, 6) for times in found]


def raster(times: np.ndarray, h: float) -> np.ndarray:
    spikes = np.zeros((round(END / h) + 1, 1))
    spikes[np.round(times / h).astype(int)] = 1
    return spikes


@with_nest("STDP against NEST's stdp_synapse")
def stdp(scale: Scale) -> list[Row]:
    """Additive pair STDP. What arrives in the same step counts on both sides here, and not at all in NEST."""
    h, delay, rows = 1.0, 3.0, []
    rule = STDP(a_plus=1.0, a_minus=-1.2, tau_plus=20 * ms, tau_minus=30 * ms, learning_rate=0.01)
    for coincident in (False, True):
        pre, post = trains(scale.seed + 1, h, delay, (0.05, 0.05))
        if coincident:
            post = np.union1d(post, pre[::5] - delay)
        pre = np.append(pre, END - 20)  # NEST adds what is pending at a presynaptic spike
        nest = fresh_kernel(h)
        cells = parrots(nest, (pre, post), h)
        cells[1].tau_minus = 30.0
        synapse = dict(
            synapse_model="stdp_synapse",
            weight=5.0,
            delay=delay,
            receptor_type=1,
            Wmax=10.0,
            mu_plus=0.0,
            mu_minus=0.0,
            tau_plus=20.0,
            alpha=1.2,
        )
        synapse["lambda"] = 0.01 / 10
        nest.Connect(cells[0], cells[1], syn_spec=synapse)
        nest.Simulate(END)
        theirs = nest.GetConnections(cells[0], cells[1]).weight - 5.0
        w = replay(rule, raster(pre, h), raster(post + delay, h), 0.0, form="spiking", device=scale.device, record=()).w
        meetings = np.isin(post + delay, pre).sum()
        ours = w[-1, 0, 0] - 0.01 * (1.0 - 1.2) * meetings
        name = f"{meetings} spikes meet, each worth A⁺ + A⁻ here and 0 there" if coincident else "no spikes meet"
        rows.append(
            exact(
                f"STDP against NEST's stdp_synapse, {len(pre)} and {len(post)} spikes, {name}",
                theirs,
                ours,
                1e-12,
                "rounding",
            )
        )
    return rows


@with_nest("MSTDPET against NEST's stdp_dopamine_synapse (NEST issue 1939)")
def dopamine(scale: Scale) -> list[Row]:
    """dw/dt = c (n - b) is MSTDPET with the reward n - b, its decay within a step included.

    They agree where NEST's slices (its shortest delay) are one step long, or presynaptic spikes end their slice; else
    NEST meets events in another order (`nest_order`), which a short program reproduces.
    """
    h, delay, rates = 0.1, 2.0, (0.1, 0.1, 0.03)
    pre, post, dopa = trains(scale.seed + 4, h, delay, rates)
    slices, rows = scale.pick((0.1, 1.0), (0.1, 0.2, 0.5, 1.0, 2.0)), []
    theirs = np.array([in_nest(pre, post, dopa, h, delay, s) for s in slices])
    explained = np.array(
        [weight_in_nest_order(P, pre, post + delay, dopa + s, weight=1.0, slice_ms=s, end=END) for s in slices]
    )
    ours = np.array([in_brian2(pre, post + delay, dopa + s, h, scale.device) for s in slices])
    size = abs(ours[0] - 1)
    curve = Curve(
        "NEST's dopamine synapse and its shortest delay",
        "shortest delay (ms)",
        "|NEST - MSTDPET| / |ΔW|",
        slices,
        np.abs(theirs - ours) / size,
        np.abs(explained - ours) / size,
    )
    count = f"{len(pre)}, {len(post)} and {len(dopa)} spikes"
    rows += [
        exact(
            f"dopamine STDP: MSTDPET in Brian2 over NEST, {count}, NEST's shortest delay one step",
            1,
            (ours[0] - 1) / (theirs[0] - 1),
            1e-11,
            "rounding",
        ),
        exact(
            "the same, NEST's shortest delay 2 to 20 steps: mismatch that the order of events explains, left over",
            0,
            (theirs - explained)[1:] / size,
            1e-11,
            "rounding",
            curve,
        ),
        exact(
            "  and its size at a shortest delay of 1 ms (NEST's default), share of ΔW",
            (explained - ours)[list(slices).index(1.0)] / size,
            (theirs - ours)[list(slices).index(1.0)] / size,
            1e-11,
            "rounding",
        ),
    ]
    at_ends = np.unique(np.ceil(pre))  # presynaptic spikes at the ends of slices of 1 ms
    alone = post[~np.isin(np.round(post + delay, 6), at_ends)]
    rows.append(
        exact(
            "dopamine STDP, shortest delay 1 ms, presynaptic spikes at the ends of slices: MSTDPET over NEST",
            1,
            (in_brian2(at_ends, alone + delay, dopa + 1, h, scale.device) - 1)
            / (in_nest(at_ends, alone, dopa, h, delay, 1.0) - 1),
            1e-11,
            "rounding",
        )
    )
    # an axonal delay, as Brian2's, is a dendritic one for trains that are moved: pre later, post earlier
    late = np.round(pre + delay, 6)
    post = post[~np.isin(post, late)]
    axonal = in_brian2(late, post, dopa + h, h, scale.device)
    moved = in_nest(late, np.round(post - delay, 6), dopa, h, delay, h)
    rows.append(
        exact(
            "dopamine STDP with an axonal delay of 2 ms (Brian2's kind) over NEST with moved trains",
            1,
            (axonal - 1) / (moved - 1),
            1e-11,
            "rounding",
        )
    )
    return rows + _eligibility(scale)


def _eligibility(scale: Scale) -> list[Row]:
    """NEST's trace c read every ms, in slices of one step. In longer slices it is as old as the last update."""
    pre, post, dopa = trains(scale.seed + 6, 1.0, 2.0, (0.05, 0.05, 0.02))
    until = 300
    theirs = in_nest(pre, post, dopa, 1.0, 2.0, 1.0, read="c", until=until)
    result = replay(
        rule(),
        raster(pre, 1.0),
        raster(post + 2, 1.0),
        1.0,
        modulator=modulator(dopa + 1, 1.0),
        record=("z",),
        form="spiking",
        device=scale.device,
    )
    ours = result.state["z"][2 : until + 2, 0, 0] * P.tau_c  # after the step of each whole ms
    # a presynaptic spike at the end of a slice is delivered in the next one
    settled = ~np.isin(np.arange(1, until + 1), pre)
    return [
        exact(
            "dopamine STDP: eligibility trace every ms, largest difference",
            0,
            (theirs - ours)[settled],
            1e-12,
            "rounding",
        )
    ]


def rule() -> MSTDPET:
    """Its trace is ζ/τ where NEST's c is ζ: the learning rate makes up for it."""
    return MSTDPET(
        a_plus=P.a_plus,
        a_minus=-P.a_minus,
        tau_plus=P.tau_plus * ms,
        tau_minus=P.tau_minus * ms,
        tau_e=P.tau_c * ms,
        learning_rate=P.tau_c,
    )


def modulator(dopa: np.ndarray, h: float) -> np.ndarray:
    """n - b in each step, weighted by what c and n lose within it, so that sums over steps are NEST's integrals."""
    jumps, n = raster(np.round(dopa, 6), h)[:, 0] / P.tau_n, 0.0
    course = np.empty(len(jumps))
    for k, jump in enumerate(jumps):
        n = n * np.exp(-h / P.tau_n) + jump
        course[k] = n
    both = 1 / (1 / P.tau_c + 1 / P.tau_n)
    return (course * both * -np.expm1(-h / both) - P.b * P.tau_c * -np.expm1(-h / P.tau_c)) / h


def in_brian2(pre, arrivals, dopa, h: float, device: str) -> float:
    """Weight at the end from spikes as they reach the synapse."""
    pre, arrivals = raster(pre, h), raster(np.round(arrivals, 6), h)
    w = replay(
        rule(), pre, arrivals, 1.0, modulator=modulator(dopa, h), dt=h * ms, form="spiking", device=device, record=()
    ).w
    return float(w[-2, 0, 0])  # the last row is the step after `END`


def in_nest(pre, post, dopa, h: float, delay: float, shortest: float, *, read: str = "weight", until: int = 0):
    """Weight at the end, or a state every ms."""
    nest = fresh_kernel(h)
    cells = parrots(nest, (pre, post, dopa), shortest)
    cells[1].tau_minus = P.tau_minus
    transmitter = nest.Create("volume_transmitter")
    nest.Connect(cells[2], transmitter, syn_spec={"delay": shortest})
    nest.CopyModel(
        "stdp_dopamine_synapse",
        "dopamine",
        dict(
            volume_transmitter=transmitter,
            A_plus=P.a_plus,
            A_minus=P.a_minus,
            tau_plus=P.tau_plus,
            tau_c=P.tau_c,
            tau_n=P.tau_n,
            b=P.b,
            Wmin=-WIDE,
            Wmax=WIDE,
        ),
    )
    nest.Connect(cells[0], cells[1], syn_spec=dict(synapse_model="dopamine", weight=1.0, delay=delay, receptor_type=1))
    connection = nest.GetConnections(cells[0], cells[1])
    if until:
        values = []
        for _ in range(until):
            nest.Simulate(1.0)
            values.append(connection.get(read))
        return np.array(values)
    nest.Simulate(END)
    return connection.get(read)
