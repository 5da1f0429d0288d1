"""Rules in time steps by name. A circuit learns once per presentation, so circuit files cannot name them."""

from __future__ import annotations

from typing import Any

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity.base import LearningRule
from spikedtp.plasticity.bcm import BCM
from spikedtp.plasticity.btsp_traces import BidirectionalBTSP
from spikedtp.plasticity.burstprop import Burstprop
from spikedtp.plasticity.clopath import Clopath
from spikedtp.plasticity.diehl_cook import DiehlCook
from spikedtp.plasticity.mstdp import MSTDP
from spikedtp.plasticity.mstdpet import MSTDPET
from spikedtp.plasticity.registry import RULES, RuleClass, build, make_rule, rule_check
from spikedtp.plasticity.stdp import STDP
from spikedtp.plasticity.timed import TimedRule
from spikedtp.plasticity.triplet_stdp import TripletSTDP
from spikedtp.plasticity.urbanczik_senn import UrbanczikSenn
from spikedtp.registries import Registry

__all__ = ["TIMED_RULES", "make_timed_rule", "register_timed_rule", "rule_named"]

TIMED_RULES: Registry[type[TimedRule]] = Registry(
    "learning rule in time steps",
    "spikedtp.timed_rules",
    {
        rule.__name__: rule
        for rule in (
            STDP,
            MSTDP,
            MSTDPET,
            TripletSTDP,
            DiehlCook,
            Clopath,
            BCM,
            UrbanczikSenn,
            BidirectionalBTSP,
            Burstprop,
        )
    },
    check=rule_check(TimedRule),
)


def register_timed_rule(rule: RuleClass) -> RuleClass:
    """Give a rule in time steps of your own a name, for `make_timed_rule` and ``spikedtp replay``.

    Parameters
    ----------
    rule : type
        A frozen dataclass, subclass of `TimedRule`.

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
    >>> @register_timed_rule
    ... @dataclass(frozen=True)
    ... class SlowSTDP(STDP):
    ...     learning_rate: float = 0.001
    >>> make_timed_rule("SlowSTDP").learning_rate
    0.001
    """
    TIMED_RULES.register(getattr(rule, "__name__", ""), rule)
    return rule


def rule_named(name: str, /, **kwargs: Any) -> LearningRule | TimedRule:
    """The rule of this name, of either kind; errors as in `make_rule`.

    EIANN's names are for circuit files: here a rule has one name.

    Examples
    --------
    >>> from spikedtp.plasticity import rule_named
    >>> rule_named("Oja", learning_rate=0.1), rule_named("STDP").needs_spikes
    (Oja(learning_rate=0.1), True)
    """
    if name in TIMED_RULES and name in RULES:
        raise SpikedtpError(f"{name} is a learning rule and one in time steps too: rename yours")
    if name in TIMED_RULES:
        return make_timed_rule(name, **kwargs)
    if name not in RULES:
        raise known_names("learning rule", name, {*RULES, *TIMED_RULES})
    return make_rule(name, **kwargs)


def make_timed_rule(name: str, /, **kwargs: Any) -> TimedRule:
    """Make the rule in time steps of this name. Parameters and errors are as in `make_rule`.

    Examples
    --------
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import make_timed_rule
    >>> make_timed_rule("MSTDPET", tau_e=50 * ms).tau_e
    50. * msecond
    """
    return build(TIMED_RULES.named(name), name, kwargs)
