"""The leaky cells of libraries that train spiking networks, as what they are there: a few factors for each time step.

snnTorch, Norse and NIR graphs all have this cell. They differ in the factors and in how and when a spike resets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from brian2 import Equations
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons.base import CellModel, Declaration
from spikedtp.parameters import parameter

__all__ = ["METHODS", "RESETS", "StepLI", "StepLIF", "step_decay"]

#: How a time constant becomes a factor for each time step.
METHODS = ("exact", "euler")


def step_decay(tau: Any, dt: Quantity, method: str) -> Any:
    """What is left of a decaying quantity after one time step: e^(-dt/tau), or 1 - dt/tau by Euler's method.

    Parameters
    ----------
    tau : Quantity (second)
        One time constant or an array of them; none may be below `dt` with Euler's method.
    dt : Quantity (second)
    method : {"exact", "euler"}

    Examples
    --------
    >>> from brian2 import ms
    >>> step_decay(10 * ms, 1 * ms, "euler")
    0.9
    """
    if method not in METHODS:
        raise known_names("method", method, METHODS)
    if (np.asarray(tau, dtype=float) <= 0).any():
        raise SpikedtpError(f"time constants must be above 0, got {np.min(tau)}")
    steps = np.asarray(dt / tau, dtype=float)
    if method == "euler" and (steps > 1 + 1e-12).any():
        raise SpikedtpError(
            f"a time constant of {dt / steps.max()} is below the time step dt = {dt}, where Euler's method is not "
            "stable: use a smaller dt, or method='exact'"
        )
    left = np.exp(-steps) if method == "exact" else np.maximum(1 - steps, 0)
    return left if left.ndim else float(left)


class Reset(NamedTuple):
    """When a spike acts back on the voltage: `before` and `after` the leak and the inputs of each step, `at_spike`."""

    before: str = ""
    after: str = ""
    at_spike: str = ""
    threshold: str = "v_soma > threshold"


_OVER = "over = int(v_soma > threshold)"
_TO_VALUE = "v_soma = (1 - over)*v_soma + over*v_reset"

#: Name -> code. `StepLIF` says which library has which.
RESETS = {
    "none": Reset(),
    "value": Reset(at_spike="v_soma = v_reset"),
    "subtract": Reset(at_spike="v_soma -= threshold"),
    "subtract_pending": Reset(
        before=_OVER, at_spike="v_soma -= threshold", threshold="v_soma - over*threshold > threshold"
    ),
    "late_subtract": Reset(before=_OVER, after="v_soma -= over*threshold"),
    "late_value": Reset(before=f"{_OVER}\n{_TO_VALUE}"),
    "late_value_all": Reset(before=_OVER, after=_TO_VALUE),
}


@dataclass(frozen=True)
class StepLI(CellModel):
    r"""A leaky integrator without threshold, given by its factors for one time step.

    With x[k] the sum of the weights that arrive in step k, the synaptic current i and the voltage v are::

        i[k] = alpha i[k-1] + input_gain x[k]
        v[k] = beta v[k-1] + current_gain i[k] + drift

    All are numbers without units. With alpha = 0 there is no synaptic memory; with beta = 0 too, v is the input itself.

    Parameters
    ----------
    beta, alpha : float
        What is left of the voltage and of the current after one time step, 0 to 1.
    input_gain, current_gain : float
        Factors on the input and on the current.
    drift : float
        What is added to the voltage in each step.
    v_start : float
        The voltage at the start of a presentation.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.neurons import StepLI
    >>> from spikedtp.neurons.step_lif import step_decay
    >>> StepLI(beta=step_decay(20 * ms, 1 * ms, "euler"))
    StepLI(beta=0.95, alpha=0.0, input_gain=1.0, current_gain=1.0, drift=0.0, v_start=0.0)
    """

    beta: float = parameter(0.9, least=0.0, most=1.0)
    alpha: float = parameter(0.0, least=0.0, most=1.0)
    input_gain: float = parameter(1.0)
    current_gain: float = parameter(1.0)
    drift: float = parameter(0.0)
    v_start: float = parameter(0.0)

    def declaration(self) -> Declaration:
        return self._declared(Reset(threshold=""))

    def _declared(self, reset: Reset) -> Declaration:
        step = "i_syn = alpha*i_syn + input_gain*input_soma\nv_soma = beta*v_soma + current_gain*i_syn + drift"
        over = "over : 1" if reset.before else ""
        return Declaration(
            equations=Equations(f"v_soma : 1\ni_syn : 1\ninput_soma : 1\n{over}"),
            threshold=reset.threshold,
            reset=reset.at_spike,
            early_reset=bool(reset.at_spike),
            update="\n".join(code for code in (reset.before, step, reset.after) if code),
            clear=("input_soma",),
            initial={"v_soma": "v_start"},
        )


@dataclass(frozen=True)
class StepLIF(StepLI):
    r"""A leaky integrate-and-fire cell given by its factors for a time step: `StepLI`, and a spike if v > threshold.

    ==================== ========================================================== ==================================
    ``reset``            effect of a spike                                          where it comes from
    ==================== ========================================================== ==================================
    ``none``             none                                                       snnTorch ``none``
    ``value``            v = v_reset at once                                        Norse, NIR; snnTorch ``zero`` with
                                                                                    ``reset_delay=False``
    ``subtract``         v -= threshold at once                                     Norse ``reset_subtract``
    ``subtract_pending`` the same; where v then is still above the threshold, the   snnTorch ``subtract`` with
                         next step fires only above twice the threshold             ``reset_delay=False``
    ``late_subtract``    v -= threshold in the next step, after leak and inputs     snnTorch ``subtract`` (its default)
    ``late_value``       v = v_reset in the next step, before leak and inputs       snnTorch ``Leaky`` with ``zero``
    ``late_value_all``   v = v_reset in the next step, whose inputs do not reach v  snnTorch ``zero`` of ``Synaptic``,
                                                                                    ``RLeaky`` and ``RSynaptic``
    ==================== ========================================================== ==================================

    The current i is never reset. "snnTorch" is its version 1.0.

    Parameters
    ----------
    beta, alpha, input_gain, current_gain, drift, v_start : float
        As in `StepLI`.
    threshold : float
        The cell fires if its voltage is above this.
    v_reset : float
    reset : str
        One of the table.

    Raises
    ------
    SpikedtpError
        A factor is outside 0 to 1, or the reset has no such name.

    Examples
    --------
    >>> from spikedtp.neurons import StepLIF
    >>> cell = StepLIF(beta=0.8, threshold=0.5, reset="value")
    >>> print(cell.declaration().update)
    i_syn = alpha*i_syn + input_gain*input_soma
    v_soma = beta*v_soma + current_gain*i_syn + drift
    >>> cell.declaration().reset
    'v_soma = v_reset'
    """

    threshold: float = parameter(1.0)
    v_reset: float = parameter(0.0)
    reset: str = "late_subtract"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reset not in RESETS:
            raise known_names("reset", self.reset, RESETS)

    def declaration(self) -> Declaration:
        return self._declared(RESETS[self.reset])
