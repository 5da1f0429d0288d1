"""`check_rule`: what every learning rule promises, run on one of a user's own. Nothing here is used by the networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.contract.biases import check_bias_rule
from spikedtp.plasticity.contract.presentations import check_learning_rule
from spikedtp.plasticity.contract.time_steps import check_timed_rule
from spikedtp.plasticity.timed import TimedRule

__all__ = ["check_rule"]

_CHECKS: dict[type, Callable[[Any], None]] = {
    LearningRule: check_learning_rule,
    TimedRule: check_timed_rule,
    BiasRule: check_bias_rule,
}


def check_rule(rule: LearningRule | TimedRule | BiasRule) -> None:
    """Run the contract of learning rules on one of your own.

    It is called with drawn signals: shapes, with and without a batch; the floating point type; nothing that is written
    in place; fresh state; a learning rate of 0; what the class declares (`LearningRule` and `TimedRule` list it); and
    the spiking form against the rate form to 12 digits, in a small reading of Brian2's code that needs no device.

    Parameters
    ----------
    rule : LearningRule, TimedRule or BiasRule
        With the parameters that it is to be checked with.

    Raises
    ------
    SpikedtpError
        The first promise that is broken, in one line: what, and how to mend it.

    Examples
    --------
    >>> from spikedtp.plasticity import BTSP, STDP
    >>> check_rule(BTSP(learning_rate=0.1))
    >>> check_rule(STDP())
    """
    for kind, check in _CHECKS.items():
        if isinstance(rule, kind):
            check(rule)
            return
    what = f"the class {rule.__name__}: give it its parameters" if isinstance(rule, type) else shown(rule)
    raise SpikedtpError(f"check_rule takes a learning rule such as MyRule(learning_rate=0.1), got {what}")
