"""What is measured of one step of the ladder with one seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Hz
from kept import trained
from processor_time import cpu_seconds

from ladder.steps import RATE, settings_of
from spikedtp import compare_updates, load_rate_network
from spikedtp.circuit import Circuit, read_circuit
from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import Dataset, load
from spikedtp.jobs.settings import in_spikes, with_rules
from spikedtp.rate.online import sample_order

__all__ = ["Ladder"]

FEW, MANY = 100, 700  # presentations of two short trainings, for the time of one
#: What the rate network and the spiking one with the same weights are compared in: name -> population.
PLATEAUS = {"output plateau": "OutputE", "H2E plateau": "H2E", "H1E plateau": "H1E"}


@dataclass(frozen=True)
class Ladder:
    """The task of all steps.

    Attributes
    ----------
    circuit, data : str
        As in ``spikedtp train``; the circuit is that of steps with fixed top-down weights.
    samples, validation : int
        Presentations, and training samples that are held out from the end.
    compared : int
        Validation samples whose signals and weight changes are compared.
    folder : Path
        Where trained networks are kept.
    device : str
    """

    circuit: str
    data: str
    samples: int
    validation: int
    compared: int
    folder: Path
    device: str | None

    @cached_property
    def material(self) -> Dataset:
        """Its test part are the validation samples."""
        return load(self.data).validated(self.validation, None)

    def training(self, step: str, seed: int) -> dict[str, Any]:
        """The settings of ``spikedtp train``."""
        return settings_of(step, self.circuit) | dict(
            data=self.data, samples=self.samples, validation=self.validation, validation_from="end",
            probe_every=self.samples, seed=seed, data_seed=seed, device=self.device,
        )  # fmt: skip

    def measured(self, step: str, seed: int) -> dict[str, Any]:
        """Accuracies, firing rates, and cosines with the rate network that has the same weights."""
        settings = self.training(step, seed)
        out = trained(self.folder, **settings)
        summary = json.loads((out / "summary.json").read_text())
        found = {
            "spikes": summary["validation_accuracy"] if settings["mode"] == "spiking" else np.nan,
            "rate": summary.get("validation_accuracy_in_rate", summary["validation_accuracy"]),
        }
        return found if step == RATE else found | self._compared(out / "weights.pt", TrainConfiguration(**settings))

    def _compared(self, weights: Path, settings: TrainConfiguration) -> dict[str, float]:
        network = load_rate_network(circuit_of(settings), weights)
        x, target = self.material.test_x[: self.compared], self.material.test_t[: self.compared]
        rate, spiking = network.present(x, target), in_spikes(network, settings)
        response = spiking.respond(x, target, n_repeats=2)
        excitatory = [p.name for p in network.circuit.populations[1:] if p.cell == "E"]
        rates = {
            name: response.counted[name].ravel() * float(spiking.spec.unit_rates[name] / Hz) for name in excitatory
        }
        hidden = np.concatenate([rates[name] for name in excitatory[:-1]])
        found = {"hidden rate": hidden.mean(), "hidden rate, 95 %": np.percentile(hidden, 95)}
        found["output rate"] = rates[excitatory[-1]].mean()
        inputs = response.counted[network.circuit.input.name]
        found["input rate"] = inputs.mean() * float(spiking.spec.unit_rates[network.circuit.input.name] / Hz)
        learned = self._learned(network)
        heard = {p.post: response.projections[name].signals for name, p in learned.items()}
        for name, population in PLATEAUS.items():
            found[name] = cosine(heard[population].plateau[:, 0], rate.plateau[population])
        last = rate.forward_steps - 1
        for name in excitatory[:-1]:
            found[f"{name} trace"] = cosine(response.counted[name][:, 0], rate.activity[name][:, last])
        table = compare_updates(rate, response, references=["trained"])
        for name, p in learned.items():
            part = table[table["projection"] == name]
            found |= {f"ΔW {p.post}": part["cosine"].median(), f"ΔW {p.post}, ceiling": part["noise_ceiling"].median()}
        return {name: float(value) for name, value in found.items()}

    @staticmethod
    def _learned(network: Any) -> dict[str, Any]:
        """The projections that feed excitatory cells from below: name -> projection."""
        layers = list(network.circuit.layers)
        depth = {p.name: layers.index(p.layer) for p in network.circuit.populations}
        return {
            p.name: p
            for p in network.circuit.projections
            if p.rule is not None and p.post.endswith("E") and p.compartment == "soma" and depth[p.pre] < depth[p.post]
        }

    def time_of(self, step: str) -> float:
        """Processor time of one training sample in ms, as a network begins to learn."""
        settings, used = TrainConfiguration(**self.training(step, 1)), []
        order = sample_order(len(self.material.train_y), MANY, 1)
        for n in (2, FEW, MANY):  # the first one builds
            spiking = in_spikes(load_rate_network(circuit_of(settings), seed=1), settings)
            started = cpu_seconds()
            spiking.train(self.material.train_x, self.material.train_t, order[:n], seed=1)
            used.append(cpu_seconds() - started)
        return 1e3 * (used[2] - used[1]) / (MANY - FEW)

    def control(self, kind: str, step: str, seed: int) -> dict[str, float]:
        """Accuracy where targets are shuffled, or where all hidden weights stay as they were drawn."""
        settings = TrainConfiguration(**self.training(step, seed))
        circuit, data = circuit_of(settings), self.material
        if kind == "frozen hidden layers":
            output = circuit.output.name
            kept = tuple(p if p.post == output else replace(p, rule=None) for p in circuit.projections)
            circuit = replace(circuit, name=f"{circuit.name}_frozen", projections=kept)
        shuffled = np.random.default_rng(seed).permutation(len(data.train_t))
        targets = data.train_t[shuffled] if kind == "shuffled targets" else data.train_t
        spiking = in_spikes(load_rate_network(circuit, seed=seed), settings)
        spiking.train(data.train_x, targets, sample_order(len(targets), self.samples, seed), seed=seed)
        in_rate = load_rate_network(circuit, seed=seed)
        in_rate.load_state_dict(spiking.state_dict())
        return {
            name: float((network.predict(data.test_x) == data.test_y).mean())
            for name, network in (("spikes", spiking), ("rate", in_rate))
        }


def circuit_of(settings: TrainConfiguration) -> Circuit:
    """The circuit of a training, with the rules that it asks for."""
    return with_rules(read_circuit(settings.circuit), settings.rules)


def cosine(found: np.ndarray, wanted: np.ndarray) -> float:
    """The median over samples of the cosine; samples where nothing is wanted are left out."""
    sizes = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    some = np.linalg.norm(wanted, axis=1) > 0
    return float(np.median((found * wanted).sum(axis=1)[some] / np.maximum(sizes[some], 1e-12)))
