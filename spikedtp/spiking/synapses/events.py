"""What dense synapses do with the whole matrix in some time steps: learning events, constraints, sums."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
from brian2.core.variables import Variable
from brian2.groups.group import CodeRunner

from spikedtp.brian2_internals import add_variable
from spikedtp.errors import SpikedtpError
from spikedtp.spiking.synapses.checks import check_size, check_true_or_false, check_writes, dimensions_of, unit_of
from spikedtp.spiking.synapses.matrix import SynapseMatrix

__all__ = ["MatrixEvents"]

#: Variables that are sums over synapses: which synapses, and for which cells.
_SUMS: weakref.WeakKeyDictionary[Variable, list[tuple[weakref.ref, range]]] = weakref.WeakKeyDictionary()


class MatrixEvents(SynapseMatrix):
    """The part of `DenseSynapses` that passes over all weights."""

    #: Which presynaptic cells' weights change, and where these cells begin in the variable that says it (see `learn`).
    learning_rows: tuple[Variable, int] | None = None

    def learn(self, code: str, *, at: str, when: str = "end", order: int = 0, rows: str | None = None) -> None:
        """Add code for every synapse in steps where the expression `at` is true. It may change ``w``.

        `rows` is a variable of the presynaptic cells. Where it is 0 the caller knows that, after a first time, the code
        leaves the weights of a cell as they are. They may be left out then.
        """
        check_writes(self, "learn", code)
        needed, options = ["w"], {}
        if rows is not None:
            learns, start = self.learning_rows = self._pre.found(rows)
            add_variable(self.variables, "_learns", learns, "0")  # no index of synapses
            needed, options = ["w", "_learns", self._once("_learned")], {"first_row": start}
        self._learning = at, when, self._event("dense_event", at, when, order, code, needed=needed, **options)

    def _once(self, name: str) -> str:
        """The name of a variable that says whether something was done before in this run."""
        self.variables.add_array(name, size=1, dtype=bool, index="0", scalar=True)
        return name

    def normalize_rows(
        self, scale: float, *, at: str, autapses: bool = True, when: str = "end", order: int = 0
    ) -> None:
        """Scale the weights onto each postsynaptic cell so that their absolute values sum to `scale`.

        If it is called right after `learn` with the same steps, both are done in one pass over the weights.
        """
        check_size(self, "scale", scale, self.variables["w"].dim)
        options: dict[str, Any] = {"scale": float(scale), "autapses": autapses}
        learning_at, learning_when, event = getattr(self, "_learning", (None, None, None))
        if (at, when) == (learning_at, learning_when) and event is self.contained_objects[-1]:
            event.template_kwds |= options
        else:
            self._event("dense_event", at, when, order, needed=["w"], **options)

    def zero_diagonal(self, *, at: str, when: str = "end", order: int = 0) -> None:
        """Set the diagonal of the weights to 0, so that there are no autapses."""
        self._event("dense_diagonal", at, when, order, needed=["w"])

    def copy_of(
        self,
        source: SynapseMatrix,
        *,
        at: str,
        factor: float = 1.0,
        transpose: bool = False,
        source2: SynapseMatrix | None = None,
        changed_rows: bool = False,
        when: str = "end",
        order: int = 0,
    ) -> None:
        """Make the weights a copy, ``factor * source [* source2]``, transposed if `transpose` is true.

        With `changed_rows` the caller knows that weights of the source, after a first copy, are changed by its `learn`
        alone, in the same step. Those of its `rows` that do not learn may be left out.
        """
        shape = (self.n_pre, self.n_post) if transpose else (self.n_post, self.n_pre)
        for synapses in filter(None, (source, source2)):
            if (synapses.n_post, synapses.n_pre) != shape:
                raise SpikedtpError(
                    f"{self.name}: a copy{' of the transpose' * transpose} needs a source of (n_post, n_pre) = "
                    f"{shape}, but {synapses.name} are {(synapses.n_post, synapses.n_pre)}"
                )
            if hasattr(synapses, "settle"):  # their weights may not be up to date
                synapses.settle(at=at, when=when, order=order - 1)
        sources = {"w_source": source} | ({"w_source2": source2} if source2 is not None else {})
        dimensions = self.variables["w"].dim
        for synapses in sources.values():
            dimensions = dimensions / synapses.variables["w"].dim
        check_size(self, "factor", factor, dimensions)
        for name, synapses in sources.items():
            self.variables.add_auxiliary_variable(f"_{name}_idx", dtype=np.int32)
            self.variables.add_reference(name, synapses, "w", index=f"_{name}_idx")
        needed = ["w", *sources]
        first_row = None
        rows = source.learning_rows if changed_rows and isinstance(source, MatrixEvents) else None
        if rows is not None:
            changed, first_row = rows
            add_variable(self.variables, "_changed", changed, "0")
            needed += ["_changed", self._once("_copied")]
        strides: dict[str, Any] = {f"{name}_stride": synapses.stride for name, synapses in sources.items()}
        self._event(
            "dense_copy",
            at,
            when,
            order,
            needed=needed,
            first_row=first_row,
            factor=float(factor),
            transpose=transpose,
            sources=list(sources),
            **strides,
        )

    def summed(self, variable: str, expression: str) -> None:
        """Set a variable of the postsynaptic cells to a sum over their synapses in every step, before the cells move.

        In stock `Synapses` this is the equation ``variable_post = expression : unit (summed)``. It passes over all
        synapses in each step, there as here.

        Parameters
        ----------
        variable : str
            A variable of the target, which nothing else sets.
        expression : str
            Of ``w`` and of variables of both cells, such as ``"w*x_pre"``.

        Raises
        ------
        SpikedtpError
            There is no such variable, or the units differ.
        """
        to, start = self._post.target(variable)
        self._check_sole_sum(variable, to, range(start, start + self.n_post))
        found = dimensions_of(self, expression, {})
        if found is not None and found != to.dim:
            raise SpikedtpError(
                f"{self.name}: {variable!r} is in {unit_of(to.dim)}, but the sum of {expression!r} in "
                f"{unit_of(found)}: multiply by a unit"
            )
        before = self._post.group.order - 1
        options = {"needed": [f"{variable}_post"], "target": f"{variable}_post", "target_start": start}
        self._event("dense_sum", "True", "groups", before, f"_term = {expression}", **options)

    def _check_sole_sum(self, name: str, variable: Variable, cells: range) -> None:
        """Raise if a sum is set already, for some of these cells: the later one would replace it."""
        sums = _SUMS.setdefault(variable, [])
        if any(other() is not None and set(cells) & set(theirs) for other, theirs in sums):
            gc.collect()  # what a script has made anew may not be gone yet
        for other, theirs in sums:
            if (synapses := other()) is not None and set(cells) & set(theirs):
                raise SpikedtpError(
                    f"{self.name}: {name!r} of {self._post.group.name!r} is the sum of {synapses.name} already: sum "
                    "into another variable, and add both in the equations"
                )
        sums.append((weakref.ref(self), cells))

    def _event(self, template: str, at: str, when: str, order: int, code: str = "", **options: Any) -> CodeRunner:
        return self._add(template, self._only_at(at, code), template.removeprefix("dense_"), when, order, **options)

    def _only_at(self, at: str, code: str) -> str:
        """Code for templates that run in the steps alone in which `at` is true."""
        check_true_or_false(self, "at", at)
        if "_active" not in self.variables:
            self.variables.add_auxiliary_variable("_active", dtype=bool, scalar=True)
        return f"_active = {at}\n{code}"
