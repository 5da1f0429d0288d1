"""Whether a model reaches the rates that are asked of it at its time step. `equations.rates` has the formulas."""

from __future__ import annotations

import logging

from brian2 import Hz, second
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.firing import LEAST_LIF_RATE
from spikedtp.equations.rates import poisson_rate, regular_rate
from spikedtp.neurons.base import CellModel

logger = logging.getLogger(__name__)

__all__ = ["check_rates", "rate_that_comes_out"]

#: Errors of a rate up to this share of it are accepted without a warning.
TOLERATED = 0.005
#: A leaky integrate-and-fire unit may be silent up to this share of its highest rate.
SILENT = 0.01


def rate_that_comes_out(model: CellModel, rate: Quantity, dt: Quantity, duration: Quantity) -> Quantity:
    """Mean firing rate that cells reach when a constant rate is asked of them during a whole presentation.

    Parameters
    ----------
    model : CellModel
        A model that fires at a rate. It has `max_rate`, and `dead_time` or `tau_lif` if its `firing` needs them. Models
        without a `firing` are Poisson processes with dead time.
    rate : Quantity (Hz)
        The rate that is asked for, which is clipped between 0 and `max_rate`.
    dt, duration : Quantity (second)
        The time step and the length of the presentation.

    Returns
    -------
    Quantity (Hz)

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from spikedtp.neurons import PoissonInput
    >>> [
    ...     round(float(rate_that_comes_out(PoissonInput(dead_time=dead * ms), 990 * Hz, 1 * ms, 400 * ms) / Hz), 1)
    ...     for dead in (0, 0.5, 1)
    ... ]
    [956.8, 975.4, 990.0]
    """
    known, firing = model.quantities(), getattr(model, "firing", "poisson")
    asked, step = min(max(float(rate / Hz), 0.0), float(known["max_rate"] / Hz)), float(dt / second)
    if firing == "poisson":
        return poisson_rate(asked, float(known["dead_time"] / second), step, float(duration / second)) * Hz
    return regular_rate(asked, step, float(known["tau_lif"] / second) if firing == "lif" else None) * Hz


def check_rates(model: CellModel, rate: Quantity, dt: Quantity, duration: Quantity, *, of: str = "") -> None:
    """Warn, in one line, where the time step is too long for the rate that is asked of a model.

    Parameters
    ----------
    model, rate, dt, duration
        As in `rate_that_comes_out`. `rate` is the highest rate that is asked for in the simulation. Models that do not
        fire at a rate are not checked.
    of : str
        The population that the message names, such as ``"H1E"``.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from spikedtp.neurons import PoissonInput
    >>> from spikedtp.neurons.rates import check_rates
    >>> check_rates(PoissonInput(), 450 * Hz, 1 * ms, 420 * ms)  # no warning: with 1 ms of dead time the rate comes out
    """
    known, firing = model.quantities(), getattr(model, "firing", "poisson")
    if not {"max_rate", "dead_time"} <= set(known):
        return
    asked, found = min(rate, known["max_rate"]), rate_that_comes_out(model, rate, dt, duration)
    name = f"{type(model).__name__}{of and f' of {of}'}"
    if asked - found > TOLERATED * asked:
        dead = f" and dead_time = {known['dead_time']}" if firing == "poisson" else ""
        logger.warning(
            "%s: %s is asked for, but at dt = %s%s only %s come out in %s, since a time step holds one spike; "
            "use a smaller dt%s",
            name, asked, dt, dead, found, duration, ", or a dead_time of at least dt" if dead else "",
        )  # fmt: skip
    silent = LEAST_LIF_RATE / known["tau_lif"] if firing == "lif" else 0 * Hz
    if silent > SILENT * known["max_rate"]:
        logger.warning(
            "%s: cells are silent at rates up to %s with tau_lif = %s; use a longer one", name, silent, known["tau_lif"]
        )
