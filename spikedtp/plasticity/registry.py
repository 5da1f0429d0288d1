"""Rules by name: the public names, and EIANN's names for circuit files."""

from __future__ import annotations

from dataclasses import MISSING, fields

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity.backprop import Backprop, BackpropBias, LocalBackprop
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.bias import PlateauBias
from spikedtp.plasticity.btsp import BTSP
from spikedtp.plasticity.dendritic_loss import DendriticLoss
from spikedtp.plasticity.dendritic_state import DendriticState
from spikedtp.plasticity.hebb import HebbWeightNorm
from spikedtp.plasticity.oja import Oja
from spikedtp.plasticity.supervised_bcm import SupervisedBCM
from spikedtp.plasticity.temporal_contrast import TemporalContrastHebb
from spikedtp.plasticity.top_down import TopDownHebb

__all__ = ["BIAS_RULES", "RULES", "build", "make_bias_rule", "make_rule"]

RULES: dict[str, type[LearningRule]] = {
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
}
BIAS_RULES: dict[str, type[BiasRule]] = {rule.__name__: rule for rule in (PlateauBias, BackpropBias)}

_LEGACY = {name: rule for rule in RULES.values() for name in rule.legacy_names}
_LEGACY_BIAS = {name: rule for rule in BIAS_RULES.values() for name in rule.legacy_names}


def build(rule: type, name: str, kwargs: dict):
    """`rule(**kwargs)`, with an error that lists the names that would have been right."""
    allowed = {field.name for field in fields(rule)}
    for key in kwargs:
        if key not in allowed:
            raise known_names(f"parameter of {name}", key, allowed)
    missing = [f.name for f in fields(rule) if f.name not in kwargs and f.default is f.default_factory is MISSING]
    if missing:
        raise SpikedtpError(f"{name} needs {', '.join(missing)}")
    return rule(**kwargs)


def make_rule(name: str, /, **kwargs) -> LearningRule:
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
    if name in RULES and name not in _LEGACY:
        return build(RULES[name], name, kwargs)
    if name not in _LEGACY:
        raise known_names("learning rule", name, {*RULES, *_LEGACY})
    if kwargs.pop("stochastic", False):
        raise SpikedtpError(f"{name}: stochastic must be false; plateaus are chosen by size, never drawn")
    rule = _LEGACY[name]
    kwargs = {**rule.legacy_fields.get(name, {}), **kwargs}
    if rule is TopDownHebb and kwargs.pop("forward_only", False):
        if name.endswith("_3"):
            raise known_names(f"parameter of {name}", "forward_only", ("learning_rate",))
        kwargs["form"] = "settled"
    return build(rule, name, kwargs)


def make_bias_rule(name: str, /, **kwargs) -> BiasRule:
    """Make the bias rule of this public or legacy name. Parameters and errors are as in `make_rule`.

    Examples
    --------
    >>> from spikedtp.plasticity import make_bias_rule
    >>> make_bias_rule("DendriticLossBias", learning_rate=0.1)  # EIANN's name
    PlateauBias(learning_rate=0.1)
    """
    rule = BIAS_RULES.get(name) or _LEGACY_BIAS.get(name)
    if rule is None:
        raise known_names("bias learning rule", name, {*BIAS_RULES, *_LEGACY_BIAS})
    return build(rule, name, kwargs)
