"""The base class of every learning rule. Each rule is one frozen dataclass in a file beside this one."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.constraints import is_finite
from spikedtp.plasticity.described import Described
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.signals import Array, Signals, State, outer
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.summaries import as_text, counted

__all__ = ["BiasRule", "Factors", "LearningRule"]


class Factors(NamedTuple):
    """A weight change in factored form: ΔW = Σ post ⊗ pre over `gain` - W · Σ post ⊗ pre over `decay`.

    Every rule that is not a gradient has this form. Each term of a change is then two vectors instead of a matrix. An
    online step applies the vectors in place, and a response to many samples keeps them.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.plasticity import Factors
    >>> factors = Factors(gain=((np.array([1.0, -1.0]), np.array([0.5, 2.0])),))
    >>> factors.dense(np.zeros((2, 2))).tolist()  # the weights matter only where there is a decay
    [[0.5, 2.0], [-0.5, -2.0]]
    """

    gain: tuple[tuple[Array, Array], ...]
    decay: tuple[tuple[Array, Array], ...] = ()

    def __repr__(self) -> str:
        parts = {
            name: ", ".join(f"{tuple(post.shape)} ⊗ {tuple(pre.shape)}" for post, pre in terms) or "none"
            for name, terms in self._asdict().items()
        }
        return as_text("Factors", f"ΔW as {counted(len(self.gain) + len(self.decay), 'outer product')}", parts)

    def dense(self, weight: Array) -> Array:
        """ΔW itself, ``(..., n_post, n_pre)``."""
        change = sum(outer(post, pre) for post, pre in self.gain)
        if self.decay:
            change = change - weight * sum(outer(post, pre) for post, pre in self.decay)
        return change


class _Checked:
    """Validation shared by the rules for weights and for biases."""

    def check(self, field: str, good: bool, wanted: str) -> None:
        """Raise an error unless `good`. It names class and field, what was wanted, and what was given."""
        if not good:
            raise SpikedtpError(f"{type(self).__name__}: {field} must be {wanted}, got {shown(getattr(self, field))}")

    def check_number(self, field: str, low: float = -math.inf, high: float = math.inf, above: bool = False) -> None:
        value = getattr(self, field)
        wanted = "a finite number"
        if low > -math.inf:
            wanted = f"a number above {low:g}" if above else f"a number of at least {low:g}"
        if high < math.inf:
            wanted += f" and at most {high:g}"
        self.check(field, is_finite(value) and (value > low if above else value >= low) and value <= high, wanted)

    def check_flags(self, *fields: str) -> None:
        for field in fields:
            self.check(field, isinstance(getattr(self, field), bool), "true or false")


@dataclass(frozen=True)
class LearningRule(_Checked, Described):
    """How one projection changes its weights after one presentation.

    A rule is a declaration: its fields are its parameters, and `factors` (or `update`) is its equation. It keeps no
    state on itself. `next_state` returns what must last from one presentation to the next, and the caller hands it
    back.

    Attributes
    ----------
    legacy_names : tuple of str
        EIANN's names of the rule, which are accepted only in circuit files.
    legacy_fields : dict
        The fields that one of these names implies, if the names differ in meaning.
    nudge : {"none", "one-pass", "equilibrated", "output-only"}
        The nudge phase that the rule asks for (``rate/phases.py`` runs it). A rule with "none" accepts the nudge phase
        for which other rules of the circuit ask.
    needs_gradient : {None, "output", "dendrite"}
        For the backprop rules: the squared error that is differentiated is that of the output or of a dendrite.
    uses_weight : bool
        Whether ΔW depends on W itself.
    contrasts : bool
        Whether the rule compares presynaptic activity before and after the nudge, so that the two must be read
        separately.
    silent_inputs_keep_weights : bool
        Whether ΔW is 0 at the synapses of a presynaptic cell that is silent, now and in all that the rule remembers.
        Not so where weights decay by themselves (Oja) or activities are taken from their mean (covariance rules).
    modulated : str
        The signal for which the modulator of `replay` stands. It is empty if there is none (see `presentation_rows`).
    equation, reference : str
        For `describe`: the equation in LaTeX, and the source of the rule.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from spikedtp.plasticity import Factors, LearningRule, Signals
    >>> @dataclass(frozen=True)
    ... class Hebb(LearningRule):
    ...     def factors(self, signals, state):
    ...         return Factors(((self.learning_rate * signals.post_settled, signals.pre_settled),))
    >>> pre, post = np.array([1.0, 2.0]), np.array([3.0])
    >>> Hebb(learning_rate=0.1).update(Signals(pre, pre, post), np.zeros((1, 2)), {}).round(3).tolist()
    [[0.3, 0.6]]
    """

    learning_rate: float

    legacy_names: ClassVar[tuple[str, ...]] = ()
    legacy_fields: ClassVar[dict[str, dict[str, Any]]] = {}
    nudge: ClassVar[str] = "none"
    needs_gradient: ClassVar[str | None] = None
    uses_weight: ClassVar[bool] = False
    silent_inputs_keep_weights: ClassVar[bool] = True
    modulated: ClassVar[str] = ""
    contrasts: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        options = [f.name for f in fields(Plateau) if hasattr(cls, f.name)]
        if options and cls.plateau_form is LearningRule.plateau_form:
            raise TypeError(f"{cls.__name__}.{options[0]} has no effect: give plateau_form() too, which networks call")

    def __post_init__(self) -> None:
        self.check_number("learning_rate", low=0)

    def initial_state(self, n_post: int, n_pre: int, dtype: type = np.float32) -> State:
        """The state before the first presentation. It is empty for a rule without memory."""
        return {}

    def factors(self, signals: Signals, state: State) -> Factors:
        """The weight change of one presentation in factored form."""
        raise TypeError(f"{type(self).__name__} has no factored form")

    def update(self, signals: Signals, weight: Array, state: State) -> Array:
        """ΔW of one presentation, without bounds or constraints: ``(..., n_post, n_pre)``."""
        return self.factors(signals, state).dense(weight)

    def plateau_form(self) -> Plateau:
        """The plateaus from which the rule learns. The network makes them."""
        return Plateau()

    def next_state(self, signals: Signals, state: State) -> State:
        """The state after the presentation. It is called after the weights have changed."""
        return state

    def declares(self) -> tuple[Any, ...]:
        """All that builders take from the rule beside its parameters, as data: what names its generated source."""
        return (self.spiking_form(), self.plateau_form())

    def spiking_form(self) -> SpikingForm | None:
        """The rule as synapses that act at learning events on signals of both cells. A gradient has none (None)."""
        return None


@dataclass(frozen=True)
class BiasRule(_Checked, Described):
    """How one population changes its bias after one presentation. It works like a `LearningRule`.

    Examples
    --------
    >>> from spikedtp.plasticity import BIAS_RULES, make_bias_rule
    >>> sorted(BIAS_RULES)
    ['BackpropBias', 'PlateauBias']
    >>> make_bias_rule("PlateauBias", learning_rate=0.1)
    PlateauBias(learning_rate=0.1)
    """

    learning_rate: float

    legacy_names: ClassVar[tuple[str, ...]] = ()
    needs_gradient: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        self.check_number("learning_rate", low=0)

    def update(self, plateau: Array | None, gradient: Array | None) -> Array:
        """Change of the bias, ``(..., n)``, from the population's plateau or the gradient of the loss."""
        raise NotImplementedError

    def declares(self) -> tuple[Any, ...]:
        """All that builders take from the rule beside its parameters, as `LearningRule.declares` does."""
        return (self.spiking_form(),)

    def spiking_form(self) -> str | None:
        """The rule as Brian2 code that changes ``bias``. Every cell runs it at a learning event.

        The code may use ``plateau`` and the parameters of the rule. A rule without such code (None) is for rate
        networks alone, as a gradient is.
        """
        return None
