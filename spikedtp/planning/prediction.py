"""From a scene and a setting to the expected similarity of every projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikedtp.compare.draws import FactorDraws, draw_factors, spike_kernels
from spikedtp.compare.similarity import similarity
from spikedtp.errors import SpikedtpError
from spikedtp.planning.measures import measures
from spikedtp.planning.setting import Scene, Setting
from spikedtp.plasticity import Factors
from spikedtp.spiking.open_loop.prepare import Prepared
from spikedtp.spiking.responses.weight_updates import LearnedProjection

__all__ = ["Drawn", "Prediction", "draw", "median_cosines", "predict"]

LOW, HIGH = 0.05, 0.95


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

    def row(self) -> dict[str, float]:
        """Medians over samples and presentations, as `compare_updates` and `summarise` give them."""
        cosine = _median(self.cosine)
        low, high = (float(np.nanquantile(self.cosine, q)) if np.isfinite(cosine) else np.nan for q in (LOW, HIGH))
        return {
            "cosine": cosine,
            "cosine_low": low,
            "cosine_high": high,
            "pearson_r": _median(self.pearson_r),
            "angle": float(np.degrees(np.arccos(cosine))),
            "sign_agreement": _median(self.sign_agreement),
            "noiseless_cosine": _median(self.limit),
        }


@dataclass(frozen=True)
class Drawn:
    """What noise makes of ΔW at some time, rate and number of cells; `by_sample` has the factors of `draw_factors`."""

    prepared: Prepared
    by_sample: list[dict[str, FactorDraws]]


def draw(scene: Scene, setting: Setting, *, n_draws: int, seed: int, roughly: bool = False) -> Drawn:
    """Draw the noise of every projection. The number of repeats does not matter yet.

    Raises
    ------
    SpikedtpError
        The cell or its read-out is not linear in the spikes, so that nothing can be said beforehand.
    """
    prepared = scene.prepared(setting, roughly=roughly)
    kernels = spike_kernels(prepared.spec)
    if kernels is None:
        raise SpikedtpError(
            f"no plan for {type(prepared.spec.cell).__name__}: its read-out is not linear in the spikes, so that its "
            "noise is not known beforehand; simulate it (spikedtp compare)"
        )
    found = [
        draw_factors(
            prepared, scene.projections, sample, n_draws, seed, cells_per_unit=setting.cells_per_unit, kernels=kernels
        )
        for sample in range(scene.n_samples)
    ]
    return Drawn(prepared, [factors for factors in found if factors is not None])


def predict(scene: Scene, drawn: Drawn, repeats: int) -> dict[str, Prediction]:
    """The expected similarity of the mean ΔW of so many repeats, for every projection."""
    by_name: dict[str, list] = {name: [] for name in scene.projections}
    for sample, factors in enumerate(drawn.by_sample):
        for name, (clean, noisy) in factors.items():
            learned = drawn.prepared.projections[name]
            expected = _expected(clean, learned)
            reference = scene.reference(name, sample)
            reference = expected if reference is None else reference
            assert noisy is not None
            exists = slice(None) if learned.exists is None else learned.exists
            limit = similarity(reference[exists], expected[exists])["cosine"]
            by_name[name].append((measures(reference, noisy, learned.weight, learned.exists, repeats), limit))
    return {
        name: Prediction(
            np.array([found.cosine for found, _ in rows]),
            np.array([found.pearson_r for found, _ in rows]),
            np.array([found.sign_agreement for found, _ in rows]),
            np.array([limit for _, limit in rows]),
        )
        for name, rows in by_name.items()
    }


def median_cosines(scene: Scene, drawn: Drawn, repeats: int) -> dict[str, float]:
    """The median cosine of every projection, and nothing else: for searches."""
    found: dict[str, list] = {name: [] for name in scene.projections}
    for sample, factors in enumerate(drawn.by_sample):
        for name, (clean, noisy) in factors.items():
            learned = drawn.prepared.projections[name]
            reference = scene.reference(name, sample)
            if reference is None:
                reference = _expected(clean, learned)
            assert noisy is not None
            one = measures(reference, noisy, learned.weight, learned.exists, repeats, count_signs=False)
            found[name].append(one.cosine)
    return {name: _median(np.array(cosines)) for name, cosines in found.items()}


def _expected(clean: Factors, learned: LearnedProjection) -> np.ndarray:
    return learned.existing(np.asarray(clean.dense(learned.weight)).reshape(learned.weight.shape))


def _median(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan
