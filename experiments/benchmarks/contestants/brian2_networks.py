"""The cases as networks of stock Brian2: `PoissonGroup`, `NeuronGroup`, `Synapses`, as its documentation has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import brian2 as b2
import numpy as np
from brian2 import Hz, ms

from spikedtp.neurons import TwoCompartment

from .cases import DT, Case, Feedforward, Learning, PairRule, Presentations

__all__ = ["MODELS", "Model", "pair_rule"]

CELL = """
v_dend_next = v_dend + (drive_dend - v_dend)*dt/tau_dend : 1
dv_dend/dt = (drive_dend - v_dend)/tau_dend : 1
dv_soma/dt = (drive_soma + coupling*v_dend_next - v_soma)/tau_soma : 1
drive_dend = weight_scale*input_dend*spike_width/dt : 1
drive_soma = weight_scale*input_soma*spike_width/dt : 1
input_dend : 1
input_soma : 1
"""


@dataclass
class Model:
    """A network, how many steps to run it, and what to read at its end: name -> (variables, what to make of them)."""

    net: b2.Network
    steps: int
    read: dict[str, tuple[tuple, Callable]] = field(default_factory=dict)


def _variables(owner, *names: str) -> tuple:
    return tuple(owner.variables[name] for name in names)


def _constants(*models) -> dict:
    return {name: value for model in models for name, value in model.quantities().items()}


def feedforward(case: Feedforward) -> Model:
    source = b2.PoissonGroup(case.n_pre, case.rate * Hz)
    cells = b2.NeuronGroup(case.n_post, CELL, method="euler", namespace=_constants(TwoCompartment()))
    cells.state_updater.when = "after_synapses"
    cells.run_regularly("input_dend = 0", when="after_synapses", order=1)
    synapses = _dense(source, cells, case.weights, "input_dend_post += w")
    counter = b2.SpikeMonitor(source, record=False)
    return Model(
        b2.Network(source, cells, synapses, counter),
        case.n_steps,
        {
            "spikes": (_variables(counter, "N"), np.sum),
            "v_dend": (_variables(cells, "v_dend"), np.mean),
            "v_soma": (_variables(cells, "v_soma"), np.mean),
        },
    )


def _dense(source, target, weights: np.ndarray, on_pre: str) -> b2.Synapses:
    synapses = b2.Synapses(source, target, "w : 1", on_pre=on_pre)
    synapses.connect()
    synapses.w = np.ascontiguousarray(weights.T).ravel()
    return synapses


def presentations(case: Presentations) -> Model:
    """All presentations in one run: rates in a TimedArray, states set back at each onset.

    Spikes as in the published notebook: one uniform number per cell and step.
    """
    timeline = case.timeline
    expected = np.concatenate([p for _, p in case.shown()], axis=-1)  # spikes per step
    onset = timeline.n_steps * DT * ms
    table = b2.TimedArray(expected.reshape(-1, expected.shape[-1]), dt=DT * ms, name="expected_spikes")
    constants = _constants(case.cell, case.inputs)
    source = b2.NeuronGroup(
        expected.shape[-1],
        "deligibility/dt = -eligibility/tau_eligibility : 1",
        threshold="rand() < expected_spikes(t, i)",
        reset="eligibility += weight_scale*spike_width/tau_eligibility",
        method="euler",
        namespace=constants | {"expected_spikes": table},
    )
    cells = b2.NeuronGroup(
        case.n_cells,
        CELL + "sum_dend : 1\nsum_soma : 1",
        threshold="rand() < clip(unit_rate*v_soma, 0*Hz, max_rate)*dt",
        method="euler",
        namespace=constants,
    )
    cells.state_updater.when = "after_synapses"
    cells.run_regularly("input_dend = 0; input_soma = 0", when="after_synapses", order=1)
    cells.run_regularly("sum_dend += v_dend; sum_soma += v_soma; v_dend = 0; v_soma = 0", dt=onset, when="start")
    source.run_regularly("eligibility = 0", dt=onset, when="start")
    n_soma = sum(s.size for s in case.sources if s.compartment == "soma")
    weights = np.hstack([s.weight for s in case.sources])
    soma = _dense(source[:n_soma], cells, weights[:, :n_soma], "input_soma_post += w")
    dend = _dense(source[n_soma:], cells, weights[:, n_soma:], "input_dend_post += w")
    counters = [b2.SpikeMonitor(group, record=False) for group in (source, cells)]

    def mean(name: str):  # the last presentation has not been added
        return _variables(cells, f"sum_{name}", f"v_{name}"), lambda earlier, last: np.mean(earlier + last) / len(case)

    return Model(
        b2.Network(source, cells, soma, dend, *counters),
        len(case) * timeline.n_steps,
        {
            "spikes": (_variables(counters[0], "N"), np.sum),
            "output_spikes": (_variables(counters[1], "N"), np.sum),
            "v_soma": mean("soma"),
            "v_dend": mean("dend"),
        },
    )


def pair_rule(case: PairRule, *, documented: bool = False) -> Model:
    """Given spikes through relay cells, one step late, which hold the traces; the synapses change at spikes.

    With `documented` the traces are event-driven in each synapse, as in Brian2's documentation of STDP; a pair of
    spikes in the same step then counts once.
    """
    rule, form = case.rule, case.rule.spiking_form()
    namespace = rule.numbers() | {"w_max": case.w_max}
    reward = b2.TimedArray(np.concatenate([case.reward[:1], case.reward]), dt=DT * ms, name="given_reward")
    modulated = case.name == "MSTDPET"
    groups, objects = {}, []
    for side, raster, jump in (("pre", case.pre, form.at_pre_spike), ("post", case.post, form.at_post_spike)):
        step, cell = np.nonzero(raster)
        given = b2.SpikeGeneratorGroup(raster.shape[1], cell, step * DT * ms)
        equations, events = f"{getattr(form, side)}\narrived : 1", {}
        if side == "post" and modulated:
            equations += "\nmodulator : 1 (shared)\nmodulator_before : 1 (shared)"
            events = {"modulator_change": "modulator != modulator_before"}
        group = b2.NeuronGroup(
            raster.shape[1], equations, threshold="arrived > 0", reset=f"arrived = 0\n{jump}", events=events,
            method="exact", namespace=namespace | {"given_reward": reward},
        )  # fmt: skip
        group.resetter["spike"].when = "before_synapses"
        if modulated and side == "post":
            group.modulator = case.reward[0]
            group.run_regularly("modulator_before = modulator; modulator = given_reward(t)", when="start")
        relay = b2.Synapses(given, group, on_pre="arrived_post = 1")
        relay.connect(j="i")
        groups[side] = group
        objects += [given, group, relay]
    plastic = _pair_synapses(case, form, groups, namespace, documented)
    plastic.connect()
    plastic.w = np.ascontiguousarray(case.w0.T).ravel()

    def matrix(flat: np.ndarray) -> np.ndarray:
        return flat.reshape(case.n_pre, case.n_post).T

    def settled(w: np.ndarray, z: np.ndarray, last_step: np.ndarray) -> np.ndarray:
        """With what the reward of the steps since the last event has still to give."""
        q = np.exp(-DT / float(rule.tau_e / ms))
        pending = z * DT / 1000 * q * (1 - q ** (case.n_steps - last_step)) / (1 - q)
        return matrix(w + rule.learning_rate * case.reward[-1] * pending)

    wanted = (_variables(plastic, "w", "z", "last_step"), settled) if modulated else (_variables(plastic, "w"), matrix)
    return Model(b2.Network(*objects, plastic), case.n_steps + 1, {"w_approximate" if documented else "w": wanted})


def _pair_synapses(case: PairRule, form, groups: dict, namespace: dict, documented: bool) -> b2.Synapses:
    pre, post = groups["pre"], groups["post"]
    if documented:
        return b2.Synapses(
            pre,
            post,
            """w : 1
            dapre/dt = -apre/tau_plus : 1 (event-driven)
            dapost/dt = -apost/tau_minus : 1 (event-driven)""",
            on_pre="apre += a_plus\nw = clip(w + learning_rate*apost, 0, w_max)",
            on_post="apost += a_minus\nw = clip(w + learning_rate*apre, 0, w_max)",
            namespace=namespace,
        )
    if case.name == "STDP":
        clipped = "\nw = clip(w, 0, w_max)"
        return b2.Synapses(
            pre, post, "w : 1", on_pre=form.on_pre + clipped, on_post=form.on_post + clipped, namespace=namespace
        )
    return b2.Synapses(
        pre,
        post,
        "w : 1\nz : Hz\nlast_step : integer",
        on_pre=form.on_pre,
        on_post={"post": form.on_post, "reward": form.on_modulator},
        on_event={"reward": "modulator_change"},
        namespace=namespace,
    )


def learning(case: Learning) -> Model | None:
    """A learning event per step: per-synapse code between two groups that hold the vectors. No tied copies."""
    if case.kind == "tied":
        return None
    tables = {
        side: b2.TimedArray(values, dt=DT * ms, name=f"{side}_vectors")
        for side, values in (("pre", case.pre), ("post", case.post))
    }
    pre, post = (
        b2.NeuronGroup(
            values.shape[1],
            "x : 1\nrow_sum : 1",
            namespace={f"{side}_vectors": tables[side], "n_vectors": case.n_vectors},
        )
        for side, values in (("pre", case.pre), ("post", case.post))
    )
    for side, group in (("pre", pre), ("post", post)):  # looked up once per cell, not once per synapse
        group.run_regularly(f"x = {side}_vectors((t_in_timesteps % n_vectors)*dt, i)", when="start")
    synapses = b2.Synapses(pre, post, "w : 1", namespace={"low": case.low, "high": case.high, "scale": case.scale})
    synapses.connect()
    synapses.w = np.ascontiguousarray(case.w0.T).ravel()
    synapses.run_regularly("w = clip(w + x_pre*x_post, low, high)", when="synapses")
    if case.kind == "normalised":
        post.run_regularly("row_sum = 0", when="start")
        synapses.run_regularly("row_sum_post += w", when="synapses", order=1)
        synapses.run_regularly("w *= scale/row_sum_post", when="synapses", order=2)
    return Model(
        b2.Network(pre, post, synapses),
        case.n_events,
        {"w": (_variables(synapses, "w"), lambda flat: flat.reshape(case.n_pre, case.n_post).T)},
    )


MODELS: dict[type[Case], Callable[[Case], Model | None]] = {
    Feedforward: feedforward,
    Presentations: presentations,
    PairRule: pair_rule,
    Learning: learning,
}
