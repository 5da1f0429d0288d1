"""Rules that change weights in every time step, in contrast to rules that learn once per presentation.

A `TimedRule` has up to three forms: `stepper` is arithmetic on arrays, `spiking_form` is Brian2 code as data, and
`pair_form` gives a rule of spike pairs as numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, shown
from spikedtp.parameters import Parameters
from spikedtp.plasticity.described import Described
from spikedtp.plasticity.pair_form import PairForm
from spikedtp.plasticity.signals import Array, State
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.stock_code import StockCode, stock_code
from spikedtp.registries import maker

__all__ = ["Row", "TimedRule", "decay", "over_batch"]


class Row(NamedTuple):
    """The input of a rule in one time step: ``(n_pre,)``, ``(n_post,)`` and a number, or each with a batch axis.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import Row
    >>> Row(pre=np.array([1.0, 0.0]), post=np.array([1.0])).modulator
    0.0
    """

    pre: Array
    post: Array
    modulator: Array | float = 0.0


Step = Callable[[Array, State, Row], tuple[Array, State]]


@dataclass(frozen=True)
class TimedRule(Parameters, Described):
    """How the weights of a projection change in each time step. It is a declaration and keeps no state on itself.

    Attributes
    ----------
    needs_modulator : bool
        Whether ΔW depends on the modulator (reward). A rule that needs none ignores it.
    needs_spikes : bool
        Whether the spiking form takes only spikes (0 or 1) and no other activities.
    silent_inputs_keep_weights : bool
        Whether the synapses of a presynaptic cell that has never been active keep their weights.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import TimedRule
    >>> @dataclass(frozen=True)
    ... class Coincidence(TimedRule):
    ...     def initial_state(self, n_post, n_pre, batch=()):
    ...         return {}
    ...
    ...     def stepper(self, dt):
    ...         return lambda w, state, row: (w + 0.1 * np.outer(row.post, row.pre), state)
    >>> pre, post = np.array([[1], [0], [1]]), np.array([[1], [1], [0]])
    >>> replay(Coincidence(), pre, post, 0.5).w[:, 0, 0].tolist()
    [0.5, 0.6, 0.6, 0.6]
    """

    needs_modulator: ClassVar[bool] = False
    needs_spikes: ClassVar[bool] = True
    silent_inputs_keep_weights: ClassVar[bool] = True

    def initial_state(self, n_post: int, n_pre: int, batch: tuple[int, ...] = ()) -> State:
        """The state before the first step."""
        raise NotImplementedError

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The limits that the rule sets to weights; None: no limit."""
        return None, None

    @property
    def name(self) -> str:
        return type(self).__name__

    def modulator_size(self, n_post: int, n_pre: int) -> int:
        """How many cells may have a modulator of their own. Here there are none, since all synapses share one."""
        return 0

    def group_signals(self, pre: Array, post: Array, modulator: Array) -> dict[str, dict[str, Array]]:
        """The signals that the two groups of the spiking form get in each step."""
        return {"pre": {"activity": pre}, "post": {"activity": post}}

    def stepper(self, dt: Quantity) -> Step:
        """`step(weight, state, row) -> (weight, state)` for time steps of length `dt`, in rates or spikes alike.

        With a batch axis in `row`, the weights change by the sum over the batch, and each element has its own state.
        """
        raise NotImplementedError

    def spiking_form(self) -> SpikingForm:
        raise NotImplementedError

    def pair_form(self) -> PairForm | None:
        """The rule as numbers if it is a rule of spike pairs, else None."""
        return None

    def stock_code(self, onto: str | None = None, **options: Any) -> StockCode:
        """The rule as code for Brian2's own `Synapses`: model, on_pre, on_post. ``print`` shows a script to paste.

        Parameters
        ----------
        onto : str, optional
            The variable of the postsynaptic cells to which a spike adds.
        **options
            ``gain``: factor on the weights, as text. ``modulator``: expression of the reward. ``voltage``: name of the
            postsynaptic voltage, for `Clopath`.

        Raises
        ------
        SpikedtpError
            The rule has no such form.
        """
        form = self.pair_form()
        if form is None:
            raise SpikedtpError(f"{self.name} has no pair_form, from which code for Synapses is made")
        form.check_modulator(self.name, options.get("modulator", ""))
        return stock_code(form, onto=onto, **options)

    def synapses(self, source: Any, target: Any, onto: str | None = None, **options: Any) -> Any:
        """Synapses that learn by this rule, for a Brian2 network of your own: dense or sparse, whichever is quicker.

        Parameters
        ----------
        source, target : NeuronGroup, Subgroup or other group of cells
            The presynaptic and the postsynaptic cells.
        onto : str, optional
            The variable of `target` to which a spike adds ``gain*w``. With None the synapses only learn.
        dense : bool, optional
            True makes `PairSynapses`, False `SparsePairSynapses`. None takes what was measured to be quicker:
            ``repr`` tells which, and why.
        condition, p, seed, i, j, mask
            Which synapses there are, as in `SynapseMatrix.connect`; by default all. The same seed makes the same
            synapses in both forms.
        delay : Quantity (second) or (n_post, n_pre) Quantity, optional
        gain, modulator, voltage, name, ...
            As in `PairSynapses`.

        Returns
        -------
        PairSynapses or SparsePairSynapses
            They are connected. ``weights`` is `(n_post, n_pre)` in both.

        Raises
        ------
        SpikedtpError
            One line that names the synapses, and how to mend it.

        Examples
        --------
        >>> from brian2 import NeuronGroup, SpikeGeneratorGroup, ms
        >>> from spikedtp.plasticity import STDP
        >>> inputs = SpikeGeneratorGroup(20, [0], [1] * ms, name="doc_rule_inputs")
        >>> cells = NeuronGroup(30, "v : 1", threshold="v > 1", reset="v = 0", name="doc_rule_cells")
        >>> synapses = STDP(w_min=0, w_max=1).synapses(inputs, cells, "v", p=0.2, seed=1, name="doc")
        >>> synapses.weights = 0.5
        >>> synapses
        <PairSynapses 'doc': STDP, 20 -> 30 cells, 117 synapses, dense (quicker: one delay, p = 0.2 is at least 0.1)>
        """
        return maker("synapses of a rule")(self, source, target, onto, **options)

    def check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise SpikedtpError(
                f"{type(self).__name__}.{name} must be one of {', '.join(choices)}, got {shown(getattr(self, name))}"
            )


def over_batch(change: Array) -> Array:
    """Sum over a leading batch axis, if there is one."""
    return change.sum(axis=0) if change.ndim == 3 else change


def decay(dt: Quantity, tau: Quantity) -> float:
    """The factor by which a trace decays in one step."""
    return float(np.exp(-float(dt / tau)))
