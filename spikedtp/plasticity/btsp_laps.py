"""`BidirectionalBTSP` on whole sessions as arrays: traces, their overlap, and the weights after each lap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import DimensionMismatchError, Quantity
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid
from scipy.signal import lfilter
from scipy.special import exprel

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity.btsp_traces import BidirectionalBTSP
from spikedtp.plasticity.signals import Array
from spikedtp.plasticity.timed import decay

__all__ = ["LearnedLaps", "learn_laps", "normalised", "plateau_gate", "plateau_traces"]

UPDATES, NORMALISATIONS = ("per_lap", "continuous"), ("steady", "own")
#: Where the authors' code cuts a trace: a thousandth of its start is left, or 6 of the longer time constant are over.
CUT_LEVEL, CUT_TAUS = 1e-3, 6.0


class LearnedLaps(NamedTuple):
    """What `learn_laps` finds. A lap begins with a plateau and ends where the next one begins.

    Attributes
    ----------
    w : (laps + 1, ..., n_inputs)
        Weights before the first plateau and after each lap.
    q_plus, q_minus : (laps, ..., n_inputs)
        The integrals of both gains over the lap, in seconds.
    w_eq : (laps, ..., n_inputs)
        The weight that the lap would leave unchanged; NaN where it changes none.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import BidirectionalBTSP, learn_laps
    >>> rate = gate = (np.arange(500) < 30).astype(float)
    >>> laps = learn_laps(BidirectionalBTSP(), 1.0, rate[None], gate, dt=10 * ms, normalisation="own")
    >>> laps.w.shape, laps.q_plus.shape, bool(1 < laps.w_eq[0, 0] < 4.68)
    ((2, 1), (1, 1), True)
    """

    w: np.ndarray
    q_plus: np.ndarray
    q_minus: np.ndarray
    w_eq: np.ndarray


def plateau_gate(onsets: Quantity, n_steps: int, dt: Quantity, duration: Quantity = 300 * ms) -> np.ndarray:
    """1 during plateaus and 0 elsewhere, ``(n_steps,)``. Each begins in the first step that is not before its onset.

    Raises
    ------
    SpikedtpError
        A plateau does not lie within the session, or begins before the one before has ended.

    Examples
    --------
    >>> from brian2 import ms, second
    >>> from spikedtp.plasticity import plateau_gate
    >>> plateau_gate([1, 3] * second, 500, 10 * ms).nonzero()[0][[0, 29, 30, 59]].tolist()
    [100, 129, 300, 329]
    """
    check_quantity("plateau_gate", "dt", dt, 1 * ms, above=0 * ms)
    check_quantity("plateau_gate", "duration", duration, 1 * ms, least=dt)
    check_whole("plateau_gate: n_steps", n_steps, least=1)
    try:
        listed = Quantity(onsets).reshape(-1)
    except (DimensionMismatchError, TypeError, ValueError):
        raise SpikedtpError(f"plateau_gate.onsets must be times, such as [3, 5]*second, got {shown(onsets)}") from None
    for onset in listed[:1]:
        check_quantity("plateau_gate", "onsets", onset, 1 * ms)
    first = np.ceil(as_numbers("plateau_gate.onsets", np.asarray(listed)) / float(dt) - 1e-9).astype(int)
    steps, gate = round(float(duration / dt)), np.zeros(n_steps)
    if first.size and (first.min() < 0 or first.max() + steps > n_steps):
        raise SpikedtpError(
            f"plateau_gate: plateaus of {duration} must lie within the session, 0 s to {n_steps * dt}, got onsets from "
            f"{first.min() * dt} to {first.max() * dt}"
        )
    if (np.diff(np.sort(first)) <= steps).any():
        raise SpikedtpError(f"plateau_gate: onsets must be more than one plateau ({duration}) apart")
    for k in first:
        gate[k : k + steps] = 1.0
    return gate


def plateau_traces(
    rule: BidirectionalBTSP, rates: ArrayLike, plateau: ArrayLike, dt: Quantity, *, cut: bool = False
) -> tuple[Array, Array]:
    """Eligibility and instructive traces, not divided by their peaks.

    Parameters
    ----------
    rule : BidirectionalBTSP
    rates : (..., n_inputs, n_steps) or Quantity (Hz)
        In units of the peak rate, 0 to 1; or in Hz, if the rule has a `peak_rate`.
    plateau : (..., n_steps)
        The gate P, 0 to 1.
    dt : Quantity (second)
    cut : bool
        Whether a trace forgets what is long ago, as in the authors' code: when less than a thousandth would be left of
        it, or after 6 of the longer time constant. The rest is scaled so that an endless input still gives 1.

    Returns
    -------
    eligibility, instructive : the shapes of `rates` and `plateau`

    Raises
    ------
    SpikedtpError
        Shapes do not fit, or rates or gate are out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import BidirectionalBTSP, plateau_traces
    >>> gate = (np.arange(200) < 30).astype(float)
    >>> _, instructive = plateau_traces(BidirectionalBTSP(), gate[None], gate, 10 * ms)
    >>> instructive.max().round(3), (1 - np.exp(-300 / 437.0065)).round(3)
    (np.float64(0.497), np.float64(0.497))
    """
    given, gate = _checked_rates(rule, rates), as_numbers("learn_laps: plateau", plateau)
    check_quantity("learn_laps", "dt", dt, 1 * ms, above=0 * ms)
    if given.ndim < 2 or gate.ndim < 1 or given.shape[-1] != gate.shape[-1] or 0 in given.shape:
        raise SpikedtpError(
            "learn_laps: rates must be (..., n_inputs, n_steps) and plateau (..., n_steps), of as many steps, got "
            f"{given.shape} and {gate.shape}"
        )
    if gate.size and (gate.min() < 0 or gate.max() > 1):
        raise SpikedtpError(f"learn_laps: plateau must be a gate from 0 to 1, got {gate.min():g} to {gate.max():g}")
    longest = CUT_TAUS * float(max(rule.tau_eligibility, rule.tau_instructive)) if cut else None
    return _filtered(given, rule.tau_eligibility, dt, longest), _filtered(gate, rule.tau_instructive, dt, longest)


def normalised(
    rule: BidirectionalBTSP, rates: ArrayLike, plateau: ArrayLike, dt: Quantity, *, cut: bool = False
) -> BidirectionalBTSP:
    """The rule whose peaks are those of both traces in a session ("own" normalisation), for `replay` and networks.

    Arguments and errors are those of `plateau_traces`.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from spikedtp.plasticity import BidirectionalBTSP, normalised
    >>> gate = (np.arange(200) < 30).astype(float)
    >>> round(normalised(BidirectionalBTSP(), gate[None], gate, 10 * ms).instructive_peak, 3)
    0.497
    """
    eligibility, instructive = (_peak(trace, None) for trace in plateau_traces(rule, rates, plateau, dt, cut=cut))
    return replace(rule, eligibility_peak=float(eligibility), instructive_peak=float(instructive))


def learn_laps(
    rule: BidirectionalBTSP,
    w0: ArrayLike,
    rates: ArrayLike,
    plateau: ArrayLike,
    *,
    dt: Quantity,
    update: str = "per_lap",
    normalisation: str = "steady",
    cut: bool = False,
) -> LearnedLaps:
    """Weights after each plateau of a session, for any number of cells and sessions side by side.

    There are two updates. "continuous" is the equation of the rule, as `replay` has it. With "per_lap", as in the
    authors' code, W changes once for each plateau by ``k+ Q+ (w_max - W) - k- Q- W`` and is then clipped. Both agree
    for small changes; the second may overshoot.

    There are two normalisations. With "steady" the traces are divided by the peaks of the rule, which are 1 by default.
    With "own" they are divided by their maxima in the session: over all inputs for E, and for each cell for I. This is
    that of the authors' network model. In their fits to single cells the divisors came from ten sessions; they lie
    between the two.

    Parameters
    ----------
    rule : BidirectionalBTSP
    w0 : number or (..., n_inputs)
        Weights before the session, from 0 to the rule's `w_max`.
    rates : (..., n_inputs, n_steps) or Quantity (Hz)
        As in `plateau_traces`.
    plateau : (..., n_steps)
        The gate of each cell. Leading axes of all three are cells or sessions, and are broadcast.
    dt : Quantity (second)
    update : {"per_lap", "continuous"}
    normalisation : {"steady", "own"}
    cut : bool
        As in `plateau_traces`.

    Returns
    -------
    LearnedLaps

    Raises
    ------
    SpikedtpError
        Shapes do not fit, values are out of range, or cells have different numbers of plateaus.

    Examples
    --------
    An input before the plateau, onto a weak, a middling and a strong weight:

    >>> import numpy as np
    >>> from brian2 import ms, second
    >>> from spikedtp.plasticity import BidirectionalBTSP, learn_laps, plateau_gate
    >>> rule = BidirectionalBTSP.fit("network")
    >>> rate = (abs(np.arange(1500) - 400) < 50).astype(float)  # 1 s around t = 4 s
    >>> gate = plateau_gate([5] * second, 1500, 10 * ms)
    >>> laps = learn_laps(rule, [[1.0], [2.3], [4.2]], rate[None], gate, dt=10 * ms, normalisation="own")
    >>> (laps.w[-1] - laps.w[0])[:, 0].round(2).tolist()
    [0.87, -0.23, -1.84]
    """
    if not isinstance(rule, BidirectionalBTSP):
        raise SpikedtpError(f"learn_laps: rule must be a BidirectionalBTSP, got {type(rule).__name__}")
    for name, choice, choices in (("update", update, UPDATES), ("normalisation", normalisation, NORMALISATIONS)):
        if choice not in choices:
            raise known_names(name, choice, choices)
    eligibility, instructive = plateau_traces(rule, rates, plateau, dt, cut=cut)
    peaks: tuple[Any, Any] = float(rule.eligibility_peak), float(rule.instructive_peak)
    if normalisation == "own":
        peaks = _peak(eligibility, (-2, -1)), _peak(instructive, -1)
    weights, gate = as_numbers("learn_laps: w0", w0), np.asarray(plateau, float)
    if weights.size and (weights.min() < 0 or weights.max() > rule.w_max):
        raise SpikedtpError(
            f"learn_laps: w0 must lie between 0 and w_max = {rule.w_max:g}, got {weights.min():g} to {weights.max():g}"
        )
    n_inputs, n_steps = eligibility.shape[-2:]
    try:
        batch = np.broadcast_shapes(eligibility.shape[:-2], gate.shape[:-1], weights.shape[:-1])
        start = np.broadcast_to(weights, (*batch, n_inputs))
    except ValueError:
        raise SpikedtpError(
            f"learn_laps: w0 {weights.shape}, rates {eligibility.shape} and plateau {gate.shape} do not fit: they "
            "must be (..., n_inputs), (..., n_inputs, n_steps) and (..., n_steps)"
        ) from None
    # cells that see the same learn together: their traces have no axis for them
    seen = batch[len(batch) - len(np.broadcast_shapes(eligibility.shape[:-2], gate.shape[:-1])) :]
    eligibility = np.broadcast_to(eligibility / peaks[0], (*seen, n_inputs, n_steps))
    instructive = np.broadcast_to(instructive / peaks[1], (*seen, n_steps))
    gate = np.broadcast_to(gate, (*seen, n_steps))
    laps = {index: _laps(gate[index]) for index in np.ndindex(*seen)}
    counts = {len(each) for each in laps.values()}
    if len(counts) > 1:
        raise SpikedtpError(
            f"learn_laps: cells side by side must have the same number of plateaus, got {min(counts)} to "
            f"{max(counts)}: let them learn one by one"
        )
    found = [
        _one_session(
            rule, start[(..., *index, slice(None))], eligibility[index], instructive[index], each, float(dt), update
        )
        for index, each in laps.items()
    ]
    return LearnedLaps(*(np.stack(part, axis=-2).reshape(-1, *batch, n_inputs) for part in zip(*found, strict=True)))


def _one_session(
    rule: BidirectionalBTSP, w: Array, eligibility: Array, instructive: Array, laps: list[slice], dt: float, update: str
) -> LearnedLaps:
    """Traces (n_inputs, n_steps) and (n_steps,); w is (..., n_inputs)."""
    k_plus, k_minus, w_max = float(rule.k_plus), float(rule.k_minus), float(rule.w_max)
    weights, plus, minus = [np.array(w)], [], []
    for lap in laps:
        up, down = rule.gains(eligibility[:, lap] * instructive[lap])
        plus.append(np.broadcast_to(trapezoid(up, dx=dt, axis=-1), w.shape))
        minus.append(np.broadcast_to(trapezoid(down, dx=dt, axis=-1), w.shape))
        if update == "per_lap":
            w = rule.after_lap(w, plus[-1], minus[-1])
        else:  # a linear equation: what a step adds fades in the steps after it
            lost = (k_plus * up + k_minus * down) * dt
            left = np.exp(-np.cumsum(lost[:, ::-1], axis=-1)[:, ::-1])  # from the start of each step to the end
            gained = w_max * k_plus * dt * up * exprel(-lost)
            w = left[:, 0] * w + (gained[:, :-1] * left[:, 1:]).sum(axis=-1) + gained[:, -1]
        weights.append(w)
    shape = (len(laps), *w.shape)
    q_plus, q_minus = np.reshape(plus, shape), np.reshape(minus, shape)
    return LearnedLaps(np.stack(weights), q_plus, q_minus, rule.equilibrium(q_plus, q_minus))


def _checked_rates(rule: BidirectionalBTSP, rates: ArrayLike) -> np.ndarray:
    """In units of the peak rate."""
    most = 1.0
    if isinstance(rates, Quantity) and not rates.is_dimensionless:
        if rule.peak_rate is None:
            raise SpikedtpError(
                "learn_laps: rates with units need a peak rate, such as BidirectionalBTSP(peak_rate=40*Hz); without "
                "one they are in units of the peak rate, 0 to 1"
            )
        if rates.size:
            check_quantity("learn_laps", "rates", rates.ravel()[0], 1 * Hz)
        rates, most = np.asarray(rates) / float(rule.peak_rate), np.inf
    given = as_numbers("learn_laps: rates", rates)
    if given.size and (given.min() < 0 or given.max() > most):
        raise SpikedtpError(
            f"learn_laps: rates must be from 0 to 1, in units of the peak rate, got {given.min():g} to "
            f"{given.max():g}: divide them by it, or give them in Hz and the rule a peak_rate"
        )
    return given


def _laps(gate: Array) -> list[slice]:
    """From the onset of each plateau to that of the next, the last one to the end of the session."""
    onsets = np.flatnonzero((gate > 0) & (np.append(0.0, gate[:-1]) == 0))
    return [slice(a, b) for a, b in zip(onsets, np.append(onsets, len(gate))[1:], strict=True)]


def _filtered(signal: Array, tau: Quantity, dt: Quantity, longest: float | None) -> Array:
    """The trace along the last axis; with `longest` (seconds), of the last inputs alone."""
    keep = decay(dt, tau)
    trace = lfilter([1 - keep], [1, -keep], signal, axis=-1)
    if longest is None:
        return trace
    kernel = np.exp(-np.arange(0, longest, float(dt)) / float(tau))
    n = int((kernel >= CUT_LEVEL).sum())
    forgotten = keep**n
    whole = trace.copy()
    trace[..., n:] -= forgotten * whole[..., :-n]
    return np.maximum(trace, 0.0) / (1 - forgotten)


def _peak(trace: Array, axis: Any) -> Array:
    """The maximum, and 1 where there is nothing to divide."""
    peak = trace.max(axis=axis, keepdims=axis is not None)
    return np.where(peak > 0, peak, 1.0)
