"""Poisson inputs: rates, intervals and counts with and without dead time, rates that vary, filtered trains."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms
from scipy import stats

from checks.drive import drive
from checks.row import Curve, Row, Scale, ks, statistical
from spikedtp import load_rate_network, simulate
from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.neurons import PoissonInput

__all__ = ["constant_rates", "filtered_trains", "varying_rates"]

UNIT_RATE = 1000.0  # Hz
DEAD = 1e-3  # s


def constant_rates(scale: Scale) -> list[Row]:
    """A renewal process with dead time τ: at mean rate r, CV = 1 - rτ and Fano = (1 - rτ)²."""
    rates, dt, duration = (5.0, 200.0, 450.0, 900.0), 0.25, 2100.0
    n, repeats = scale.pick((60, 1), (150, 4))
    rows = []
    for dead_time in (DEAD, 0.0):
        asked = np.repeat(rates if dead_time else rates[:2], n)
        response = drive(
            np.zeros((1, len(asked))),
            rates=asked / UNIT_RATE,
            duration=duration,
            dt=dt,
            unit_rate=UNIT_RATE * Hz,
            inputs=PoissonInput(dead_time=dead_time * 1e3 * ms),
            n_repeats=repeats,
            seed=scale.seed,
            record=("spikes",),
            device=scale.device,
        )
        rasters = response.spikes["InputE"]
        for rate in np.unique(asked):
            trains = rasters[:, :, asked == rate].swapaxes(1, 2).reshape(-1, rasters.shape[1])
            name = f"{rate:g} Hz, dead time {dead_time * 1e3:g} ms"
            rows += _trains(name, trains, rate, dead_time, duration * 1e-3, dt * 1e-3)
    return rows


def _trains(name: str, trains: np.ndarray, rate: float, dead_time: float, seconds: float, dt: float) -> list[Row]:
    n, cv = len(trains), 1 - rate * dead_time
    # the first interval has no dead time before it
    expected = rate * seconds + (rate * dead_time) ** 2 / 2
    error = np.sqrt((cv**2 * rate * seconds + 1 / 6 + cv**4 / 2) / n)
    counts = trains.sum(axis=1)
    rows = [statistical(f"spikes of a train at {name}", expected, counts.mean(), error)]
    if rate in (200, 450):
        windows = trains[:, : trains.shape[1] // 5 * 5].reshape(n * 5, -1).sum(axis=1)
        # Cox 1962: variance of the counts of a stationary renewal process, the constant included
        variance = cv**2 * rate * seconds / 5 + 1 / 6 + cv**4 / 2 - 2 * cv**3 / 3
        fano = variance / (rate * seconds / 5)
        measured = windows.var(ddof=1) / windows.mean()
        rows.append(statistical(f"Fano factor of counts at {name}", fano, measured, fano * np.sqrt(2 / (n * 5 - 1))))
        rows += _intervals(name, trains, rate, dead_time, seconds, dt)
    return rows


def _intervals(name: str, trains: np.ndarray, rate: float, dead_time: float, seconds: float, dt: float) -> list[Row]:
    cv = 1 - rate * dead_time
    hazard = rate / cv
    # equally many from each train: to take all that end before the recording does would favour short ones
    wanted = int(rate * seconds - 6 * np.sqrt(rate * seconds))
    times = [np.flatnonzero(train)[: wanted + 1] for train in trains]
    intervals = np.concatenate([np.diff(t) for t in times if len(t) > wanted]) * dt
    n = len(intervals)
    # both ends are rounded to the time step: their variance adds
    expected = np.sqrt(1 / hazard**2 + dt**2 / 6) * rate
    error = cv * np.sqrt((2 + cv**2 - 2 * cv) / n)
    # at most one spike a step: `law[0]` of the intervals are a step longer than they would be
    free = (np.arange(round(intervals.max() / dt) + 2) * dt - dead_time).clip(0)
    # an interval counts k whole steps with the mean over its phase of P(interval < k + 1 - phase)
    law = np.diff(free - (1 - np.exp(-hazard * free)) / hazard) / dt
    found = np.cumsum(np.bincount(np.round(intervals / dt).astype(int))) / n
    return [
        statistical(f"CV of intervals at {name}", expected, intervals.std() / intervals.mean(), error),
        ks(f"intervals are exponential after the dead time, {name}", np.abs(found - law).max(), n, grid=law[0]),
    ]


def varying_rates(scale: Scale) -> list[Row]:
    """Time rescaling: integrated over its free time, the hazard between two spikes is Exp(1).

    The rates are those of a rate network whose cells inhibit themselves and so swing from step to step.
    """
    n, repeats = scale.pick((40, 3), (60, 10))
    circuit = Circuit(
        (Population("Input", "E", 1), Population("H1", "E", n), Population("Output", "E", 1)),
        (Projection("H1E", "InputE"), Projection("H1E", "H1E", direction="R"), Projection("OutputE", "H1E")),
        tau=3.0,
        forward_steps=15,
    )
    network = load_rate_network(circuit)
    weights = {"H1E_InputE": np.full((n, 1), 2.5), "H1E_H1E": np.diag(np.linspace(-5, -4.6, n))}
    weights["OutputE_H1E"] = np.zeros((1, n))
    values = {f"module_dict.{name}.weight": weight.astype(np.float32) for name, weight in weights.items()}
    network.load_state_dict(network.state_dict() | values)
    model, dt = PoissonInput(), 0.05
    response = simulate(
        network,
        np.ones(1),
        np.zeros(1),
        population="OutputE",
        time_per_step=20 * ms,
        dt=dt * ms,
        n_repeats=repeats,
        seed=scale.seed,
        readout="paper",
        record=("spikes",),
        device=scale.device,
    )
    activity = response.spec.timeline.interpolate(response.replayed[0])
    rate = np.clip(activity * float(model.unit_rate), 0, float(model.max_rate))
    hazard = rate / (1 - rate * DEAD) * dt * 1e-3
    assert 1.5 * rate.min(axis=0).mean() < rate.max(axis=0).mean(), "rates that hardly vary would test nothing"
    gaps = _rescaled(response.spikes["H1E"], hazard, round(DEAD * 1e3 / dt))
    ordered = np.sort(gaps)[:: max(1, len(gaps) // 60)]
    ranks = np.linspace(0, 1, len(np.sort(gaps)), endpoint=False)[:: max(1, len(gaps) // 60)]
    curve = Curve(
        "rescaled intervals", "integrated hazard", "cumulative share", ordered, ranks, stats.expon.cdf(ordered)
    )
    claim = f"intervals of varying rates ({rate.min():.0f} to {rate.max():.0f} Hz), rescaled, are Exp(1)"
    return [ks(claim, stats.kstest(gaps, "expon").statistic, len(gaps), grid=hazard.max(), curve=curve)]


def _rescaled(rasters: np.ndarray, hazard: np.ndarray, dead_steps: int) -> np.ndarray:
    """Hazard between spikes, trains joined end to end: a unit Poisson process has no memory, so none is cut short."""
    gaps, since = [], 0.0
    for raster in rasters:
        for cell in range(raster.shape[1]):
            steps = np.flatnonzero(raster[:, cell])
            free = hazard[:, cell].copy()
            for step in steps:
                free[step + 1 : step + dead_steps] = 0  # the step of the spike and the one of its end count half each
            total = np.cumsum(free)
            last = 0.0
            for step in steps:
                gaps.append(since + total[step] - last)
                since, last = 0.0, total[step]
            since += total[-1] - last
    return np.array(gaps)


def filtered_trains(scale: Scale) -> list[Row]:
    """Campbell: Poisson spikes through a leak with jumps j have mean r j τ and variance r j² τ/2."""
    rate, dt, duration, skip = 100.0, 0.5e-3, 2.1, 600
    n, repeats = scale.pick((40, 1), (100, 4))
    inputs, weight = PoissonInput(dead_time=0 * ms, tau_eligibility=35 * ms), 0.8
    response = drive(
        weight * np.eye(n),
        rates=np.full(n, rate / 450),
        compartment="dend",
        duration=duration * 1e3,
        dt=dt * 1e3,
        inputs=inputs,
        n_repeats=repeats,
        seed=scale.seed,
        record=("eligibility", "v_dend"),
        device=scale.device,
    )
    rows, seconds = [], (duration - skip * dt) * n * repeats
    for name, traces, height, tau in (
        ("eligibility trace", response.eligibility["InputE"], 1.0, 35e-3),
        ("dendritic voltage", response.v_dend["OutputE"], weight, 20e-3),
    ):
        jump = height * float(inputs.weight_scale * inputs.spike_width) / tau
        trace = np.asarray(traces[:, skip:], dtype=float)
        mean = rate * jump * tau
        # Euler's decay is 1 - dt/τ a step
        variance = rate * jump**2 * tau / 2 / (1 - dt / (2 * tau))
        mean_error = np.sqrt(2 * variance * tau / seconds)
        variance_error = np.sqrt((2 * variance**2 * tau + rate * jump**4 * tau**2 / 4) / seconds)
        about_mean = np.mean((trace - mean) ** 2)
        rows.append(statistical(f"mean of the {name} under Poisson input (Campbell)", mean, trace.mean(), mean_error))
        rows.append(statistical(f"variance of the {name} (Campbell)", variance, about_mean, variance_error))
    return rows
