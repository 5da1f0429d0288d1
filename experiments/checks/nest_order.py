"""The order in which NEST's dopamine synapse meets its events, in Python: why its weights depend on the minimum delay.

NEST advances in slices as long as the shortest delay in the network. At the end of a slice the volume transmitter
brings every synapse up to that time, postsynaptic spikes that have arrived included; only then are the presynaptic
spikes of the same slice delivered. A presynaptic spike before the end of its slice therefore finds the synapse in its
future. The synapse goes back in time, but what came in between is done already: a postsynaptic spike did not see the
presynaptic one, is met a second time on the way forward, and then counts twice for all earlier ones; dopamine of that
interval acts from the presynaptic spike on. With slices of one step nothing lies in between.

Seen in NEST 3.10, `stdp_dopamine_synapse` (send, trigger_update_weight) and `volume_transmitter` (update).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Dopamine", "weight_in_nest_order"]

EPS = 1e-6


@dataclass(frozen=True)
class Dopamine:
    """dw/dt = c (n - b): eligibility c of pairs, dopamine n that jumps by 1/tau_n. Times in ms."""

    a_plus: float = 0.1
    a_minus: float = 0.15
    tau_plus: float = 20.0
    tau_minus: float = 30.0
    tau_c: float = 100.0
    tau_n: float = 50.0
    b: float = 0.01


class _Synapse:
    def __init__(self, p: Dopamine, weight: float, post: np.ndarray):
        self.p, self.weight, self.post = p, weight, post
        self.c = self.k_plus = self.time = 0.0
        self.n, self.n_time = 0.0, 0.0

    def advance(self, to: float, dopamine: list[float]) -> None:
        """Weight and c to time `to`, backwards too; takes what has arrived from the queue of dopamine spikes."""
        p, start, c = self.p, self.time, self.c
        at = start
        while dopamine and dopamine[0] <= to + EPS:
            self._integrate(c * np.exp((start - at) / p.tau_c), at, dopamine[0])
            at = dopamine.pop(0)
            self.n = self.n * np.exp((self.n_time - at) / p.tau_n) + 1 / p.tau_n
            self.n_time = at
        self._integrate(c * np.exp((start - at) / p.tau_c), at, to)
        self.c, self.time = c * np.exp((start - to) / p.tau_c), to

    def _integrate(self, c: float, at: float, to: float) -> None:
        p, rate = self.p, 1 / self.p.tau_c + 1 / self.p.tau_n
        n = self.n * np.exp((self.n_time - at) / p.tau_n)
        both, alone = (1 - np.exp((at - to) * rate)) / rate, (1 - np.exp((at - to) / p.tau_c)) * p.tau_c
        self.weight += c * (n * both - p.b * alone)

    def meet(self, until: float, updated: float, dopamine: list[float]) -> None:
        """Postsynaptic spikes that have arrived after `updated`, up to `until`."""
        for at in self.post[(self.post > updated + EPS) & (self.post < until + EPS)]:
            self.advance(at, dopamine)
            self.c += self.p.a_plus * self.k_plus * np.exp((updated - at) / self.p.tau_plus)
        self.advance(until, dopamine)

    def presynaptic(self, at: float, dopamine: list[float]) -> None:
        updated = self.time
        self.meet(at, updated, dopamine)
        self.c -= self.p.a_minus * np.exp((self.post[self.post < at - EPS] - at) / self.p.tau_minus).sum()
        self.k_plus = self.k_plus * np.exp((updated - at) / self.p.tau_plus) + 1

    def end_of_slice(self, at: float, dopamine: list[float]) -> None:
        updated = self.time
        self.meet(at, updated, dopamine)
        self.n, self.n_time = self.n * np.exp((self.n_time - at) / self.p.tau_n), at
        self.k_plus *= np.exp((updated - at) / self.p.tau_plus)


def weight_in_nest_order(p: Dopamine, pre, arrivals, dopamine, *, weight: float, slice_ms: float, end: float) -> float:
    """Weight at `end`; `arrivals` are postsynaptic spikes at the synapse, delay included, as is that of `dopamine`."""
    synapse, queue = _Synapse(p, weight, np.asarray(arrivals)), sorted(dopamine)
    last = 0.0
    for stop in np.arange(1, round(end / slice_ms) + 1) * slice_ms:
        here = [queue.pop(0) for _ in range(sum(at <= stop + EPS for at in queue))]
        synapse.end_of_slice(stop, here)
        for at in pre[(pre > last + EPS) & (pre < stop + EPS)]:
            synapse.presynaptic(at, [])
        last = stop
    return synapse.weight
