"""From a declaration to a Brian2 group: the one place that makes cells, for this package's networks and for any other.

Every field of a `Declaration` acts here, or the declaration is refused before anything is made.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from brian2 import Equations, NeuronGroup
from brian2.parsing.expressions import is_boolean_expression
from brian2.utils.stringtools import get_identifiers

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.neurons.check import checked_declaration
from spikedtp.neurons.declaration import Declaration, DeclaredModel
from spikedtp.neurons.random_numbers import RANDOM_NUMBERS

__all__ = ["INPUTS", "CellGroup", "Slots", "cell_group", "make_group"]

#: Options of Brian2's group that say what the cell already says.
OF_THE_CELL = {"self", "N", "model", "threshold", "reset", "refractory"}


@dataclass(frozen=True)
class Slots:
    """Where in a time step a group does what: Brian2's slots, some with an order inside the slot.

    Attributes
    ----------
    integrate : str
        Order 0; the declaration's `update` comes right before it.
    early_reset, late_reset : (str, int)
        For declarations whose `early_reset` is true and false.
    clear : int
        Order of clearing the accumulators, in the slot `integrate`.

    Orders are those of a group whose own order is 0, and shift with it.
    """

    integrate: str = "after_synapses"
    early_reset: tuple[str, int] = ("before_synapses", 0)
    late_reset: tuple[str, int] = ("resets", 0)
    clear: int = 1

    @classmethod
    def of(cls, declaration: Declaration) -> Slots:
        """Cells integrate what has just arrived; what nothing arrives at moves on before its spikes are found."""
        arrives = any(name.startswith("input_") for name in declaration.equations)
        return cls() if arrives else INPUTS


#: Of cells at which nothing arrives.
INPUTS = Slots(integrate="groups")


def make_group(
    model: DeclaredModel,
    n: int,
    *,
    declaration: Declaration | None = None,
    slots: Slots,
    more: str | Equations = "",
    at_spike: str = "",
    rest: Mapping[str, str] | None = None,
    per_cell: Collection[str] = (),
    firing: Collection[tuple[int, int]] = (),
    kind: type[NeuronGroup] = NeuronGroup,
    **options: Any,
) -> NeuronGroup:
    """Cells of a model, with everything that they do in a time step.

    Parameters
    ----------
    declaration : Declaration, optional
        Default: the model's.
    more : str or Equations
        Variables that the network adds.
    at_spike : str
        Code that follows the reset.
    rest : mapping, optional
        What accumulators begin a step with, where it is not 0.
    per_cell : collection of str
        Parameters of which each cell has its own value.
    firing : collection of (start, stop)
        Which cells can fire, where the code before thresholds does nothing to the others. By default all can.
    kind : type
        The class of the group.
    options
        Of `NeuronGroup`. Without a `method`, models that name their time constants are integrated by Euler's method.
        Others are integrated exactly.
    """
    declaration = declaration or model.declaration()
    options = {"method": "euler" if model.time_constants else "exact"} | options
    fires = bool(declaration.threshold)
    more = more if isinstance(more, Equations) else Equations(more)
    group = kind(
        n,
        declaration.equations + model.parameter_equations(per_cell) + more,
        threshold=declaration.threshold or None,
        reset="\n".join(code for code in (declaration.reset, at_spike) if code) if fires else None,
        refractory=declaration.refractory or False,
        **options,
    )
    clear = "\n".join(f"{name} = {(rest or {}).get(name, 0)}" for name in declaration.clear)
    for what, code, when, order in (
        ("refractory", _refractory(group, declaration.refractory), "before_thresholds", -1),
        ("hazard", declaration.before_threshold, "before_thresholds", 0),
        ("update", declaration.update, slots.integrate, -1),
        ("clear", clear, slots.integrate, slots.clear),
    ):
        if code:
            runner = group.run_regularly(
                code, when=when, order=group.order + order, clock=group.clock, name=f"{group.name}_{what}"
            )
            if what == "hazard" and firing:
                runner.template_kwds = {"spans": list(firing)}  # templates that know nothing of it run for all cells
    group.state_updater.when = slots.integrate
    if fires:
        resetter = group.resetter["spike"]
        resetter.when, order = slots.early_reset if declaration.early_reset else slots.late_reset
        resetter.order = group.order + order
    return group


def _refractory(group: NeuronGroup, refractory: str | None) -> str:
    """Brian2 ends refractory times where it integrates, and here thresholds are tested before that."""
    if not refractory:
        return ""
    if is_boolean_expression(refractory, group.resolve_all(get_identifiers(refractory), {})):
        return f"not_refractory = not_refractory or not ({refractory})"
    return f"not_refractory = timestep(t - lastspike, dt) >= timestep({refractory}, dt)"


# --- in any network -----------------------------------------------------------------------------------------------


REMEDY = "define variables in equations='...' and functions in namespace={...}"


class CellGroup(NeuronGroup):
    """Brian2's group, which also checks the time step when a run begins; Brian2 wraps what it raises.

    When a run ends, it looks for conductances that negative weights have made negative.
    """

    def __init__(self, *args: Any, cell: DeclaredModel, **options: Any):
        self._cell = cell
        super().__init__(*args, **options)

    @property
    def never_negative(self) -> tuple[str, ...]:
        """Conductances, which synapses may only raise."""
        return self._cell.never_negative

    def before_run(self, run_namespace: dict[str, Any] | None = None) -> None:
        self._cell.check_time_step(self.clock.dt)
        super().before_run(run_namespace)

    def after_run(self) -> None:
        super().after_run()
        for name in self.never_negative:
            try:
                values = self.variables[name].get_value()
            except NotImplementedError:  # of C++ standalone, which has not run yet
                return
            if (values < 0).any():
                raise SpikedtpError(
                    f"{self.name}.{name} is negative, and no conductance can be: give synapses onto it weights of at "
                    "least 0, and inhibition its own synapses"
                )


def cell_group(
    model: DeclaredModel,
    n: int,
    *,
    declaration: Declaration | None = None,
    equations: str | Equations = "",
    namespace: Mapping[str, Any] | None = None,
    **options: Any,
) -> CellGroup:
    """`CellModel.group`, with another declaration if asked."""
    where = f"{type(model).__name__}.group"
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 1:
        raise SpikedtpError(f"{where}: n must be a whole number of at least 1, got {shown(n)}")
    known = set(inspect.signature(NeuronGroup.__init__).parameters) - OF_THE_CELL
    for name in options:
        if name not in known:
            raise known_names(f"option of {where}", name, known | {"equations"})
    names = RANDOM_NUMBERS | dict(namespace or {})
    declaration = checked_declaration(
        model, where, declaration=declaration, more=equations, namespace=names, remedy=REMEDY
    )
    group = make_group(
        model, n, declaration=declaration, slots=Slots.of(declaration), more=equations, namespace=names,
        kind=CellGroup, cell=model, **options,
    )  # fmt: skip
    if "dt" in options or "clock" in options:  # else it is that of the default clock when a run begins
        model.check_time_step(group.clock.dt)
    for name, value in (model.quantities() | declaration.initial).items():
        group.state(name).set_item(slice(None), value, namespace={})  # none of the names that this function uses
    return group
