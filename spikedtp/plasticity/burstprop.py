"""Burstprop: weights follow how often the postsynaptic cell bursts, against how often it has burst on average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import Hz, ms, second
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.bursts import DETECTED, detection
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import parameter
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["Burstprop"]

#: Parameters of the other rules of the same program; there the averages of events and bursts are not used.
VARIANTS: dict[str, dict[str, Any]] = {
    "adaptive": {},
    "EBCP": dict(variant="EBCP", tau_x=20 * ms, e_min=0.1 * Hz, e_max=20 * Hz),
    "BCP": dict(variant="BCP", tau_x=20 * ms, e_min=0.1 * Hz, e_max=20 * Hz),
}


@dataclass(frozen=True)
class Burstprop(TimedRule):
    r"""An event of the postsynaptic cell lowers a weight, and a burst raises it.

    An *event* is a spike after a pause, a *burst* is counted at its second spike, and further spikes are neither (see
    `event_code`). E and B are running averages of the rates of both, H one of all spikes, and P = min(B/E, 1).
    In each step, after all traces have decayed, in execution order, where m is the modulator::

        at a presynaptic event:   W <- W + learning_rate m max(e_min - H, 0);   x <- x + 1
        at a postsynaptic event:  W <- W + learning_rate m (h - P) x;           E <- E + 1/tau_avg
        at a postsynaptic burst:  W <- W + learning_rate m (1 + h) x;           B <- B + 1/tau_avg
        at any postsynaptic spike:                                              H <- H + 1/tau_rate
        h = -(E - e_max)/E  if E > e_max, else 0

    W is clipped to [0, w_max] after each change. The mean change by an event is thus in proportion to how much more
    probable a burst is than it was on average, and the two terms with e_min and e_max keep rates within limits. Before
    the first event P is 1: let the averages settle before the cells learn.

    The modulator gates learning: 1 while the synapses are plastic, else 0. Averages move on in any case.

    Parameters
    ----------
    learning_rate : float
    tau_x : Quantity (second)
        Time constant of the presynaptic trace x.
    tau_avg : Quantity (second)
        Time constant of the averages of events and of bursts.
    e_min, e_max : Quantity (Hz)
        The rates between which there is no homeostasis.
    w_max : float
        Weights are between 0 and this.
    tau_burst : Quantity (second)
        Two spikes that are closer than this are a burst.
    tau_rate : Quantity (second)
        Time constant of the average of all spikes.
    first_rate : Quantity (Hz)
        Its first value.
    t_axon : Quantity (second)
        Presynaptic spikes become recent after this time only, so that those of a burst may lie farther apart by as
        much. It must be shorter than their intervals.
    variant : {"adaptive", "EBCP", "BCP"}
        "EBCP" has the fixed `p_fixed` in the place of P, and homeostasis from H alone: h = -(H - e_max)/Hz. "BCP" is
        the same, and all presynaptic spikes count as events.
    p_fixed : float

    References
    ----------
    Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x, in the form that
    the authors' program computes: homeostasis for low rates uses H, and not E.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import Burstprop
    >>> pre, post = np.zeros((600, 1)), np.zeros((600, 1))
    >>> pre[::100], post[20::100] = 1, 1  # ms: an event follows each time, as ever,
    >>> post[330::100] = 1  # and from some time on with bursts
    >>> done = replay(Burstprop(e_min=0 * Hz), pre, post, 0.5, modulator=np.arange(600) > 200)
    >>> [round(float(w), 4) for w in done.w[[200, 325, 600], 0, 0]]
    [0.5, 0.5, 0.5103]
    """

    learning_rate: float = parameter(4e-3, least=0.0)
    tau_x: Quantity = parameter(100 * ms, above=0 * ms)
    tau_avg: Quantity = parameter(2 * second, above=0 * ms)
    e_min: Quantity = parameter(2 * Hz, least=0 * Hz)
    e_max: Quantity = parameter(10 * Hz, above=0 * Hz)
    w_max: float = parameter(1.0, above=0.0)
    tau_burst: Quantity = parameter(16 * ms, above=0 * ms)
    tau_rate: Quantity = parameter(30 * second, above=0 * ms)
    first_rate: Quantity = parameter(0.1 * Hz, least=0 * Hz)
    t_axon: Quantity = parameter(0.8 * ms, least=0 * ms)
    p_fixed: float = parameter(0.15, least=0.0, most=1.0)
    variant: str = "adaptive"

    equation: ClassVar[str] = (
        r"\Delta W = \eta\left[B(t) - \min(\bar B/\bar E, 1)\, E(t) + h\,(E(t) + B(t))\right] x"
        r" + \eta \max(e_\mathrm{min} - H, 0)\, E_\mathrm{pre}(t)"
    )
    reference: ClassVar[str] = "Payeur et al. 2021, Nat. Neurosci. 24:1010, 10.1038/s41593-021-00857-x"
    needs_modulator: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant not in VARIANTS:
            raise known_names("variant of Burstprop", self.variant, VARIANTS)
        if self.e_min >= self.e_max:
            raise SpikedtpError(f"Burstprop.e_min must be below e_max = {self.e_max}, got {self.e_min}")

    @classmethod
    def named(cls, variant: str, **changes: Any) -> Burstprop:
        """A variant with the constants that the authors' program gives it.

        Examples
        --------
        >>> from spikedtp.plasticity import Burstprop
        >>> Burstprop.named("EBCP").e_max
        20. * hertz
        """
        if variant not in VARIANTS:
            raise known_names("variant of Burstprop", variant, VARIANTS)
        return cls(**(VARIANTS[variant] | changes))

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, self.w_max

    # --- rate form: for spikes, in arrays -----------------------------------------------------------------------------

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        sizes = {"x": n_pre, "recent_pre": n_pre, "event_pre": n_pre}
        sizes |= dict.fromkeys(("recent", "event", "event_rate", "burst_rate", "firing_rate"), n_post)
        state = {name: np.zeros((*batch, n)) for name, n in sizes.items()}
        return state | {"firing_rate": state["firing_rate"] + float(self.first_rate)}

    def stepper(self, dt: Quantity) -> Step:
        taus = dict.fromkeys(("recent_pre", "recent"), self.tau_burst) | {"x": self.tau_x}
        taus |= {"event_rate": self.tau_avg, "burst_rate": self.tau_avg, "firing_rate": self.tau_rate}
        keep = {name: decay(dt, tau) for name, tau in taus.items()}
        jump = float(np.exp(self.t_axon / self.tau_burst))
        e_min = float(self.e_min)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            now = state | {name: keep[name] * state[name] for name in keep}
            gate = self.learning_rate * np.asarray(row.modulator, dtype=float)
            gate = gate[..., None, None] if np.ndim(gate) else gate
            event, _ = _detect(now, row.pre, "recent_pre", "event_pre", jump)
            counted = row.pre if self.variant == "BCP" else event
            low = np.maximum(e_min - now["firing_rate"], 0.0)
            weight = self._clipped(weight + over_batch(gate * outer(low, counted)))
            now["x"] = now["x"] + counted
            event, burst = _detect(now, row.post, "recent", "event", 1.0)
            p, h = self._compared(now)
            weight = self._clipped(weight + over_batch(gate * outer(event * (h - p) + burst * (1 + h), now["x"])))
            for name, tau, spikes in (
                ("event_rate", self.tau_avg, event),
                ("burst_rate", self.tau_avg, burst),
                ("firing_rate", self.tau_rate, row.post),
            ):
                now[name] = now[name] + spikes / float(tau)
            return weight, now

        return step

    def _compared(self, now: State) -> tuple[Array, Array]:
        """P and h of each postsynaptic cell."""
        e_max = float(self.e_max)
        if self.variant != "adaptive":
            return np.full_like(now["firing_rate"], self.p_fixed), -np.maximum(now["firing_rate"] - e_max, 0.0)
        none = now["event_rate"] == 0
        events = now["event_rate"] + none
        return np.minimum((now["burst_rate"] + none) / events, 1.0), -np.maximum(1 - e_max / events, 0.0) * ~none

    def _clipped(self, weight: Array) -> Array:
        return np.clip(weight, *self.bounds)

    # --- spiking form -------------------------------------------------------------------------------------------------

    @property
    def event_code(self) -> str:
        """Code of a cell for a spike: whether it is an event or a burst. A trace of recent spikes decides.

        A spike is an event if the trace is below 1/e: after an isolated spike this takes `tau_burst`, after a burst
        somewhat longer. A spike before that is neither, unless the spike before was an event: then it is a burst.

        Examples
        --------
        >>> from spikedtp.plasticity import Burstprop
        >>> print(Burstprop().event_code)
        burst = event*int(recent >= exp(-1))
        event = int(recent < exp(-1))
        recent += 1
        """
        return detection("recent")

    @property
    def teaching_code(self) -> str:
        """Code of a cell that sets ``teaching``, by which a spike changes the weights in units of x."""
        if self.variant != "adaptive":
            p, h = "p_fixed", "(-clip((firing_rate - e_max)*second, 0, 1e9))"
        else:
            p = "clip((burst_rate*second + _none)/(event_rate*second + _none), 0, 1)"
            h = "(-(1 - _none)*clip(1 - e_max*second/(event_rate*second + _none), 0, 1))"
        return f"_none = int(event_rate*second == 0)\n_h = {h}\nteaching = event*(_h - {p}) + burst*(1 + _h)"

    #: Averages of a postsynaptic cell.
    firing_average: ClassVar[str] = "dfiring_rate/dt = -firing_rate/tau_rate : Hz"
    averages: ClassVar[str] = f"""
        devent_rate/dt = -event_rate/tau_avg : Hz
        dburst_rate/dt = -burst_rate/tau_avg : Hz
        {firing_average}
        """

    @staticmethod
    def averages_code(suffix: str = "") -> str:
        """What a spike adds to the averages after it has changed weights; `suffix` is that of variables to write to."""
        return f"event_rate{suffix} += event/tau_avg\nburst_rate{suffix} += burst/tau_avg\nfiring_rate += 1/tau_rate"

    @property
    def counted(self) -> str:
        """Which presynaptic spikes count, as an expression of the cell that is 1 for them."""
        return "1" if self.variant == "BCP" else "event"

    @staticmethod
    def change_codes(modulator: str, counted: str, x: str, firing_rate: str, teaching: str) -> tuple[str, str]:
        """Code of a synapse for a pre- and a postsynaptic spike, with the names that things have there."""
        change = f"w = clip(w + learning_rate*{modulator}*{{}}, 0, w_max)"
        low = f"{counted}*clip((e_min - {firing_rate})*second, 0, 1e9)"
        return change.format(low), change.format(f"{teaching}*{x}")

    def spiking_form(self) -> SpikingForm:
        counted = "1" if self.counted == "1" else f"{self.counted}_pre"
        on_pre, on_post = self.change_codes("modulator_post", counted, "x_pre", "firing_rate_post", "teaching_post")
        return SpikingForm(
            pre=f"dx/dt = -x/tau_x : 1\ndrecent/dt = -recent/tau_burst : 1{DETECTED}",
            post=f"{self.averages}\ndrecent/dt = -recent/tau_burst : 1\nteaching : 1{DETECTED}",
            initial={"post.firing_rate": "first_rate"},
            at_pre_spike=f"{detection('recent', 'exp(t_axon/tau_burst)')}\nx += {self.counted}",
            at_post_spike=f"{self.event_code}\n{self.teaching_code}",
            on_pre=on_pre,
            on_post=on_post,
            after_post_spike=self.averages_code(),
            states={"x": "pre.x", "recent_pre": "pre.recent", "event_pre": "pre.event"}
            | {name: f"post.{name}" for name in ("recent", "event", "event_rate", "burst_rate", "firing_rate")},
        )


def _detect(now: State, spikes: Array, recent: str, event: str, jump: float) -> tuple[Array, Array]:
    """Events and bursts among spikes, as `event_code`; moves the state of the detector on."""
    early = now[recent] >= np.exp(-1)
    bursts, events = spikes * now[event] * early, spikes * ~early
    now[event] = np.where(spikes > 0, events, now[event])
    now[recent] = now[recent] + jump * spikes
    return events, bursts
