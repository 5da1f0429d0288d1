"""`replay`: one learning rule, driven by given signals, in its rate form or as Brian2 synapses."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.brian2_internals import familiar
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.events import SpikeTrains
from spikedtp.parameters import check_quantity
from spikedtp.plasticity import LearningRule, PresentationRows, TimedRule
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.devices import DEVICES, check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.rule_replay.dense_network import build_dense_replay, dense_patterns
from spikedtp.spiking.rule_replay.given_signals import GivenSignals, RowRule
from spikedtp.spiking.rule_replay.stock_network import ReplaySpec, build_replay, patterns
from spikedtp.summaries import Summarised, counted

__all__ = ["ReplayResult", "replay"]

FORMS = ("rate", "spiking")


@dataclass(frozen=True, repr=False)
class ReplayResult(Summarised):
    """The weights and states that a rule made from given signals.

    Attributes
    ----------
    w : (n_kept, n_post, n_pre) float64
        If all rows are kept, ``w[0]`` holds the weights before the first row and ``w[k + 1]`` those after row k.
    state : dict
        name -> (n_kept, ...) float64. The traces, thresholds and other states of the rule, in its own units (ms).
    dt : Quantity
        Time between rows.
    kept : (n_kept,) int
        How many rows of the signals had passed at each kept row. ``w[-1]`` follows ``kept[-1]`` rows.
    timings : dict
        How many seconds each stage of the spiking form took.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import replay
    >>> from spikedtp.plasticity import STDP
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1  # the postsynaptic spike comes 10 ms later
    >>> done = replay(STDP(), pre, post, 0.5, form="rate")
    >>> done.w.shape, done.t[:3].tolist(), sorted(done.state)
    ((21, 1, 1), [-1.0, 0.0, 1.0], ['p_minus', 'p_plus', 'zeta'])
    """

    w: np.ndarray
    state: dict[str, np.ndarray]
    dt: Quantity
    kept: np.ndarray
    timings: dict[str, float] = field(default_factory=dict)

    def _headline(self) -> str:
        n_post, n_pre = self.w.shape[-2:]
        rows = f"{counted(int(self.kept[-1]), 'row')}, one every {float(self.dt) * 1e3:g} ms"
        return f"{n_post} × {n_pre} synapses after {rows}, weights kept {counted(len(self.kept), 'time')}"

    def _parts(self) -> dict[str, str]:
        return {"w": str(self.w.shape)} | {f"state {name}": str(values.shape) for name, values in self.state.items()}

    @property
    def t(self) -> np.ndarray:
        """Time of each row of `w` in ms. Row k of the signals is at k dt; weights before the first row are at -dt."""
        return (self.kept - 1) * float(self.dt / ms)


@underflow_is_zero
def replay(
    rule: TimedRule | LearningRule,
    pre: ArrayLike | SpikeTrains,
    post: ArrayLike | SpikeTrains,
    w0: ArrayLike,
    *,
    modulator: ArrayLike | None = None,
    dt: Quantity = 1 * ms,
    form: str = "rate",
    device: str = "cpp_standalone",
    record: tuple[str, ...] | None = None,
    keep: str | ArrayLike = "all",
) -> ReplayResult:
    """Drive one learning rule with given signals.

    Large projections need `keep` other than "all" and no recorded states. The spiking form of a rule of spike pairs
    (STDP, TripletSTDP, MSTDP, MSTDPET) then runs on `PairSynapses`. These give the same weights within rounding, many
    times faster, and they need the memory of a few weight matrices. The signals are never copied as a whole; they are
    read while time goes on.

    Parameters
    ----------
    rule : TimedRule or LearningRule
        A rule in time steps takes one row for each step. A rule that learns once per presentation takes one row for
        each presentation; `spikedtp.plasticity.presentation_rows` says how a row becomes its signals.
    pre : (steps, n_pre) or, in the rate form, (steps, batch, n_pre), or SpikeTrains
        Activities, or spikes as 0 and 1. With a batch, the weights change by the sum over the batch. Spike trains
        become rows of `dt`, and their trials a batch.
    post : (steps, n_post) or (steps, batch, n_post), or SpikeTrains
    w0 : (n_post, n_pre) or number
        Weights before the first row.
    modulator : (steps,) or what the rule asks for, optional
        Reward, plateau or nudge. A rule that needs no modulator ignores it. In the rate form it may also be (steps,
        batch). For rules with one presentation in each row it may also be (steps, n) or (steps, batch, n).
    dt : Quantity (second)
        Time between rows. Rules that learn once per presentation ignore it.
    form : {"rate", "spiking"}
        "rate" is arithmetic on arrays. "spiking" is Brian2 synapses between two groups that are given the signals.
    device : {"cpp_standalone", "runtime"}
        For the spiking form.
    record : tuple of str, optional
        Which states to keep. By default all states are kept if all rows are kept, and none otherwise. A state of each
        synapse needs as much memory as `w`.
    keep : "all", "last" or array of int
        Which rows the result has. Row k is the state after k rows of the signals, row 0 the state before the first.
        Negative numbers count from the end.

    Returns
    -------
    ReplayResult
        With the convention "lag", row k uses ``modulator[k]`` and the pair term of row k - 1.

    Raises
    ------
    SpikedtpError
        Shapes do not fit, a modulator is missing, values are not 0 or 1 where spikes are needed, weights lie outside
        the bounds of the rule, or the rule has no form of this name.

    Examples
    --------
    A postsynaptic spike follows a presynaptic one after 10 ms:

    >>> import numpy as np
    >>> from spikedtp.plasticity import STDP
    >>> pre, post = np.zeros((20, 1)), np.zeros((20, 1))
    >>> pre[5], post[15] = 1, 1
    >>> done = replay(STDP(learning_rate=0.01), pre, post, 0.5, form="rate")
    >>> round(float(done.w[-1, 0, 0]), 6)  # 0.5 + 0.01 exp(-10/20)
    0.506065
    """
    _check_options(rule, form, device, dt)
    by_row = PresentationRows(rule) if isinstance(rule, LearningRule) else rule
    pre, post = (_rows(name, values, rule, dt) for name, values in (("pre", pre), ("post", post)))
    signals = GivenSignals(by_row, pre, post, w0, modulator, form)
    kept = _kept_rows(keep, len(signals))
    if record is None and len(kept) <= len(signals):
        record = ()
    return (_replay_rate if form == "rate" else _replay_spiking)(by_row, signals, dt, device, record, kept)


def _rows(name: str, values: ArrayLike | SpikeTrains, rule: TimedRule | LearningRule, dt: Quantity) -> ArrayLike:
    """Spike trains as rows of `dt`, (steps, [trials,] n); anything else as it is."""
    if not isinstance(values, SpikeTrains):
        return values
    if isinstance(rule, LearningRule):
        raise SpikedtpError(
            f"replay: {name} cannot be spike trains for {type(rule).__name__}, which learns once per presentation: "
            "give one row for each presentation"
        )
    try:
        raster = values.raster(dt)
    except SpikedtpError as error:
        raise SpikedtpError(f"replay: {name}: {error}") from None
    return raster if raster.ndim == 2 else raster.swapaxes(0, 1)


def _kept_rows(keep: str | ArrayLike, n_steps: int) -> np.ndarray:
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


def _check_options(rule: TimedRule | LearningRule, form: str, device: str, dt: Quantity) -> None:
    if not isinstance(rule, (TimedRule, LearningRule)):
        raise SpikedtpError(f"replay: rule must be a learning rule such as spikedtp.plasticity.MSTDP(), got {rule!r}")
    if form not in FORMS:
        raise known_names("form", form, FORMS)
    if form == "spiking":
        check_device(device)
    else:
        DEVICES.named(device)
    check_quantity("replay", "dt", dt, 1 * ms, above=0 * ms)


def _wanted_states(known: Collection[str], record: Iterable[str] | None) -> tuple[str, ...]:
    if record is None:
        return tuple(known)
    for name in record:
        if name not in known:
            raise known_names("state to record", name, known)
    return tuple(record)


def _replay_rate(
    rule: RowRule,
    signals: GivenSignals,
    dt: Quantity,
    device: str,
    record: tuple[str, ...] | None,
    kept: np.ndarray,
) -> ReplayResult:
    step = rule.stepper(dt)
    n_post, n_pre = signals.w0.shape
    weight, state = signals.w0, rule.initial_state(n_post, n_pre, signals.batch)
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


def _suits_pair_synapses(rule: TimedRule) -> bool:
    form = rule.pair_form()
    return form is not None and form.voltage is None and form.may_wait


def _replay_spiking(
    rule: RowRule,
    signals: GivenSignals,
    dt: Quantity,
    device: str,
    record: tuple[str, ...] | None,
    kept: np.ndarray,
) -> ReplayResult:
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
    some = not everything and not names
    if some and isinstance(rule, TimedRule) and _suits_pair_synapses(rule) and familiar():
        build, tables = partial(build_dense_replay, rule, spec), dense_patterns(signals, steps)
    else:
        build, tables = partial(build_replay, spec), patterns(signals, None if everything else steps)
    data = RunInputs(tables, pattern=np.zeros(1, dtype=np.int64), seeds=np.zeros(1, dtype=np.int64))
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
