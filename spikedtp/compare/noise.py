"""What Poisson statistics predict for a spiking ΔW: its expectation, and how far one presentation falls from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.compare.draws import draw_factors
from spikedtp.compare.repeats import repeat_cosines
from spikedtp.parameters import check_whole
from spikedtp.plasticity import Factors
from spikedtp.spiking import Response, SpikingResponse

__all__ = ["expected_update", "noise_ceiling", "noise_cosines"]


@underflow_is_zero
def expected_update(
    response: Response, projection: str, sample: int = 0, *, n_draws: int = 0, seed: int = 0
) -> np.ndarray | None:
    """The ΔW that is expected from the replayed rates alone, `(n_post, n_pre)`.

    Parameters
    ----------
    response : Response
        From `simulate`.
    projection : str
        A learned projection, e.g. ``"H2E_H1E"``.
    sample : int
        Index of the sample in the response.
    n_draws : int
        0 gives ΔW of the expected signals, as if spikes had no noise. Another number gives the mean over this many
        draws of the noise. A rule that is not linear in its signals (because of clipping, or of the depression in BTSP)
        turns noise into a bias, which this mean contains.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray or None
        None if the spikes were given, if the read-out is not linear in them, or if the loop is closed.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.compare import expected_update
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", device="runtime", record=())
    >>> expected_update(spiking, "H2E_H1E").shape
    (200, 200)
    """
    seed = check_whole("seed", seed)
    if not isinstance(response, SpikingResponse):
        return None
    found = draw_factors(response, [projection], sample, n_draws, seed)
    if found is None:
        return None
    plastic, (clean, noisy) = response.projections[projection], found[projection]
    weight = plastic.weight
    return plastic.existing(
        clean.dense(weight)[0, 0] if noisy is None else cast(np.ndarray, sum(_dense(noisy, weight))) / n_draws
    )


@underflow_is_zero
def noise_ceiling(response: Response, projection: str, sample: int = 0, *, n_draws: int = 400, seed: int = 0) -> float:
    """Median cosine of a spiking ΔW with its own noise-free expectation, predicted from Poisson statistics.

    One presentation would typically reach this cosine with its read-out if it had no systematic error. The median is
    taken because cosines lie between -1 and 1 with a skewed distribution where noise is stronger than the signal. In a
    closed loop every population adds noise of its own. There the ceiling is measured from repeats (`repeat_ceiling`).

    Parameters
    ----------
    response : Response
        From `simulate`.
    projection : str
        A learned projection, e.g. ``"H2E_H1E"``.
    sample : int
        Index of the sample in the response.
    n_draws : int
        How many noisy presentations are drawn.
    seed : int
        Seed of the draws.

    Returns
    -------
    float
        NaN where no prediction is possible (see `expected_update`), and in a closed loop with fewer than two repeats.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.compare import noise_ceiling
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", device="runtime", record=())
    >>> 0 < noise_ceiling(spiking, "H2E_H1E") < 1
    True
    """
    cosines = noise_cosines(response, projection, sample, n_draws=n_draws, seed=seed)
    return float(np.nanmedian(cosines)) if np.isfinite(cosines).any() else np.nan


@underflow_is_zero
def noise_cosines(
    response: Response, projection: str, sample: int = 0, *, n_draws: int = 400, seed: int = 0
) -> np.ndarray:
    """The cosines of single presentations with noise alone. `noise_ceiling` is their median.

    Returns
    -------
    ndarray, (n_draws,), or (n_repeats,) in a closed loop
        It is empty where no prediction is possible. An entry is NaN where no weight changes.
    """
    seed = check_whole("seed", seed)
    if not isinstance(response, SpikingResponse):
        return repeat_cosines(response, projection, sample)
    found = draw_factors(response, [projection], sample, n_draws, seed)
    clean, noisy = found[projection] if found else (None, None)
    if clean is None or noisy is None:
        return np.empty(0)
    plastic = response.projections[projection]
    if clean.decay:
        weight = plastic.weight
        target = plastic.existing(clean.dense(weight)[0, 0]).ravel()
        return np.array([_cosine(target, plastic.existing(update).ravel()) for update in _dense(noisy, weight)])
    # inner products of sums of outer products need no matrix: <a⊗b, c⊗d> = <a, c><b, d>
    exists = plastic.exists
    norm = np.sqrt(_inner(clean, clean, exists) * _inner(noisy, noisy, exists))
    return np.divide(_inner(clean, noisy, exists), norm, out=np.full(norm.shape, np.nan), where=norm > 0)


def _dense(factors: Factors, weight: np.ndarray) -> Iterator[np.ndarray]:
    """One ΔW after the other: all of them at once may not fit in memory."""
    vectors = [v for part in factors for pair in part for v in pair]
    for draw in range(max(v.shape[1] for v in vectors if v.ndim == 3)):
        # what a rule remembers of the past has no axis of draws

        def one(v: np.ndarray, draw: int = draw) -> np.ndarray:
            return v[0, min(draw, v.shape[1] - 1)] if v.ndim == 3 else v

        yield Factors(*(tuple((one(post), one(pre)) for post, pre in part) for part in factors)).dense(weight)


def _inner(a: Factors, b: Factors, exists: np.ndarray | None) -> np.ndarray:
    """Of two changes as vectors of the synapses that exist."""

    def product(post: np.ndarray, pre: np.ndarray) -> np.ndarray:
        if exists is None:
            return np.sum(post, axis=-1) * np.sum(pre, axis=-1)
        return np.sum((post @ exists.astype(float)) * pre, axis=-1)

    terms = [product(post_a * post_b, pre_a * pre_b) for post_a, pre_a in a.gain for post_b, pre_b in b.gain]
    return cast(np.ndarray, sum(terms))[0]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 0 else np.nan
