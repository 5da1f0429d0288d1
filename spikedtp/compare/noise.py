"""What Poisson statistics predict for a spiking ΔW: its expectation, and how far one presentation falls from it.

Every read-out is linear in the spikes, so its mean and covariance follow from the replayed rates alone. The rule itself
is then applied to signals with the predicted noise, with all its clipping and gates, so no rule needs a formula of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.compare.repeats import repeat_cosines
from spikedtp.parameters import check_whole
from spikedtp.plasticity import Factors
from spikedtp.spiking import Response, SpikingResponse
from spikedtp.spiking.open_loop.plan import Driven, OpenLoop
from spikedtp.spiking.open_loop.readout import KINDS, PHASES

__all__ = ["expected_update", "noise_ceiling", "noise_cosines"]

FEW_SPIKES = 30  # below this expected number in a presentation, trains are drawn spike by spike


def spike_kernels(spec: OpenLoop) -> dict[tuple[str, str], np.ndarray] | None:
    """What one spike of weight 1 adds to a read-out, by the step in which it falls.

    Returns
    -------
    dict
        (vector name, compartment or "spike") -> (n_steps,); None if a read-out is not linear in the spikes.
    """
    n, dt = spec.timeline.n_steps, spec.timeline.dt
    pulsed: tuple[Driven, Driven] = (spec.driven, spec.inputs)
    pulse, pulse_in = (model.weight_scale * float(model.spike_width / dt) for model in pulsed)
    responses = {**(spec.inputs.impulse_responses(n, dt) or {}), **(spec.cell.impulse_responses(n, dt) or {})}
    direct = {("dendrite", "dend"): pulse, ("soma", "soma"): pulse, ("trace", "spike"): pulse_in}
    kernels = {}
    for signal, via in [("trace", "spike"), ("dendrite", "dend"), ("soma", "soma"), ("soma", "dend")]:
        for phase in PHASES:
            kernel = direct.get((signal, via), 0.0) * spec.kernels.weights.get((signal, phase, "drive"), np.zeros(n))
            state = spec.kernels.weights.get((signal, phase, "state"))
            if state is not None and np.any(state):
                if (signal, via) not in responses:
                    return None
                # a spike at step s adds response[t - s] to the state at every later step t
                kernel = kernel + np.correlate(state, responses[signal, via], "full")[n - 1 :]
            kernels[f"{signal}_{phase}", via] = kernel
    return kernels


def _rates(response: SpikingResponse, sample: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected spikes per step and their Fano factor for every input cell, each `(n_steps, n_inputs)`."""
    spec, model = response.spec, response.spec.replaying
    assert response.replayed is not None
    points = response.replayed[sample]
    activity = np.concatenate(
        [
            spec.timeline.interpolate(points[:, cells], lag=spec.timeline.lag_steps * source.lag)
            for source in spec.sources
            for cells in [spec.slices()[source.projection]]
        ],
        axis=1,
    )
    rate = np.clip(activity * float(model.unit_rate), 0, float(model.max_rate))
    free = 1 - rate * float(model.dead_time)
    return rate * float(spec.timeline.dt), np.clip(free, 0, 1) ** 2


def _read(spec: OpenLoop, kernels: dict, counts: dict) -> dict[str, np.ndarray]:
    """Read-out vectors from per-cell sums: `counts[vector, via]` is (..., n_inputs)."""
    slices, vectors = spec.slices(), {}
    for (name, via), value in counts.items():
        if via == "spike":
            vectors[name] = value
        else:
            for source in spec.sources:
                if source.compartment == via:
                    arrived = value[..., slices[source.projection]] @ source.cell_weights.T
                    vectors[name] = vectors.get(name, 0.0) + arrived
    leading = counts["trace_settled", "spike"].shape[:-1]
    names = {name for name, _ in kernels}
    vectors = {name: np.zeros((*leading, spec.n_cells)) for name in names if name not in vectors} | vectors
    if spec.bias is not None:  # arrives in every step, and cells begin at rest under it
        drive = spec.driven.weight_scale * float(spec.driven.spike_width / spec.timeline.dt) * spec.bias
        for phase in PHASES:
            read = sum(np.sum(spec.kernels.weights.get(("soma", phase, kind), 0.0)) for kind in KINDS)
            vectors[f"soma_{phase}"] = vectors[f"soma_{phase}"] + read * drive
    return vectors


def _drawn_sums(
    basis: np.ndarray, expected: np.ndarray, fano: np.ndarray, rng: np.random.Generator, n_draws: int
) -> np.ndarray:
    """Sums of each basis kernel over random spike trains, `(kernels, n_draws, n_inputs)`.

    A cell with few spikes gets Poisson trains: rules with a threshold see single spikes. The others get Gaussian sums
    with the covariance of a Poisson process with dead time (all kernels look at the same train).
    """
    sums = np.empty((len(basis), n_draws, expected.shape[1]))
    mean = basis @ expected
    total = expected.sum(axis=0)
    few = np.flatnonzero(total < FEW_SPIKES)
    counts = rng.poisson(total[few], (n_draws, len(few)))
    owner = np.repeat(np.arange(counts.size), counts.ravel())  # which draw and cell each spike belongs to
    cell = owner % max(len(few), 1)
    # one search for all cells: cell c's cumulative rate, scaled to 1, lies between c and c + 1
    cumulative = np.cumsum(expected[:, few], axis=0) / np.maximum(total[few], 1e-300) + np.arange(len(few))
    found = np.searchsorted(cumulative.T.ravel(), cell + rng.random(len(owner)), side="right")
    steps = np.clip(found - cell * len(expected), 0, len(expected) - 1)
    for k, kernel in enumerate(basis):
        sums[k][:, few] = np.bincount(owner, weights=kernel[steps], minlength=counts.size).reshape(counts.shape)
    many = total >= FEW_SPIKES
    covariance = np.einsum("at,bt,tn->nab", basis, basis, (expected * fano)[:, many], optimize=True)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(0, None))[:, None, :]
    noise = np.einsum("nab,dnb->adn", root, rng.standard_normal((n_draws, many.sum(), len(basis))))
    sums[:, :, many] = mean[:, None, many] + noise
    return sums


def _expected_factors(
    response: SpikingResponse, projection: str, sample: int, n_draws: int, seed: int
) -> tuple[Factors, Factors | None] | None:
    """Factors of the noise-free ΔW and of `n_draws` noisy ones (None for 0); None where no prediction is possible."""
    spec, plastic = response.spec, response.projections[projection]
    kernels = spike_kernels(spec) if response.replayed is not None else None
    if kernels is None:
        return None
    expected, fano = _rates(response, sample)
    names = list(kernels)
    basis = np.array([kernels[name] for name in names])
    one = response.readers[projection].at(slice(sample, sample + 1))

    def factors(sums: np.ndarray) -> Factors:
        counts = {name: sums[k][None] for k, name in enumerate(names)}
        return plastic.change(one.signals(_read(spec, kernels, counts)))

    clean = factors((basis @ expected)[:, None])
    if not n_draws:
        return clean, None
    return clean, factors(_drawn_sums(basis, expected, fano, np.random.default_rng([seed, sample]), n_draws))


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
    found = _expected_factors(response, projection, sample, n_draws, seed)
    if found is None:
        return None
    plastic, (clean, noisy) = response.projections[projection], found
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
    found = _expected_factors(response, projection, sample, n_draws, seed)
    clean, noisy = found or (None, None)
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
