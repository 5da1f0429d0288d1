"""All-to-all synapses as one matrix: rows are added where stock `Synapses` walk index arrays.

A spike of a presynaptic cell adds a row of weights to a variable of the postsynaptic cells. Learning is code for every
synapse, written as for `Synapses` (``w``, ``x_pre``, ``y_post``): after each pre- or postsynaptic spike, or at learning
events. Constraints act on the whole matrix. C++ standalone and numpy; equal to stock `Synapses` within rounding.
"""

from __future__ import annotations

import numpy as np
from brian2 import Clock
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group

from spikedtp.spiking.code_objects import code_object_class

__all__ = ["DenseSynapses"]

#: Rows begin on cache lines, unless several fit into one. Whole pages would send a column to the same lines.
_LINE, _PAGE = 64, 4096


class DenseSynapses(Group):
    """Synapses from every cell of `source` to every cell of `target`.

    Parameters
    ----------
    source, target : NeuronGroup or Subgroup
        `source` emits spikes, unless `spikers` do it for it.
    onto : str, optional
        Variable of `target` that a spike adds its row of weights to; None: synapses that only learn.
    gain : str
        Factor on the weights as they are added: an expression without units, the same for all synapses.
    delay_steps : int
        Time steps from a spike to its arrival, the same for all synapses.
    parameters : dict
        name -> number: shared constants without units that the code may use; None: the caller sets the value.
    spikers : NeuronGroup or Subgroup, optional
        Fire for the cells of `source`, the same number for each, one cell's after the other's.
    dtype : numpy dtype
        Of the weights.
    clock : Clock
    when, order
        When spikes arrive.

    Attributes
    ----------
    n_pre, n_post : int
    """

    add_to_magic_network = True

    def __init__(
        self,
        source,
        target,
        onto: str | None = None,
        *,
        gain: str = "1.0",
        delay_steps: int = 0,
        spikers=None,
        parameters: dict[str, float | None] | None = None,
        dtype=np.float64,
        clock: Clock,
        when: str = "synapses",
        order: int = 0,
        name: str = "densesynapses*",
        namespace: dict | None = None,
    ):
        Group.__init__(self, clock=clock, when=when, order=order, name=name, namespace=namespace or {})
        self.codeobj_class = code_object_class()
        self.n_pre, self.n_post, self.delay_steps = len(source), len(target), int(delay_steps)
        dtype = np.dtype(dtype)
        self.stride = self._row_stride(dtype.itemsize)
        self._pre, self._post, self._spikers = _Side(source), _Side(target), _Side(spikers or source)
        self.per_cell = len(self._spikers.cells) // self.n_pre

        self.variables = Variables(self)
        self.start, self.stop = 0, self.n_pre * self.stride
        self.variables.add_constant("N", value=self.stop)
        self.variables.create_clock_variables(self._clock)
        self.variables.add_array("w", size=self.stop, dtype=dtype)
        for key, value in (parameters or {}).items():
            given = {} if value is None else {"values": float(value)}  # a value is part of the generated source
            self.variables.add_array(key, size=1, scalar=True, constant=True, index="0", **given)
        self._refer("pre", self._pre)
        self._refer("post", self._post)
        if "_spikespace" in self._spikers.group.variables:  # it may only learn
            self.variables.add_reference("_spikespace", self._spikers.group)
        if onto is not None:
            self._propagate(onto, gain)
        self._enable_group_attributes()

    def _row_stride(self, itemsize: int) -> int:
        """Weights from one row to the next."""
        if self.n_post * itemsize < _LINE:
            return self.n_post
        lines = -(-self.n_post * itemsize // _LINE)
        return (lines + (lines * _LINE % _PAGE == 0)) * _LINE // itemsize

    def _refer(self, suffix: str, side: _Side) -> None:
        """Every variable of the cells under its name with a suffix.

        Cells are counted as in their whole group for its variables, from 0 for those that a subgroup has of its own.
        """
        for index in (f"_{suffix}_idx", f"_{suffix}_cell"):
            self.variables.add_auxiliary_variable(index, dtype=np.int32)
            self.variables[index].unique = True  # inside one row or column every cell comes once
        for name, variable in side.group.variables.items():
            per_cell = variable.scalar or side.group.variables.indices[name] == "_idx"  # not lists of given spikes
            if per_cell and name not in ("t", "dt", "t_in_timesteps", "N", "_spikespace") and not name.endswith("_idx"):
                self.variables.add_reference(
                    f"{name}_{suffix}", side.group, name, index="0" if variable.scalar else f"_{suffix}_idx"
                )
        for name, variable in side.cells.variables.items():
            if name not in side.group.variables and not name.endswith("_idx"):
                # add_reference() would count as in the whole group
                self.variables._variables[f"{name}_{suffix}"] = variable
                self.variables.indices[f"{name}_{suffix}"] = "0" if variable.scalar else f"_{suffix}_cell"

    # -- what synapses do ------------------------------------------------------------------------------------------

    def _propagate(self, onto: str, gain: str) -> None:
        self.variables.add_auxiliary_variable("_gain", dtype=np.float64, scalar=True)
        dtype = np.dtype(self.variables["w"].dtype)
        wide, ring = np.result_type(dtype, self.variables[f"{onto}_post"].dtype), []
        if self.delay_steps:
            self.variables.add_array(
                "_ring", size=(self.delay_steps + 1) * (len(self._spikers.cells) + 1), dtype=np.int32, index="_ring_idx"
            )
            self.variables.add_auxiliary_variable("_ring_idx", dtype=np.int32)
            ring = ["_ring", "t_in_timesteps"]
        self._add(
            "dense_propagate",
            f"_gain = {gain}",
            "arrival",
            self.when,
            self.order,
            needed=[f"{onto}_post", "_spikespace", "w", *ring],
            target=f"{onto}_post",
            delay=self.delay_steps,
            w_size=dtype.itemsize,
            sum_dtype=wide.type,
            sum_size=wide.itemsize,
        )

    def on_pre(self, code: str, *, when: str = "synapses", order: int = 1) -> None:
        """Code for the row of each cell that has just fired; not where several spikers fire for it."""
        if self.per_cell > 1:
            raise TypeError(f"{self.name}: spikers of a cell may fire at once; code for a spike is not defined")
        self._add("dense_row", code, "pre", when, order, needed=["_spikespace"])

    def on_post(self, code: str, *, when: str = "synapses", order: int = 2) -> None:
        """Code for the column of each postsynaptic cell that has just fired."""
        self.variables.add_reference("_post_spikespace", self._post.group, "_spikespace")
        self._add("dense_column", code, "post", when, order, needed=["_post_spikespace"])

    def learn(self, code: str, *, at: str, when: str = "end", order: int = 0) -> None:
        """Code for every synapse, in steps where the expression `at` is true."""
        self._learning = at, when, self._event("dense_event", at, when, order, code, needed=["w"])

    def normalize_rows(
        self, scale: float, *, at: str, autapses: bool = True, when: str = "end", order: int = 0
    ) -> None:
        """Scale the weights onto each postsynaptic cell so that their absolute values sum to `scale`.

        Asked for next after `learn` in the same steps, it is done in the same pass over the weights.
        """
        options = {"scale": scale, "autapses": autapses}
        learning_at, learning_when, event = getattr(self, "_learning", (None, None, None))
        if (at, when) == (learning_at, learning_when) and event is self.contained_objects[-1]:
            event.template_kwds |= options
        else:
            self._event("dense_event", at, when, order, needed=["w"], **options)

    def zero_diagonal(self, *, at: str, when: str = "end", order: int = 0) -> None:
        """No autapses."""
        self._event("dense_diagonal", at, when, order, needed=["w"])

    def copy_of(
        self,
        source: DenseSynapses,
        *,
        at: str,
        factor: float = 1.0,
        transpose: bool = False,
        source2: DenseSynapses | None = None,
        when: str = "end",
        order: int = 0,
    ) -> None:
        """Weights are ``factor * source [* source2]``, transposed if asked."""
        sources = {"w_source": source} | ({"w_source2": source2} if source2 is not None else {})
        for name, synapses in sources.items():
            self.variables.add_auxiliary_variable(f"_{name}_idx", dtype=np.int32)
            self.variables.add_reference(name, synapses, "w", index=f"_{name}_idx")
        strides = {f"{name}_stride": synapses.stride for name, synapses in sources.items()}
        self._event(
            "dense_copy",
            at,
            when,
            order,
            needed=["w", *sources],
            factor=factor,
            transpose=transpose,
            sources=list(sources),
            **strides,
        )

    def _event(self, template: str, at: str, when: str, order: int, code: str = "", **options) -> CodeRunner:
        if "_active" not in self.variables:
            self.variables.add_auxiliary_variable("_active", dtype=bool, scalar=True)
        return self._add(template, f"_active = {at}\n{code}", template.removeprefix("dense_"), when, order, **options)

    def _add(self, template: str, code: str, suffix: str, when: str, order: int, needed=(), **options) -> CodeRunner:
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
        runner = CodeRunner(
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

    # -- weights in the public orientation -------------------------------------------------------------------------

    def flat(self, weights: np.ndarray) -> np.ndarray:
        """`(n_post, n_pre)` weights as the array ``w`` holds them."""
        rows = np.zeros((self.n_pre, self.stride), dtype=self.variables["w"].dtype)
        rows[:, : self.n_post] = np.asarray(weights).T
        return rows.ravel()

    def matrix(self, flat: np.ndarray) -> np.ndarray:
        """The opposite: `(..., size of w)` to `(..., n_post, n_pre)`."""
        rows = np.asarray(flat).reshape(*np.shape(flat)[:-1], self.n_pre, self.stride)
        return rows[..., : self.n_post].swapaxes(-1, -2)


class _Side:
    """The cells at one end: their whole group, and where in it they begin."""

    def __init__(self, cells):
        self.cells = cells
        self.group, self.start = getattr(cells, "source", cells), getattr(cells, "start", 0)
