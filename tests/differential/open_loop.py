"""One population in spikes against the rate network: read-outs within their noise, ΔW within what that noise can do."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2 import Hz, ms
from differential.drawn_circuits import Drawn
from differential.theory import corner_bound, replayed_activity, window_moments

from spikedtp import simulate
from spikedtp.circuit import plateau_of
from spikedtp.neurons import PoissonInput, TwoCompartment, TwoCompartmentLIF

__all__ = ["Found", "compare_open"]

N_REPEATS = 3
#: Standard errors that a read-out may be off by: with a million of them, one in two hundred runs has such a one.
SIGMAS = 6.0


@dataclass
class Found:
    """Worst deviations: `signals` in standard errors or, as the others, as shares of what was predicted."""

    signals: float = 0.0
    hull: float = 0.0
    updates: float = 0.0
    notes: list[str] = field(default_factory=list)

    def take(self, name: str, value: float, note: str) -> None:
        if value > getattr(self, name):
            setattr(self, name, float(value))
            self.notes.append(f"{name} {value:.2f} {note}")


def compare_open(drawn: Drawn, population: str, seed: int, device: str = "runtime") -> Found:
    """Simulate and compare; `SpikedtpError` where the open loop refuses."""
    rng = np.random.default_rng([seed, 1])
    unit_rate = float(rng.choice([100.0, 250.0, 400.0]))
    dead_time = float(rng.choice([1.0, 2.0, 2.4]))  # ms; at least dt, so that every spike has a step of its own
    inputs = PoissonInput(
        dead_time=dead_time * ms, max_rate=min(1000 / dead_time, 1000) * Hz, weight_scale=float(rng.choice([1.0, 2.3])),
        spike_width=float(rng.choice([1.0, 2.0])) * ms,
    )  # fmt: skip
    made = (TwoCompartment, TwoCompartmentLIF)[rng.integers(2)]
    cell = made(weight_scale=float(rng.choice([1.0, 2.3])), spike_width=float(rng.choice([1.0, 2.0])) * ms)
    response = simulate(
        drawn.network, drawn.x, drawn.target, population=population, device=device, seed=seed, record=(), cell=cell,
        inputs=inputs, unit_rate=unit_rate * Hz, time_per_step=int(rng.choice([20, 50])) * ms, n_repeats=N_REPEATS,
        on_off=drawn.signed,
    )  # fmt: skip
    return _compare(drawn, population, response, unit_rate, dead_time)


def _compare(drawn: Drawn, population: str, response, unit_rate: float, dead_time: float) -> Found:
    network, spec, found = drawn.network, response.spec, Found()
    circuit = network.circuit
    rate, replayed = (network.present(drawn.x, drawn.target, nudge_populations=who) for who in ("training", "all"))
    n_steps, dt = spec.timeline.n_steps, float(spec.timeline.dt)
    lag = round(float(spec.timeline.time_per_step) / dt)
    highest = float(spec.inputs.max_rate) / unit_rate
    cell_gain = spec.cell.weight_scale * unit_rate * float(spec.cell.spike_width)
    vectors = {k: v.reshape(len(drawn.x), N_REPEATS, -1) for k, v in response.results.vectors.items()}
    onset = rate.forward_steps
    for sample in range(len(drawn.x)):
        # every input: activity at the rate steps that are shown, and what its spikes give in each window
        shown, moments = {}, {}
        for p in circuit.inputs(population):
            activity = replayed.activity[p.pre][sample]
            last = len(activity) - 1
            steps = [max(k, 0) for k in range(onset - 11, onset)] + [min(k, last) for k in range(onset, onset + 10)]
            shown[p.name] = activity[steps]
            course = replayed_activity(shown[p.name], n_steps, lag * ((p.direction == "R") + p.delay))
            for (signal, phase, _), kernel in spec.kernels.weights.items():
                if signal in ("trace", "dendrite" if p.compartment == "dend" else "soma"):
                    on = window_moments(course.clip(0, None), kernel, unit_rate, dead_time / 1e3, dt, highest)
                    off = window_moments((-course).clip(0, None), kernel, unit_rate, dead_time / 1e3, dt, highest)
                    moments[p.name, signal, phase] = on[0] - off[0], on[1] + off[1]

        def cells(signal: str, phase: str, moments=moments) -> tuple[np.ndarray, np.ndarray]:
            """Mean and variance of a read-out of the population."""
            mean, variance = np.zeros(circuit.population(population).size), 0.0
            for p in circuit.inputs(population):
                if p.compartment == ("dend" if signal == "dendrite" else "soma"):
                    w, (m, v) = network.weights[p.name].astype(float), moments[p.name, signal, phase]
                    mean, variance = mean + w @ m, variance + w**2 @ v
            return mean + (network.biases[population] if signal == "soma" else 0), variance + np.zeros_like(mean)

        theory = {(s, f): cells(s, f) for s in ("dendrite", "soma") for f in ("settled", "nudged")}
        for (signal, phase), (mean, variance) in theory.items():
            measured = vectors[f"{signal}_{phase}"][sample] / cell_gain
            found.take("signals", _sigmas(measured, mean, variance), f"{signal} {phase}")
        for p in circuit.inputs(population):
            if p.name in response.projections:
                _compare_projection(
                    found,
                    drawn,
                    rate,
                    response,
                    p,
                    sample,
                    shown,
                    {k[1:]: v for k, v in moments.items() if k[0] == p.name},
                    theory,
                )
    return found


def _sigmas(measured: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> float:
    error = np.sqrt(variance / len(measured)) + 1e-4
    return float(np.max(np.abs(measured.mean(axis=0) - mean) / error))


def _compare_projection(found, drawn, rate, response, p, sample, shown, moments, theory) -> None:
    circuit, network = drawn.network.circuit, drawn.network
    population = circuit.population(p.post)
    is_output, relu = population == circuit.output, population.activation == "relu"
    plateau = plateau_of(circuit, population)
    signals = {k: None if v is None else v[sample] for k, v in vars(rate.signals[p.name]).items()}
    plastic, off = response.projections[p.name], {}

    def rectified(values):
        return values.clip(0, None) if relu else values

    def expect(name: str, mean: np.ndarray, variance: np.ndarray) -> None:
        """How far a single presentation may be from the rate network's signal: noise, and what is known of the rest."""
        if signals[name] is not None:
            off[name] = SIGMAS * np.sqrt(variance) + np.abs(mean - signals[name]) + 1e-4

    expect("pre_settled", *moments["trace", "settled"])
    expect("pre_nudged", *moments["trace", "nudged"])
    expect("pre_settled_previous", *moments["trace", "settled"])
    soma, soma_variance = theory["soma", "settled"]
    expect("post_settled", rectified(soma), soma_variance)
    expect("dendrite_settled", *theory["dendrite", "settled"])
    made = np.zeros_like(soma)
    if plateau is not None:
        state, variance = theory["dendrite", "nudged"]
        if is_output:
            state, variance = drawn.target[sample] - rectified(soma), soma_variance
        plateau.write(state.clip(-1, 1), rate.signals[p.name].post_settled[sample], made, is_output=is_output)
        expect("plateau", made, variance)
        if plateau.max_pop_fraction < 1 and not is_output:  # noise exchanges ranks: any of them may be kept or lost
            off["plateau"] += np.abs(state).max()
    soma_nudged, variance = theory["soma", "nudged"]
    expect("post_nudged", rectified(soma_nudged + made), variance)
    off["post_nudged"] += off.get("plateau", 0.0)

    # the known part of the difference is no more than what activities change while they are shown
    settled_pre = signals["pre_settled"]
    reach = np.abs(shown[p.name][:11] - settled_pre).max(axis=0) + 0.02 * np.abs(settled_pre) + 2e-3
    clipped = np.abs(shown[p.name]).max() > float(response.spec.inputs.max_rate / response.spec.inputs.unit_rate)
    if not clipped:
        found.take("hull", np.max(np.abs(moments["trace", "settled"][0] - settled_pre) / reach), f"{p.name} pre")
        wander = sum(
            np.abs(network.weights[q.name]) @ np.abs(shown[q.name][:11] - shown[q.name][10]).max(axis=0)
            for q in circuit.inputs(p.post) if q.compartment == "soma"
        ) + 2e-3  # fmt: skip
        balance = np.abs(rectified(soma) - signals["post_settled"])
        found.take("hull", np.max(balance / (wander + 0.02 * np.abs(soma) + 5e-3)), f"{p.name} post")

    weight, state = network.weights[p.name], network.rule_state[p.name]
    reference = rate.updates(p.name, sample)
    bound = corner_bound(lambda s: plastic.rule.update(s, weight, state), type(rate.signals[p.name])(**signals), off)
    for repeat in range(N_REPEATS):
        change = response.weight_updates.of(p.name, sample, repeat)
        share = np.abs(change - reference) / (bound + 1e-6)
        found.take("updates", share.max(), f"{p.name} ({type(p.rule).__name__})")
