"""Brunel's sparse network of excitatory and inhibitory cells: parameters, wiring, Brian2 objects, theory of rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Hz, Network, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, ms, mV
from scipy.integrate import quad, trapezoid
from scipy.optimize import root
from scipy.special import erfcx

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import STDP
from spikedtp.synapses import DenseSynapses, PairSynapses, SparsePairSynapses

__all__ = [
    "KINDS",
    "THETA_AT_ONCE",
    "Brunel",
    "Wiring",
    "build",
    "cell_cv",
    "cell_rate",
    "draw_wiring",
    "network_theory",
]

TAU, T_REFRACTORY, THETA, V_RESET = 20.0, 2.0, 20.0, 10.0  # ms and mV
DT = 0.1 * ms
#: Brian2 tests thresholds after the voltage has decayed for a step, so that what has just arrived counts a little less.
#: A threshold that is tested at once, as in theory and in NEST, corresponds to a higher one.
THETA_AT_ONCE = float(THETA * np.exp(DT / (TAU * ms)))
KINDS = ("sparse", "dense", "stock")


@dataclass(frozen=True)
class Brunel:
    """The network.

    Attributes
    ----------
    n : int
        Cells, four fifths of them excitatory.
    p : float
        Of all cells of a kind, the part from which a cell has synapses.
    j : float
        Jump of the voltage by an excitatory spike, in mV. A plastic synapse begins with it, and may reach twice that.
    g : float
        How much larger the jump by an inhibitory spike is.
    eta : float
        Rate of the external input, relative to what brings the mean voltage to the threshold.
    delays : (float, float)
        Shortest and longest delay in ms, between which all are drawn uniformly.
    learning_rate, alpha : float
        Of STDP, relative to the largest weight: what a pair adds at most, and how much larger depression is. With 0
        synapses are static.
    """

    n: int = 1000
    p: float = 0.1
    j: float = 0.1
    g: float = 6.0
    eta: float = 1.0
    delays: tuple[float, float] = (0.5, 2.5)
    learning_rate: float = 0.02
    alpha: float = 1.05

    @property
    def n_e(self) -> int:
        return round(0.8 * self.n)

    @property
    def n_i(self) -> int:
        return self.n - self.n_e

    @property
    def c_e(self) -> int:
        return round(self.p * self.n_e)

    @property
    def c_i(self) -> int:
        return round(self.p * self.n_i)

    @property
    def external_rate(self) -> float:
        """Of each of the `c_e` external inputs of a cell, in Hz."""
        return self.eta * THETA / (self.c_e * self.j * TAU) * 1000

    @property
    def rule(self) -> STDP:
        """Additive, with bounds, for weights in parts of the largest."""
        return STDP(learning_rate=self.learning_rate, a_minus=-self.alpha, w_min=0.0, w_max=1.0)


# --- wiring -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wiring:
    """Presynaptic and postsynaptic cells and delays (ms) of all synapses of one kind, sorted by presynaptic cell."""

    pre: np.ndarray
    post: np.ndarray
    delay: np.ndarray


def draw_wiring(model: Brunel, rng: np.random.Generator) -> dict[str, Wiring]:
    """Each cell hears the same number of others, none twice and never itself. Names are POST_PRE; "all" is both."""
    sizes = {"E": model.n_e, "I": model.n_i, "all": model.n}

    def drawn(post: str, pre: str, n: int) -> Wiring:
        first = model.n_e if (post, pre) == ("all", "I") else 0  # where the presynaptic cells are among the others
        heard = np.empty((sizes[post], n), np.int32)
        for cell in range(sizes[post]):
            itself = post in (pre, "all") and 0 <= cell - first < sizes[pre]
            found = rng.choice(sizes[pre] - itself, n, replace=False)
            heard[cell] = found + (found >= cell - first) if itself else found
        order = np.argsort(heard.ravel(), kind="stable")
        ends = heard.ravel()[order], np.repeat(np.arange(sizes[post], dtype=np.int32), n)[order]
        return Wiring(*ends, rng.uniform(*model.delays, len(order)))

    return {"E_E": drawn("E", "E", model.c_e), "I_E": drawn("I", "E", model.c_e), "all_I": drawn("all", "I", model.c_i)}


# --- the network in Brian2 --------------------------------------------------------------------------------------------


def build(model: Brunel, wiring: dict[str, Wiring], kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """All objects: ``network``, ``cells``, the synapses that learn (``plastic``), and ``spikes`` of all cells.

    Parameters
    ----------
    kind : {"sparse", "dense", "stock"}
        What the plastic synapses are: `SparsePairSynapses`, `PairSynapses`, or Brian2's own with the event-driven
        traces of its documentation. The last see presynaptic spikes when they arrive, the others when they are fired.
    """
    cells = NeuronGroup(
        model.n, "dv/dt = -v/tau : volt (unless refractory)", threshold="v > theta", reset="v = v_reset",
        refractory=T_REFRACTORY * ms, method="exact", name="cells",
        namespace={"tau": TAU * ms, "theta": THETA * mV, "v_reset": V_RESET * mV},
    )  # fmt: skip
    cells.v = rng.uniform(0, THETA, model.n) * mV
    drive = PoissonInput(cells, "v", model.c_e, model.external_rate * Hz, model.j * mV)
    e, i = cells[: model.n_e], cells[model.n_e :]
    static = [
        _static(e, i, wiring["I_E"], model.j, kind, "excitation"),
        _static(i, cells, wiring["all_I"], -model.g * model.j, kind, "inhibition"),
    ]
    plastic = (_static if model.learning_rate == 0 else _plastic)(e, e, wiring["E_E"], model.j, kind, "plastic", model)
    spikes = SpikeMonitor(cells, name="spikes")
    network = Network(cells, drive, static, plastic, spikes)
    return {"network": network, "cells": cells, "plastic": plastic, "spikes": spikes}


def _static(pre: Any, post: Any, wiring: Wiring, j: float, kind: str, name: str, model: Any = None) -> Any:
    if kind == "dense":
        synapses = DenseSynapses(pre, post, "v", delay=_matrix(pre, post, wiring) * ms, name=name)
        synapses.connect(i=wiring.pre, j=wiring.post)
        synapses.weights = j * mV
        return synapses
    synapses = Synapses(pre, post, on_pre=f"v_post += {j!r}*mV", namespace={}, name=name)
    synapses.connect(i=wiring.pre, j=wiring.post)
    synapses.delay = wiring.delay * ms
    return synapses


def _plastic(pre: Any, post: Any, wiring: Wiring, j: float, kind: str, name: str, model: Brunel) -> Any:
    largest = 2 * j * mV
    if kind == "dense":
        delay = _matrix(pre, post, wiring) * ms
        dense = PairSynapses(pre, post, "v", rule=model.rule, gain=largest, delay=delay, name=name)
        dense.connect(i=wiring.pre, j=wiring.post)
        dense.weights = 0.5
        return dense
    if kind == "sparse":
        synapses = SparsePairSynapses(pre, post, "v", rule=model.rule, gain=largest, name=name)
        arrival = synapses.arrive
    else:
        constants = {"rate": model.learning_rate, "alpha": model.alpha, "largest": largest}
        synapses = Synapses(
            pre,
            post,
            "w : 1\ndx/dt = -x/tau_s : 1 (event-driven)\ndy/dt = -y/tau_s : 1 (event-driven)",
            on_pre="v_post += w*largest\nx += 1\nw = clip(w - rate*alpha*y, 0, 1)",
            on_post="y += 1\nw = clip(w + rate*x, 0, 1)",
            namespace=constants | {"tau_s": model.rule.tau_plus},
            method="exact",
            name=name,
        )
        arrival = synapses.pre
    synapses.connect(i=wiring.pre, j=wiring.post)
    arrival.delay = wiring.delay * ms
    synapses.w = 0.5
    return synapses


def _matrix(pre: Any, post: Any, wiring: Wiring) -> np.ndarray:
    delay = np.zeros((len(post), len(pre)))
    delay[wiring.post, wiring.pre] = wiring.delay
    return delay


# --- theory -----------------------------------------------------------------------------------------------------------


def cell_rate(mu: float, sigma: float, theta: float = THETA) -> float:
    """Rate in Hz of a cell whose input is white noise: the inverse of its mean first-passage time (Siegert's formula).

    Parameters
    ----------
    mu, sigma : float
        In mV: the mean of the voltage without a threshold, and sqrt(2) times its standard deviation.
    theta : float
        The threshold in mV.
    """
    passage = quad(lambda u: erfcx(-u), (V_RESET - mu) / sigma, (theta - mu) / sigma)[0]
    return 1000 / (T_REFRACTORY + TAU * np.sqrt(np.pi) * passage)


def cell_cv(mu: float, sigma: float, theta: float = THETA) -> float:
    """Coefficient of variation of the intervals between spikes of this cell (Brunel 2000, appendix A.1)."""
    low, high = (V_RESET - mu) / sigma, (theta - mu) / sigma
    x = np.linspace(min(low - 5, -6.0), high, 20001)
    source, step = erfcx(-x) ** 2, x[1] - x[0]
    inner = np.zeros_like(x)  # e^(x^2) times the integral of e^(-z^2) erfcx(-z)^2 from -inf to x, without overflow
    for k, growth in enumerate(np.exp(step * (x[1:] + x[:-1]))):
        inner[k + 1] = growth * inner[k] + step / 2 * (growth * source[k] + source[k + 1])
    square = trapezoid(inner[x >= low], x[x >= low])
    return float(np.sqrt(2 * np.pi * square) * cell_rate(mu, sigma, theta) * TAU / 1000)


def network_theory(model: Brunel, j_ee: np.ndarray | None = None) -> dict[str, float]:
    """Rates (Hz) that reproduce themselves and CVs of both kinds of cells: ``rate_e``, ``rate_i``, ``cv_e``, ``cv_i``.

    Parameters
    ----------
    j_ee : array of float, optional
        Weights between excitatory cells in mV. By default all are `j`.
    """
    j, tau = model.j, TAU / 1000
    mean, square = (j, j**2) if j_ee is None else (float(np.mean(j_ee)), float(np.mean(np.square(j_ee))))

    def inputs(e: float, i: float) -> list[tuple[float, float]]:
        """mu and sigma of an excitatory and of an inhibitory cell."""
        found = []
        for excited, squared in ((mean, square), (j, j**2)):
            mu = tau * (model.c_e * (j * model.external_rate + excited * e) - model.c_i * model.g * j * i)
            noise = tau * (model.c_e * (j**2 * model.external_rate + squared * e) + model.c_i * (model.g * j) ** 2 * i)
            found.append((mu, float(np.sqrt(noise))))
        return found

    def off(rates: np.ndarray) -> np.ndarray:
        return np.array([cell_rate(*own, THETA_AT_ONCE) for own in inputs(*rates**2)]) - rates**2

    solved = root(off, np.sqrt([10.0, 10.0]))
    if not solved.success:
        raise SpikedtpError(f"no rates reproduce themselves for {model}: {solved.message}")
    e, i = solved.x**2
    cvs = [cell_cv(*own, THETA_AT_ONCE) for own in inputs(e, i)]
    return {"rate_e": float(e), "rate_i": float(i), "cv_e": cvs[0], "cv_i": cvs[1]}
