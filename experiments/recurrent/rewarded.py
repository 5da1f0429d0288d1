"""Izhikevich's network of 1,000 cells in which one pair of spikes is rewarded seconds later, all inside the run.

Sizes, constants and time steps are those of the published script (daspnet.m). v, u and currents are in mV.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
    second,
)

from spikedtp.plasticity import MSTDPET
from spikedtp.synapses import SparsePairSynapses, shared_value

__all__ = ["RULE", "W_MAX", "Circuit", "Wiring", "draw_wiring"]

N_E, N_I, FAN_OUT = 800, 200, 100
W_MAX, W_FIRST, DT = 4.0, 1.0, 1 * ms
BASELINE, REWARD, TAU_DOPAMINE, TAU_ELIGIBILITY = 0.002, 0.5, 200 * ms, 1 * second
#: From a pair of spikes to its reward, in ms: one of these delays is drawn.
DELAYS = np.arange(1010, 3001, 10)

#: c is the eligibility trace, d the dopamine: dc/dt = -c/tau_c + STDP, dw/dt = (0.002 + d) c / (10 ms), 0 <= w <= 4.
RULE = MSTDPET(
    a_plus=0.1,
    a_minus=-0.15,
    tau_plus=20 * ms,
    tau_minus=20 * ms,
    traces="nearest",
    tau_e=TAU_ELIGIBILITY,
    learning_rate=float(TAU_ELIGIBILITY / (10 * ms)),  # the trace of the rule is c/tau_e
    w_min=0.0,
    w_max=W_MAX,
)

#: Two half steps for v, as in the script, with random input from the thalamus in every step.
STEP = """
input = current + 13*(rand() - 0.5)
v += 0.5*(0.04*v**2 + 5*v + 140 - u + input)
v += 0.5*(0.04*v**2 + 5*v + 140 - u + input)
u += a*(0.2*v - u)
current = 0
"""


@dataclass(frozen=True)
class Wiring:
    """Who is connected with whom, and which synapse is rewarded.

    Attributes
    ----------
    e_pre, e_post, i_pre, i_post : (n,) int
        Excitatory synapses onto all cells, and inhibitory ones onto the 800 excitatory cells.
    rewarded : int
        The place of the rewarded synapse in `e_pre` and `e_post`.
    """

    e_pre: np.ndarray
    e_post: np.ndarray
    i_pre: np.ndarray
    i_post: np.ndarray
    rewarded: int


def draw_wiring(rng: np.random.Generator, n_e: int = N_E, n_i: int = N_I, fan_out: int = FAN_OUT) -> Wiring:
    """Each cell reaches `fan_out` others, none twice and never itself; inhibitory cells reach excitatory ones."""

    def reached(pre: np.ndarray, n_post: int) -> tuple[np.ndarray, np.ndarray]:
        chance = rng.random((len(pre), n_post))
        own = pre < n_post
        chance[np.flatnonzero(own), pre[own]] = 2.0
        post = np.sort(np.argpartition(chance, fan_out - 1, axis=1)[:, :fan_out], axis=1)
        return np.repeat(pre, fan_out), post.ravel()

    e_pre, e_post = reached(np.arange(n_e), n_e + n_i)
    i_pre, i_post = reached(np.arange(n_e, n_e + n_i), n_e)
    return Wiring(e_pre, e_post, i_pre - n_e, i_post, int(rng.choice(np.flatnonzero(e_post < n_e))))


class Circuit:
    """All objects of the network.

    Parameters
    ----------
    wiring : Wiring
    window : float
        A pair of spikes is rewarded if the postsynaptic one comes less than so many ms after the other.
    given_rewards : (n,) float, optional
        Times of rewards in s, in the place of those that pairs of spikes earn.
    detail : (float, float)
        From when to when, in s, spikes, dopamine and eligibility are recorded in every step.
    snapshots : float
        After how many seconds the weights of all synapses are recorded, again and again.
    stock : bool
        Whether the synapses are Brian2's own, with traces and weights that are computed in every step.
    """

    def __init__(
        self,
        wiring: Wiring,
        *,
        window: float = 20.0,
        given_rewards: np.ndarray | None = None,
        detail: tuple[float, float] = (0.0, 0.0),
        snapshots: float = 60.0,
        stock: bool = False,
        n_e: int = N_E,
        n_i: int = N_I,
    ):
        self.detail, self.stock = detail, stock
        self.cells = cells = NeuronGroup(
            n_e + n_i,
            "v : 1\nu : 1\ncurrent : 1\na : 1 (constant)\njump : 1 (constant)",
            threshold="v >= 30",
            reset="v = -65\nu += jump",
            namespace={},
            name="cells",
        )
        cells.run_regularly(STEP, when="groups")
        regular = np.arange(n_e + n_i) < n_e  # the others are fast spiking
        cells.a, cells.jump = np.where(regular, 0.02, 0.1), np.where(regular, 8.0, 2.0)
        cells.v, cells.u = -65, -13
        self.dopamine = NeuronGroup(
            1, "dd/dt = -d/tau_d : 1", method="exact", namespace={"tau_d": TAU_DOPAMINE}, name="dopamine"
        )
        self.learning = self._learning(cells[:n_e], stock)
        self.learning.connect(i=wiring.e_pre, j=wiring.e_post)
        w = np.full(len(wiring.e_pre), W_FIRST)
        w[wiring.rewarded] = 0.0
        self.learning.w = w
        inhibition = Synapses(cells[n_e:], cells[:n_e], on_pre="current_post -= 1", namespace={}, name="inhibition")
        inhibition.connect(i=wiring.i_pre, j=wiring.i_post)
        pair = wiring.e_pre[wiring.rewarded], wiring.e_post[wiring.rewarded]
        rewarding, rewards = self._earned(*pair, window) if given_rewards is None else self._given(given_rewards)
        self._due = SpikeMonitor(rewards)
        self._delays = np.zeros(1) if given_rewards is not None else DELAYS / 1000
        self.counts = SpikeMonitor(cells, record=False)
        self.weight = StateMonitor(self.learning, "w", record=[wiring.rewarded], dt=min(1.0, snapshots) * second,
                                   when="end", order=1)  # fmt: skip
        self.weights = StateMonitor(self.learning, "w", record=True, dt=snapshots * second, when="end", order=1)
        self.raster = SpikeMonitor(cells)
        eligibility = "z" if not stock else "c"
        self.traces = [
            StateMonitor(self.learning, [eligibility], record=[wiring.rewarded], when="end", order=1),
            StateMonitor(self.dopamine, "d", record=True, when="end"),
        ]
        if not stock:
            every = round(min(1.0, snapshots) / float(DT))
            during = f"t_in_timesteps >= {detail[0] / float(DT)} and t_in_timesteps < {detail[1] / float(DT)}"
            self.learning.settle(at=f"t_in_timesteps % {every} == 0 or ({during})")
        self.network = Network(
            cells, self.dopamine, self.learning, inhibition, rewarding, self._due, self.counts, self.weight,
            self.weights, self.raster, self.traces,
        )  # fmt: skip

    def _learning(self, excitatory: Any, stock: bool) -> Synapses:
        signal = {"dopamine": shared_value(self.dopamine, "d")}
        if not stock:
            return SparsePairSynapses(
                excitatory, self.cells, "current", rule=RULE, modulator=f"{BASELINE} + dopamine()", namespace=signal,
                name="learning",
            )  # fmt: skip
        return Synapses(
            excitatory,
            self.cells,
            """
            dc/dt = -c/tau_c : 1 (clock-driven)
            dw/dt = (baseline + dopamine())*c/(10*ms)*int(w > 0 or c > 0)*int(w < w_max or c < 0) : 1 (clock-driven)
            dx/dt = -x/tau : 1 (event-driven)
            dy/dt = -y/tau : 1 (event-driven)
            """,
            on_pre="w = clip(w, 0, w_max)\ncurrent_post += w\nx = 0.1\nc -= 1.5*y",
            on_post="y = 0.1\nc += x",
            method="euler",
            namespace=signal | {"tau_c": TAU_ELIGIBILITY, "tau": 20 * ms, "w_max": W_MAX, "baseline": BASELINE},
            name="learning",
        )

    def _earned(self, pre: int, post: int, window: float) -> tuple[list[Any], NeuronGroup]:
        """Rewards for pairs of spikes. Each goes through one of many lines, whose delays are all from 1 to 3 s."""
        number = len(DELAYS)
        judge = NeuronGroup(
            1, "last : second\nline : integer\nhit : 1", threshold="hit > 0", reset="hit = 0", name="judge",
            namespace={"n_lines": number},
        )  # fmt: skip
        judge.last = -1 * second
        judge.run_regularly("line = int(n_lines*rand())", when="groups")
        ends = self.cells[pre : pre + 1], self.cells[post : post + 1]
        first = Synapses(ends[0], judge, on_pre="last_post = t", namespace={}, name="first")
        then = Synapses(
            ends[1], judge, on_pre="hit_post += int(t > last_post and t - last_post < window - dt/2)", order=1,
            namespace={"window": window * ms}, name="then",
        )  # fmt: skip
        lines = NeuronGroup(number, "taken : 1", threshold="taken > 0", reset="taken = 0", namespace={}, name="lines")
        choice = Synapses(judge, lines, on_pre="taken_post += int(j == line_pre)", namespace={}, name="choice")
        delivery = Synapses(lines, self.dopamine, on_pre=f"d_post += {REWARD}", namespace={}, name="delivery")
        for synapses in (first, then, choice, delivery):
            synapses.connect()
        delivery.delay = DELAYS * ms
        return [judge, first, then, lines, choice, delivery], lines

    def _given(self, times: np.ndarray) -> tuple[list[Any], SpikeGeneratorGroup]:
        source = SpikeGeneratorGroup(1, np.zeros(len(times), int), times * second, name="given_rewards")
        delivery = Synapses(source, self.dopamine, on_pre=f"d_post += {REWARD}", namespace={}, name="delivery")
        delivery.connect()
        return [source, delivery], source

    @property
    def rewards(self) -> np.ndarray:
        """When dopamine was released, in s."""
        return np.sort(np.array(self._due.t_[:]) + self._delays[self._due.i[:]])

    def run(self, seconds: float) -> None:
        """Record details in their time alone."""
        detailed = [self.raster, *self.traces]
        edges = sorted({0.0, *(min(edge, seconds) for edge in self.detail), seconds})
        for start, stop in pairwise(edges):
            for monitor in detailed:
                monitor.active = self.detail[0] <= start < self.detail[1]
            self.network.run((stop - start) * second, namespace={})
