"""Triplet STDP: a second, slower trace on each side makes the outcome depend on the rate of pairing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import known_names
from spikedtp.parameters import parameter
from spikedtp.plasticity.pair_form import PairForm, PairTrace
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.stdp import TRACES
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["TripletSTDP"]


@dataclass(frozen=True)
class TripletSTDP(TimedRule):
    r"""In each step, after all traces have decayed, in execution order (r: presynaptic, o: postsynaptic traces)::

        r1 <- r1 + pre,  o1 <- o1 + post      before they are used: coincident spikes count on both sides
        W  <- W + learning_rate [ r1 (a2_plus + a3_plus o2) post - o1 (a2_minus + a3_minus r2) pre ]
        r2 <- r2 + pre,  o2 <- o2 + post      after use: a spike does not see itself

    All four traces belong to their cells: r to the presynaptic group, o to the postsynaptic group. A synapse changes
    only when one of its cells fires. The default values are the all-to-all fit of the full model to visual cortex.
    `fit` gives the other fits.

    Parameters
    ----------
    a2_plus, a3_plus, a2_minus, a3_minus : float
        Amplitudes of potentiation (plus) and depression (minus) by pairs (2) and triplets (3). All are positive.
    tau_plus, tau_x : Quantity (second)
        Time constants of r1 and r2.
    tau_minus, tau_y : Quantity (second)
        Time constants of o1 and o2.
    learning_rate : float
        Factor on all four amplitudes.
    traces : {"cumulative", "nearest"}
        Whether a spike adds 1 to its traces (all-to-all) or sets them to 1 (nearest-spike).

    References
    ----------
    Pfister & Gerstner 2006, J. Neurosci. 26:9673, 10.1523/JNEUROSCI.1425-06.2006; Tables 3 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import TripletSTDP
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1  # the postsynaptic spike comes 10 ms later
    >>> done = replay(TripletSTDP.fit("hippocampus"), pre, post, 0.5)
    >>> round(float(done.w[-1, 0, 0]), 6)
    0.503364
    """

    a2_plus: float = parameter(5e-10, least=0.0)
    a3_plus: float = parameter(6.2e-3, least=0.0)
    a2_minus: float = parameter(7e-3, least=0.0)
    a3_minus: float = parameter(2.3e-4, least=0.0)
    tau_plus: Quantity = parameter(16.8 * ms, above=0 * ms)
    tau_x: Quantity = parameter(101 * ms, above=0 * ms)
    tau_minus: Quantity = parameter(33.7 * ms, above=0 * ms)
    tau_y: Quantity = parameter(125 * ms, above=0 * ms)
    learning_rate: float = parameter(1.0, least=0.0)
    traces: str = "cumulative"

    equation: ClassVar[str] = (
        r"\Delta W = r_1 \left[A_2^+ + A_3^+ o_2(t - \epsilon)\right] S_\mathrm{post}"
        r" - o_1 \left[A_2^- + A_3^- r_2(t - \epsilon)\right] S_\mathrm{pre}"
    )
    reference: ClassVar[str] = "Pfister & Gerstner 2006, J. Neurosci. 26:9673, 10.1523/JNEUROSCI.1425-06.2006"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice("traces", TRACES)

    @classmethod
    def fit(cls, name: str, **changes: Any) -> TripletSTDP:
        """The paper's fits of the full model: visual_cortex, visual_cortex_nearest, hippocampus, hippocampus_nearest.

        Parameters
        ----------
        name : str
        **changes
            Fields that get another value than in the fit.
        """
        if name not in FITS:
            raise known_names("fit of TripletSTDP", name, FITS)
        a2_plus, a3_plus, a2_minus, a3_minus, tau_x, tau_y = FITS[name]
        fitted: dict[str, Any] = dict(a2_plus=a2_plus, a3_plus=a3_plus, a2_minus=a2_minus, a3_minus=a3_minus)
        fitted |= dict(tau_x=tau_x * ms, tau_y=tau_y * ms, traces="nearest" if "nearest" in name else "cumulative")
        return cls(**{**fitted, **changes})

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        sizes = {"r1": n_pre, "r2": n_pre, "o1": n_post, "o2": n_post}
        return {name: np.zeros((*batch, n)) for name, n in sizes.items()}

    def stepper(self, dt: Quantity) -> Step:
        taus = {"r1": self.tau_plus, "r2": self.tau_x, "o1": self.tau_minus, "o2": self.tau_y}
        keep = {name: decay(dt, tau) for name, tau in taus.items()}
        nearest = self.traces == "nearest"

        def jump(old: Array, signal: Array) -> Array:
            return old * (1.0 - signal) + signal if nearest else old + signal

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            old = {name: keep[name] * state[name] for name in keep}
            r1, o1 = jump(old["r1"], row.pre), jump(old["o1"], row.post)
            change = outer(row.post * (self.a2_plus + self.a3_plus * old["o2"]), r1)
            change = change - outer(o1, row.pre * (self.a2_minus + self.a3_minus * old["r2"]))
            state = {"r1": r1, "o1": o1, "r2": jump(old["r2"], row.pre), "o2": jump(old["o2"], row.post)}
            return weight + self.learning_rate * over_batch(change), state

        return step

    def spiking_form(self) -> SpikingForm:
        jump = "= 1" if self.traces == "nearest" else "+= 1"
        return SpikingForm(
            pre="dr1/dt = -r1/tau_plus : 1\ndr2/dt = -r2/tau_x : 1",
            post="do1/dt = -o1/tau_minus : 1\ndo2/dt = -o2/tau_y : 1",
            at_pre_spike=f"r1 {jump}",
            at_post_spike=f"o1 {jump}",
            on_pre="w -= learning_rate*o1_post*(a2_minus + a3_minus*r2_pre)",
            on_post="w += learning_rate*r1_pre*(a2_plus + a3_plus*o2_post)",
            after_pre_spike=f"r2 {jump}",
            after_post_spike=f"o2 {jump}",
            states={"r1": "pre.r1", "r2": "pre.r2", "o1": "post.o1", "o2": "post.o2"},
        )

    def pair_form(self) -> PairForm:
        return PairForm(
            pre=PairTrace(self.tau_plus),
            post=PairTrace(self.tau_minus),
            learning_rate=self.learning_rate,
            nearest=self.traces == "nearest",
            slow_pre=PairTrace(self.tau_x),
            slow_post=PairTrace(self.tau_y),
            gains=(-self.a2_minus, self.a2_plus),
            slow_gains=(-self.a3_minus, self.a3_plus),
        )


#: a2_plus, a3_plus, a2_minus, a3_minus, tau_x and tau_y in ms; tau_plus = 16.8 ms and tau_minus = 33.7 ms in all
FITS = {
    "visual_cortex": (5e-10, 6.2e-3, 7e-3, 2.3e-4, 101.0, 125.0),
    "visual_cortex_nearest": (8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714.0, 40.0),
    "hippocampus": (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946.0, 27.0),
    "hippocampus_nearest": (4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575.0, 47.0),
}
