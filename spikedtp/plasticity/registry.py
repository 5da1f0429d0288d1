"""Rules by name: the public names, and EIANN's names for circuit files; how others join. Nothing else lives here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity.backprop import Backprop, BackpropBias, LocalBackprop
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.bias import PlateauBias
from spikedtp.plasticity.btsp import BTSP
from spikedtp.plasticity.dendritic_loss import DendriticLoss
from spikedtp.plasticity.dendritic_state import DendriticState
from spikedtp.plasticity.described import Described
from spikedtp.plasticity.hebb import HebbWeightNorm
from spikedtp.plasticity.oja import Oja
from spikedtp.plasticity.supervised_bcm import SupervisedBCM
from spikedtp.plasticity.temporal_contrast import TemporalContrastHebb
from spikedtp.plasticity.top_down import TopDownHebb
from spikedtp.registries import Registry, check_declared

__all__ = [
    "BIAS_RULES", "RULES", "build", "make_bias_rule", "make_rule", "register_bias_rule", "register_rule", "rule_check"
]  # fmt: skip

Rule = TypeVar("Rule", bound=Described)
RuleClass = TypeVar("RuleClass", bound=type)


def rule_check(base: type) -> Callable[[str, Any], None]:
    """What a registry of rules asks of each: a frozen dataclass of this kind, under the name of its class."""

    def check(name: str, rule: Any) -> None:
        check_declared(rule, base)
        if rule.__name__ != name:
            raise SpikedtpError(f"the rule {name!r} must have the name of its class, {rule.__name__}")

    return check


RULES: Registry[type[LearningRule]] = Registry(
    "learning rule",
    "spikedtp.rules",
    {
        rule.__name__: rule
        for rule in (
            DendriticState,
            DendriticLoss,
            HebbWeightNorm,
            SupervisedBCM,
            TemporalContrastHebb,
            TopDownHebb,
            BTSP,
            Oja,
            Backprop,
            LocalBackprop,
        )
    },
    check=rule_check(LearningRule),
)
BIAS_RULES: Registry[type[BiasRule]] = Registry(
    "bias learning rule",
    "spikedtp.bias_rules",
    {rule.__name__: rule for rule in (PlateauBias, BackpropBias)},
    check=rule_check(BiasRule),
)

_LEGACY = {name: rule for rule in RULES.loaded().values() for name in rule.legacy_names}
_LEGACY_BIAS = {name: rule for rule in BIAS_RULES.loaded().values() for name in rule.legacy_names}


def register_rule(rule: RuleClass) -> RuleClass:
    """Give a learning rule of your own a name: that of its class, in circuit files and on the command line.

    Parameters
    ----------
    rule : type
        A frozen dataclass, subclass of `LearningRule`.

    Returns
    -------
    type
        The class itself, so that this is also a decorator.

    Raises
    ------
    SpikedtpError
        Another class, or a name that is taken.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from spikedtp.plasticity import Factors, LearningRule, check_rule, make_rule
    >>> @register_rule
    ... @dataclass(frozen=True)
    ... class PlainHebb(LearningRule):
    ...     def factors(self, signals, state):
    ...         return Factors(((self.learning_rate * signals.post_nudged, signals.pre_nudged),))
    >>> rule = make_rule("PlainHebb", learning_rate=0.1)
    >>> check_rule(rule)
    """
    RULES.register(getattr(rule, "__name__", ""), rule)
    return rule


def register_bias_rule(rule: RuleClass) -> RuleClass:
    """Give a rule of biases of your own a name, as `register_rule` does for rules of weights.

    Parameters
    ----------
    rule : type
        A frozen dataclass, subclass of `BiasRule`.

    Returns
    -------
    type
        The class itself, so that this is also a decorator.

    Raises
    ------
    SpikedtpError
        Another class, or a name that is taken.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from spikedtp.plasticity import BiasRule, make_bias_rule
    >>> @register_bias_rule
    ... @dataclass(frozen=True)
    ... class SlowBias(BiasRule):
    ...     def update(self, plateau, gradient):
    ...         return 0.1 * self.learning_rate * plateau
    >>> make_bias_rule("SlowBias", learning_rate=0.1)
    SlowBias(learning_rate=0.1)
    """
    BIAS_RULES.register(getattr(rule, "__name__", ""), rule)
    return rule


def build(rule: type[Rule], name: str, kwargs: dict[str, Any]) -> Rule:
    """`rule(**kwargs)`, with an error that lists the names that would have been right."""
    allowed = {field.name for field in fields(rule)}
    for key in kwargs:
        if key not in allowed:
            raise known_names(f"parameter of {name}", key, allowed)
    missing = [f.name for f in fields(rule) if f.name not in kwargs and f.default is f.default_factory is MISSING]
    if missing:
        raise SpikedtpError(f"{name} needs {', '.join(missing)}")
    return rule(**kwargs)


def make_rule(name: str, /, **kwargs: Any) -> LearningRule:
    """Make the learning rule of this public or legacy name.

    Parameters
    ----------
    name : str
        E.g. ``"DendriticState"`` or EIANN's ``"BP_like_2L"``.
    **kwargs
        The fields of the rule. With a legacy name they have EIANN's names.

    Raises
    ------
    SpikedtpError
        The name or a parameter is unknown, or the rule does not allow a value.

    Examples
    --------
    >>> from spikedtp.plasticity import make_rule
    >>> make_rule("Oja", learning_rate=0.1)
    Oja(learning_rate=0.1)
    >>> make_rule("BP_like_2E", learning_rate=0.1).one_pass  # EIANN's name of a DendriticState
    True
    """
    if name not in _LEGACY:
        if name not in RULES:
            raise known_names("learning rule", name, {*RULES, *_LEGACY})
        return build(RULES[name], name, kwargs)
    if kwargs.pop("stochastic", False):
        raise SpikedtpError(f"{name}: stochastic must be false; plateaus are chosen by size, never drawn")
    rule = _LEGACY[name]
    implied = rule.legacy_fields.get(name, {})
    for key in implied.keys() & kwargs.keys():
        raise known_names(f"parameter of {name}", key, {field.name for field in fields(rule)} - implied.keys())
    kwargs = {**implied, **kwargs}
    if rule is TopDownHebb and kwargs.pop("forward_only", False):
        if name.endswith("_3"):
            raise known_names(f"parameter of {name}", "forward_only", ("learning_rate",))
        kwargs["form"] = "settled"
    return build(rule, name, kwargs)


def make_bias_rule(name: str, /, **kwargs: Any) -> BiasRule:
    """Make the bias rule of this public or legacy name. Parameters and errors are as in `make_rule`.

    Examples
    --------
    >>> from spikedtp.plasticity import make_bias_rule
    >>> make_bias_rule("DendriticLossBias", learning_rate=0.1)  # EIANN's name
    PlateauBias(learning_rate=0.1)
    """
    rule = _LEGACY_BIAS.get(name) or BIAS_RULES.get(name)
    if rule is None:
        raise known_names("bias learning rule", name, {*BIAS_RULES, *_LEGACY_BIAS})
    return build(rule, name, kwargs)
