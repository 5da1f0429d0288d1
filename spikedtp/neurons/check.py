"""Whether a network can run a cell: what the cell declares, what the network adds, what the network asks for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from brian2 import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS, DEFAULT_UNITS, Equations
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.utils.stringtools import get_identifiers

from spikedtp.errors import SpikedtpError, shown
from spikedtp.neurons.declaration import Declaration, DeclaredModel

__all__ = ["PULSE", "checked_declaration", "declared", "names_used"]

#: Parameters that say which pulse a spike of weight 1 is to a cell.
PULSE = ("weight_scale", "spike_width")

#: What every group has, and functions, constants and units that need no namespace.
OF_BRIAN2 = {"t", "dt", "t_in_timesteps", "i", "N", "lastspike", "not_refractory", "True", "False", "xi"}
OF_BRIAN2 |= {*DEFAULT_FUNCTIONS, *DEFAULT_CONSTANTS, *DEFAULT_UNITS}


def checked_declaration(
    model: DeclaredModel,
    where: str,
    *,
    declaration: Declaration | None = None,
    more: str | Equations = "",
    namespace: Collection[str] = (),
    needs: Mapping[str, str] | None = None,
    fires: bool = False,
    remedy: str = "",
) -> Declaration:
    """The declaration of a model that can run, or an error in one line.

    Parameters
    ----------
    where : str
        What the model is to be part of; the message begins with it.
    declaration : Declaration, optional
        Default: the model's.
    more : str or Equations
        Variables that the network adds.
    namespace : collection of str
        Other names that the cell may use.
    needs : mapping, optional
        Variable or parameter -> what the network does with it.
    fires : bool
        Whether cells must have a threshold.
    remedy : str
        Where what is missing would come from.

    Raises
    ------
    SpikedtpError
        Something else than a cell; variables that are missing, declared twice, used but never defined; something to
        clear or to begin with that cannot be set.
    """
    declaration = declaration or declared(model, where)
    name, own = type(model).__name__, declaration.equations
    parameters, added = set(model.quantities()), more if isinstance(more, Equations) else Equations(more)
    twice = (parameters & set(own)) | (parameters & set(added)) | (set(own) & set(added))
    if twice:
        raise SpikedtpError(
            f"{where}: {name} declares {listed(twice)}, which is also a parameter of its own or a variable that the "
            "network adds: choose another name"
        )
    missing = {want: why for want, why in (needs or {}).items() if want not in {*own, *parameters, *added}}
    if fires and not declaration.threshold:
        missing["threshold"] = "or it never fires"
    if missing:
        lacks = "; ".join(
            f"{listed(want for want in missing if missing[want] == why)} ({why})"
            for why in dict.fromkeys(missing.values())
        )
        raise SpikedtpError(f"{where}: {name} lacks {lacks}{remedy and ': '}{remedy}")
    known = {*own, *added, *parameters, *namespace} | OF_BRIAN2
    unknown = {used for used in names_used(declaration) - known if not used.startswith("xi_")}
    if unknown:
        raise SpikedtpError(
            f"{where}: {name} uses {listed(unknown)}, and nothing defines "
            f"{'it' if len(unknown) == 1 else 'them'}{remedy and ': '}{remedy}"
        )
    settable = {
        equation.varname
        for equation in (*own.values(), *added.values())
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER)
    }
    for task, names in (("clear", declaration.clear), ("initial", declaration.initial)):
        if wrong := set(names) - settable:
            raise SpikedtpError(
                f"{where}: {name} names {listed(wrong)} in its declaration's {task}, and its equations have no such "
                "variable that can be set"
            )
    return declaration


def declared(model: object, where: str) -> Declaration:
    """The declaration of what must be a cell."""
    if not isinstance(model, DeclaredModel):
        raise SpikedtpError(f"{where} must be a cell such as spikedtp.neurons.TwoCompartment(), got {shown(model)}")
    return model.declaration()


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def names_used(declaration: Declaration) -> set[str]:
    """Names that a declaration expects to find."""
    used = set().union(*(equation.identifiers for equation in declaration.equations.values()))
    expressions = (declaration.threshold, declaration.refractory or "", *map(str, declaration.initial.values()))
    for expression in expressions:
        used |= get_identifiers(expression)
    for code in (declaration.reset, declaration.before_threshold, declaration.update):
        code = re.sub("#.*", "", code)
        used |= get_identifiers(code) - set(re.findall(r"^\s*(\w+)\s*=[^=]", code, re.MULTILINE))
    return used
