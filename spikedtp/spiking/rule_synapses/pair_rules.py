"""What a rule of spike pairs asks of its synapses and of the cells at their ends, and its numbers in their code."""

from __future__ import annotations

import numpy as np
from brian2 import ms, mV
from brian2.core.variables import ArrayVariable
from brian2.units.fundamentalunits import Dimension, Quantity

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.plasticity import TimedRule
from spikedtp.plasticity.pair_form import PairForm
from spikedtp.plasticity.timed import decay
from spikedtp.spiking.synapses.checks import unit_of
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["check_ends", "check_gain", "check_pair_rule", "pair_numbers"]

#: Time constants after which an epoch ends: e^10 = 2e4 is what rounding errors grow by.
EPOCH = 10.0


def check_pair_rule(rule: TimedRule, owner: str = "PairSynapses") -> PairForm:
    """The pair form of a rule that `owner` can learn by.

    Raises
    ------
    SpikedtpError
    """
    form = rule.pair_form() if isinstance(rule, TimedRule) else None
    if form is None:
        raise SpikedtpError(
            f"{owner}: rule must be one of spike pairs (STDP, TripletSTDP, MSTDP, MSTDPET, Clopath), got {shown(rule)}"
        )
    return form


def check_ends(rule: str, form: PairForm, spikers: Cells, post: Cells, voltage: str) -> None:
    """Raise unless the cells at both ends do what the rule of that name learns from."""
    if form.voltage is not None:
        spikers.must_fire(f"{rule} needs presynaptic spikes")
        _check_voltage(post, voltage)
        return
    for end in (spikers, post):
        end.must_fire(f"{rule} needs spikes on both sides")


def check_gain(owner: str, rule: str, gain: str, found: Dimension | None, onto: str, wanted: Dimension) -> None:
    """Raise unless `gain`, whose dimensions are `found` if they are known, has those of what spikes change."""
    if found is None or found == wanted:
        return
    unit = unit_of(wanted)
    raise SpikedtpError(
        f"{owner}: {rule} changes weights without units, so gain must be in {unit} as {onto!r} is, but gain = {gain!r} "
        f"is in {unit_of(found)}: give gain={unit!r}, or {unit} times a number, so that a weight of 1 adds that much"
    )


def _check_voltage(post: Cells, name: str) -> None:
    """Raise unless `name` is a variable of the postsynaptic cells in volt, one for each cell.

    Raises
    ------
    SpikedtpError
    """
    variables = post.group.variables
    known = [
        key for key, found in variables.items()
        if isinstance(found, ArrayVariable) and not found.scalar and found.dim is mV.dim
    ]  # fmt: skip
    if name in variables and variables[name].dim is not mV.dim:
        raise SpikedtpError(
            f"{post.owner}: the voltage {name!r} of {post.group.name!r} must be in volt, as the thresholds of the rule "
            f"are, but it is in {unit_of(variables[name].dim)}: give the name of another variable as voltage="
        )
    if name not in known:
        unknown = known_names(f"voltage of {post.group.name!r}", name, known)
        raise SpikedtpError(f"{post.owner}: {unknown}: give its name as voltage=")


def pair_numbers(form: PairForm, dt: Quantity) -> dict[str, float]:
    """Constants of the code. They are set at run time, so another rule with the same parts needs no new build."""
    largest = np.finfo(float).max  # compiled code does not know infinity
    least = 1e-100  # as good as nothing, and can be divided by
    fastest = form.pre.tau if form.tau_e is None else min(form.pre.tau, form.tau_e)
    numbers = {
        "epoch": max(1, int(EPOCH * float(fastest / dt))),
        "keep_x": max(decay(dt, form.pre.tau), least),
        "jump_x": form.pre.jump,
        "rate": form.learning_rate,
        "gain_pre": form.gains[0],
        "gain_post": form.gains[1],
    }
    if form.post is not None:
        numbers |= {"keep_y": max(decay(dt, form.post.tau), least), "jump_y": form.post.jump}
    if form.bounded:
        low, high = form.limits
        numbers |= {"low": max(low, -largest), "high": min(high, largest)}
    if form.slow_pre is not None:
        assert form.slow_post is not None  # both or none
        for side, trace, gain in zip("xy", (form.slow_pre, form.slow_post), form.slow_gains, strict=True):
            numbers |= {f"keep_slow_{side}": max(decay(dt, trace.tau), least), f"jump_slow_{side}": trace.jump}
            numbers |= {f"gain_slow_{side}": gain}
    if form.tau_e is not None:
        keep_e = max(decay(dt, form.tau_e), least)
        numbers |= {"keep_e": keep_e, "per_tau": float(ms / form.tau_e), "dt_ms": float(dt / ms)}
    return numbers
