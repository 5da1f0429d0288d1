"""The adaptive LIF: rate against current with both kinds of synapses, adaptation at rest, and background noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from brian2 import ms, mV, nS, pA
from scipy import optimize

from checks.alone import alone
from checks.firing import siegert
from checks.row import Curve, Row, Scale, exact, statistical
from spikedtp.neurons import AdaptiveLIF

__all__ = ["adaptation", "background", "rate_against_current", "white_noise"]

SOMA = AdaptiveLIF(g_coupling=0 * nS)
TAU = float(SOMA.c_soma / SOMA.g_soma / ms)
REST, THRESHOLD, RESET = (float(value) * 1e3 for value in (SOMA.v_rest, SOMA.v_threshold, SOMA.v_reset))


def intervals(trains: list[np.ndarray], skip: int = 1) -> np.ndarray:
    return np.array([np.diff(train[skip:]).mean() if len(train) > skip + 1 else np.inf for train in trains])


def rate_against_current(scale: Scale) -> list[Row]:
    """A constant current, and a constant conductance: t_ref + τ ln((V∞ - v_reset)/(V∞ - v_threshold)), τ = C/G."""
    rows, dt, duration, n = [], *scale.pick((0.1, 250.0), (0.05, 400.0)), 12
    refractory = float(SOMA.t_refractory / ms)
    for name in ("current", "conductance"):
        if name == "current":
            given = np.linspace(40, 300, n) * 1e-12
            end, tau = REST + given / float(SOMA.g_soma) * 1e3, np.full(n, TAU)
            found = alone(SOMA, n, dt=dt, duration=duration, given={"i_soma": given}, record=())
        else:
            given = np.linspace(0.7, 6, n) * 1e-9
            total = float(SOMA.g_soma) + given
            end, tau = float(SOMA.g_soma) * REST / total, float(SOMA.c_soma) / total * 1e3
            lasting = replace(SOMA, tau_ampa=1e9 * ms)
            found = alone(lasting, n, dt=dt, duration=duration, given={"ampa_soma": given}, record=())
        fires = end > THRESHOLD
        expected = np.full(n, np.inf)
        expected[fires] = refractory + tau[fires] * np.log((end[fires] - RESET) / (end[fires] - THRESHOLD))
        measured = intervals(found["spikes"], skip=0)
        seen = fires & np.isfinite(measured)
        unit = "pA" if name == "current" else "nS"
        curve = Curve(
            f"adaptive LIF, {name}", f"{name} ({unit})", "rate (Hz)", given * (1e12 if unit == "pA" else 1e9),
            1e3 / measured, 1e3 / expected,
        )  # fmt: skip
        rows += [
            exact(
                f"adaptive LIF, constant {name}: intervals of {seen.sum()} cells, largest error in time steps", 0,
                np.abs(measured[seen] - expected[seen]).max() / dt, 1, "the threshold is crossed within a step", curve,
            ),
            exact(
                f"adaptive LIF, constant {name}: cells that fire without need, or do not fire", 0,
                int(np.sum(np.array([len(t) > 0 for t in found["spikes"]]) != (expected < 0.9 * duration))),
                0, "counted",
            ),
        ]  # fmt: skip
    return rows


def adaptation(scale: Scale) -> list[Row]:
    """In the end a spike adds what decays in an interval T: w = b/(1 - e^(-T/τ_w)) after a spike, and T by scipy."""
    cell, dt, n = replace(SOMA, b=15 * pA, t_refractory=0 * ms), 0.1, 6
    given = np.linspace(100, 300, n)
    found = alone(cell, n, dt=dt, duration=700, given={"i_soma": given * 1e-12}, record=("w_soma",))
    tau_w, g, b = float(cell.tau_w / ms), float(cell.g_soma) * 1e9, 15.0

    def at_end(interval: float, current: float) -> float:
        """Voltage before the next spike: a leak under a current that recovers, in closed form."""
        w = b / (1 - np.exp(-interval / tau_w))
        steady = REST + current / g
        leak = np.exp(-interval / TAU)
        slow = w / g * tau_w / (tau_w - TAU) * (np.exp(-interval / tau_w) - leak)
        return steady + (RESET - steady) * leak - slow - THRESHOLD

    expected = np.array([optimize.brentq(at_end, 0.5, 400, args=(current,)) for current in given])
    late = [train[train > 500] for train in found["spikes"]]
    measured = intervals(late, skip=0)
    peaks = np.array([w[round(500 / dt) :].max() for w in found["w_soma"]]) * 1e12
    wanted = b / (1 - np.exp(-expected / tau_w)) * np.exp(-dt / tau_w)  # recorded a step after the spike
    curve = Curve("adaptation at rest", "current (pA)", "rate (Hz)", given, 1e3 / measured, 1e3 / expected)
    return [
        exact(
            f"adaptation: steady intervals of {n} cells, largest error in time steps", 0,
            np.abs(measured - expected).max() / dt, 2, "late by a step, and then less adapted", curve,
        ),
        exact(
            f"adaptation: current after a spike of {n} cells, largest error as a share", 0,
            np.abs(peaks / wanted - 1).max(), 1e-2, "intervals differ by up to two steps",
        ),
    ]  # fmt: skip


def background(scale: Scale) -> list[Row]:
    """The Ornstein-Uhlenbeck current: mean, deviation, correlation time; and the voltage that it gives."""
    mean, sd, tau, n, duration, dt = 10.0, 20.0, 5.0, *scale.pick((200, 400.0), (500, 2000.0)), 0.5
    cell = replace(
        SOMA,
        noise_mean_soma=mean * pA,
        noise_sd_soma=sd * pA,
        tau_noise=tau * ms,
        v_threshold=-1 * mV,
    )
    found = alone(cell, n, dt=dt, duration=duration, record=("noise_soma", "v_soma"), draw=scale.seed)
    noise, skip = found["noise_soma"] * 1e12, round(250 / dt)
    independent = n * duration / (2 * tau)
    rows = [
        statistical("noise: mean in pA", mean, noise.mean(), sd / np.sqrt(independent)),
        statistical("noise: standard deviation in pA", sd, noise.std(), sd / np.sqrt(4 * independent)),
    ]
    lag = round(5 / dt)
    product = (noise[:, :-lag] - mean) * (noise[:, lag:] - mean)
    correlation = product.mean() / sd**2
    error = product.mean(axis=1).std() / sd**2 / np.sqrt(n)
    rows.append(statistical("noise: correlation at a lag of 5 ms", np.exp(-5 / tau), correlation, error))
    # a leak filters the noise: mean R m, variance R² s² τ_n/(τ_n + τ)
    voltage = found["v_soma"][:, skip:] * 1e3 - REST
    g = float(SOMA.g_soma) * 1e9
    wanted_sd = sd / g * np.sqrt(tau / (tau + TAU))
    each = voltage.mean(axis=1)
    rows.append(statistical("noise: mean voltage in mV", mean / g, each.mean(), each.std() / np.sqrt(n)))
    square = ((voltage - mean / g) ** 2).mean(axis=1)
    rows.append(
        statistical(
            "noise: variance of the voltage in mV²", wanted_sd**2, square.mean(), square.std() / np.sqrt(n),
            bias=0.005 * wanted_sd**2, why="for the time step",
        )
    )  # fmt: skip
    return rows


def white_noise(scale: Scale) -> list[Row]:
    """Noise that is new in each step is white: Siegert's rate, the threshold corrected for the time step."""
    dt, n, seconds = 0.1, *scale.pick((300, 0.4), (400, 4.0))
    rows, points = [], scale.pick(((8.0, 3.0),), ((8.0, 3.0), (11.0, 3.0)))
    for mean, sd in points:  # of the free voltage above rest, in mV
        g = float(SOMA.g_soma) * 1e9
        left = np.exp(-dt / TAU)
        current = sd * g * np.sqrt((1 + left) / (1 - left))  # of an AR(1) process with this deviation
        cell = replace(SOMA, noise_mean_soma=mean * g * pA, noise_sd_soma=current * pA, tau_noise=1e-6 * ms)
        found = alone(cell, n, dt=dt, duration=seconds * 1e3 + 200, record=(), draw=scale.seed + 1)
        threshold = THRESHOLD - REST + 0.5826 * sd * np.sqrt(1 - left**2)
        rate, cv = siegert(mean, np.sqrt(2) * sd, threshold, RESET - REST, TAU * 1e-3, float(SOMA.t_refractory))
        count = sum((train >= 200).sum() for train in found["spikes"])
        rows.append(
            statistical(
                f"Siegert's rate, white background, mean {mean:g} and sd {sd:g} mV", rate, count / n / seconds,
                cv * rate / np.sqrt(rate * n * seconds), bias=0.005 * rate, why="0.5 % for the time step",
            )
        )  # fmt: skip
    return rows
