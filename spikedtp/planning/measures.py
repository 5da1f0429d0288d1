"""How similar noisy weight changes are to their reference, from factors: no matrix for each draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.plasticity import Factors

__all__ = ["Measures", "measures"]

#: More repeats than this are averaged by the moments of single presentations; fewer of them draw by draw.
MOST_DRAWN = 8
#: Signs are counted in at most so many (means of) draws of a sample: each needs a matrix.
SIGN_DRAWS = 8

Term = tuple[np.ndarray, np.ndarray, np.ndarray]  # factor of every synapse, (draws, n_post), (draws, n_pre)


@dataclass(frozen=True)
class Measures:
    """Of one sample and projection; the measures of `similarity` for each draw, or for each mean of repeats."""

    cosine: np.ndarray
    pearson_r: np.ndarray
    sign_agreement: np.ndarray


@underflow_is_zero
def measures(
    reference: np.ndarray,
    drawn: Factors,
    weight: np.ndarray,
    exists: np.ndarray | None,
    repeats: int,
    *,
    count_signs: bool = True,
) -> Measures:
    """Compare drawn weight changes with a reference, as `similarity` does synapse by synapse.

    Parameters
    ----------
    reference : (n_post, n_pre)
    drawn : Factors
        With the axes (1, draws, n).
    weight : (n_post, n_pre)
        What decays.
    exists : (n_post, n_pre) bool or None
        Where there are synapses; None if everywhere.
    repeats : int
        Of how many presentations the mean ΔW is compared.
    count_signs : bool
        Without it `sign_agreement` is empty.
    """
    terms = _terms(drawn, weight, exists)
    n_draws = len(terms[0][1])
    reference = np.asarray(reference, float) * (1.0 if exists is None else exists)
    n = reference.size if exists is None else int(np.count_nonzero(exists))
    along, total = _along(terms, reference), _along(terms, np.ones_like(reference))
    drawn_each = repeats <= min(MOST_DRAWN, n_draws // 2)
    groups = _grouped(terms, repeats if drawn_each else 1)
    length = _squared_length(groups)
    signs = np.empty(0)
    if drawn_each:
        along, total = (_means(values, repeats) for values in (along, total))
        signs = _signs(reference, groups) if count_signs else signs
    else:
        mean = sum(factor * (post.T @ pre) for factor, post, pre in terms) / n_draws
        along, total = (np.array([values.mean()]) for values in (along, total))
        signs = _likely_signs(reference, terms, mean, repeats) if count_signs else signs
        length = _of_means(float((mean**2).sum()), length, repeats)
    mean, squared = reference.sum() / n, float((reference**2).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = along / np.sqrt(squared * length)
        spread = (squared - n * mean**2) * (length - total**2 / n)
        pearson = (along - mean * total) / np.sqrt(np.where(spread > 1e-12 * squared * length, spread, np.nan))
    return Measures(np.where(length > 0, cosine, np.nan).clip(-1, 1), pearson.clip(-1, 1), signs)


def _terms(drawn: Factors, weight: np.ndarray, exists: np.ndarray | None) -> list[Term]:
    """ΔW as a sum of factor ∘ (post ⊗ pre), for every draw."""
    there = np.ones(weight.shape) if exists is None else exists.astype(float)
    pairs = [(there, *pair) for pair in drawn.gain] + [(-weight * there, *pair) for pair in drawn.decay]
    vectors = [np.asarray(v) for _, *pair in pairs for v in pair]
    n_draws = max(v.shape[-2] for v in vectors if v.ndim > 1)

    def rows(v: np.ndarray) -> np.ndarray:
        # what a rule remembers of the past has no axis of draws
        flat = np.asarray(v, float).reshape(-1, np.shape(v)[-1])
        return np.broadcast_to(flat, (n_draws, flat.shape[-1]))

    return [(factor, rows(post), rows(pre)) for factor, post, pre in pairs]


def _along(terms: list[Term], direction: np.ndarray) -> np.ndarray:
    """Inner product of every draw with a matrix, `(draws,)`."""
    return np.sum([np.sum(post * (pre @ (direction * factor).T), axis=1) for factor, post, pre in terms], axis=0)


def _means(values: np.ndarray, size: int) -> np.ndarray:
    n = len(values) // size
    return values[: n * size].reshape(n, size).mean(axis=1)


def _grouped(terms: list[Term], size: int) -> list[Term]:
    """The draws in groups whose mean is compared: vectors `(groups, size, n)`."""
    n = len(terms[0][1]) // size
    return [(factor, *(v[: n * size].reshape(n, size, -1) for v in (post, pre))) for factor, post, pre in terms]


def _squared_length(groups: list[Term]) -> np.ndarray:
    """Of the mean ΔW of each group: <a⊗b, c⊗d> = <a, c><b, d>, over all pairs of terms and of draws in the group."""
    n, size = groups[0][1].shape[:2]
    found = np.zeros(n)
    for factor, post, pre in groups:
        for other, other_post, other_pre in groups:
            posts = post[:, :, None] * other_post[:, None, :]
            pres = pre[:, :, None] * other_pre[:, None, :]
            found += np.sum(posts * (pres @ (factor * other).T), axis=(1, 2, 3))
    return found.clip(0, None) / size**2


def _signs(reference: np.ndarray, groups: list[Term]) -> np.ndarray:
    """The share of synapses with a reference whose mean ΔW has its sign, for some of the groups."""
    changed, n = reference != 0, min(len(groups[0][1]), SIGN_DRAWS)
    wanted = np.sign(reference[changed])
    if not wanted.size:
        return np.full(n, np.nan)
    means = (sum(factor * (post[g].T @ pre[g]) for factor, post, pre in groups) for g in range(n))
    return np.array([np.mean(np.sign(mean[changed]) == wanted) for mean in means])


def _of_means(squared: float, length: np.ndarray, repeats: int) -> np.ndarray:
    """Squared length of the mean of many repeats: the expectation stays, and 1/repeats of the noise power is left.

    `squared` is that of the mean of all draws, which has noise of its own.
    """
    n, power = len(length), float(length.mean())
    signal = max((n * squared - power) / (n - 1), 0.0)
    return np.array([signal + (power - signal) / repeats])


def _likely_signs(reference: np.ndarray, terms: list[Term], mean: np.ndarray, repeats: int) -> np.ndarray:
    """The share of synapses whose mean over many repeats has the reference's sign: each mean is nearly Gaussian.

    The mean of n draws stands for the expectation. What noise it has is noise that the repeats have too.
    """
    changed, n = reference != 0, len(terms[0][1])
    if not changed.any():
        return np.array([np.nan])
    second = sum(
        (factor * other) * ((post * other_post).T @ (pre * other_pre)) / n
        for factor, post, pre in terms
        for other, other_post, other_pre in terms
    )
    spread = np.sqrt(((second - mean**2) * n / (n - 1)).clip(0, None))[changed]
    noise = spread * np.sqrt(max(1 / repeats - 1 / n, 0.0))
    towards = mean[changed] * np.sign(reference[changed])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(noise > 0, ndtr(towards / noise), towards > 0)
    return np.array([share.mean()])
