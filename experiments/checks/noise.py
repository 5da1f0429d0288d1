"""The noise of a spiking ΔW: its angle falls as 1/√(rate × time), and the predicted ceiling is the measured one."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms
from scipy import stats

from checks.row import FALSE_ALARM, SIGMAS, Curve, Row, Scale
from spikedtp import datasets, load_rate_network, simulate
from spikedtp.compare import expected_update, noise_ceiling, similarity
from spikedtp.models import weights_file
from spikedtp.neurons import PoissonInput

__all__ = ["angle_and_ceiling"]

MODEL, POPULATION, PROJECTION = "digits_dtp", "H2E", "H2E_H1E"


def angle_and_ceiling(scale: Scale) -> list[Row]:
    """ΔW of the shipped model, presented again and again, against its expectation from the rates.

    tan(angle) is the noise over the signal; without dead time its square is inversely proportional to the number of
    spikes.
    """
    network = load_rate_network(MODEL, weights_file(MODEL))
    data = datasets.load("digits", parts=("test",))
    conditions = scale.pick(
        [(112.5, 80), (450, 80)], [(112.5, 20), (225, 20), (450, 20), (225, 40), (225, 80), (450, 80)]
    )
    samples, repeats = scale.pick((3, 60), (5, 120))
    options = dict(
        population=POPULATION,
        projections=PROJECTION,
        inputs=PoissonInput(dead_time=0 * ms),
        record=(),
        seed=scale.seed,
        device=scale.device,
    )
    # where noise drowns the signal its angle says nothing: the samples with the strongest signal of twelve
    response = simulate(
        network, data.test_x[:12], data.test_t[:12], unit_rate=112.5 * Hz, time_per_step=80 * ms, **options
    )
    chosen = np.argsort([-noise_ceiling(response, PROJECTION, sample) for sample in range(12)])[:samples]
    x, target = data.test_x[chosen], data.test_t[chosen]
    rows, products, tangents, ceilings = [], [], [], []
    for rate, time in conditions:
        response = simulate(
            network, x, target, unit_rate=rate * Hz, time_per_step=time * ms, n_repeats=repeats, **options
        )
        found = [_tangents(response, sample) for sample in range(samples)]
        measured, ceiling = (np.array(values) for values in zip(*found, strict=True))
        products.append(rate * time * 1e-3)
        tangents.append(measured)
        ceilings.append(ceiling)
        low, middle, high = median_interval((measured / ceiling[:, None]).ravel())
        rows.append(
            Row(
                f"noise of ΔW over its prediction at {rate:g} Hz, {time} ms a rate step",
                1.0,
                middle,
                max(high - middle, middle - low) + 0.03,
                f"interval of a median, {measured.size} presentations, and 3 % for Gaussian sums",
            )
        )
    return [_slope(np.array(products), np.array(tangents), np.array(ceilings), scale), *rows]


def _tangents(response, sample: int) -> tuple[np.ndarray, float]:
    """Tangent of the angle between each ΔW and its expectation, and what Poisson statistics predict for its median."""
    expected = expected_update(response, PROJECTION, sample)
    cosines = [
        similarity(expected, response.weight_updates.of(PROJECTION, sample, k))["cosine"]
        for k in range(response.n_repeats)
    ]
    ceiling = noise_ceiling(response, PROJECTION, sample, n_draws=4000)
    return np.tan(np.arccos(np.maximum(cosines, 0.05))), np.tan(np.arccos(ceiling))


def median_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Median and its interval from order statistics, whatever the distribution."""
    values = np.sort(values)
    first = int(stats.binom.ppf(FALSE_ALARM / 2, len(values), 0.5))
    return values[max(first - 1, 0)], float(np.median(values)), values[min(len(values) - first, len(values) - 1)]


def _slope(products, tangents, ceilings, scale: Scale) -> Row:
    """Slope of log noise on log(rate × time), medians over presentations; its error from a bootstrap over them."""
    x = np.log(products) - np.log(products).mean()

    def slope(values: np.ndarray) -> float:
        return float(x @ np.log(np.median(values, axis=2)).mean(axis=1) / (x @ x))

    rng = np.random.default_rng(scale.seed)
    n = tangents.shape[2]
    error = np.std([slope(tangents[:, :, rng.integers(n, size=n)]) for _ in range(400)])
    degrees = np.degrees(np.arctan(np.exp(np.log(np.median(tangents, axis=2)).mean(axis=1))))
    predicted = np.degrees(np.arctan(np.exp(np.log(ceilings).mean(axis=1))))
    curve = Curve("noise of ΔW", "spikes at activity 1", "angle (°)", products, degrees, predicted, log="xy")
    claim = "noise of ΔW against rate × time: exponent"
    return Row(
        claim,
        -0.5,
        slope(tangents),
        SIGMAS * error + 0.03,
        f"{SIGMAS:.2f} bootstrap errors, and 0.03: noise of both factors of ΔW multiplies",
        curve,
    )
