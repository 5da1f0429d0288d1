"""The declaration of a cell or input model: its equations and code for Brian2, as data."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from brian2 import Equations, Hz, get_unit
from brian2.units.fundamentalunits import Quantity, get_dimensions, have_same_dimensions

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import Parameters

__all__ = ["Declaration", "DeclaredModel"]

logger = logging.getLogger(__name__)

#: What Euler's time steps must leave of a time constant; else there is a warning.
LEAST_TAU = 0.9


@dataclass(frozen=True)
class Declaration:
    """Equations and code of a model for Brian2, as data.

    Attributes
    ----------
    equations : brian2.Equations
        The equations without the parameters. The builder adds each parameter as a shared constant, so that it can
        change without a new build.
    threshold, reset : str
        Brian2's condition for a spike, and the code that runs after it.
    early_reset : bool
        Whether the reset comes right after the threshold, before the inputs of this step arrive and the equations are
        integrated. Poisson firing needs this, because the new draw depends on the hazard from which the spike came.
        Otherwise the reset comes at the end of the step.
    refractory : str or None
        Expression for Brian2's refractory mechanism: a duration, or a condition that keeps a cell from firing again.
    before_threshold : str
        Code that runs in every step before the thresholds are tested.
    update : str
        Code that runs in every step after the inputs have arrived and before the equations are integrated. For a model
        in discrete time it is the whole step.
    clear : tuple of str
        Accumulators that are set to 0 after the cells have integrated them.
    initial : dict
        Expressions that are evaluated at the start of every presentation. They may call ``rand()`` and
        ``exponential()``, which draws numbers of mean 1.

    Examples
    --------
    >>> from brian2 import Equations
    >>> from spikedtp.neurons import Declaration
    >>> declaration = Declaration(
    ...     equations=Equations("dv_soma/dt = (input_soma - v_soma)/tau : 1") + Equations("input_soma : 1"),
    ...     threshold="v_soma > 1",
    ...     reset="v_soma = 0",
    ...     clear=("input_soma",),
    ...     initial={"v_soma": "rand()"},
    ... )
    >>> declaration.early_reset
    False
    """

    equations: Equations
    threshold: str
    reset: str = ""
    early_reset: bool = False
    refractory: str | None = None
    before_threshold: str = ""
    update: str = ""
    clear: tuple[str, ...] = ()
    initial: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.clear, str):
            raise SpikedtpError(f"Declaration.clear must be a tuple of names such as ({self.clear!r},)")
        for name in ("reset", "early_reset", "refractory"):
            if getattr(self, name) and not self.threshold:
                raise SpikedtpError(f"Declaration.{name} is of no use without a threshold: leave it out, or give one")
        resting = [equation.varname for equation in self.equations.values() if "unless refractory" in equation.flags]
        if resting and not self.refractory:
            raise SpikedtpError(
                f"Declaration.equations: {', '.join(resting)} (unless refractory), and there is no refractory time"
            )


class DeclaredModel(Parameters):
    """Parameters with units and a Brian2 declaration made from them. Builders need no more of a cell."""

    #: parameters that are time constants of the integration: dt must stay below them
    time_constants: ClassVar[tuple[str, ...]] = ()
    #: parameters that are durations counted in time steps: they must be whole numbers of them
    whole_steps: ClassVar[tuple[str, ...]] = ()

    @property
    def never_negative(self) -> tuple[str, ...]:
        """Variables that synapses of a user's own may only raise, such as conductances."""
        return ()

    def shortest_interval(self, dt: Quantity) -> Quantity:
        """Mean time between spikes below which a cell cannot come, at a time step."""
        refractory = self.quantities().get(self.declaration().refractory or "", dt)
        return max(dt, refractory)

    def declaration(self) -> Declaration:
        raise TypeError(f"{type(self).__name__} declares no equations")

    def declares(self) -> tuple[Any, ...]:
        """All that builders take from the model beside its parameters, as data: what names its generated source."""
        return (self.declaration(), self.parameter_equations())

    def impulse_responses(self, n_steps: int, dt: Quantity) -> dict[tuple[str, str], np.ndarray] | None:
        """The state after a single spike of weight 1, for linear models. For other models it is None.

        Returns
        -------
        dict
            (signal, compartment where the spike arrives) -> (n_steps,). The first entry is for the step of the spike.
        """
        return None

    def parameter_equations(self, per_cell: Collection[str] = ()) -> Equations:
        """Every parameter as a constant of the group, shared but for those that each cell has of its own."""
        lines = []
        for name, value in self.quantities().items():
            unit = "1" if have_same_dimensions(value, 1) else repr(get_unit(get_dimensions(value)))
            lines.append(f"{name} : {unit} ({'' if name in per_cell else 'shared, '}constant)")
        return Equations("\n".join(lines))

    def check_time_step(self, dt: Quantity) -> None:
        """Refuse a time step that is too long for this model, and warn if it changes a time constant much."""
        name = type(self).__name__
        for tau, value in ((tau, getattr(self, tau)) for tau in self.time_constants):
            if value <= dt:
                raise SpikedtpError(
                    f"{name}.{tau} = {value} must be longer than the time step dt = {dt}: use a smaller dt"
                )
            acts_as = -dt / np.log(1 - float(dt / value))  # a step of Euler's takes 1 - dt/tau for e^(-dt/tau)
            if acts_as < LEAST_TAU * value:
                logger.warning("%s.%s = %s acts as %s at dt = %s: use a smaller dt", name, tau, value, acts_as, dt)
        for period in self.whole_steps:
            steps = float(getattr(self, period) / dt)
            if abs(steps - round(steps)) > 1e-6 * max(steps, 1):
                raise SpikedtpError(
                    f"{name}.{period} = {getattr(self, period)} must be a whole number of time steps of dt = {dt}"
                )
        max_rate = self.quantities().get("max_rate", 0 * Hz)
        if max_rate * dt > 1 + 1e-9:
            raise SpikedtpError(
                f"rate x dt is too large: {name}.max_rate = {max_rate} at dt = {dt} asks for more than one "
                f"spike per step; use dt of at most {1 / max_rate}, or a lower max_rate"
            )
