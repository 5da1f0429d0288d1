"""Rules of EIANN's circuits, which share one circuit of excitatory cells with dendrites, and interneurons."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from gaps.training import IN_PARITY, settings_of
from kept import trained

from rivals.task import Task, cpu_per_sample, found
from spikedtp import compare_updates, load_rate_network
from spikedtp.circuit import Circuit, read_circuit
from spikedtp.configuration import TrainConfiguration
from spikedtp.jobs.settings import in_spikes
from spikedtp.rate import RateNetwork
from spikedtp.rate.backprop_clone import BackpropClone, angle
from spikedtp.rate.online import sample_order, train_online
from spikedtp.spiking import SpikingNetwork

__all__ = ["CIRCUITS", "READ_OUT", "measured", "time_of"]

READ_OUT = "read-out only"
#: Rule -> circuits of MNIST and of digits.
CIRCUITS = {
    "backprop": ("mnist_backprop_dale", "digits_backprop_dale"),
    "5J": ("mnist_dtp_one_pass", "digits_dtp"),
    "learned top-down": ("mnist_dtp_learned_top_down", "digits_dtp_learned_top_down"),
    "BTSP": ("mnist_btsp", "digits_btsp"),
    "temporal contrast": ("mnist_temporal_contrast", "digits_temporal_contrast"),
    READ_OUT: ("mnist_dtp_one_pass", "digits_dtp"),
}


def measured(rule: str, form: str, seed: int, task: Task) -> dict[str, Any]:
    """Train a circuit and ask it: see `rivals.task.found`. In spikes the probes on the way are asked in rate."""
    circuit = _circuit(rule, task)
    file = task.folder / f"{circuit.name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    circuit.to_yaml(file)
    settings: dict[str, Any] = dict(
        circuit=str(file), data=task.data, samples=task.samples, validation=task.validation, validation_from="end",
        schedule="constant", average_last=task.samples // 5, probe_every=task.probe_every, keep_at=(task.early,),
        seed=seed, data_seed=seed, mode=form, device=task.device, **_in_spikes(circuit, form),
    )  # fmt: skip
    out = trained(task.folder, **settings)
    network, configuration = load_rate_network(circuit, out / "weights.pt"), TrainConfiguration(**settings)
    asked: RateNetwork | SpikingNetwork = in_spikes(network, configuration) if form == "spiking" else network
    validation = json.loads((out / "summary.json").read_text())["validation_accuracy"]
    test = float((asked.predict(task.whole.test_x) == task.whole.test_y).mean()) if task.tested else None
    curve = pd.read_csv(out / "learning_curve.csv")[["samples", "accuracy_rate"]].itertuples(index=False)
    early = load_rate_network(circuit, out / f"weights_{task.early}.pt")
    return found(curve=curve, validation=validation, test=test, **_changes(early, configuration, task))


def time_of(rule: str, form: str, task: Task) -> float:
    """Processor time for one training sample in ms, of a network that begins to learn."""
    circuit, data = _circuit(rule, task), task.material
    settings: dict[str, Any] = dict(mode=form, device=task.device, **_in_spikes(circuit, form))

    def learn(n: int) -> None:
        network = load_rate_network(circuit, seed=1)
        if form == "spiking":
            order = sample_order(len(data.train_y), n, 1)
            in_spikes(network, TrainConfiguration(**settings)).train(
                data.train_x, data.train_t, order, schedule="constant"
            )
        else:
            given = dict(n_samples=n, data_seed=1, schedule="constant")
            for _ in train_online(network, data.train_x, data.train_t, **given):
                pass

    return cpu_per_sample(learn)


def _circuit(rule: str, task: Task) -> Circuit:
    circuit = read_circuit(CIRCUITS[rule][task.kind == "digits"])
    if rule != READ_OUT:
        return circuit
    output = circuit.output.name
    frozen = tuple(p if p.post == output else replace(p, rule=None) for p in circuit.projections)
    return replace(circuit, name=f"{circuit.name}_read_out_only", projections=frozen)


def _in_spikes(circuit: Circuit, form: str) -> dict[str, Any]:
    return settings_of(circuit, False)[IN_PARITY] if form == "spiking" else {}


def _changes(network: RateNetwork, configuration: TrainConfiguration, task: Task) -> dict[str, float | None]:
    """Weight changes of single validation samples: against backprop and against the rate form, and spikes."""
    clone, data = BackpropClone(network.circuit), task.material
    hidden = [p.name for p in clone.projections if p.post != network.circuit.output.name]
    x, target = data.test_x[: task.compared], data.test_t[: task.compared]
    clone.load(network.weights, network.biases)
    down = [clone.gradients(x[k : k + 1], target[k : k + 1]) for k in range(len(x))]
    rate = network.present(x, target)
    if configuration.mode == "rate":
        angles = [angle(rate.updates(name)[k], -slopes[name]) for name in hidden for k, slopes in enumerate(down)]
        return {"angle": float(np.nanmean(angles)) if angles else None}
    spiking = in_spikes(network, configuration).respond(x, target, n_repeats=task.repeats, record=("spikes",))
    changes = spiking.weight_updates
    angles = [
        angle(changes.of(name, k, repeat), -slopes[name])
        for name in hidden for k, slopes in enumerate(down) for repeat in range(task.repeats)
    ]  # fmt: skip
    numbers: dict[str, float | None] = {"angle": float(np.nanmean(angles)) if angles else None}
    table = compare_updates(rate, spiking, references=["trained"])
    table = table[table["projection"].isin(hidden)]
    if len(table):
        numbers |= {"cosine": table["cosine"].median(), "ceiling": table["noise_ceiling"].median()}
    presented = len(x) * task.repeats
    numbers["spikes"] = sum(int(spikes.sum()) for spikes in spiking.spikes.values()) / presented
    return numbers | {"simulated_ms": spiking.spec.phases.end * float(spiking.spec.phases.dt) * 1e3}
