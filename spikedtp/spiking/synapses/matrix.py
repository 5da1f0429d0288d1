"""What all dense synapses are: a matrix of weights between two groups, which pairs exist, and code that runs on it.

What the synapses do in a time step stands in `dense` and `events`, and in `rule_synapses`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np
from brian2 import Clock
from brian2.core.variables import Variable, Variables
from brian2.groups.group import CodeRunner, Group
from brian2.units.fundamentalunits import DIMENSIONLESS, Quantity, get_dimensions
from brian2.utils.stringtools import get_identifiers
from numpy.typing import ArrayLike, DTypeLike

from spikedtp.errors import SpikedtpError, shown
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.synapses.checks import check_device, check_first_weights, unit_of
from spikedtp.spiking.synapses.connections import asked_mask, told
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["SynapseMatrix"]

#: Rows begin on cache lines, unless several fit into one. Whole pages would send a column to the same lines.
_LINE, _PAGE = 64, 4096


class SynapseMatrix(Group):
    """A weight ``w`` for every pair of cells, one row for each presynaptic cell, and the code that the subclasses add.

    Parameters
    ----------
    pre, post, spikers : Cells
    parameters, dtype, clock, when, order, name, namespace
        As in `DenseSynapses`.

    Attributes
    ----------
    n_pre, n_post : int
    mask : (n_post, n_pre) bool or None
        Which synapses there are; None: all.
    """

    add_to_magic_network = True

    why = ""  # what `rule.synapses` says of its choice

    def __init__(
        self,
        pre: Cells,
        post: Cells,
        spikers: Cells,
        *,
        parameters: dict[str, float | Quantity | None] | None,
        dtype: DTypeLike,
        clock: Clock | None,
        when: str,
        order: int,
        name: str,
        namespace: dict | None,
    ):
        check_device(pre.owner)
        clock = spikers.cells.clock if clock is None else clock
        Group.__init__(self, clock=clock, when=when, order=order, name=name, namespace=namespace or {})
        self.codeobj_class = code_object_class()
        self._pre, self._post, self._spikers = pre, post, spikers
        for end in (pre, post, spikers):
            self.add_dependency(end.cells)
        self.n_pre, self.n_post, dtype = len(pre), len(post), np.dtype(dtype)
        self.stride = self._row_stride(dtype.itemsize)
        self.per_cell = len(spikers) // self.n_pre
        self._mask: np.ndarray | None = None

        self.variables = Variables(self)
        self.start, self.stop = 0, self.n_pre * self.stride
        self.variables.add_constant("N", value=self.stop)
        self.variables.create_clock_variables(self._clock)
        self.variables.add_array("w", size=self.stop, dtype=dtype)
        for key, value in (parameters or {}).items():
            given = {} if value is None else {"values": float(value)}  # a value is part of the generated source
            self.variables.add_array(
                key,
                size=1,
                scalar=True,
                constant=True,
                index="0",
                dtype=np.float64,
                dimensions=get_dimensions(value) if given else DIMENSIONLESS,
                **given,
            )
        self._pre.refer(self.variables, "pre")
        self._post.refer(self.variables, "post")
        if self._spikers.fires:  # it may only learn
            self.variables.add_reference("_spikespace", self._spikers.group)

    def _row_stride(self, itemsize: int) -> int:
        """Weights from one row to the next."""
        if self.n_post * itemsize < _LINE:
            return self.n_post
        lines = -(-self.n_post * itemsize // _LINE)
        return (lines + (lines * _LINE % _PAGE == 0)) * _LINE // itemsize

    def _told(self, rule: str) -> str:
        """One line about synapses that learn by a rule, for `repr`."""
        n = self.n_pre * self.n_post if self.mask is None else int(self.mask.sum())
        return told(self, rule, (self.n_post, self.n_pre), n, "dense")

    # -- which synapses there are ----------------------------------------------------------------------------------

    @property
    def mask(self) -> np.ndarray | None:
        return self._mask

    def connect(
        self,
        condition: str | None = None,
        *,
        i: ArrayLike | None = None,
        j: ArrayLike | None = None,
        p: float = 1.0,
        seed: int | np.random.Generator | None = None,
        mask: ArrayLike | None = None,
    ) -> None:
        """Keep the synapses of some pairs of cells alone. Without this call every pair has a synapse.

        A synapse that does not exist has the weight 0 and does nothing: it does not learn, and no code runs for it.
        The memory is that of all pairs.

        Parameters
        ----------
        condition : str, optional
            An expression of `i` (presynaptic cell), `j` (postsynaptic cell), `N_pre` and `N_post`, such as ``"i != j"``
            (no autapses) or ``"i == j"`` (one to one).
        i, j : int or sequence of int, optional
            The pairs, as two lists.
        p : float
            Probability of a connection, for each pair for which the condition is true.
        seed : int or numpy.random.Generator, optional
            Of the draws. Without it they differ from call to call.
        mask : (n_post, n_pre) bool, optional
            The pairs, as a matrix.

        Raises
        ------
        SpikedtpError
            The synapses are connected already, or something above is wrong.
        """
        if self.mask is not None:
            raise SpikedtpError(f"{self.name} are connected already: put all pairs into one call of connect")
        shape = (self.n_post, self.n_pre)
        found = asked_mask(self.name, shape, condition=condition, i=i, j=j, p=p, seed=seed, mask=mask)
        if found.all():
            return
        exists = self.variables["exists"] if "exists" in self.variables else self.add_mask()
        exists.set_value(self.flat(found) != 0)
        self._mask = found
        self._add("dense_mask", "", "mask", "start", self.order, needed=["w"])

    def add_mask(self) -> Variable:
        """Declare ``exists``, which code may use: whether there is a synapse. Its values are those of `flat`."""
        self.variables.add_array("exists", size=self.stop, dtype=bool)
        return self.variables["exists"]

    def run_regularly(self, *args: Any, **options: Any) -> NoReturn:
        """Refused: the code would run for pairs of cells without a synapse, and weights may not be up to date."""
        raise SpikedtpError(
            f"{self.name}: use learn(code, at=...), such as at='t_in_timesteps % 100 == 0', and not run_regularly"
        )

    # -- code ------------------------------------------------------------------------------------------------------

    def _add(
        self,
        template: str,
        code: str,
        suffix: str,
        when: str,
        order: int,
        needed: Iterable[str] = (),
        **options: Any,
    ) -> CodeRunner:
        options |= {
            "n_pre": self.n_pre,
            "n_post": self.n_post,
            "stride": self.stride,
            "pre_start": self._pre.start,
            "spike_start": self._spikers.start,
            "spike_size": len(self._spikers.group),
            "n_spikers": len(self._spikers.cells),
            "per_cell": self.per_cell,
            "post_start": self._post.start,
            "post_size": len(self._post.group),
        }
        runner = _Code(
            self,
            template,
            code=code,
            clock=self.clock,
            when=when,
            order=order,
            name=f"{self.name}_{suffix}*",
            needed_variables=list(needed),
            template_kwds=options,
            codeobj_class=self.codeobj_class,
        )
        self.contained_objects.append(runner)
        return runner

    def _fit(self, run_namespace: dict[str, Any]) -> dict[str, Any]:
        """What the templates need of that which is only known when a run begins."""
        return {"masked": self.mask is not None}

    def _check_first_weights(self, bounds: tuple[float, float]) -> None:
        try:
            w = self.matrix(self.variables["w"].get_value())
        except NotImplementedError:  # compiled code knows them, not we
            return
        check_first_weights(self, w if self.mask is None else w[self.mask], bounds)

    # -- weights in the public orientation -------------------------------------------------------------------------

    def flat(self, weights: ArrayLike) -> np.ndarray:
        """`(n_post, n_pre)` weights, or one number, as the array ``w`` holds them."""
        shape = (self.n_post, self.n_pre)
        if np.shape(weights) not in ((), shape):
            raise SpikedtpError(f"{self.name}: weights must be (n_post, n_pre) = {shape}, got {np.shape(weights)}")
        rows = np.zeros((self.n_pre, self.stride), dtype=self.variables["w"].dtype)
        rows[:, : self.n_post] = np.asarray(weights).T if self.mask is None else np.where(self.mask, weights, 0).T
        return _with_units(rows.ravel(), weights)

    def matrix(self, flat: np.ndarray) -> np.ndarray:
        """The opposite of `flat`: from `(..., size of w)` to `(..., n_post, n_pre)`."""
        rows = np.asarray(flat).reshape(*np.shape(flat)[:-1], self.n_pre, self.stride)
        return _with_units(rows[..., : self.n_post].swapaxes(-1, -2), flat)

    @property
    def weights(self) -> np.ndarray:
        """The weights, `(n_post, n_pre)`; one number sets them all. ``w`` holds the same, row after row of its own.

        What is read is a copy that cannot be written to, since writing to it would change nothing.
        """
        found = self.matrix(self.state("w")[:])
        found.flags.writeable = False
        return found

    @weights.setter
    def weights(self, weights: ArrayLike) -> None:
        flat, wanted = self.flat(weights), self.variables["w"].dim
        if get_dimensions(flat) is not wanted and (get_dimensions(flat) is not DIMENSIONLESS or np.any(flat)):
            raise SpikedtpError(f"{self.name}: weights must be in {unit_of(wanted)}, got {shown(weights)}")
        self._check_weights(flat)
        self.state("w")[:] = flat

    def _check_weights(self, flat: Any) -> None:
        """Refuse numbers that cannot be weights; what is no number is an expression."""

    def __setattr__(self, key: str, value: Any, level: int = 0) -> None:
        if key == "w" and isinstance(value, str) and get_identifiers(value) & {"i", "j"}:
            raise SpikedtpError(
                f"{self.name}: an expression for w may not depend on i and j: give numbers as {self.name}.weights, "
                "(n_post, n_pre)"
            )
        if key == "w":
            self._check_weights(value)
        # Brian2 looks for properties in the class of an object, but not in those from which it inherits
        if isinstance(getattr(type(self), key, None), property):
            object.__setattr__(self, key, value)
        else:
            super().__setattr__(key, value, level=level + 1)


def _with_units(values: np.ndarray, like: ArrayLike) -> np.ndarray:
    dimensions = get_dimensions(like)
    return values if dimensions is DIMENSIONLESS else Quantity(values, dim=dimensions)


class _Code(CodeRunner):
    """Code of dense synapses. It is generated anew for each run, because the time step may have changed."""

    def update_abstract_code(self, run_namespace: dict[str, Any]) -> None:
        self.template_kwds |= self.group._fit(run_namespace)
        needed: list[str] = self.needed_variables
        if self.group.mask is not None and "exists" not in needed:
            needed.append("exists")
