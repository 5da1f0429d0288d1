"""The whole circuit in regular spikes against the rate network: errors are bounded cell by cell, loops included.

The mean voltage of a window is a bias and a weighted sum of spike counts, but for what the membrane still holds at its
ends. A regular spike train counts its mean activity to within one spike. Both errors go round the circuit, so that they
solve a linear system with the absolute weights.
"""

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms
from differential.drawn_circuits import Drawn
from differential.open_loop import Found
from differential.theory import corner_bound

from spikedtp.circuit import nudge_kind, plateau_of
from spikedtp.neurons import NudgedCell
from spikedtp.spiking import Phases, SpikingNetwork

__all__ = ["compare_closed"]

#: What a rule reads of the nudge.
NUDGED = ("pre_nudged", "pre_nudged_pre", "post_nudged", "post_nudged_post", "plateau", "plateau_post")


def compare_closed(drawn: Drawn, seed: int, device: str = "runtime") -> Found:
    """Respond and compare; `SpikedtpError` where the closed loop refuses."""
    rng, network = np.random.default_rng([seed, 2]), drawn.network
    cell = NudgedCell(
        firing="regular", tau_soma=float(rng.choice([20.0, 60.0])) * ms, tau_dend=float(rng.choice([10.0, 20.0])) * ms
    )
    phases = Phases(settle=1000 * ms, read=600 * ms, nudge=500 * ms, wait=200 * ms)
    spiking = SpikingNetwork(
        network, cell=cell, phases=phases, unit_rate=float(rng.choice([200.0, 400.0])) * Hz,
        spikers=int(rng.choice([1, 3])), device=device,
        on_off=bool((drawn.x < 0).any()) or any(p.activation == "linear" for p in network.circuit.populations[1:]),
    )  # fmt: skip
    response = spiking.respond(drawn.x, drawn.target, seed=seed, record=("v_soma", "v_dend"))
    return _compare(drawn, response)


def _compare(drawn: Drawn, response) -> Found:
    network, spec, found = drawn.network, response.spec, Found()
    if response.clipped:
        found.notes.append("clipped, and named")
        return found
    circuit, rate = network.circuit, network.present(drawn.x, drawn.target)
    dt = float(spec.phases.dt)
    for sample in range(len(drawn.x)):
        v_soma, v_dend = (
            {name: v[sample, 0] for name, v in traces.items()} for traces in (response.v_soma, response.v_dend)
        )
        bounds = _settled_bounds(drawn, spec, rate, v_soma, sample)
        settled, counted = response.activity, response.counted
        for p in circuit.populations[1:]:
            error = np.abs(settled[p.name][sample, 0] - rate.activity[p.name][sample, rate.forward_steps - 1])
            found.take("signals", np.max(error / bounds[p.name]["settled"]), f"{p.name} settled")
            error = np.abs(counted[p.name][sample, 0] - rate.activity[p.name][sample, rate.forward_steps - 1])
            found.take("signals", np.max(error / bounds[p.name]["counted"]), f"{p.name} counted")
        for p in circuit.projections:
            if p.name in response.projections:
                _compare_projection(found, drawn, rate, response, p, sample, bounds, v_dend, dt)
        if nudge_kind(circuit) == "one-pass":
            nudged = _nudged_bounds(drawn, rate, response, sample, bounds, v_dend)
            _compare_biases(found, rate, response, sample, nudged)
    return found


def _compare_biases(found, rate, response, sample, nudged) -> None:
    """A bias changes by its learning rate times a plateau, which is off by no more than is allowed."""
    for name, change in response.bias_updates.items():
        rule = rate.circuit.population(name).bias_rule
        error = np.abs(change[sample, 0] - rate.bias_updates[name][sample])
        allowed = rule.learning_rate * nudged[name]["plateau"] + 1e-6
        found.take("updates", np.max(error / allowed), f"the bias of {name}")


def _one_spike(spec, population: str, window: tuple[int, int]) -> float:
    """One spike of a window as an activity."""
    steps = window[1] - window[0]
    return 1.01 / float(spec.unit_rates[population] * spec.phases.dt * steps)


def _wobble(voltage: np.ndarray) -> np.ndarray:
    """How far the mean of max(v, 0) may be from max(mean of v, 0): nothing where v keeps its sign."""
    away = np.abs(voltage - voltage.mean(axis=0)).mean(axis=0)
    return np.where((voltage.min(axis=0) > 0) | (voltage.max(axis=0) < 0), 0.0, away)


def _settled_bounds(drawn: Drawn, spec, rate, v_soma: dict, sample: int) -> dict[str, dict[str, np.ndarray]]:
    """By population: how far settled activities, and counted ones, may be from the rate network's."""
    network, circuit = drawn.network, drawn.network.circuit
    first, stop = spec.phases.settled
    length, tau = (stop - first) * float(spec.phases.dt), float(spec.cell.tau_soma)
    places, begin = {}, 0
    for p in circuit.populations[1:]:
        places[p.name], begin = slice(begin, begin + p.size), begin + p.size
    weights, known = np.zeros((begin, begin)), np.zeros(begin)
    extra = {circuit.input.name: np.full(circuit.input.size, _one_spike(spec, circuit.input.name, (first, stop)))}
    for name, place in places.items():
        window = v_soma[name][first:stop]
        held = tau * np.abs(window[-1] - v_soma[name][first - 1]) / length
        # what the rate network itself has not settled
        activity = rate.activity[name][sample]
        drive = network.biases[name] + sum(
            network.weights[p.name] @ rate.activity[p.pre][sample][rate.forward_steps - 1]
            for p in circuit.inputs(name)
            if p.compartment == "soma"
        )
        if name in spec.signed:
            # of on and of off cells; the difference of what they fire at is v itself
            extra[name] = np.full(circuit.population(name).size, 2 * _one_spike(spec, name, (first, stop)))
        else:
            drive = np.maximum(drive, 0)
            extra[name] = _one_spike(spec, name, (first, stop)) + _wobble(window)
        held = held + np.abs(drive - activity[rate.forward_steps - 1])
        known[place] += held + 1e-4
    for name, place in places.items():
        for p in circuit.inputs(name):
            if p.compartment != "soma":
                continue
            size = np.abs(network.weights[p.name].astype(float))
            known[place] += size @ extra[p.pre] * 1.5  # a window of arrivals begins and ends between spikes
            if p.pre in places:
                weights[place, places[p.pre]] += size
    bound = np.linalg.solve(np.eye(begin) - weights, known)
    found = {name: {"settled": bound[place], "counted": bound[place] + extra[name]} for name, place in places.items()}
    exact = extra[circuit.input.name] + 1e-6
    return found | {circuit.input.name: {"settled": exact, "counted": exact}}


def _compare_projection(found, drawn, rate, response, p, sample, bounds, v_dend, dt) -> None:
    network, spec, circuit = drawn.network, response.spec, drawn.network.circuit
    rule, is_rate = p.rule, rate.signals[p.name]
    signals = {k: None if v is None else v[sample] for k, v in vars(is_rate).items()}
    off = {
        "pre_settled": bounds[p.pre]["counted"],
        "pre_settled_previous": bounds[p.pre]["counted"],
        "post_settled": bounds[p.post]["settled"],
    }
    counted = {q.name: bounds[q.name]["counted"] for q in circuit.populations}
    dendrite = _dendrite_bound(drawn, spec, p.post, spec.phases.settled, v_dend, counted)
    if dendrite is not None:
        off["dendrite_settled"] = dendrite
    kind = nudge_kind(circuit)
    nudged = None
    if kind == "one-pass":
        nudged = _nudged_bounds(drawn, rate, response, sample, bounds, v_dend)
        off["pre_nudged"] = nudged[p.pre]["counted"]
        off["post_nudged"] = nudged[p.post]["nudged"]
        if signals["plateau"] is not None:
            off["plateau"] = nudged[p.post]["plateau"]
    elif any(rule.spiking_form().uses(name) for name in NUDGED):
        return  # an equilibrated nudge moves somas that a closed loop holds
    seen = {k: None if v is None else v[sample, 0] for k, v in vars(response.signals[p.name]).items()}
    for name, allowed in off.items():
        if signals[name] is not None:
            error = np.abs(seen[name] - signals[name])
            found.take("signals", np.max(error / (allowed + 1e-5)), f"{p.name} {name}")
    weight, state = network.weights[p.name], network.rule_state[p.name]
    bound = corner_bound(lambda s: rule.update(s, weight, state), type(is_rate)(**signals), off)
    change, reference = response.weight_updates.of(p.name, sample, 0), rate.updates(p.name, sample)
    found.take("updates", np.max(np.abs(change - reference) / (bound + 1e-6)), f"{p.name} ({type(rule).__name__})")


def _dendrite_bound(drawn: Drawn, spec, population: str, window, v_dend, counted) -> np.ndarray | None:
    """How far the mean dendritic voltage of a window may be from the rate network's dendritic state."""
    inputs = [p for p in drawn.network.circuit.inputs(population) if p.compartment == "dend"]
    if not inputs:
        return None
    first, stop = window
    voltage, length = v_dend[population], (stop - first) * float(spec.phases.dt)
    bound = float(spec.cell.tau_dend) * np.abs(voltage[stop - 1] - voltage[first - 1]) / length + 1e-4
    for p in inputs:
        edge = 0.5 * _one_spike(spec, p.pre, window)
        bound = bound + np.abs(drawn.network.weights[p.name].astype(float)) @ (counted[p.pre] + edge)
    return bound


def _nudged_bounds(drawn: Drawn, rate, response, sample, bounds, v_dend) -> dict[str, dict[str, np.ndarray]]:
    """By population, from the top: how far plateaus and nudged activities may be off. All somas are held."""
    circuit, spec = drawn.network.circuit, response.spec
    window = spec.windows["nudged"]
    found = {}
    for layer in reversed(circuit.layers.values()):
        # interneurons have no plateau: what holds for them is known first
        for p in sorted(layer, key=lambda p: plateau_of(circuit, p) is not None):
            one = _one_spike(spec, p.name, window) * (1 + (p.name in spec.signed))
            if p == circuit.input:
                found[p.name] = {"counted": np.full(p.size, one), "nudged": np.zeros(p.size)}
                continue
            settled, plateau = bounds[p.name]["settled"], plateau_of(circuit, p)
            off, wobble = np.zeros(p.size), np.zeros(p.size)
            if plateau is not None:
                made = np.abs(rate.plateau[p.name][sample])
                if p == circuit.output:
                    off = settled.copy()
                    largest = np.abs(drawn.target[sample] - response.activity[p.name][sample, 0]).clip(0, 1)
                else:
                    counted = {name: value["counted"] for name, value in found.items()}
                    off = _dendrite_bound(drawn, spec, p.name, window, v_dend, counted)
                    voltage = v_dend[p.name][window[0] : window[1]]
                    wobble = np.abs(voltage - voltage.mean(axis=0)).mean(axis=0)
                    largest = np.abs(voltage.mean(axis=0)).clip(0, 1)
                activity = rate.activity[p.name][sample][rate.forward_steps - 1]
                close = (activity <= settled) & (p.name not in spec.signed)  # their gate is open but at 0 itself
                if plateau.relu_gate:  # on either side of the gate
                    off = np.where(close, np.maximum(off, np.maximum(made, largest) + off), off)
                off = off + wobble  # a clip inside the window
            found[p.name] = {
                "plateau": off,
                "nudged": settled + off,
                "counted": settled + off + one + wobble + bounds[p.name]["counted"] - settled,
            }
    return found
