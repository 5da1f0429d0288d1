"""What a cell or an input model declares. `spiking/` turns the declaration into Brian2 objects."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2 import Equations, get_unit
from brian2.units.fundamentalunits import get_dimensions, have_same_dimensions

from spikedtp.errors import SpikedtpError
from spikedtp.parameters import Parameters

__all__ = ["CellModel", "Declaration"]


@dataclass(frozen=True)
class Declaration:
    """The Brian2 side of a model, as data.

    Attributes
    ----------
    equations : brian2.Equations
        Without the parameters: the builder adds each as a shared constant, so that it can change without a rebuild.
    threshold, reset : str
    early_reset : bool
        Reset right after the threshold, before this step's inputs arrive and the equations are integrated (Poisson
        firing: the new draw depends on the hazard that the spike came from). Else at the end of the step.
    refractory : str or None
        Expression for Brian2's refractory mechanism.
    before_threshold : str
        Code run in every step before the thresholds are tested.
    update : str
        Code run in every step once the inputs have arrived and before the equations are integrated: the whole step of
        a model in discrete time.
    clear : tuple of str
        Accumulators set to 0 once the cells have integrated them.
    initial : dict
        Expressions evaluated at the start of every presentation (they may call ``rand()`` and
        ``exponential()``, draws of mean 1).
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


class CellModel(Parameters):
    """Base of the frozen dataclasses in this folder: parameters with units, and a Brian2 declaration made from them."""

    #: parameters that are time constants of the integration: dt must stay below them
    time_constants: tuple[str, ...] = ()

    def declaration(self) -> Declaration:
        raise TypeError(f"{type(self).__name__} declares no equations")

    def impulse_responses(self, n_steps: int, dt) -> dict[tuple[str, str], np.ndarray] | None:
        """State after a single spike of weight 1, for linear models; None for others.

        Returns
        -------
        dict
            (signal, compartment that the spike arrives in) -> (n_steps,), beginning with the step of the spike.
        """
        return None

    def parameter_equations(self) -> Equations:
        """Every parameter as a shared constant of the group."""
        lines = []
        for name, value in self.quantities().items():
            unit = "1" if have_same_dimensions(value, 1) else repr(get_unit(get_dimensions(value)))
            lines.append(f"{name} : {unit} (shared, constant)")
        return Equations("\n".join(lines))

    def check_time_step(self, dt) -> None:
        """Refuse a time step that Euler integration of this model does not carry."""
        for name in self.time_constants:
            if getattr(self, name) <= dt:
                raise SpikedtpError(
                    f"{type(self).__name__}.{name} = {getattr(self, name)} must be longer than the time step "
                    f"dt = {dt}: use a smaller dt"
                )
