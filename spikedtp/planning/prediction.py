"""From drawn noise to the expected similarity of every projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikedtp.compare.similarity import similarity
from spikedtp.planning.measures import measures
from spikedtp.planning.setting import Drawn, Scene

__all__ = ["Prediction", "error_of_median", "median_cosines", "predict"]

LOW, HIGH = 0.05, 0.95
RESAMPLED = 100


@dataclass(frozen=True)
class Prediction:
    """Of one projection.

    Attributes
    ----------
    cosine, pearson_r, sign_agreement : (samples, draws)
    limit : (samples,)
        The cosine that would be left if spikes had no noise.
    """

    cosine: np.ndarray
    pearson_r: np.ndarray
    sign_agreement: np.ndarray
    limit: np.ndarray
    repeats: int

    def row(self) -> dict[str, float]:
        """Medians over samples and presentations, as `compare_updates` and `summarise` give them."""
        cosine = _median(self.cosine)
        low, high = (float(np.nanquantile(self.cosine, q)) if np.isfinite(cosine) else np.nan for q in (LOW, HIGH))
        return {
            "cosine": cosine,
            "cosine_low": low,
            "cosine_high": high,
            "cosine_error": error_of_median(self.cosine, self.repeats),
            "pearson_r": _median(self.pearson_r),
            "angle": float(np.degrees(np.arccos(cosine))),
            "sign_agreement": _median(self.sign_agreement),
            "noiseless_cosine": _median(self.limit),
        }


def predict(scene: Scene, drawn: list[dict[str, Drawn]], repeats: int) -> dict[str, Prediction]:
    """The expected similarity of the mean ΔW of so many repeats, for every projection.

    Parameters
    ----------
    scene : Scene
    drawn : list of dict
        From `Scene.draw`.
    repeats : int
    """
    by_name: dict[str, list] = {name: [] for name in scene.projections}
    for sample, found in enumerate(drawn):
        for name, one in found.items():
            learned, reference = one.learned, _reference(scene, one, name, sample)
            exists = slice(None) if learned.exists is None else learned.exists
            limit = similarity(reference[exists], one.expected[exists])["cosine"]
            by_name[name].append((measures(reference, one.noisy, learned.weight, learned.exists, repeats), limit))
    return {
        name: Prediction(
            np.array([found.cosine for found, _ in rows]),
            np.array([found.pearson_r for found, _ in rows]),
            np.array([found.sign_agreement for found, _ in rows]),
            np.array([limit for _, limit in rows]),
            repeats,
        )
        for name, rows in by_name.items()
    }


def median_cosines(scene: Scene, drawn: list[dict[str, Drawn]], repeats: int) -> dict[str, float]:
    """The median cosine of every projection, and nothing else: for searches."""
    cosines: dict[str, list] = {name: [] for name in scene.projections}
    for sample, found in enumerate(drawn):
        for name, one in found.items():
            learned, reference = one.learned, _reference(scene, one, name, sample)
            measured = measures(reference, one.noisy, learned.weight, learned.exists, repeats, count_signs=False)
            cosines[name].append(measured.cosine)
    return {name: _median(np.array(some)) for name, some in cosines.items()}


def error_of_median(cosines: np.ndarray, repeats: int) -> float:
    """Standard error of the median over `(samples, draws)` that these samples leave: a bootstrap over the draws.

    Means of repeats share draws: only a `repeats`-th of them can be independent, and the bootstrap takes so many. Those
    that share draws differ, too, so the error is rather too large (by up to two thirds for a tenth of the draws).
    """
    if not np.isfinite(cosines).any():
        return np.nan
    rng = np.random.default_rng(0)
    shape = len(cosines), max(cosines.shape[1] // repeats, 1)
    resampled = (
        np.take_along_axis(cosines, rng.integers(cosines.shape[1], size=shape), axis=1) for _ in range(RESAMPLED)
    )
    return float(np.std([_median(some) for some in resampled]))


def _reference(scene: Scene, one: Drawn, projection: str, sample: int) -> np.ndarray:
    reference = scene.reference(projection, sample)
    return one.expected if reference is None else reference


def _median(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan
