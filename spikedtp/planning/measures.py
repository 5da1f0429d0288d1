"""How similar noisy weight changes are to their reference, from factors: no matrix for each draw."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.plasticity import Factors

__all__ = ["Measures", "measures", "together"]

#: Where signs need a matrix for each draw or mean of draws, they are counted in at most so many of a sample.
SIGN_DRAWS = 24
#: Draws whose inner products with one another are kept.
MOST_PAIRED = 4000
MOST_AT_ONCE = 1_000_000

Term = tuple[np.ndarray, np.ndarray, np.ndarray]  # factor of every synapse, (draws, n_post), (draws, n_pre)


@dataclass(frozen=True)
class Measures:
    """Of one sample and projection; the measures of `similarity` for each draw, or for as many means of repeats.

    Means are those of random draws: each draw is in several of them.
    """

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
    along, total = _along(terms, reference), _along(terms, np.ones_like(reference))
    if repeats == 1:
        length = _squared_length(terms)
    elif exists is None and not drawn.decay and len(along) <= MOST_PAIRED:
        chosen, products = together(len(along), repeats), _products(terms)
        parts = np.array_split(chosen, -(-chosen.size * repeats // MOST_AT_ONCE))
        length = np.concatenate([products[few[:, :, None], few[:, None, :]].mean(axis=(1, 2)) for few in parts])
        along, total = along[chosen].mean(axis=1), total[chosen].mean(axis=1)
    else:
        means = _means(terms, repeats)
        along, total, length = np.array([[np.vdot(reference, m), m.sum(), np.vdot(m, m)] for m in means]).T
    signs = np.empty(0)
    if count_signs and repeats == 1 and len(terms) == 1 and not drawn.decay:
        signs = _signs_of_pairs(reference, terms[0])
    elif count_signs:
        signs = _signs(reference, itertools.islice(_means(terms, repeats), SIGN_DRAWS))
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


def together(n_draws: int, repeats: int) -> np.ndarray:
    """Which draws make a mean, as often as there are draws: random ones, each once in a mean, `(n_draws, repeats)`."""
    draws = np.arange(n_draws)
    if repeats == 1:
        return draws[:, None]
    rng = np.random.default_rng(0)
    return np.array([rng.permutation(draws)[:repeats] for _ in draws])


def _means(terms: list[Term], repeats: int) -> Iterator[np.ndarray]:
    """The mean ΔW of `repeats` draws, as a matrix, one after the other."""
    for few in together(len(terms[0][1]), repeats):
        yield sum(factor * (post[few].T @ pre[few]) for factor, post, pre in terms) / repeats


def _squared_length(terms: list[Term]) -> np.ndarray:
    """Of every draw: <a⊗b, c⊗d> = <a, c><b, d>, over all pairs of terms."""
    pairs = [
        np.sum(post * other_post * ((pre * other_pre) @ (factor * other).T), axis=1)
        for factor, post, pre in terms
        for other, other_post, other_pre in terms
    ]
    return np.sum(pairs, axis=0).clip(0, None)


def _products(terms: list[Term]) -> np.ndarray:
    """Inner products of all draws with one another, `(draws, draws)`, where there are synapses everywhere."""
    pairs = [(post @ others.T) * (pre @ befores.T) for _, post, pre in terms for _, others, befores in terms]
    return np.sum(pairs, axis=0)


def _signs(reference: np.ndarray, means: Iterator[np.ndarray]) -> np.ndarray:
    """The share of synapses with a reference whose ΔW has its sign, for some of the means."""
    changed = reference != 0
    wanted = np.sign(reference[changed])
    return np.array([np.mean(np.sign(mean[changed]) == wanted) if wanted.size else np.nan for mean in means])


def _signs_of_pairs(reference: np.ndarray, term: Term) -> np.ndarray:
    """The same where ΔW is one outer product: its signs are those of its factors."""
    factor, post, pre = (np.sign(part) for part in term)
    there = factor * (reference != 0)
    if not there.any():
        return np.full(len(post), np.nan)
    agreeing = np.sum(post * (pre @ (there * np.sign(reference)).T), axis=1)
    changing = np.sum(np.abs(post) * (np.abs(pre) @ there.T), axis=1)
    return (agreeing + changing) / (2 * np.count_nonzero(reference))
