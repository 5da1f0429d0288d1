"""How similar noisy weight changes are to their reference, from factors: no matrix for each draw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.plasticity import Factors

__all__ = ["Measures", "measures"]

#: Means of repeats that are made of the draws of one sample: each needs a matrix.
MOST_MEANS = 100
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
    reference = np.asarray(reference, float) * (1.0 if exists is None else exists)
    n = reference.size if exists is None else int(np.count_nonzero(exists))
    if repeats == 1:
        along, total = _along(terms, reference), _along(terms, np.ones_like(reference))
        length = _squared_length(terms)
    else:
        means = list(_means(terms, repeats, MOST_MEANS))
        along, total, length = np.array([[np.vdot(reference, m), m.sum(), np.vdot(m, m)] for m in means]).T
    signs = _signs(reference, _means(terms, repeats, SIGN_DRAWS)) if count_signs else np.empty(0)
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


def _means(terms: list[Term], repeats: int, most: int) -> Iterator[np.ndarray]:
    """The mean ΔW of `repeats` draws, as a matrix, one after the other."""
    for first in range(0, min(len(terms[0][1]) // repeats, most) * repeats, repeats):
        few = slice(first, first + repeats)
        yield sum(factor * (post[few].T @ pre[few]) for factor, post, pre in terms) / repeats


def _squared_length(terms: list[Term]) -> np.ndarray:
    """Of every draw: <a⊗b, c⊗d> = <a, c><b, d>, over all pairs of terms."""
    pairs = [
        np.sum(post * other_post * ((pre * other_pre) @ (factor * other).T), axis=1)
        for factor, post, pre in terms
        for other, other_post, other_pre in terms
    ]
    return np.sum(pairs, axis=0).clip(0, None)


def _signs(reference: np.ndarray, means: Iterator[np.ndarray]) -> np.ndarray:
    """The share of synapses with a reference whose ΔW has its sign, for some of the means."""
    changed = reference != 0
    wanted = np.sign(reference[changed])
    return np.array([np.mean(np.sign(mean[changed]) == wanted) if wanted.size else np.nan for mean in means])
