"""Synaptic conductances against closed forms, and what they do to a cell against scipy's integration."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from brian2 import mmolar, ms, mV, siemens
from scipy import integrate

from checks.alone import alone
from checks.row import Curve, Row, Scale, exact
from spikedtp.neurons import AdaptiveLIF

__all__ = ["membrane", "postsynaptic_potentials", "time_courses", "whole_cell"]

#: A threshold that is out of reach leaves the membrane alone.
SILENT = dict(v_threshold=50 * mV, v_ampa=60 * mV, v_nmda=60 * mV)


def peak_of(rise: float, decay: float) -> tuple[float, float]:
    """Time of the peak of ``exp(-t/decay) - exp(-t/rise)``, and its height; for equal ones of ``t exp(-t/decay)``."""
    if rise == decay:
        return decay, decay * np.exp(-1)
    t = np.log(decay / rise) * decay * rise / (decay - rise)
    return t, np.exp(-t / decay) - np.exp(-t / rise)


def time_course(t, rise: float, decay: float):
    """A conductance of height 1."""
    if not rise:
        return np.exp(-t / decay)
    return (t * np.exp(-t / decay) if rise == decay else np.exp(-t / decay) - np.exp(-t / rise)) / peak_of(rise, decay)[
        1
    ]


def time_courses(scale: Scale) -> list[Row]:
    """Exponential, double-exponential and alpha functions, the peak of a spike of weight w being w."""
    rows, dt, weight = [], 0.5, 3e-9
    for name, rise in (("exponential", 0.0), ("double exponential", 1.0), ("alpha function", 5.0), ("slow rise", 8.0)):
        cell = AdaptiveLIF(tau_ampa=5 * ms, tau_rise_ampa=rise * ms)
        (kind,) = (kind for kind in cell.of("soma") if kind.name == "ampa")
        course = alone(cell, dt=dt, duration=60, kicks={kind.arrives: ([0], weight)}, record=(kind.opened,))
        expected = weight * time_course(course["t"], rise, 5.0)
        rows.append(
            exact(
                f"AMPA conductance after a spike, {name}: largest error, share of the weight",
                0,
                (course[kind.opened][0] - expected) / weight,
                1e-12,
                "exact for any time step",
            )
        )
    return rows


def membrane(cell: AdaptiveLIF, kicks, times: np.ndarray) -> np.ndarray:
    """Soma and dendrite (2, n_times) in mV at `times` (ms), by scipy; `kicks` are (receptor, compartment, ms, siemens).

    Written down a second time, from the equations. Conductances are sums of their closed forms.
    """
    p = {name: float(value) for name, value in cell.quantities().items()}
    ends = sorted({0.0, float(times[-1]), *(at for _, _, at, _ in kicks)})

    def conductance(t: float, receptor: str, compartment: str) -> float:
        rise, decay = p[f"tau_rise_{receptor}"] * 1e3, p[f"tau_{receptor}"] * 1e3
        mine = [(at, w) for kind, where, at, w in kicks if (kind, where) == (receptor, compartment) and at <= t]
        return sum(w * float(time_course(t - at, rise, decay)) for at, w in mine)

    def flow(t: float, v: np.ndarray) -> np.ndarray:
        found = []
        for name, own, other in (("soma", v[0], v[1]), ("dend", v[1], v[0])):
            into = p[f"g_{name}"] * (p["v_rest"] * 1e3 - own) + p["g_coupling"] * (other - own)
            for receptor in cell.receptors[name]:
                share = 1 / (1 + p["magnesium"] / 3.57 * np.exp(-0.062 * own)) if receptor == "nmda" else 1.0
                into += conductance(t, receptor, name) * share * (p[f"v_{receptor}"] * 1e3 - own)
            if name == "dend" and "g_kir" in p:
                closed = 1 + np.exp((own - p["v_half_kir"] * 1e3) / (p["v_slope_kir"] * 1e3))
                into += p["g_kir"] / closed * (p["v_kir"] * 1e3 - own)
            found.append(into / p[f"c_{name}"] * 1e-3)
        return np.array(found)

    values, now = np.empty((2, len(times))), np.full(2, p["v_rest"] * 1e3)
    if hasattr(cell, "at_rest"):
        now = np.array([float(v) * 1e3 for v in cell.at_rest()])
    for start, end in pairwise(ends):
        inside = (times > start) & (times <= end)
        at = np.append(times[inside], end) if not len(times[inside]) or times[inside][-1] < end else times[inside]
        found = integrate.solve_ivp(flow, (start, end), now, method="LSODA", t_eval=at, rtol=1e-10, atol=1e-10)
        values[:, inside], now = found.y[:, : inside.sum()], found.y[:, -1]
    return values


def postsynaptic_potentials(scale: Scale) -> list[Row]:
    """The size of a response and when it peaks; a weak one is that of a current, in closed form."""
    rows, alone_soma = [], AdaptiveLIF(g_coupling=0 * siemens, **SILENT)
    tau_m, tau = float(alone_soma.c_soma / alone_soma.g_soma / ms), 5.0
    for receptor, rise, weight in (("ampa", 0, 1e-9), ("ampa", 2, 10e-9), ("gaba", 1, 10e-9)):
        cell = replace(alone_soma, **{f"tau_rise_{receptor}": rise * ms, f"tau_{receptor}": tau * ms})
        dt = 0.1
        course = alone(cell, dt=dt, duration=100, kicks={f"{receptor}_soma": ([0], weight)}, record=("v_soma",))
        wanted = membrane(cell, [(receptor, "soma", 0.0, weight)], course["t"])[0]
        found, rest = course["v_soma"][0] * 1e3, float(cell.v_rest / mV)
        name = f"{receptor.upper()} of {weight * 1e9:g} nS, rise {rise} ms"
        size = np.abs(wanted - rest).max()
        largest = np.argmax(np.abs(wanted - rest))
        rows += [
            exact(
                f"postsynaptic potential in mV, {name}", wanted[largest] - rest,
                (found - rest)[np.argmax(np.abs(found - rest))], 1e-4 * size, "1e-4 of it at dt = 0.1 ms",
                Curve(f"{receptor.upper()}, rise {rise} ms", "time (ms)", "potential (mV)",
                      course["t"][::20], found[::20] - rest, wanted[::20] - rest),
            ),
            exact(f"time of its peak in ms, {name}", course["t"][largest],
                  course["t"][np.argmax(np.abs(found - rest))], dt, "one time step"),
        ]  # fmt: skip
    weak = 1e-14
    course = alone(replace(alone_soma, tau_rise_ampa=0 * ms), dt=0.1, duration=100, kicks={"ampa_soma": ([0], weak)})
    t, push = course["t"], weak * float(alone_soma.v_ampa - alone_soma.v_rest) / float(alone_soma.c_soma)
    linear = push * 1e-3 * tau_m * tau / (tau_m - tau) * (np.exp(-t / tau_m) - np.exp(-t / tau))
    found = course["v_soma"][0] - float(alone_soma.v_rest)
    rows.append(
        exact(
            "weak postsynaptic potential against that of a current, closed form, share of the peak",
            0, (found - linear) / linear.max(), 1e-3, "the driving force hardly changes",
        )
    )  # fmt: skip
    return rows


def whole_cell(scale: Scale) -> list[Row]:
    """All five synapses in both compartments; errors fall with the square of the time step."""
    rows = []
    for name, changes in {
        "exponential": dict(),
        "rising": dict(tau_rise_ampa=1 * ms, tau_rise_gaba=10 * ms),
        "2 mM magnesium": dict(magnesium=2 * mmolar),
    }.items():
        cell = AdaptiveLIF(**SILENT, **changes)
        kicks = [
            ("ampa", "dend", 0.0, 20e-9), ("nmda", "dend", 1.0, 40e-9), ("gaba", "dend", 30.0, 30e-9),
            ("ampa", "soma", 10.0, 3e-9), ("gaba", "soma", 20.0, 10e-9), ("nmda", "dend", 40.0, 40e-9),
        ]  # fmt: skip
        times = np.arange(1.0, 101.0)
        wanted, steps, errors = membrane(cell, kicks, times), (1.0, 0.5, 0.25), []
        grouped = {f"{kind}_{where}": ([], w) for kind, where, _, w in kicks}
        for kind, where, at, w in kicks:
            grouped[f"{kind}_{where}"][0].append((at, w))
        for dt in steps:
            given = {variable: ([at for at, _ in spikes], spikes[0][1]) for variable, (spikes, _) in grouped.items()}
            course = alone(cell, dt=dt, duration=100, kicks=given)
            found = np.stack([course["v_soma"][0], course["v_dend"][0]])[:, round(1 / dt) - 1 :: round(1 / dt)] * 1e3
            errors.append(np.abs(found - wanted).max())
        size = np.ptp(wanted[1])
        order = np.mean([np.log2(a / b) for a, b in pairwise(errors)])
        curve = Curve(
            "midpoint step", "dt (ms)", "largest error (mV)", steps, errors,
            errors[-1] * (np.array(steps) / steps[-1]) ** 2, log="xy",
        ) if name == "rising" else None  # fmt: skip
        rows += [
            exact(f"order of convergence in dt, five synapses: {name}", 2, order, 0.15, "of second order", curve),
            exact(
                f"five synapses against scipy at dt = {steps[-1]} ms, share of the range: {name}",
                0, errors[-1] / size, 2e-3, "2e-3 at this time step",
            ),
        ]  # fmt: skip
    return rows
