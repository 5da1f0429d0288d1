"""The cells at both ends of dense synapses: their checks, and the names of their variables in code for synapses."""

from __future__ import annotations

import numpy as np
from brian2 import Synapses
from brian2.core.spikesource import SpikeSource
from brian2.core.variables import Subexpression, Variable, Variables
from brian2.groups.group import Group

from spikedtp.brian2_internals import add_variable
from spikedtp.errors import SpikedtpError, known_names, shown

__all__ = ["Cells"]

#: What is not the cells' own, or means something else in the synapses.
_NOT_THEIRS = ("t", "dt", "t_in_timesteps", "N", "_spikespace")
#: What synapses may have of their own, beside what they have by then.
_OURS = ("w", "z", "i", "j")


class Cells:
    """The cells at one end: their whole group, and their place in it.

    Attributes
    ----------
    cells, group : Group
    start : int
    """

    def __init__(self, owner: str, role: str, cells: Group):
        if not (isinstance(cells, Group) and isinstance(cells, SpikeSource)) or isinstance(cells, Synapses):
            raise SpikedtpError(f"{owner}: {role} must be a group of cells or a part of one, got {shown(cells)}")
        self.owner, self.role, self.cells = owner, role, cells
        self.group, self.start = getattr(cells, "source", cells), getattr(cells, "start", 0)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def fires(self) -> bool:
        return "_spikespace" in self.group.variables

    def must_fire(self, why: str) -> None:
        if not self.fires:
            raise SpikedtpError(f"{self.owner}: {self.role} {self.group.name!r} has no threshold, and {why}")

    def refer(self, variables: Variables, suffix: str) -> None:
        """Add every variable of the cells under its name with a suffix, and as in Brian2 also without, or as i and j.

        For variables of the whole group cells are counted as in this group. For variables of a subgroup they are
        counted from 0.
        """
        whole, own = f"_{suffix}_idx", f"_{suffix}_cell"
        for index in (whole, own):
            variables.add_auxiliary_variable(index, dtype=np.int32)
            variables[index].unique = True  # inside one row or column every cell comes once
        for name, variable in self.group.variables.items():
            if not self._per_cell(name) or name in _NOT_THEIRS or name.endswith("_idx"):
                continue
            index = "0" if variable.scalar else whole
            if name == "i" and self.start:  # the cells of a part are counted within it
                variables.add_reference(f"_whole_i_{suffix}", self.group, "i", index=index)
                for known_as in self._names(name, suffix, variables):
                    variables.add_subexpression(known_as, f"_whole_i_{suffix} - {self.start}", dtype=variable.dtype)
                continue
            for known_as in self._names(name, suffix, variables):
                variables.add_reference(known_as, self.group, name, index=index)
        for name, variable in self.cells.variables.items():
            if name not in self.group.variables and not name.endswith("_idx") and not name.startswith("_"):
                for known_as in self._names(name, suffix, variables):
                    add_variable(variables, known_as, variable, "0" if variable.scalar else own)

    @staticmethod
    def _names(name: str, suffix: str, variables: Variables) -> list[str]:
        if name == "i":
            return [f"i_{suffix}", "i" if suffix == "pre" else "j"]
        alone = suffix == "post" and not name.startswith("_") and name not in variables and name not in _OURS
        return [f"{name}_{suffix}", name] if alone else [f"{name}_{suffix}"]

    def _per_cell(self, name: str) -> bool:
        """Whether a variable of the group has one value or one for each cell, and is not a list of spikes or links."""
        return self.group.variables[name].scalar or self.group.variables.indices[name] == "_idx"

    def found(self, name: str) -> tuple[Variable, int]:
        """A variable of the cells, and where they begin in its array."""
        own = name in self.cells.variables and name not in self.group.variables
        return (self.cells if own else self.group).variables[name], 0 if own else self.start

    def target(self, name: str) -> tuple[Variable, int]:
        """The variable to which spikes add, and where the cells begin in its array.

        Raises
        ------
        SpikedtpError
            There is no such variable, or a row of weights cannot be added to it.
        """
        own = name in self.cells.variables and name not in self.group.variables
        found = (self.cells if own else self.group).variables
        if name not in found:
            names = [known for known in found if not known.startswith("_") and self._fault(known, found, own) is None]
            raise SpikedtpError(f"{self.owner}: {known_names(f'variable of {self.group.name!r}', name, names)}")
        fault = self._fault(name, found, own)
        if fault is not None:
            raise SpikedtpError(f"{self.owner}: cannot add to {name!r} of {self.group.name!r}, {fault}")
        return self.found(name)

    def _fault(self, name: str, found: Variables, own: bool) -> str | None:
        variable = found[name]
        if isinstance(variable, Subexpression):
            return "a subexpression: name the variable that it is made from"
        if variable.scalar:
            return "which all its cells share: each needs its own"
        linked = getattr(variable, "owner", None) is not None and variable.owner.name != found.owner.name
        size = len(self.cells) if own else len(self.group)
        if (not own and not self._per_cell(name)) or getattr(variable, "size", None) != size:
            return "which is not an array of one value for each cell: connect to the group that has it"
        if linked and variable.conditional_write is not None:
            return f"a link to {variable.owner.name!r}, whose cells can be refractory: connect to that group"
        if variable.read_only:
            return "which Brian2 alone sets: add to a variable of the equations"
        if np.dtype(variable.dtype) not in (np.float32, np.float64):
            return f"of type {np.dtype(variable.dtype)}: it must be real (float32 or float64), or use Brian2's Synapses"
        return None
