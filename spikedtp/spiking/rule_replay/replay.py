"""`replay`: one learning rule, driven by given signals, in its rate form or as Brian2 synapses."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import check_quantity
from spikedtp.plasticity import LearningRule, PresentationRows, TimedRule
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.devices import DEVICES, check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.rule_replay.dense_network import build_dense_replay, dense_patterns
from spikedtp.spiking.rule_replay.given_signals import GivenSignals
from spikedtp.spiking.rule_replay.stock_network import ReplaySpec, build_replay, patterns
from spikedtp.spiking.synapses.all_to_all import dense_synapses_work

__all__ = ["ReplayResult", "replay"]

FORMS = ("rate", "spiking")


@dataclass(frozen=True)
class ReplayResult:
    """What a rule did with the signals that it was given.

    Attributes
    ----------
    w : (n_kept, n_post, n_pre) float64
        With all rows kept, ``w[0]`` is the weights before the first row, ``w[k + 1]`` those after row k.
    state : dict
        name -> (n_kept, ...) float64: traces, thresholds and whatever else the rule keeps, in its own units (ms).
    dt : Quantity
    kept : (n_kept,) int
        How many rows of the signals had passed; ``w[-1]`` follows ``kept[-1]`` rows.
    timings : dict
        Of the spiking form, in seconds, as in `RunResults`.
    """

    w: np.ndarray
    state: dict[str, np.ndarray]
    dt: Quantity
    kept: np.ndarray
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def t(self) -> np.ndarray:
        """Time of each row of `w` in ms: row k of the signals is at k dt; one dt before it where no row had passed."""
        return (self.kept - 1) * float(self.dt / ms)


@underflow_is_zero
def replay(
    rule: TimedRule | LearningRule,
    pre,
    post,
    w0,
    *,
    modulator=None,
    dt=1 * ms,
    form: str = "rate",
    device: str = "cpp_standalone",
    record: tuple[str, ...] | None = None,
    keep="all",
) -> ReplayResult:
    """Drive one learning rule with given signals.

    Large projections: with `keep` other than "all" and no states to record, the spiking form of a rule of spike pairs
    (STDP, TripletSTDP, MSTDP, MSTDPET) runs on `PairSynapses`, which give the same weights within rounding, many times
    faster and in the memory of a few weight matrices. The signals are never copied as a whole: they are read as time
    goes on.

    Parameters
    ----------
    rule : TimedRule or LearningRule
        A rule that moves in time steps takes one row per step; a rule that learns once per presentation takes one row
        per presentation (how a row fills its signals is in `spikedtp.plasticity.presentation_rows`).
    pre : (steps, n_pre) or, in the rate form, (steps, batch, n_pre)
        Activities, or spikes as 0 and 1. The weights then move by the sum over the batch.
    post : (steps, n_post) or (steps, batch, n_post)
    w0 : (n_post, n_pre) or number
        Weights before the first row.
    modulator : (steps,) or what the rule asks for, optional
        Reward, plateau or nudge; a rule that needs none does not look at it. In the rate form also (steps, batch); for
        rules with a presentation a row also (steps, n) or (steps, batch, n).
    dt : Quantity (second)
        Time between rows; rules that learn once per presentation do not look at it.
    form : {"rate", "spiking"}
        Arithmetic on arrays, or Brian2 synapses between two groups that are given the signals.
    device : {"cpp_standalone", "runtime"}
        For the spiking form.
    record : tuple of str, optional
        Which states to keep; default all if all rows are kept, else none. Per-synapse states take as much as `w`.
    keep : "all", "last" or array of int
        Rows of the result: k is after k rows of the signals, 0 before the first, negative ones count from the end.

    Returns
    -------
    ReplayResult
        In the lag convention row k uses ``modulator[k]`` and the pair term of row k - 1.

    Raises
    ------
    SpikedtpError
        Shapes that do not fit, a missing modulator, values that are not 0 or 1 where spikes are needed, weights outside
        the rule's bounds, a rule without the form asked for.

    Examples
    --------
    A presynaptic spike, and a postsynaptic one 10 ms later:

    >>> import numpy as np
    >>> from spikedtp.plasticity import STDP
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1
    >>> done = replay(STDP(learning_rate=0.01), pre, post, 0.5, form="rate")
    >>> round(float(done.w[-1, 0, 0]), 6)  # 0.5 + 0.01 exp(-10/20)
    0.506065
    """
    _check_options(rule, form, device, dt)
    if isinstance(rule, LearningRule):
        rule = PresentationRows(rule)
    signals = GivenSignals(rule, pre, post, w0, modulator, form)
    kept = _kept_rows(keep, len(signals))
    if record is None and len(kept) <= len(signals):
        record = ()
    return (_replay_rate if form == "rate" else _replay_spiking)(rule, signals, dt, device, record, kept)


def _kept_rows(keep, n_steps: int) -> np.ndarray:
    """The rows to keep in ascending order, from 0 to `n_steps`."""
    if isinstance(keep, str) and keep in ("all", "last"):
        return np.arange(n_steps + 1) if keep == "all" else np.array([n_steps])
    rows = np.asarray(keep)
    if rows.dtype.kind in "iu" and rows.ndim == 1:
        rows = np.unique(np.where(rows < 0, rows + n_steps + 1, rows))
        if rows.size and rows[0] >= 0 and 0 < rows[-1] <= n_steps:
            return rows
    raise SpikedtpError(
        f"replay: keep must be 'all', 'last' or an array of rows from 0 to {n_steps}, one of them above 0 (negative: "
        f"from the end), got {keep!r}"
    )


def _check_options(rule, form: str, device: str, dt) -> None:
    if not isinstance(rule, (TimedRule, LearningRule)):
        raise SpikedtpError(f"replay: rule must be a learning rule such as spikedtp.plasticity.MSTDP(), got {rule!r}")
    if form not in FORMS:
        raise known_names("form", form, FORMS)
    if form == "spiking":
        check_device(device)
    else:
        DEVICES.named(device)
    check_quantity("replay", "dt", dt, 1 * ms, above=0 * ms)


def _wanted_states(known, record) -> tuple[str, ...]:
    if record is None:
        return tuple(known)
    for name in record:
        if name not in known:
            raise known_names("state to record", name, known)
    return tuple(record)


def _replay_rate(rule, signals: GivenSignals, dt, device, record, kept) -> ReplayResult:
    step = rule.stepper(dt)
    weight, state = signals.w0, rule.initial_state(*signals.w0.shape, signals.batch)
    names = _wanted_states(state, record)
    w = np.empty((len(kept), *weight.shape))
    states = {name: np.empty((len(kept), *np.shape(state[name]))) for name in names}
    place = dict(zip(kept.tolist(), range(len(kept)), strict=True))
    rows = iter(signals)
    for k in range(len(signals) + 1):
        if k:
            weight, state = step(weight, state, next(rows))
        if k in place:
            w[place[k]] = weight
            for name, values in states.items():
                values[place[k]] = state[name]
    return ReplayResult(w, states, dt, kept)


def _replay_spiking(rule, signals: GivenSignals, dt, device, record, kept) -> ReplayResult:
    form = rule.spiking_form()
    if form is None:
        raise SpikedtpError(f"replay: {rule.name} has no spiking form: use form='rate'")
    steps = kept[kept > 0] - 1  # after which a row is kept
    names, everything = _wanted_states(form.states, record), len(kept) > len(signals)
    spec = ReplaySpec(
        form=form,
        parameters={name: value for name, value in rule.numbers().items() if form.uses(name)},
        signals=signals.group_names(),
        n_steps=len(signals),
        w0=signals.w0,
        dt=dt,
        record=names,
        n_kept=None if everything else len(steps),
    )
    by_pairs = isinstance(rule, TimedRule) and rule.pair_form() is not None
    dense = by_pairs and not everything and not names and dense_synapses_work()
    data = RunInputs(
        dense_patterns(signals, steps) if dense else patterns(signals, None if everything else steps),
        pattern=np.zeros(1, dtype=np.int64),
        seeds=np.zeros(1, dtype=np.int64),
    )
    build = partial(build_dense_replay, rule, spec) if dense else partial(build_replay, spec)
    results = run_on(device, build, data)

    start, shape, n_rows = rule.initial_state(*signals.w0.shape), signals.w0.shape, len(steps)
    found = {name: values[0].reshape(n_rows, -1) for name, values in (results.traces | results.vectors).items()}
    w = _with_start(signals.w0, _per_synapse(found["w"], shape), kept)
    state = {}
    for name in names:
        values = found[name]
        if form.states[name].startswith("synapse."):
            values = _per_synapse(values, shape)
        state[name] = _with_start(start[name], values, kept)
    return ReplayResult(w, state, dt, kept, results.timings)


def _per_synapse(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """From Brian2's order, postsynaptic cells fastest, to (steps, n_post, n_pre); its rows may be padded."""
    n_post, n_pre = shape
    return values.reshape(len(values), n_pre, -1)[:, :, :n_post].swapaxes(1, 2)


def _with_start(first: np.ndarray, values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return values if kept[0] else np.concatenate([np.asarray(first, dtype=np.float64)[None], values])
