"""Where rules come to rest in closed loop: BCM, BTSP, and the dendrite that predicts its soma."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from brian2 import ms

from checks.pairs import forms
from checks.row import Curve, Row, Scale, exact, statistical
from spikedtp import replay
from spikedtp.plasticity import BCM, BTSP, PresentationRows, SupervisedBCM, UrbanczikSenn
from spikedtp.plasticity import Row as Signals

__all__ = ["bcm", "btsp", "dendritic_prediction"]


def closed_loop(rule, w: float, x: float, steps: int, dt=1 * ms) -> tuple[np.ndarray, float]:
    """Responses y = w x of one cell while its weight learns, and θ at the end; stops where y grows out of bounds."""
    step, state = rule.stepper(dt), rule.initial_state(1, 1)
    weight, given, responses = np.array([[w]]), np.array([x]), []
    for _ in range(steps):
        y = weight @ given
        responses.append(y[0])
        weight, state = step(weight, state, Signals(given, y))
        if not 0 <= weight[0, 0] < 1e3:
            break
    return np.array(responses), float(np.ravel(state["theta"])[0])


def bcm(scale: Scale) -> list[Row]:
    """y rests where y = θ: at 1 (BCM), at k (the supervised rule); stable only if θ moves faster than w."""
    x, tau_w = 0.8, 200.0
    y, theta = closed_loop(BCM(tau_w=tau_w * ms, tau_theta=20 * ms, theta0=0.1), 0.3 / x, x, 6000)
    rows = [
        exact("BCM: response at rest", 1, y[-1], 1e-6, "time constants passed"),
        exact("BCM: θ at rest", 1, theta, 1e-6, "time constants passed"),
    ]
    for k in (0.5, 2.0):
        rule = PresentationRows(SupervisedBCM(0.05, theta_tau=5.0, k=k))
        y, theta = closed_loop(rule, 0.3, x, 6000)
        rows.append(exact(f"supervised BCM: activity at rest, k = {k:g}", k, y[-1], 1e-6, "time constants passed"))
    # linear theory at the fixed point: stable for τ_θ < τ_w/x², in steps of dt for τ_θ < τ_w/x² - dt
    critical = tau_w / x**2 - 1
    low, high = 0.5 * critical, 2 * critical
    while high - low > 1e-3 * critical:
        middle = (low + high) / 2
        # θ0 = 1: a small kick away from rest, whose swings grow or die out
        y, _ = closed_loop(BCM(tau_w=tau_w * ms, tau_theta=middle * ms, theta0=1.0), 1.0001 / x, x, 20_000)
        first, last = (np.abs(part - 1).max() for part in np.array_split(y, 4)[::3])
        low, high = (middle, high) if last < first else (low, middle)
    rows.append(
        exact(
            "BCM: slowest θ with a stable response, τ_θ in ms",
            critical,
            low,
            0.01 * critical,
            "bisection, and the size of the swings",
        )
    )
    return rows


def btsp(scale: Scale) -> list[Row]:
    """Repeated pairing: what E, and what is left of it in the next and the last sample, adds equals what it takes."""
    eligibility = np.array([0.002, 0.01, 0.05, 0.3, 1.0])
    rows, steps = [], 3000
    pre, plateau = np.tile(eligibility, (steps, 1)), np.ones(steps)
    for kappa in (0.0, 0.25):
        rule = BTSP(0.3, w_max=2.0, temporal_discount=kappa, dep_ratio=0.7)

        def q(e, rule=rule):
            raw = lambda v: 1 / (1 + np.exp(-2 / rule.dep_width * (v - rule.dep_th)))  # noqa: E731
            return (raw(e) - raw(0)) / (raw(1) - raw(0))

        gained = (1 + 2 * kappa) * eligibility
        expected = rule.w_max * gained / (gained + rule.dep_ratio * (q(eligibility) + 2 * q(kappa * eligibility)))
        for name, options in forms(scale).items():
            w = replay(rule, pre, np.zeros((steps, 1)), 0.1, modulator=plateau, record=(), **options).w[-1, 0]
            curve = (
                Curve("BTSP fixed point", "eligibility", "w", eligibility, w, expected, log="x")
                if kappa == 0.25 and (options["form"] == "spiking")
                else None
            )
            rows.append(
                exact(
                    f"BTSP: w at repeated pairing, 5 eligibilities, κ = {kappa:g}, {name}",
                    0,
                    w - expected,
                    1e-12,
                    "rounding, after 3000 pairings",
                    curve,
                )
            )
    return rows


def dendritic_prediction(scale: Scale) -> list[Row]:
    """Urbanczik-Senn: the dendrite comes to predict the rate of a soma that another dendrite drives."""
    rule, n_pre, steps = UrbanczikSenn(learning_rate=0.02), 10, scale.pick(20_000, 60_000)
    rng = np.random.default_rng(scale.seed + 2)
    pre = (rng.random((steps, n_pre)) < 0.03).astype(float)
    teacher = rng.uniform(0.2, 0.5, (1, n_pre))
    still = replace(rule, learning_rate=0.0)
    potential = replay(still, pre, np.zeros((steps, 1)), teacher, record=("potential",), device=scale.device).state[
        "potential"
    ][1:]
    rate = rule.rate(rule.attenuation * potential) * 1e-3  # expected spikes of the soma in each step
    rows, last = [], steps // 4
    at_rest = replay(rule, pre[:2000], rate[:2000], teacher, record=(), device=scale.device).w
    rows.append(
        exact("Urbanczik-Senn: change of weights that predict already", 0, at_rest - teacher, 1e-12, "rounding")
    )
    for start in (0.0, 0.7):
        result = replay(rule, pre, rate, np.full((1, n_pre), start), record=("potential",), device=scale.device)
        predicted = rule.rate(rule.attenuation * result.state["potential"][1:]) * 1e-3
        error = np.abs(predicted - rate)[-last:].mean() / rate[-last:].mean()
        rows.append(
            exact(
                f"Urbanczik-Senn: mean |φ(dendrite) - rate| over the rate, weights from {start:g}",
                0,
                error,
                1e-3,
                "chosen: 0.1 % after learning",
            )
        )
    spikes = (rng.random(rate.shape) < rate).astype(float)
    slow = replace(rule, learning_rate=0.002)
    result = replay(slow, pre, spikes, teacher, form="spiking", device=scale.device, record=("potential",))
    predicted = rule.rate(rule.attenuation * result.state["potential"][1:]) * 1e-3
    rows.append(
        statistical(
            "Urbanczik-Senn: predicted over actual somatic spikes, given Poisson spikes",
            1,
            predicted.sum() / spikes.sum(),
            1 / np.sqrt(rate.sum()),
            bias=0.01,
            why="weights that follow the noise",
        )
    )
    return rows
