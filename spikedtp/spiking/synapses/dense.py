"""All-to-all synapses as one matrix. They add rows of weights where stock `Synapses` follow arrays of indices.

A spike of a presynaptic cell adds a row of weights to a variable of the postsynaptic cells. Learning is code for every
synapse, written as for `Synapses` (``w``, ``x_pre``, ``y_post``). It runs after each pre- or postsynaptic spike, or at
learning events. Constraints act on the whole matrix. There is code for C++ standalone and for numpy, and results equal
those of stock `Synapses` within rounding.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from brian2 import Clock, second
from brian2.core.variables import Variable
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, Quantity
from numpy.typing import ArrayLike, DTypeLike

from spikedtp.brian2_internals import end_of_run
from spikedtp.errors import SpikedtpError, shown
from spikedtp.spiking.synapses.checks import (
    check_clock,
    check_shared,
    check_writes,
    dimensions_of,
    expression,
    unit_of,
)
from spikedtp.spiking.synapses.conductances import check_raises, is_conductance
from spikedtp.spiking.synapses.connections import checked_mask
from spikedtp.spiking.synapses.delay import Delay, warn_of_delays
from spikedtp.spiking.synapses.delay_matrix import DelayMatrix
from spikedtp.spiking.synapses.ends import Cells
from spikedtp.spiking.synapses.events import MatrixEvents

__all__ = ["DenseSynapses"]


class DenseSynapses(MatrixEvents):
    """Synapses from every cell of `source` to every cell of `target`.

    As in Brian2, a spike does not change a variable that is ``(unless refractory)`` while its cell is refractory.

    Parameters
    ----------
    source, target : NeuronGroup, Subgroup or other group of cells
        The presynaptic and the postsynaptic cells. `source` fires, unless `spikers` fire for it.
    onto : str, optional
        The variable of `target` to which a spike adds its row of weights. It must be real, and every cell must have
        its own. With None the synapses only learn.
    gain : str, float or Quantity
        Factor on the weights when they are added, the same for all synapses. The units of ``w`` are those of `onto`
        divided by those of `gain`. An expression may use `parameters`, shared variables and the namespace. Neither
        may be negative where `onto` is a conductance of a cell with receptors.
    delay : Quantity (second) or (n_post, n_pre) Quantity, optional
        Time from a spike to its arrival, the same for all synapses or one for each. It is rounded to time steps of
        `clock` as in Brian2. Only the arrival is delayed: `on_pre` runs when a spike is fired.
    delay_steps : int or (n_post, n_pre) int
        The same as a number of time steps, instead of `delay`.
    mask : (n_post, n_pre) bool, optional
        Which synapses there are; by default all. `connect` draws masks.
    amplitude : str, optional
        A variable of the cells of `source`, such as ``released`` of `ShortTermPlasticity.terminals`. The row of a cell
        is multiplied by it when a spike arrives.
    parameters : dict
        Shared constants that the code may use: name -> number or Quantity. With None the caller sets the value later.
    spikers : NeuronGroup or Subgroup, optional
        Units that fire for the cells of `source`, the same number for each cell. All units of one cell come before
        those of the next.
    dtype : float32 or float64
        Type of the weights.
    clock : Clock, optional
        By default it is the clock of the cells that fire. Its time step may change between runs.
    when, order
        Slot of the time step in which spikes arrive.

    Attributes
    ----------
    n_pre, n_post : int

    Raises
    ------
    SpikedtpError
        Something is not possible. The error comes at once or, for example for clocks that differ, as the cause of
        Brian2's error when a run begins.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, ms, prefs
    >>> from spikedtp.synapses import DenseSynapses
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> inputs = SpikeGeneratorGroup(2, [0, 1], [1, 2] * ms, dt=1 * ms, name="doc_dense_inputs")
    >>> cells = NeuronGroup(3, "v : 1", threshold="v > 10", reset="v = 0", dt=1 * ms, name="doc_dense_cells")
    >>> delay = np.array([[0, 0], [3, 3], [1, 9]]) * ms  # (n_post, n_pre)
    >>> synapses = DenseSynapses(inputs, cells, "v", delay=delay, name="doc_dense")
    >>> synapses.connect("i != j")  # no autapses
    >>> synapses.weights = 0.5
    >>> synapses.on_pre("w += 0.25")  # a spike arrives with the weight of that time
    >>> Network(inputs, cells, synapses).run(10 * ms)
    >>> prefs.codegen.target = target
    >>> cells.v[:].tolist()
    [0.5, 0.75, 0.75]
    >>> synapses.weights.tolist()
    [[0.0, 0.75], [0.75, 0.0], [0.75, 0.75]]
    """

    #: What subclasses replace: delays of single synapses, and the template for spikes that arrive.
    _delays: type[DelayMatrix] = DelayMatrix
    _arrival = "dense_propagate"

    def __init__(
        self,
        source: Group,
        target: Group,
        onto: str | None = None,
        *,
        gain: str | float | Quantity = "1.0",
        delay: Quantity | None = None,
        delay_steps: int | np.ndarray = 0,
        mask: ArrayLike | None = None,
        amplitude: str | None = None,
        spikers: Group | None = None,
        parameters: dict[str, float | Quantity | None] | None = None,
        dtype: DTypeLike = np.float64,
        clock: Clock | None = None,
        when: str = "synapses",
        order: int = 0,
        name: str = "densesynapses*",
        namespace: dict | None = None,
    ):
        owner = type(self).__name__ + ("" if name.endswith("*") else f" {name!r}")
        pre, post = Cells(owner, "source", source), Cells(owner, "target", target)
        fire = pre if spikers is None else Cells(owner, "spikers", spikers)
        late: Delay | DelayMatrix
        if np.ndim(delay_steps if delay is None else delay) > 0:
            late = self._delays(owner, delay, delay_steps, (len(post), len(pre)))
        else:
            late = Delay(owner, delay, delay_steps)
        if len(fire) % len(pre):
            raise SpikedtpError(
                f"{owner}: spikers must be as many for each cell of the source, which has {len(pre)} cells, "
                f"got {len(fire)}"
            )
        if dtype not in (np.float32, np.float64, "float32", "float64"):
            raise SpikedtpError(f"{owner}: dtype must be float32 or float64, got {shown(dtype)}")
        if mask is not None:
            mask = checked_mask(owner, mask, (len(post), len(pre)))
        to, self._start = (None, 0) if onto is None else post.target(onto)
        self._raises = onto if onto is not None and is_conductance(post, onto) else None
        if self._raises:
            check_raises(owner, "gain", self._raises, gain)
        if onto is not None:
            fire.must_fire(f"{onto!r} is added to when it fires")
        elif late:
            raise SpikedtpError(f"{owner}: a delay is that of arrival at a variable: give onto, or no delay")
        super().__init__(
            pre,
            post,
            fire,
            parameters=parameters,
            dtype=dtype,
            clock=clock,
            when=when,
            order=order,
            name=name,
            namespace=namespace,
        )
        self._delay, self._ring_names = late, list[str]()
        self._delay_checked = 0.0  # for this time step
        self._added: tuple[str, Dimension, str, Dimension] | None = None
        self._in_step: dict[str, Cells] = {}  # whose spikes are read: they fire on this clock
        self._amplitude = None if amplitude is None else self._checked_amplitude(amplitude, onto)
        if mask is not None:
            self.connect(mask=mask)
        if onto is not None:
            self._propagate(onto, to, expression(owner, "gain", gain))
        self._enable_group_attributes()

    @property
    def delay_steps(self) -> int | np.ndarray:
        """Number of time steps from a spike to its arrival, with the present time step of the clock."""
        return self._delay.in_steps(self.clock.dt_)

    @property
    def delay(self) -> Quantity:
        """Time from a spike to its arrival, as it was given: one for all synapses or `(n_post, n_pre)`."""
        return self._delay.in_seconds(self.clock.dt_) * second

    @delay.setter
    def delay(self, delay: Quantity) -> None:
        raise SpikedtpError(f"{self.name}: delays are set when the synapses are made: DenseSynapses(..., delay=...)")

    # -- what synapses do ------------------------------------------------------------------------------------------

    def _checked_amplitude(self, amplitude: str, onto: str | None) -> tuple[str, int]:
        """The name of the variable in code, and where the cells of the source begin in it."""
        if onto is None:
            raise SpikedtpError(f"{self.name}: amplitude={amplitude!r} acts on what arrives: give onto, too")
        if self.per_cell > 1 or self._spikers.group is not self._pre.group:
            raise SpikedtpError(f"{self.name}: amplitude={amplitude!r} needs cells that fire themselves, not spikers")
        found, start = self._pre.target(amplitude)
        if found.dim is not DIMENSIONLESS:
            raise SpikedtpError(
                f"{self.name}: amplitude={amplitude!r} has the units {unit_of(found.dim)}, and needs none"
            )
        return f"{amplitude}_pre", start

    def _check_weights(self, flat: Any) -> None:
        if self._raises:
            check_raises(self.name, "weights", self._raises, flat)

    def _propagate(self, onto: str, to: Variable, gain: str) -> None:
        check_shared(self, "gain", gain)
        weight = self.variables["w"]
        # an external name may be known to the run alone: then its units are checked there
        dimensions = dimensions_of(self, gain, {}) or DIMENSIONLESS
        weight.dim = to.dim / dimensions
        self._added = gain, dimensions, onto, to.dim
        self.variables.add_auxiliary_variable("_gain", dtype=np.float64, dimensions=dimensions, scalar=True)
        dtype = np.dtype(weight.dtype)
        wide = np.result_type(dtype, to.dtype)
        if self._delay:
            self._ring_names = self._delay.add_ring(self.variables)
        self._in_step["source"] = self._spikers
        amplitude, amplitude_start = self._amplitude or (None, 0)
        self._add(
            self._arrival,
            f"_gain = {gain}",
            "arrival",
            self.when,
            self.order,
            needed=[
                f"{onto}_post",
                "_spikespace",
                "w",
                *self._ring_names,
                *self._arrival_needs(),
                *filter(None, [amplitude]),
            ],
            amplitude=amplitude,
            amplitude_start=amplitude_start,
            target=f"{onto}_post",
            target_start=self._start,
            w_size=dtype.itemsize,
            sum_dtype=wide.type,
            sum_size=wide.itemsize,
        )

    def _arrival_needs(self) -> list[str]:
        """Further variables of the template for spikes that arrive."""
        return []

    def on_pre(self, code: str, *, at: str | None = None, when: str = "synapses", order: int = 1) -> None:
        """Add code for the row of each cell that has just fired. It is refused where several spikers fire for a cell.

        It may change ``w`` and variables of the postsynaptic cells. With `at`, an expression that is the same for all
        synapses, it runs in the steps alone in which this is true.
        """
        self._spikers.must_fire("on_pre is code for its spikes")
        if self.per_cell > 1:
            raise SpikedtpError(f"{self.name}: spikers of a cell may fire at once; code for a spike is not defined")
        check_writes(self, "on_pre", code, "post")
        self._in_step["source"] = self._spikers
        self._add_at("dense_row", code, "pre", when, order, at, "_spikespace")

    def on_post(self, code: str, *, at: str | None = None, when: str = "synapses", order: int = 2) -> None:
        """Add code for the column of each postsynaptic cell that has just fired.

        It may change ``w`` and variables of the presynaptic cells; `at` is that of `on_pre`.
        """
        self._hear_post("on_post is code for its spikes")
        check_writes(self, "on_post", code, "pre")
        self._add_at("dense_column", code, "post", when, order, at, "_post_spikespace")

    def _add_at(self, template: str, code: str, what: str, when: str, order: int, at: str | None, spikes: str) -> None:
        code = code if at is None else self._only_at(at, code)
        self._add(template, code, what, when, order, needed=[spikes], at=at)

    def _hear_post(self, why: str) -> None:
        self._post.must_fire(why)
        self._in_step["target"] = self._post
        if "_post_spikespace" not in self.variables:
            self.variables.add_reference("_post_spikespace", self._post.group, "_spikespace")

    def forget(self) -> None:
        """Remove all spikes on their way. The weights stay."""
        if self._delay and "_ring" in self.variables:
            self._delay.forget()

    def connect(self, *args: Any, **options: Any) -> None:
        if isinstance(self._delay, DelayMatrix) and self._delay.prepared:
            raise SpikedtpError(f"{self.name}: connect before the first run, where synapses have delays of their own")
        super().connect(*args, **options)

    connect.__doc__ = MatrixEvents.connect.__doc__

    def prepare_delays(self) -> None:
        """Give the arrays of the delays their sizes and values now, and not when a run begins, for the present dt."""
        if self._delay:
            self._delay.prepare(self.clock.dt_, len(self._spikers), self.mask)

    # -- before a run ----------------------------------------------------------------------------------------------

    def _fit(self, run_namespace: dict[str, Any]) -> dict[str, Any]:
        """Check what is only known when a run begins, and return what the templates need of it."""
        for role, cells in self._in_step.items():
            check_clock(self, role, cells.group)
        common = super()._fit(run_namespace)
        if self._added is None:
            return common | {"slots": 0, "room": 0, "spread": False}
        with suppress(NotImplementedError):  # compiled code knows them, not we
            self._check_weights(self.variables["w"].get_value())
        gain, dimensions, onto, wanted = self._added
        found = dimensions_of(self, gain, run_namespace)
        if found is not None and found != dimensions:
            weight = self.variables["w"].dim
            raise SpikedtpError(
                f"{self.name}: gain*w must be in {unit_of(wanted)} as {onto!r} is, but w is in {unit_of(weight)} and "
                f"gain = {gain!r} in {unit_of(found)}: give gain when the synapses are made, or its name in namespace="
            )
        slots, room = (0, 0)
        if self._delay:
            dt = self.clock.dt_
            slots, room = self._delay.prepare(dt, len(self._spikers), self.mask)
            if self._delay_checked != dt:
                late = self._delay.in_seconds(dt), self._delay.in_steps(dt)
                if self.mask is not None and isinstance(self._delay, DelayMatrix):
                    late = tuple(np.asarray(each)[self.mask] for each in late)
                warn_of_delays(self.name, *late, dt, end_of_run(self.clock))
                self._delay_checked = dt
        return common | {"slots": slots, "room": room, "spread": isinstance(self._delay, DelayMatrix)}
