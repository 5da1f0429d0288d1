"""The rule of Diehl & Cook's network for digits: nearest spikes, and potentiation from the second spike on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import parameter
from spikedtp.plasticity.signals import Array, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.timed import Row, Step, TimedRule, decay, over_batch

__all__ = ["DiehlCook"]


@dataclass(frozen=True)
class DiehlCook(TimedRule):
    r"""In each step, after all traces have decayed, in execution order (x: presynaptic, y: postsynaptic traces)::

        x  <- 1                                  a presynaptic spike sets its trace, and does not add to it
        W  <- clip(W - learning_rate a_minus y1 pre)
        W  <- clip(W + learning_rate a_plus x y2 post)
        y1 <- 1, y2 <- 1                         after use: a postsynaptic spike does not see itself

    A postsynaptic spike strengthens synapses only if another one came before it, some tens of milliseconds earlier.
    Weights are clipped to [w_min, w_max] after each term.

    In the original, a presynaptic spike acts when it arrives, after the delay of its synapse.
    `spikedtp.synapses.DiehlCookSynapses` and `arrival_code` do so. `spikedtp.replay` has no delays.

    Parameters
    ----------
    a_plus, a_minus : float
        Amplitudes of potentiation and of depression, both positive.
    tau_x : Quantity (second)
        Time constant of the presynaptic trace.
    tau_y1, tau_y2 : Quantity (second)
        Time constants of the postsynaptic traces for depression and for potentiation.
    learning_rate : float
        Factor on both amplitudes.
    w_min, w_max : float
        Hard bounds on the weights.

    References
    ----------
    Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, 10.3389/fncom.2015.00099, with the constants of the authors'
    program. The form is that of Pfister & Gerstner 2006, 10.1523/JNEUROSCI.1425-06.2006, with nearest spikes.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import DiehlCook
    >>> pre, post = np.zeros((60, 1)), np.zeros((60, 1))
    >>> post[10] = pre[40] = post[50] = 1
    >>> done = replay(DiehlCook(), pre, post, 0.5)
    >>> [round(float(done.w[k, 0, 0]), 6) for k in (40, 41, 51)]  # before, and after each spike
    [0.5, 0.499978, 0.502209]
    """

    a_plus: float = parameter(1e-2, least=0.0)
    a_minus: float = parameter(1e-4, least=0.0)
    tau_x: Quantity = parameter(20 * ms, above=0 * ms)
    tau_y1: Quantity = parameter(20 * ms, above=0 * ms)
    tau_y2: Quantity = parameter(40 * ms, above=0 * ms)
    learning_rate: float = parameter(1.0, least=0.0)
    w_min: float = parameter(0.0)
    w_max: float = parameter(1.0)

    equation: ClassVar[str] = (
        r"\Delta W = \gamma \left[ A^+ x\, y_2(t - \epsilon)\, S_\mathrm{post} - A^- y_1(t - \epsilon)\,"
        r" S_\mathrm{pre} \right], \quad x, y_1, y_2 \leftarrow 1 \text{ at a spike}"
    )
    reference: ClassVar[str] = "Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, 10.3389/fncom.2015.00099"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.w_min >= self.w_max:
            raise SpikedtpError(f"DiehlCook.w_min must be below w_max = {self.w_max}, got {self.w_min}")

    @property
    def bounds(self) -> tuple[float, float]:
        return self.w_min, self.w_max

    # --- rate form ----------------------------------------------------------------------------------------------------

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        return {name: np.zeros((*batch, n)) for name, n in (("x", n_pre), ("y1", n_post), ("y2", n_post))}

    def stepper(self, dt: Quantity) -> Step:
        keep = {name: decay(dt, getattr(self, f"tau_{name}")) for name in ("x", "y1", "y2")}

        def set_to_1(trace: Array, signal: Array) -> Array:
            return trace * (1.0 - signal) + signal

        def step(weight: Array, state: State, row: Row) -> tuple[Array, State]:
            old = {name: keep[name] * state[name] for name in keep}
            x = set_to_1(old["x"], row.pre)
            for size, term in (
                (-self.a_minus, outer(old["y1"], row.pre)),
                (self.a_plus, outer(row.post * old["y2"], x)),
            ):
                weight = np.clip(weight + self.learning_rate * size * over_batch(term), *self.bounds)
            return weight, {"x": x, "y1": set_to_1(old["y1"], row.post), "y2": set_to_1(old["y2"], row.post)}

        return step

    # --- spiking form -------------------------------------------------------------------------------------------------

    def spiking_form(self) -> SpikingForm:
        on_pre, on_post = self._changes("x_pre", "y1_post", "y2_post")
        return SpikingForm(
            pre="dx/dt = -x/tau_x : 1",
            post="dy1/dt = -y1/tau_y1 : 1\ndy2/dt = -y2/tau_y2 : 1",
            at_pre_spike="x = 1",
            on_pre=on_pre,
            on_post=on_post,
            after_post_spike="y1 = 1\ny2 = 1",
            states={"x": "pre.x", "y1": "post.y1", "y2": "post.y2"},
        )

    @staticmethod
    def _changes(x: str, y1: str, y2: str) -> tuple[str, str]:
        """Code of a synapse for a pre- and a postsynaptic spike, with the names that traces have there."""
        return (
            f"w = clip(w - learning_rate*a_minus*{y1}, w_min, w_max)",
            f"w = clip(w + learning_rate*a_plus*{x}*{y2}, w_min, w_max)",
        )

    def arrival_code(self, onto: str, gain: str = "1") -> dict[str, Any]:
        """The rule for Brian2's own synapses, with event-driven traces: ``Synapses(a, b, **rule.arrival_code("ge"))``.

        Weights are read, and the rule acts, when spikes arrive: set ``synapses.pre.delay`` as usual.

        Parameters
        ----------
        onto : str
            The variable of the postsynaptic cells to which a spike adds ``gain*w``.
        gain : str

        Returns
        -------
        dict
            Arguments of `Synapses`: model, on_pre, on_post, namespace and method.

        Examples
        --------
        >>> from spikedtp.plasticity import DiehlCook
        >>> print(DiehlCook().arrival_code("ge")["on_pre"])
        ge_post += (1)*w
        x = 1
        w = clip(w - learning_rate*a_minus*y1, w_min, w_max)
        """
        on_pre, on_post = self._changes("x", "y1", "y2")
        traces = "\n".join(f"d{name}/dt = -{name}/tau_{name} : 1 (event-driven)" for name in ("x", "y1", "y2"))
        return {
            "model": f"w : 1\n{traces}",
            "on_pre": f"{onto}_post += ({gain})*w\nx = 1\n{on_pre}",
            "on_post": f"{on_post}\ny1 = 1\ny2 = 1",
            "namespace": self.quantities(),
            "method": "exact",
        }
