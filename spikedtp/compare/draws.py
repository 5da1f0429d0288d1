"""What the replayed rates make of the signals of a rule: as expected, and with the noise of random spikes.

Every read-out is linear in the spikes, so its mean and covariance follow from the replayed rates alone. The rule itself
is then applied to signals with the predicted noise, with all its clipping and gates, so no rule needs a formula of its
own.
"""

from __future__ import annotations

import numpy as np

from spikedtp.equations.escape import LEAST_FREE_TIME
from spikedtp.plasticity import Factors
from spikedtp.spiking import SpikingResponse
from spikedtp.spiking.open_loop.plan import Driven, OpenLoop
from spikedtp.spiking.open_loop.prepare import Prepared
from spikedtp.spiking.open_loop.readout import KINDS, PHASES

__all__ = ["FactorDraws", "draw_factors", "spike_kernels"]

FEW_SPIKES = 30  # below this expected number in a presentation, trains are drawn spike by spike
MOST_TRAINS = 30  # for one cell


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


def _rates(response: Prepared | SpikingResponse, sample: int) -> tuple[np.ndarray, np.ndarray]:
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
    basis: np.ndarray,
    expected: np.ndarray,
    fano: np.ndarray,
    dead_steps: float,
    rng: np.random.Generator,
    n_draws: int,
    cells_per_unit: int = 1,
) -> np.ndarray:
    """Mean of each basis kernel's sums over the random spike trains of so many cells, `(kernels, n_draws, n_inputs)`.

    Cells with few spikes get trains: rules with a threshold see single spikes. The others get Gaussian sums with the
    covariance of a Poisson process with dead time (all kernels look at the same train).
    """
    sums = np.empty((len(basis), n_draws, expected.shape[1]))
    total = cells_per_unit * expected.sum(axis=0)
    few, many = np.flatnonzero(total < FEW_SPIKES), np.flatnonzero(total >= FEW_SPIKES)
    hazard = expected[:, few] / np.sqrt(np.maximum(fano[:, few], LEAST_FREE_TIME**2))
    owner, step = _spikes(hazard, dead_steps, rng, n_draws, cells_per_unit)
    for k, kernel in enumerate(basis / cells_per_unit):
        found = np.bincount(owner, weights=kernel[step], minlength=n_draws * len(few))
        sums[k][:, few] = found.reshape(n_draws, len(few))
    covariance = np.einsum("at,bt,tn->nab", basis, basis, (expected * fano)[:, many], optimize=True) / cells_per_unit
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(0, None))[:, None, :]
    noise = np.einsum("nab,dnb->adn", root, rng.standard_normal((n_draws, len(many), len(basis))))
    sums[:, :, many] = (basis @ expected[:, many])[:, None] + noise
    return sums


def _spikes(
    hazard: np.ndarray, dead_steps: float, rng: np.random.Generator, n_draws: int, cells_per_unit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random trains with dead time: all first spikes, all second ones, and so on.

    Parameters
    ----------
    hazard : (n_steps, n)
        Of every step.

    Returns
    -------
    owner, step : (spikes,) int
        `owner` is draw * n + cell.
    """
    n_steps, n = hazard.shape
    together = min(cells_per_unit, MOST_TRAINS)  # many cells with less than a spike each are one without dead time
    cumulative = np.cumsum(hazard * (cells_per_unit / together), axis=0)
    # one search for all cells: the cumulative hazard of each begins where that of the one before has ended
    ends = np.cumsum(cumulative[-1] + 1.0)
    begin = np.concatenate([[0.0], ends[:-1]])
    table, end = (cumulative + begin).T.ravel(), begin + cumulative[-1]
    lost = (hazard * dead_steps).T.ravel() * (together == cells_per_unit)
    owner = np.repeat(np.arange(n_draws * n), together)
    at = begin[owner % n] + rng.standard_exponential(len(owner))
    found = [(np.empty(0, int), np.empty(0, int))]
    while True:
        there = at < end[owner % n]
        owner, at = owner[there], at[there]
        if not len(owner):
            break
        place = np.searchsorted(table, at, side="right")
        found.append((owner, place % n_steps))
        at = at + lost[place] + rng.standard_exponential(len(at))
    owners, steps = zip(*found, strict=True)
    return np.concatenate(owners), np.concatenate(steps)


#: Factors of the noise-free ΔW and of noisy ones, which are None where none were asked for.
FactorDraws = tuple[Factors, Factors | None]


def draw_factors(
    response: Prepared | SpikingResponse,
    projections: list[str],
    sample: int,
    n_draws: int,
    seed: int,
    *,
    cells_per_unit: int = 1,
    kernels: dict[tuple[str, str], np.ndarray] | None = None,
) -> dict[str, FactorDraws] | None:
    """The ΔW that one sample makes of its expected signals, and of signals with drawn noise, as factors.

    Parameters
    ----------
    response : Prepared or SpikingResponse
        What replays the activities; it need not have been run.
    projections : list of str
        Those that learn. All of them see the same spikes in one draw.
    cells_per_unit : int
        How many cells stand for each presynaptic cell. All fire at its rate, each with this share of its weight and of
        its trace.
    kernels : dict, optional
        From `spike_kernels`, for several samples of one plan.

    Returns
    -------
    dict or None
        projection -> factors with the axes (1, draws, n); None where no prediction is possible.
    """
    spec = response.spec
    kernels = kernels or (spike_kernels(spec) if response.replayed is not None else None)
    if kernels is None:
        return None
    expected, fano = _rates(response, sample)
    names = list(kernels)
    basis = np.array([kernels[name] for name in names])
    clean, noisy = (basis @ expected)[:, None], None
    if n_draws:
        rng = np.random.default_rng([seed, sample])
        dead_steps = float(spec.replaying.dead_time / spec.timeline.dt)
        noisy = _drawn_sums(basis, expected, fano, dead_steps, rng, n_draws, cells_per_unit)
    read = [
        None if sums is None else _read(spec, kernels, {name: sums[k][None] for k, name in enumerate(names)})
        for sums in (clean, noisy)
    ]
    found = {}
    for name in projections:
        reader, learned = response.readers[name].at(slice(sample, sample + 1)), response.projections[name]
        first, *others = [None if vectors is None else learned.change(reader.signals(vectors)) for vectors in read]
        assert first is not None
        found[name] = (first, others[0])
    return found
