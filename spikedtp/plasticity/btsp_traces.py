"""Behavioral-timescale plasticity as measured in cells: eligibility and instructive traces that last for seconds.

Whole sessions as arrays are in `btsp_laps`. `BTSP` is the same rule with its traces collapsed to this and the last
sample, as EIANN has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import Hz, ms, second
from brian2.units.fundamentalunits import Quantity
from scipy.special import expit, exprel

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons.inputs import PoissonInput
from spikedtp.parameters import check_quantity, parameter
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["BidirectionalBTSP"]

#: Fitted constants: tau_eligibility and tau_instructive (ms), alpha and h of potentiation and depression, k+ and k-
#: (1/s), and the highest weight.
FITS = {
    "network": (1664.103, 437.0065, 0.4150117, 0.4541096, 0.02618154, 0.09977173, 1.109682, 0.4249387, 4.680311),
    "median": (924.301, 502.285, 0.125271, 0.115827, 0.0033721, 0.0226004, 1.52937, 0.102516, 4.09953),
}


@dataclass(frozen=True)
class BidirectionalBTSP(TimedRule):
    r"""Bidirectional, weight-dependent BTSP. Each synapse has an eligibility trace, each cell an instructive trace.

    With rates R in units of the peak rate, and the gate P (1 during a plateau, else 0), in execution order::

        tau_eligibility dE_i/dt = -E_i + R_i            one per presynaptic cell
        tau_instructive dI_j/dt = -I_j + P_j            one per postsynaptic cell
        x_ji = E_i I_j / (eligibility_peak instructive_peak)
        q±(x) = (s±(x) - s±(0)) / (s±(1) - s±(0))      s±(x) = 1 / (1 + e^(-2 (x - alpha±)/h±))
        dW_ji/dt = k+ q+(x_ji) (w_max - W_ji) - k- q-(x_ji) W_ji

    So weak weights grow and strong ones shrink at the same interval between input and plateau, towards ``w_eq = w_max
    k+ Q+ / (k+ Q+ + k- Q-)``, where Q are the integrals of the gains q. The weights of a silent cell are 1.

    Within a step of `dt` x is constant, and W follows exactly. `learn_laps` takes whole sessions as arrays, and also
    has the update once per lap of the authors' code.

    The peaks decide what an overlap of 1 is. With the default of 1, a trace is 1 for an endless input of rate 1. The
    authors divide each trace by a maximum; `normalised` finds those of a session.

    In `replay`, pre is the rates R, or spikes if there is a `peak_rate`, and post is the gate P.

    Parameters
    ----------
    tau_eligibility, tau_instructive : Quantity (second)
    alpha_plus, alpha_minus : float
        Overlap at the steepest point of the gains of potentiation and depression.
    h_plus, h_minus : float
        Half widths of the gains; their slopes are beta = 2/h.
    k_plus, k_minus : Quantity (Hz)
        Learning rates.
    w_max : float
        Highest weight, in units of the weights of a silent cell.
    eligibility_peak, instructive_peak : float
        Divisors of the traces.
    peak_rate : Quantity (Hz), optional
        Of the presynaptic cells. With it, pre holds spikes: one in a step stands for a rate of 1/dt.

    References
    ----------
    Milstein et al. 2021, eLife 10:e73046, 10.7554/eLife.73046, and its code (ModelDB 266868). The default values are
    those of the network model there.

    Examples
    --------
    An input before the plateau, onto a weak, a middling and a strong weight:

    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import BidirectionalBTSP
    >>> rule = BidirectionalBTSP.fit("network", eligibility_peak=0.45, instructive_peak=0.5)
    >>> step = np.arange(600)  # of 10 ms
    >>> rate = ((100 <= step) & (step < 200)).astype(float)[:, None]  # 1 s
    >>> plateau = ((250 <= step) & (step < 280)).astype(float)[:, None]  # 300 ms, half a second later
    >>> for w0 in (1.0, 2.3, 4.2):
    ...     print(round(float(replay(rule, rate, plateau, w0, dt=10 * ms, keep="last").w[-1, 0, 0]) - w0, 2))
    0.5
    -0.24
    -1.32
    """

    tau_eligibility: Quantity = parameter(FITS["network"][0] * ms, above=0 * ms)
    tau_instructive: Quantity = parameter(FITS["network"][1] * ms, above=0 * ms)
    alpha_plus: float = parameter(FITS["network"][2])
    h_plus: float = parameter(FITS["network"][3], above=0.0)
    alpha_minus: float = parameter(FITS["network"][4])
    h_minus: float = parameter(FITS["network"][5], above=0.0)
    k_plus: Quantity = parameter(FITS["network"][6] * Hz, least=0 * Hz)
    k_minus: Quantity = parameter(FITS["network"][7] * Hz, least=0 * Hz)
    w_max: float = parameter(FITS["network"][8], above=0.0)
    eligibility_peak: float = parameter(1.0, above=0.0)
    instructive_peak: float = parameter(1.0, above=0.0)
    peak_rate: Quantity | None = None

    equation: ClassVar[str] = (
        r"\dot W = k_+ q_+(EI)\,(W_\mathrm{max} - W) - k_- q_-(EI)\, W, \quad \tau_E \dot E = -E + R, \quad"
        r" \tau_I \dot I = -I + P"
    )
    reference: ClassVar[str] = "Milstein et al. 2021, eLife 10:e73046, 10.7554/eLife.73046"
    needs_spikes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.peak_rate is not None:
            check_quantity(self.name, "peak_rate", self.peak_rate, 1 * Hz, above=0 * Hz)
        for side in ("plus", "minus"):
            low, high = (self._sigmoid(x, side) for x in (0.0, 1.0))
            if not high > low:
                raise SpikedtpError(
                    f"{self.name}.alpha_{side} = {getattr(self, f'alpha_{side}')} is too far from overlaps of 0 to 1 "
                    f"for h_{side} = {getattr(self, f'h_{side}')}: the gain would be the same for all of them"
                )

    @classmethod
    def fit(cls, name: str, **changes: Any) -> BidirectionalBTSP:
        """The authors' constants: "network" (their network model) or "median" (medians of their fits to 22 cells).

        Parameters
        ----------
        name : str
        **changes
            Fields that get another value than in the fit.
        """
        if name not in FITS:
            raise known_names("fit of BidirectionalBTSP", name, FITS)
        tau_e, tau_i, alpha_plus, h_plus, alpha_minus, h_minus, k_plus, k_minus, w_max = FITS[name]
        fitted: dict[str, Any] = dict(alpha_plus=alpha_plus, h_plus=h_plus, alpha_minus=alpha_minus, h_minus=h_minus)
        fitted |= dict(tau_eligibility=tau_e * ms, tau_instructive=tau_i * ms, k_plus=k_plus * Hz, k_minus=k_minus * Hz)
        return cls(**{**fitted, "w_max": w_max, **changes})

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, float(self.w_max)

    # --- on whole sessions --------------------------------------------------------------------------------------------

    def gains(self, overlap: Array) -> tuple[Array, Array]:
        """q+ and q- of an overlap of both traces. Both are 0 at 0 and 1 at 1."""
        found = []
        for side in ("plus", "minus"):
            low, high = (self._sigmoid(x, side) for x in (0.0, 1.0))
            found.append((self._sigmoid(overlap, side) - low) / (high - low))
        return found[0], found[1]

    def after_lap(self, w: Array, q_plus: Array, q_minus: Array) -> Array:
        """Weights that change once by the integrals of both gains (seconds), as in the authors' code."""
        changed = w + float(self.k_plus) * q_plus * (self.w_max - w) - float(self.k_minus) * q_minus * w
        return np.clip(changed, 0.0, self.w_max)

    def equilibrium(self, q_plus: Array, q_minus: Array) -> Array:
        """The weight that these integrals of the gains leave unchanged, w_eq; NaN where they change none."""
        up, down = float(self.k_plus) * np.asarray(q_plus), float(self.k_minus) * np.asarray(q_minus)
        with np.errstate(invalid="ignore"):
            return self.w_max * up / (up + down)

    def _sigmoid(self, x: Any, side: str) -> Any:
        return expit(2.0 / getattr(self, f"h_{side}") * (x - getattr(self, f"alpha_{side}")))

    # --- in time steps ------------------------------------------------------------------------------------------------

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        return {"eligibility": np.zeros((*batch, n_pre)), "instructive": np.zeros((*batch, n_post))}

    def stepper(self, dt: Quantity) -> Step:
        keep_e, keep_i = decay(dt, self.tau_eligibility), decay(dt, self.tau_instructive)
        unit = 1.0 if self.peak_rate is None else 1.0 / float(self.peak_rate * dt)
        k_plus, k_minus, w_max = float(self.k_plus), float(self.k_minus), float(self.w_max)
        peaks, step_s = float(self.eligibility_peak * self.instructive_peak), float(dt)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            self._check_signals(row.pre, row.post)
            eligibility = keep_e * state["eligibility"] + (1 - keep_e) * unit * row.pre
            instructive = keep_i * state["instructive"] + (1 - keep_i) * row.post
            up, down = self.gains(outer(instructive, eligibility) / peaks)
            up, down = k_plus * up, k_minus * down
            change = (up * (w_max - weight) - down * weight) * step_s * exprel(-(up + down) * step_s)
            # a sum over a batch may overshoot
            return np.clip(weight + over_batch(change), 0.0, w_max), {
                "eligibility": eligibility, "instructive": instructive
            }  # fmt: skip

        return step

    def group_signals(self, pre: Array, post: Array, modulator: Array) -> dict[str, dict[str, Array]]:
        self._check_signals(pre, post)
        return super().group_signals(pre, post, modulator)

    def _check_signals(self, pre: Array, post: Array) -> None:
        if pre.min() < 0 or (pre.max() > 1 and self.peak_rate is None):
            raise SpikedtpError(
                f"{self.name}: pre must hold rates from 0 to 1, in units of the peak rate, or spikes with a peak_rate, "
                f"got {pre.min():g} to {pre.max():g}"
            )
        if post.min() < 0 or post.max() > 1:
            raise SpikedtpError(
                f"{self.name}: post must be the gate of plateaus, from 0 to 1, got {post.min():g} to {post.max():g}"
            )

    def spiking_form(self) -> SpikingForm:
        unit = "1" if self.peak_rate is None else "1/(peak_rate*dt)"
        keep_e, keep_i = "exp(-dt/tau_eligibility)", "exp(-dt/tau_instructive)"
        return SpikingForm(
            pre=f"eligibility : 1\neligible = {keep_e}*eligibility + (1 - {keep_e})*{unit}*activity : 1",
            post=f"instructive : 1\ninstructed = {keep_i}*instructive + (1 - {keep_i})*activity : 1",
            on_learn=self.gain_code("eligible_pre", "instructed_post") + self.change_code("dt"),
            after_learn_pre="eligibility = eligible",
            after_learn_post="instructive = instructed",
            states={"eligibility": "pre.eligibility", "instructive": "post.instructive"},
        )

    def gain_code(self, eligibility: str, instructive: str) -> str:
        """Code of a synapse that finds ``_up`` and ``_down``, its rates of potentiation and depression (Hz).

        Names begin with an underscore, so that cells may have any variable.
        """

        def gain(side: str) -> str:
            def sigmoid(x: str) -> str:  # clip: what is beyond underflows anyway
                return f"1/(1 + exp(clip(-2/h_{side}*({x} - alpha_{side}), -700, 700)))"

            low, high = sigmoid("0"), sigmoid("1")
            return f"k_{side}*({sigmoid('_overlap')} - {low})/({high} - {low})\n"

        overlap = f"_overlap = {eligibility}*{instructive}/(eligibility_peak*instructive_peak)\n"
        return f"{overlap}_up = {gain('plus')}_down = {gain('minus')}"

    def change_code(self, dt: str) -> str:
        """Code of a synapse that lets ``w`` follow ``_up`` and ``_down`` for a step of `dt`."""
        left = f"_lost = (_up + _down)*{dt}\n_share = -expm1(-_lost)/(_lost + int(_lost == 0))\n"
        return f"{left}w += (_up*(w_max - w) - _down*w)*{dt}*_share"

    # --- for networks of spikes ---------------------------------------------------------------------------------------

    def presynaptic_cells(self) -> PoissonInput:
        """Poisson cells of this `peak_rate` whose `eligibility` is the trace E: a spike adds 1/(peak_rate tau).

        `SpikeTrainInput.like` gives cells with this trace that fire given spikes.
        """
        if self.peak_rate is None:
            raise SpikedtpError(f"{self.name}: cells that fire need a peak rate, such as {self.name}(peak_rate=40*Hz)")
        return PoissonInput(
            unit_rate=self.peak_rate, dead_time=0 * ms, tau_eligibility=self.tau_eligibility, weight_scale=1.0,
            spike_width=1 / self.peak_rate,
        )  # fmt: skip

    def instructive_equations(self, plateau: str = "plateau") -> str:
        """The trace I of a postsynaptic cell as an equation; `plateau` is an expression that is 1 during a plateau."""
        return f"dinstructive/dt = (({plateau}) - instructive)/({float(self.tau_instructive / second)!r}*second) : 1"
