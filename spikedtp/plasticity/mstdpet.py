"""Reward-modulated STDP with an eligibility trace in each synapse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.parameters import parameter
from spikedtp.plasticity.mstdp import MSTDP, per_synapse
from spikedtp.plasticity.pair_form import PairForm
from spikedtp.plasticity.signals import Array, State
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, decay, over_batch

__all__ = ["MSTDPET"]

# Reached by every piece of code of this step, in whatever order: the first brings the synapse up to date, including
# this step's own share of what was pending; for the others n is 0. The reward was `modulator_before` in every step
# since the last event but this one, because a change of reward is itself an event of every synapse.
_CATCH_UP = """\
n = t_in_timesteps - last_step
left = z*exp(-n*dt/tau_e)
earlier = (z*exp(-dt/tau_e) - left)/(1 - exp(-dt/tau_e))
w += int(n > 0)*learning_rate*dt*(modulator_before_post*earlier + modulator_post*left)
z = left
last_step = t_in_timesteps
"""
_PAIR = "z += {pair}/tau_e\nw += learning_rate*dt*modulator_post*{pair}/tau_e"

# With bounds a step is clipped once, when all of its pairs are known: it waits until the next event. Here z is that of
# the step after `last_step`. In between z and the reward keep their signs, so that clipping once is enough.
_CATCH_UP_WITHIN = """\
n = t_in_timesteps - 1 - last_step
left = z*exp(-n*dt/tau_e)
w = {within}
z = left
last_step += n
"""
_EARLIER = "w + learning_rate*dt*modulator_before_post*(z - left)/(1 - exp(-dt/tau_e))"


@dataclass(frozen=True)
class MSTDPET(MSTDP):
    r"""STDP's pair term ζ feeds an eligibility trace z per synapse, and a reward r turns the trace into change::

        z <- z e^(-dt/tau_e) + ζ/tau_e      "lag": ζ is the pair term of the step before
        W <- W + learning_rate r z dt       then within the bounds, if there are any

    z is in 1/ms. The second line contains dt, so that results converge as dt -> 0.

    In spikes a synapse is updated only when one of its cells fires or when the reward changes. In between the reward is
    constant and z decays, so the changes of n steps form a geometric series, ``r z dt (q + ... + q^n)`` with
    ``q = e^(-dt/tau_e)``. This series is added in closed form and equals step-by-step computation within rounding.
    Reading a weight adds the changes since the last update without an update of the synapse.

    Parameters
    ----------
    a_plus, a_minus, tau_plus, tau_minus, learning_rate, convention, traces, w_min, w_max
        As in `PairRule`.
    tau_e : Quantity (second)
        Time constant of the eligibility trace.

    References
    ----------
    Florian 2007, Neural Comput. 19:1468, 10.1162/neco.2007.19.6.1468.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import MSTDPET
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1  # the postsynaptic spike comes 10 ms later
    >>> reward = np.zeros(20)
    >>> reward[18] = 1.0  # it comes 3 ms after the pair, and the trace still remembers it
    >>> done = replay(MSTDPET(learning_rate=0.01), pre, post, 0.5, modulator=reward)
    >>> round(float(done.w[-1, 0, 0]), 6)
    0.500215
    """

    tau_e: Quantity = parameter(25 * ms, above=0 * ms)

    equation: ClassVar[str] = (
        r"\dot z = -z/\tau_e + \zeta/\tau_e, \quad \dot W = \gamma\, r\, z, \quad "
        r"\zeta = P^+ S_\mathrm{post} + P^- S_\mathrm{pre}"
    )

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        return super().initial_state(n_post, n_pre, batch) | {"z": np.zeros((*batch, n_post, n_pre))}

    def stepper(self, dt: Quantity) -> Step:
        pair, keep = self._pair_stepper(dt), decay(dt, self.tau_e)
        tau, step_ms = float(self.tau_e / ms), float(dt / ms)

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            acting, now = self._acting(pair, state, row)
            z = state["z"] * keep + acting / tau
            weight = weight + self.learning_rate * step_ms * over_batch(per_synapse(row.modulator) * z)
            return np.clip(weight, *self.bounds) if self.bounded else weight, now | {"z": z}

        return step

    def spiking_form(self) -> SpikingForm:
        return self._form_within() if self.bounded else self._form_without()

    def _form_within(self) -> SpikingForm:
        catch_up = _CATCH_UP_WITHIN.format(within=self._within(_EARLIER))
        return self._pair_form(
            synapse="""
                z : Hz
                last_step : integer
                steps_pending = t_in_timesteps - last_step : 1
                gained_now = (1 - exp(-steps_pending*dt/tau_e))/(1 - exp(-dt/tau_e)) : 1
            """,
            states={"z": "synapse.z*exp(-(steps_pending - 1)*dt/tau_e)*ms"},
            weight=self._within("w + learning_rate*dt*modulator_post*z*gained_now"),
            on_pre=catch_up + "z += p_minus_post/tau_e",
            on_post=catch_up + "z += p_plus_pre/tau_e",
            on_modulator=catch_up,
        )

    def _form_without(self) -> SpikingForm:
        return self._pair_form(
            synapse="""
                z : Hz
                last_step : integer
                steps_pending = t_in_timesteps - last_step : 1
                left_now = exp(-steps_pending*dt/tau_e) : 1
                gained_now = exp(-dt/tau_e)*(1 - left_now)/(1 - exp(-dt/tau_e)) : 1
            """,
            states={"z": "synapse.z*left_now*ms"},
            weight="w + learning_rate*dt*modulator_post*z*gained_now",
            on_pre=_CATCH_UP + _PAIR.format(pair="p_minus_post"),
            on_post=_CATCH_UP + _PAIR.format(pair="p_plus_pre"),
            on_modulator=_CATCH_UP,
        )

    def pair_form(self) -> PairForm:
        return replace(super().pair_form(), tau_e=self.tau_e)
