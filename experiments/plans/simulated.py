"""What simulations of a plan find: medians over images and presentations, until their standard errors are small."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from spikedtp.plasticity import Factors
from spikedtp.rate import RateResponse
from spikedtp.spiking import Response
from spikedtp.spiking.responses.weight_updates import PlasticProjection

__all__ = ["MEASURES", "Found", "Simulated", "changed", "simulated_until"]

MEASURES = ("cosine", "pearson_r", "sign_agreement")
LEAST_BLOCKS = 8
MEANS = 120  # of each image in each block
SIGNS = 5  # presentations of an image in each block whose signs are counted: each needs a matrix


@dataclass
class Found:
    """Of one projection and average: what each block of repeats found, measure by measure."""

    blocks: dict[str, list[np.ndarray]] = field(default_factory=lambda: {name: [] for name in MEASURES})

    def median(self, name: str) -> float:
        return float(np.nanmedian(np.concatenate(self.blocks[name], axis=1)))

    def error(self, name: str) -> float:
        """Standard error of the median for these images: blocks have spikes of their own."""
        medians = [np.nanmedian(block) for block in self.blocks[name]]
        return float(np.std(medians, ddof=1) / np.sqrt(len(medians)))


Simulated = dict[tuple[str, int], Found]  # by projection and average


def simulated_until(
    simulate: Callable[[int, int], Response],
    rate: RateResponse,
    averages: tuple[int, ...],
    *,
    block: int,
    enough: float,
    most: int,
) -> Simulated:
    """Simulate blocks of repeats until every median cosine has a standard error below `enough`, or `most` are done.

    Parameters
    ----------
    simulate : callable
        Of a seed and a number of repeats.
    rate : RateResponse
        With what ΔW is compared.
    averages : tuple of int
        Of how many repeats the mean ΔW is compared.
    """
    found: Simulated = {}
    for k in range(most):
        response = simulate(k, block)
        for name, learned in response.projections.items():
            factors = learned.factors()
            for average in averages:
                rows = [
                    _measured(learned, factors, sample, rate.updates(name, sample), average, k)
                    for sample in range(response.n_samples)
                ]
                of_block = found.setdefault((name, average), Found()).blocks
                for measure, values in zip(MEASURES, zip(*rows, strict=True), strict=True):
                    of_block[measure].append(np.array(values))
        if k + 1 >= LEAST_BLOCKS and all(one.error("cosine") < enough for one in found.values()):
            break
    return found


def _measured(
    learned: PlasticProjection, factors: Factors, sample: int, reference: np.ndarray, average: int, seed: int
) -> tuple[np.ndarray, ...]:
    """Cosine, correlation and signs of single repeats, or of the means of random ones."""
    n = len(learned.signals.pre_settled[sample])
    rng = np.random.default_rng(seed)
    chosen = np.arange(n)[:, None]
    if average > 1:
        chosen = np.array([rng.permutation(n)[:average] for _ in range(min(n, MEANS))])
    there = np.ones_like(reference, bool) if learned.exists is None else learned.exists
    wanted = np.sign(reference[there])
    moved = wanted != 0
    matrices = itertools.islice(_means(learned, factors, sample, chosen), SIGNS)
    signs = [np.mean(np.sign(m[there][moved]) == wanted[moved]) for m in matrices]
    if factors.decay or learned.exists is not None:
        rows = np.array(
            [[np.vdot(reference, m), m.sum(), np.vdot(m, m)] for m in _means(learned, factors, sample, chosen)]
        )
    else:
        terms = [(np.float64(post[sample]), np.float64(pre[sample])) for post, pre in factors.gain]
        along = sum(np.einsum("ri,ij,rj->r", post, reference, pre, optimize=True) for post, pre in terms)
        total = sum(post.sum(axis=1) * pre.sum(axis=1) for post, pre in terms)
        products = sum((a @ c.T) * (b @ d.T) for a, b in terms for c, d in terms)
        lengths = products[chosen[:, :, None], chosen[:, None, :]].mean(axis=(1, 2))
        rows = np.stack([along[chosen].mean(axis=1), total[chosen].mean(axis=1), lengths], axis=1)
    along, total, length = rows.T
    size = there.sum()
    mean, squared = reference[there].mean(), (reference[there] ** 2).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = along / np.sqrt(squared * length)
        pearson = (along - mean * total) / np.sqrt((squared - size * mean**2) * (length - total**2 / size))
    return cosine, pearson, np.array(signs)


def _means(learned: PlasticProjection, factors: Factors, sample: int, chosen: np.ndarray) -> Iterator[np.ndarray]:
    for few in chosen:
        yield np.mean([changed(learned, factors, sample, repeat) for repeat in few], axis=0)


def changed(learned: PlasticProjection, factors: Factors, sample: int, repeat: int) -> np.ndarray:
    """ΔW of one presentation, from the factors of all of them."""
    one = Factors(*(tuple((post[sample, repeat], pre[sample, repeat]) for post, pre in part) for part in factors))
    return learned.existing(np.asarray(one.dense(learned.weight), np.float64))
