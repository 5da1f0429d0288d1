"""Makes the synapses of a learning rule in a script's own network: `TimedRule.synapses` comes here.

Which kind is the quicker one was measured (`experiments/benchmarks/dense_or_sparse.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import second
from brian2.groups.group import Group
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity import DiehlCook, TimedRule
from spikedtp.spiking.rule_synapses.diehl_cook import DiehlCookSynapses
from spikedtp.spiking.rule_synapses.pair_rules import check_pair_rule
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.rule_synapses.sparse_pairs import SparsePairSynapses, names_taken
from spikedtp.spiking.synapses.connections import asked_mask
from spikedtp.spiking.synapses.delay_matrix import DelayMatrix
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["synapses_of"]

#: Below these shares of connected pairs sparse synapses are quicker: with one delay, and where each has its own.
DENSE_FROM = (0.1, 0.4)
#: The same for rules of the voltage, whose sparse synapses have a trace each.
DENSE_FROM_WITH_VOLTAGE = (0.0, 0.15)
#: Bytes that matrices may take before a network that is not connected all to all gets stock synapses.
MOST_MEMORY = 2 * 2**30


def synapses_of(
    rule: TimedRule,
    source: Group,
    target: Group,
    onto: str | None = None,
    *,
    dense: bool | None = None,
    condition: str | None = None,
    i: ArrayLike | None = None,
    j: ArrayLike | None = None,
    p: float = 1.0,
    seed: Any = None,
    mask: ArrayLike | None = None,
    delay: Quantity | None = None,
    **options: Any,
) -> PairSynapses | SparsePairSynapses | DiehlCookSynapses:
    """See `TimedRule.synapses`."""
    name = options.get("name")
    owner = f"{rule.name}.synapses" + (f" {name!r}" if name else "")
    form = None if isinstance(rule, DiehlCook) else check_pair_rule(rule, owner)
    if dense is not None and not isinstance(dense, bool):
        raise SpikedtpError(f"{owner}: dense must be True, False, or None (what is quicker), got {shown(dense)}")
    if "delay_steps" in options:
        raise SpikedtpError(f"{owner}: give delay, one time or a matrix of times: not all kinds know delay_steps")
    post, pre = Cells(owner, "target", target), Cells(owner, "source", source)
    shape = len(post), len(pre)
    connected = asked_mask(owner, shape, condition=condition, i=i, j=j, p=p, seed=seed, mask=mask)
    if options.get("modulator") and not (form is not None and form.modulated):
        raise SpikedtpError(f"{owner}: this rule has no modulator: leave it out, or take MSTDP or MSTDPET")
    if isinstance(rule, DiehlCook):
        if dense is False:
            raise SpikedtpError(
                f"{owner}: this rule has dense synapses alone: leave out dense=False, or make "
                "Synapses(source, target, **rule.arrival_code(...))"
            )
        if onto is None:
            raise SpikedtpError(f"{owner}: the rule acts where spikes arrive: give onto, the variable that they add to")
        return DiehlCookSynapses(source, target, onto, rule=rule, delay=delay, mask=connected, **options)
    assert form is not None
    each = None  # the delay of each synapse
    if delay is not None and np.ndim(delay) > 0:
        each = DelayMatrix(owner, delay, 0, shape).in_seconds(1.0)
    memory = _bytes(shape, eligible=form.tau_e is not None, delays=each is not None, masked=not connected.all())
    least = (DENSE_FROM if form.voltage is None else DENSE_FROM_WITH_VOLTAGE)[each is not None]
    chosen, why = dense, "as asked for"
    if chosen is None:
        chosen, why = _quicker(connected.mean(), least, each is not None, memory)
    if dense is None and not form.may_wait:
        chosen, why = False, "bounds with a reward have no other form"
    elif dense is None and form.lag:
        chosen, why = True, "convention 'lag' has no other form"
    elif dense is None and (taken := names_taken(form, post)):
        chosen, why = True, f"the target has a variable {taken[0]!r} of its own"
    made: PairSynapses | SparsePairSynapses
    if each is not None and onto is None:
        raise SpikedtpError(f"{owner}: a delay is that of arrival at a variable: give onto, or no delay")
    if chosen:
        made = PairSynapses(source, target, onto, rule=rule, delay=delay, **options)
        made.connect(mask=connected)
    else:
        made = SparsePairSynapses(source, target, onto, rule=rule, delay=None if each is not None else delay, **options)
        made.connect_mask(connected, None if each is None else each * second)
    object.__setattr__(made, "why", why)
    return made


def _quicker(share: float, least: float, own_delays: bool, memory: int) -> tuple[bool, str]:
    """Whether to make dense synapses, and why."""
    if share < 1 and memory > MOST_MEMORY:
        return False, f"matrices would take {memory / 2**30:.1f} GiB"
    delays = "delays of their own" if own_delays else "one delay"
    share_is = "" if least == 0 else f", p = {share:.2g} is {'below' if share < least else 'at least'} {least}"
    return share >= least, f"quicker: {delays}{share_is}"


def _bytes(shape: tuple[int, int], *, eligible: bool, delays: bool, masked: bool) -> int:
    """What `PairSynapses` take: weights and sums, and what else there is for each pair."""
    return shape[0] * shape[1] * (16 + 24 * eligible + 4 * delays + masked)
