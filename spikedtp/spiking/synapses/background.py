"""Background noise: each cell hears a Poisson source of its own, without a group for the sources."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Hz
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group
from brian2.units.fundamentalunits import Quantity, get_dimensions

from spikedtp.brian2_internals import GENERATOR
from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_quantity
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.synapses.checks import check_device, unit_of
from spikedtp.spiking.synapses.conductances import check_raises, is_conductance
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["BackgroundInput"]

LANES = 16


class BackgroundInput(Group):
    """Independent Poisson spikes, which add to a variable of every cell.

    It does what Brian2's ``PoissonInput(target, variable, 1, rate, weight)`` does. In compiled code the work is that of
    the spikes alone: it draws how many cells and time steps lie between two of them. There is at most one spike per
    cell and time step, with a probability of rate x dt.

    Parameters
    ----------
    target : NeuronGroup or Subgroup
    variable : str
        To which a spike adds `weight`. Spikes arrive in the slot "synapses".
    rate : Quantity (Hz)
        Of the source of each cell. It must not exceed 1/dt.
    weight : float or Quantity
        In the units of the variable.

    Raises
    ------
    SpikedtpError

    Examples
    --------
    >>> from brian2 import Hz, Network, NeuronGroup, ms, prefs, seed
    >>> from spikedtp.synapses import BackgroundInput
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> seed(1)
    >>> cells = NeuronGroup(1000, "heard : 1", dt=1 * ms, name="doc_background_cells")
    >>> noise = BackgroundInput(cells, "heard", 50 * Hz, 1.0)
    >>> Network(cells, noise).run(100 * ms)
    >>> prefs.codegen.target = target
    >>> bool(4.5 < cells.heard[:].mean() < 5.5)
    True
    """

    add_to_magic_network = True

    def __init__(
        self,
        target: Group,
        variable: str,
        rate: Quantity,
        weight: float | Quantity,
        *,
        when: str = "synapses",
        order: int = 0,
        name: str = "backgroundinput*",
    ):
        owner = "BackgroundInput" + ("" if name.endswith("*") else f" {name!r}")
        check_device(owner)
        cells = Cells(owner, "target", target)
        found, start = cells.target(variable)
        check_quantity(owner, "rate", rate, 1 * Hz, least=0 * Hz)
        if get_dimensions(weight) != found.dim or np.ndim(weight):
            raise SpikedtpError(f"{owner}: weight must be one number in {unit_of(found.dim)}, as {variable!r} is")
        if is_conductance(cells, variable):
            check_raises(owner, "weight", variable, weight)
        self.rate, self.weight = rate, weight
        Group.__init__(self, clock=target.clock, when=when, order=order, name=name)
        self.add_dependency(cells.cells)
        self.variables = Variables(self)
        self.variables.add_constant("N", value=1)
        self.variables.create_clock_variables(self._clock)
        for shared in ("_chance", "_weight"):
            self.variables.add_auxiliary_variable(shared, dtype=np.float64, scalar=True)
        self.variables.add_reference("_heard", cells.group, variable, index="0")
        options = {"target": "_heard", "start": start, "n": len(cells), "generator": GENERATOR, "lanes": LANES}
        self.contained_objects.append(
            _Draws(
                self,
                "background",
                code="",
                clock=self.clock,
                when=when,
                order=order,
                name=f"{self.name}_draws",
                template_kwds=options,
                needed_variables=["_heard", "t_in_timesteps"],
                codeobj_class=code_object_class(),
            )
        )
        self._enable_group_attributes()


class _Draws(CodeRunner):
    """The time step may be another one in each run."""

    def update_abstract_code(self, run_namespace: dict[str, Any]) -> None:
        chance = float(self.group.rate * self.clock.dt)
        if chance > 1:
            raise SpikedtpError(
                f"{self.group.name}: rate = {self.group.rate} asks for more than one spike in a time step of "
                f"{self.clock.dt}: use a smaller dt, or several inputs"
            )
        self.abstract_code = f"_weight = {float(self.group.weight)!r}\n_chance = {chance!r}"
