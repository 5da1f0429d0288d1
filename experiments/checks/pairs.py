"""Pair rules in time steps: the STDP window, drift under independent trains, and what a constant reward does."""

from __future__ import annotations

import numpy as np
from brian2 import ms

from checks.row import Curve, Row, Scale, exact, mean_of
from spikedtp import replay
from spikedtp.plasticity import MSTDP, MSTDPET, STDP

__all__ = ["constant_reward", "drift", "late_reward", "window"]


def forms(scale: Scale) -> dict[str, dict]:
    """Arithmetic on arrays, and Brian2 synapses."""
    return {f"{form} form": dict(form=form, device=scale.device) for form in ("rate", "spiking")}


def train(times, steps: int, dt: float = 1.0) -> np.ndarray:
    """One train, (steps, 1), from times in ms."""
    spikes = np.zeros((steps, 1))
    spikes[np.round(np.asarray(times) / dt).astype(int)] = 1
    return spikes


def change(rule, pre, post, **options) -> float:
    w = replay(rule, pre, post, 0.0, **options).w
    return float(w[-1, 0, 0] - w[0, 0, 0])


def window(scale: Scale) -> list[Row]:
    """One pair gives A± e^(-|Δt|/τ±): all delays at once, one presynaptic cell for each; both signs at Δt = 0."""
    rule = STDP(a_plus=0.7, a_minus=-0.9, tau_plus=17 * ms, tau_minus=34 * ms, learning_rate=0.3)
    delays = np.arange(-60, 61)
    pre = np.zeros((201, len(delays)))
    pre[100 - delays, np.arange(len(delays))] = 1
    plus, minus = 0.3 * 0.7 * np.exp(-delays / 17), -0.3 * 0.9 * np.exp(delays / 34)
    expected = np.select([delays > 0, delays < 0], [plus, minus], plus + minus)
    rows = []
    for name, options in forms(scale).items():
        w = replay(rule, pre, train([100], 201), 0.0, record=(), **options).w[-1, 0]
        curve = (
            Curve("STDP window", "post - pre (ms)", "ΔW", delays, w, expected) if options["form"] == "spiking" else None
        )
        rows.append(
            exact(
                f"STDP window, 121 delays, largest relative error, {name}",
                0,
                w / expected - 1,
                1e-13,
                "rounding",
                curve,
            )
        )
    return rows


def drift(scale: Scale) -> list[Row]:
    """Independent Poisson trains: r_pre r_post (A⁺ τ⁺ + A⁻ τ⁻), here negative."""
    r_pre, r_post, steps, n = 0.02, 0.03, scale.pick(10_000, 40_000), 40  # rates in spikes per ms
    rng = np.random.default_rng(scale.seed + 8)
    rule = STDP(a_minus=-0.7, tau_plus=20 * ms, tau_minus=45 * ms, learning_rate=1.0)
    pre, post = ((rng.random((steps, n)) < r).astype(float) for r in (r_pre, r_post))
    drifts = (
        np.diag(replay(rule, pre, post, 0.0, record=(), device=scale.device).w[-1]) / steps
    )  # n pairs that share no train
    # in steps of 1 ms the integral of a trace is A dt/(1 - e^(-dt/τ)), a little more than A τ
    integral = sum(a / (1 - np.exp(-1 / tau)) for a, tau in ((1.0, 20), (-0.7, 45)))
    expected = r_pre * r_post * integral
    return [mean_of("STDP drift under independent Poisson trains, per ms", expected, drifts)]


def constant_reward(scale: Scale) -> list[Row]:
    """A constant reward gives MSTDPET MSTDP's change times (dt/τ)/(1 - e^(-dt/τ)): 1.0201 at 1 ms, 1 as dt -> 0."""
    rows = []
    for dt, factor in ((1.0, 1.0201), (0.5, 1.0100), (0.1, 1.0020)):
        steps = round(1000 / dt)
        pre, post = (train(times, steps, dt) for times in ([10, 25, 60], [15, 40, 62]))
        for convention in ("same-step", "lag"):
            for name, options in forms(scale).items():
                if name == "spiking form" and dt != 1.0:
                    continue
                given = dict(modulator=np.full(steps, 0.8), dt=dt * ms, record=(), **options)
                ratio = change(MSTDPET(convention=convention), pre, post, **given) / change(
                    MSTDP(convention=convention), pre, post, **given
                )
                claim = f"MSTDPET over MSTDP under constant reward, dt = {dt:g} ms, {convention}, {name}"
                rows.append(exact(claim, (dt / 25) / (1 - np.exp(-dt / 25)), ratio, 1e-12, f"rounding ({factor})"))
    return rows


def late_reward(scale: Scale) -> list[Row]:
    """One pair: z starts at ζ/τ and decays. A reward of one step finds what is left; all z sum to 1.0201 ζ."""
    pre, post, rows = train([10], 600), train([15], 600), []
    missed = change(MSTDP(), pre, post, modulator=np.where(np.arange(600) == 15, 0.0, 1.0), device=scale.device)
    rows.append(exact("MSTDP: change by a pair that meets no reward, though other steps do", 0, missed, 0, "exact"))
    zeta = np.exp(-5 / 20)
    for name, options in forms(scale).items():
        result = replay(MSTDPET(), pre, post, 0.0, modulator=np.zeros(600), record=("z",), **options)
        total = result.state["z"].sum() / zeta
        rows.append(
            exact(
                f"Σ z dt after one pair, over ζ, {name}",
                (1 / 25) / (1 - np.exp(-1 / 25)),
                total,
                1e-9,
                "rounding, and what is left after 585 ms",
            )
        )
        errors = []
        for wait in (0, 20, 80):
            reward = np.where(np.arange(600) == 15 + wait, 2.0, 0.0)
            found = change(MSTDPET(), pre, post, modulator=reward, record=(), **options)
            errors.append(found / (0.2 * 2.0 * zeta / 25 * np.exp(-wait / 25)) - 1)
        rows.append(
            exact(
                f"a reward that comes 0, 20 or 80 ms late, largest relative error, {name}", 0, errors, 1e-12, "rounding"
            )
        )
    return rows
