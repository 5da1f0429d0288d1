"""`replay`: one learning rule, driven by given signals, in its rate form or as Brian2 synapses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from brian2 import ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.parameters import check_quantity
from spikedtp.plasticity import LearningRule, PresentationRows, Row, TimedRule
from spikedtp.spiking.devices import check_device
from spikedtp.spiking.replay_network import ReplaySpec, build_replay, patterns
from spikedtp.spiking.run import run_on
from spikedtp.spiking.run_data import RunInputs

__all__ = ["ReplayResult", "replay"]

FORMS = ("rate", "spiking")


@dataclass(frozen=True)
class ReplayResult:
    """What a rule did with the signals that it was given.

    Attributes
    ----------
    w : (steps + 1, n_post, n_pre) float64
        ``w[0]`` is the weights before the first row, ``w[k + 1]`` those after row k.
    state : dict
        name -> (steps + 1, ...) float64: traces, thresholds and whatever else the rule keeps, in its own units (ms).
    dt : Quantity
    """

    w: np.ndarray
    state: dict[str, np.ndarray]
    dt: Quantity

    @property
    def t(self) -> np.ndarray:
        """Time of each row of `w` in ms: row k of the signals is at ``t[k + 1] = k dt``; ``t[0]`` is before it."""
        return (np.arange(len(self.w)) - 1) * float(self.dt / ms)


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
) -> ReplayResult:
    """Drive one learning rule with given signals.

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
        Which states to keep; default all. For large projections name few: per-synapse states take as much as `w`.

    Returns
    -------
    ReplayResult
        In the lag convention row k uses ``modulator[k]`` and the pair term of row k - 1.

    Raises
    ------
    SpikedtpError
        Shapes that do not fit, a missing modulator, values that are not 0 or 1 where spikes are needed, a rule without
        the form asked for.
    """
    _check_options(rule, form, device, dt)
    if isinstance(rule, LearningRule):
        rule = PresentationRows(rule)
    signals = _Signals(rule, pre, post, w0, modulator, form)
    return (_replay_rate if form == "rate" else _replay_spiking)(rule, signals, dt, device, record)


def _check_options(rule, form: str, device: str, dt) -> None:
    if not isinstance(rule, (TimedRule, LearningRule)):
        raise SpikedtpError(f"replay: rule must be a learning rule such as spikedtp.plasticity.MSTDP(), got {rule!r}")
    if form not in FORMS:
        raise known_names("form", form, FORMS)
    check_device(device)
    check_quantity("replay", "dt", dt, 1 * ms, above=0 * ms)


class _Signals:
    """The given arrays, checked: float64, (steps, [batch,] n)."""

    def __init__(self, rule, pre, post, w0, modulator, form):
        self.rule = rule
        self.pre, self.post = self._array("pre", pre), self._array("post", post)
        if self.pre.shape[:-1] != self.post.shape[:-1]:
            raise SpikedtpError(
                f"replay: pre {self.pre.shape} and post {self.post.shape} must have the same number of steps"
                + (" and the same batch" if self.pre.ndim == 3 else "")
            )
        if form == "spiking" and self.pre.ndim == 3:
            raise SpikedtpError(f"replay: the spiking form takes (steps, n), got pre {self.pre.shape}: give one train")
        if form == "spiking" and rule.needs_spikes:
            for name in ("pre", "post"):
                if not np.isin(getattr(self, name), (0, 1)).all():
                    raise SpikedtpError(f"replay: {name} must hold spikes, 0 or 1, for the spiking form of {rule.name}")
        self.w0 = self._weights(w0)
        self.modulator = self._modulator(modulator)

    @staticmethod
    def _array(name: str, values) -> np.ndarray:
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise SpikedtpError(f"replay: {name} must be an array of numbers") from None
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise SpikedtpError(f"replay: {name} must be (steps, n) or (steps, batch, n), got {array.shape}")
        if not np.isfinite(array).all():
            raise SpikedtpError(f"replay: {name} holds values that are not finite")
        return array

    def _weights(self, w0) -> np.ndarray:
        wanted = (self.post.shape[-1], self.pre.shape[-1])
        try:
            w0 = np.asarray(w0, dtype=np.float64)
        except (TypeError, ValueError):
            raise SpikedtpError("replay: w0 must be an array of numbers") from None
        if w0.shape not in ((), wanted):
            raise SpikedtpError(f"replay: w0 must be (n_post, n_pre) = {wanted}, got {w0.shape}")
        if not np.isfinite(w0).all():
            raise SpikedtpError("replay: w0 holds values that are not finite")
        return np.broadcast_to(w0, wanted).copy()

    def _modulator(self, modulator) -> np.ndarray:
        steps, batch = len(self.pre), self.pre.shape[1:-1]
        if modulator is None:
            if self.rule.needs_modulator:
                raise SpikedtpError(
                    f"replay: {self.rule.name} needs a modulator: a number for each of the {steps} steps"
                )
            return np.zeros(steps)
        try:
            modulator = np.asarray(modulator, dtype=np.float64)
        except (TypeError, ValueError):
            raise SpikedtpError("replay: modulator must be an array of numbers") from None
        n = self.rule.modulator_size(self.post.shape[-1], self.pre.shape[-1])
        fits = {(steps,), (steps, *batch)} | ({(steps, *batch, n)} if n else set())
        if modulator.shape not in fits or not np.isfinite(modulator).all():
            listed = " or ".join(str(shape) for shape in sorted(fits, key=lambda shape: (len(shape), shape)))
            raise SpikedtpError(f"replay: modulator must be finite numbers {listed}, got {modulator.shape}")
        return modulator

    @property
    def batch(self) -> tuple[int, ...]:
        return self.pre.shape[1:-1]

    def __len__(self) -> int:
        return len(self.pre)


def _wanted_states(known, record) -> tuple[str, ...]:
    if record is None:
        return tuple(known)
    for name in record:
        if name not in known:
            raise known_names("state to record", name, known)
    return tuple(record)


def _replay_rate(rule, signals: _Signals, dt, device, record) -> ReplayResult:
    step = rule.stepper(dt)
    weight, state = signals.w0, rule.initial_state(*signals.w0.shape, signals.batch)
    names = _wanted_states(state, record)
    w = np.empty((len(signals) + 1, *weight.shape))
    kept = {name: np.empty((len(signals) + 1, *np.shape(state[name]))) for name in names}
    rows = zip(signals.pre, signals.post, signals.modulator, strict=True)
    for k, row in enumerate(rows, start=1):
        if k == 1:
            _keep(w, kept, 0, weight, state)
        weight, state = step(weight, state, Row(*row))
        _keep(w, kept, k, weight, state)
    return ReplayResult(w, kept, dt)


def _keep(w, kept, k, weight, state) -> None:
    w[k] = weight
    for name, values in kept.items():
        values[k] = state[name]


def _replay_spiking(rule, signals: _Signals, dt, device, record) -> ReplayResult:
    form = rule.spiking_form()
    if form is None:
        raise SpikedtpError(f"replay: {rule.name} has no spiking form: use form='rate'")
    names = _wanted_states(form.states, record)
    spec = ReplaySpec(
        form=form,
        parameters={name: value for name, value in rule.numbers().items() if form.uses(name)},
        signals=rule.group_signals(signals.pre, signals.post, signals.modulator),
        modulator=signals.modulator if signals.modulator.ndim == 1 else np.zeros(len(signals)),
        w0=signals.w0,
        dt=dt,
        record=names,
    )
    data = RunInputs(patterns(spec), pattern=np.zeros(1, dtype=np.int64), seeds=np.zeros(1, dtype=np.int64))
    traces = {name: values[0] for name, values in run_on(device, partial(build_replay, spec), data).traces.items()}

    start = rule.initial_state(*signals.w0.shape)
    w = _with_start(signals.w0, _per_synapse(traces.pop("w"), signals.w0.shape))
    state = {}
    for name in names:
        values, first = traces[name], start[name]
        if form.states[name].startswith("synapse."):
            values = _per_synapse(values, signals.w0.shape)
        state[name] = _with_start(first, values)
    return ReplayResult(w, state, dt)


def _per_synapse(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """From Brian2's order, postsynaptic cells fastest, to (steps, n_post, n_pre)."""
    return values.reshape(len(values), *shape[::-1]).swapaxes(1, 2)


def _with_start(first: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.asarray(first, dtype=np.float64)[None], values])
