"""Leaky integrate-and-fire cells: rate against current without noise, and with noise (Siegert's formula)."""

from __future__ import annotations

import numpy as np
from brian2 import ms, siemens
from scipy import integrate, special

from checks.drive import drive
from checks.row import Curve, Row, Scale, exact, statistical
from spikedtp.neurons import LIF, TwoCompartmentLIF
from spikedtp.spiking import run_feedforward

__all__ = ["constant_current", "noisy_current"]


def constant_current(scale: Scale) -> list[Row]:
    """f = 1/(t_ref + τ ln((μ - v_r)/(μ - v_th))), μ the voltage at which the cell would rest."""
    return _two_compartment_cell(scale) + _exact_cell(scale)


def _two_compartment_cell(scale: Scale) -> list[Row]:
    """The soma alone (no coupling), integrated by Euler: one run for the whole curve."""
    cell, dt, duration = TwoCompartmentLIF(g_coupling=0 * siemens), 0.05, 420.0
    activity = np.linspace(0.1, 1.2, 23)
    weight = activity[:, None] * dt * 1e-3 / (cell.weight_scale * float(cell.spike_width))
    response = drive(
        weight,
        spikes=np.ones((round(duration / dt), 1), bool),
        duration=duration,
        dt=dt,
        cell=cell,
        record=("spikes",),
        device=scale.device,
    )
    drive_to, threshold, reset = (
        np.asarray(value, float) for value in (float(cell.unit_voltage) * activity, *_above_rest(cell))
    )
    fires = drive_to > threshold
    tau, refractory = float(cell.c_soma / cell.g_soma), float(cell.t_refractory)
    expected = np.full(len(activity), np.inf)
    expected[fires] = refractory + tau * np.log((drive_to[fires] - reset) / (drive_to[fires] - threshold))
    trains = [np.flatnonzero(raster) * dt * 1e-3 for raster in response.spikes["OutputE"][0].T]
    measured = np.array([np.diff(t).mean() if len(t) > 1 else np.inf for t in trains])
    silent = sum(len(t) > 0 for t, f in zip(trains, fires, strict=True) if not f)
    off = (measured[fires] - expected[fires]) / (dt * 1e-3)
    curve = Curve("LIF f-I", "activity at the soma", "rate (Hz)", activity, 1 / measured, 1 / expected)
    return [
        exact(
            f"LIF f-I: intervals over {fires.sum()} currents, largest error in time steps",
            0,
            np.abs(off).max(),
            2,
            "threshold crossed within a step, and one for Euler's error",
            curve,
        ),
        exact("LIF f-I: cells that fire below the current that reaches threshold", 0, silent, 0, "counted"),
    ]


def _above_rest(cell) -> tuple[float, float]:
    return float(cell.v_threshold - cell.v_rest), float(cell.v_reset - cell.v_rest)


def _exact_cell(scale: Scale) -> list[Row]:
    """`LIF` in its own discrete time: after n inputs v = w q (1 - q^n)/(1 - q) with q = e^(-dt/τ), so n is known."""
    cell, dt, steps = LIF(tau=10 * ms, threshold=1.0, t_refractory=2 * ms), 0.1, 4000
    weights = np.linspace(1.0, 4.0, 40)[None] * dt / 10
    response = run_feedforward(
        [weights, np.zeros((40, 1))], np.ones((1, steps, 1)), hidden=cell, dt=dt * ms, traces=False, device=scale.device
    )
    q = np.exp(-dt / 10)
    reach = 1 - (1 - q) / (weights[0] * q)  # q^n at which v = 1
    expected = np.array([np.inf if r <= 0 else np.floor(np.log(r) / np.log(q)) + 1 for r in reach]) + 20
    measured = [np.unique(np.diff(np.flatnonzero(raster))) for raster in response.hidden_spikes[0].T]
    wrong = sum(not (len(m) == 1 and m[0] == e) for m, e in zip(measured, expected, strict=True) if e < steps / 3)
    tested = int((expected < steps / 3).sum())
    return [
        exact(f"exact LIF: intervals that differ from the closed form, of {tested} currents", 0, wrong, 0, "counted")
    ]


TAU, REFRACTORY, N_IN, PROBABILITY = 20e-3, 2e-3, 24, 0.5  # of an input in a step
#: Mean and standard deviation of the free membrane voltage, in units of the threshold.
OPERATING_POINTS = np.array([(0.6, 0.3), (0.8, 0.2), (0.9, 0.25), (1.0, 0.15), (1.2, 0.2), (1.6, 0.1)])


def noisy_current(scale: Scale) -> list[Row]:
    """Siegert's rate, and Brunel's CV, of a LIF driven by many small random inputs."""
    dt, trials, seconds = *scale.pick((0.1e-3, 1), (0.05e-3, 40)), 6.0
    rng = np.random.default_rng(scale.seed + 3)
    weights, mean, sd = _inputs_for(OPERATING_POINTS, np.exp(-dt / TAU), rng)
    spikes = rng.integers(0, 2, (trials, round(seconds / dt), N_IN), dtype=np.bool_)
    response = run_feedforward(
        [weights, np.zeros((len(mean), 1))],
        spikes,
        hidden=LIF(tau=TAU * 1e3 * ms, threshold=1.0, t_refractory=REFRACTORY * 1e3 * ms),
        dt=dt * 1e3 * ms,
        traces=False,
        device=scale.device,
    )
    # a threshold that is looked at once a step lies higher, by -ζ(1/2)/√(2π) standard deviations of a step
    # (Broadie, Glasserman & Kou 1997)
    thresholds = 1 + 0.5826 * sd * np.sqrt(1 - np.exp(-2 * dt / TAU))
    points = [siegert(m, s * np.sqrt(2), t, 0.0, TAU, REFRACTORY) for m, s, t in zip(mean, sd, thresholds, strict=True)]
    nu, cv = np.array(points).T
    # each trial begins as after a spike, without its refractory time (Cox 1962: renewals from the start of an interval)
    expected = nu + ((cv**2 - 1) / 2 + nu * REFRACTORY) / seconds
    rates = response.hidden_spikes.sum(axis=1).mean(axis=0) / seconds
    curve = Curve("LIF with noise", "Siegert's rate (Hz)", "rate (Hz)", nu, rates, nu)
    rows = []
    for k, (m, s) in enumerate(OPERATING_POINTS):
        n = nu[k] * seconds * trials
        rate_error, cv_error = cv[k] * nu[k] / np.sqrt(n), cv[k] * np.sqrt((0.5 + cv[k] ** 2) / n)
        intervals = np.concatenate([np.diff(np.flatnonzero(train)) for train in response.hidden_spikes[:, :, k]])
        found_cv = intervals.std() / intervals.mean()
        name = f"at mean {m:g} and sd {s:g} of the threshold"
        why = "for the time step and the size of the inputs"
        rows += [
            statistical(
                f"Siegert's rate {name}", expected[k], rates[k], rate_error, bias=0.003 * nu[k], why=f"0.3 % {why}",
                curve=curve if k == 0 else None,
            ),
            # of an interval's CV between an exponential's and a regular one's
            statistical(f"Brunel's CV {name}", cv[k], found_cv, cv_error, bias=0.02 * cv[k], why=f"2 % {why}"),
        ]  # fmt: skip
    return rows


def _inputs_for(points, q: float, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (n_in, n) of inputs that fire in half of the steps; mean and sd of the free voltage that they give."""
    shape = rng.uniform(0.5, 1.5, N_IN) * np.repeat([1, -1], N_IN // 2)
    shape /= np.linalg.norm(shape)
    each = PROBABILITY * (1 - PROBABILITY)
    mean, sd = points.T
    weights = shape[:, None] * sd * np.sqrt((1 - q**2) / (q**2 * each))
    weights += (mean * (1 - q) / q / PROBABILITY - weights.sum(axis=0)) / N_IN
    given_sd = np.sqrt((weights**2).sum(axis=0) * each * q**2 / (1 - q**2))
    return weights, weights.sum(axis=0) * PROBABILITY * q / (1 - q), given_sd


def siegert(mean: float, sigma: float, threshold: float, reset: float, tau: float, refractory: float):
    """Rate in Hz and CV of the intervals; `sigma` is √2 times the standard deviation of the free voltage.

    References
    ----------
    Siegert 1951, Phys. Rev. 81:617; Brunel 2000, J. Comput. Neurosci. 8:183, appendix, for the CV.
    """
    low, high = (reset - mean) / sigma, (threshold - mean) / sigma

    def inner(x: float) -> float:
        return special.erfcx(-x)  # e^(x²) (1 + erf x)

    first = integrate.quad(inner, low, high)[0]
    rate = 1 / (refractory + tau * np.sqrt(np.pi) * first)
    # CV² = 2 π (ν τ)² ∫ e^(x²) ∫_{-∞}^{x} e^(y²) (1 + erf y)² dy dx, in the other order and scaled by e^(±high²)
    x, y = np.linspace(high, low, 20_001), np.linspace(low - 8, high, 20_001)
    above = -integrate.cumulative_trapezoid(np.exp(x**2 - high**2), x, initial=0)  # from x up to high
    above_y = np.interp(y, x[::-1], above[::-1])  # below `low`: all of it
    square = integrate.trapezoid(special.erfcx(-y) ** 2 * np.exp(high**2 - y**2) * above_y, y)
    return rate, np.sqrt(2 * np.pi * square) * rate * tau
