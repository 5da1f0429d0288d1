"""Public functions with arguments, to be called in unusual surroundings: threads, copies, forks, strict settings."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from brian2 import Hz, ms
from surrogate import train_surrogate

from spikedtp import compare_updates, load_rate_network, replay, run_torch_snn, simulate
from spikedtp.circuit import read_circuit
from spikedtp.compare import bootstrap_median, expected_update, noise_ceiling, repeat_ceiling, summarise
from spikedtp.plasticity import BTSP, MSTDPET, STDP, Signals, SignMask, TripletSTDP
from spikedtp.rate.online import sample_order, train_online
from spikedtp.spiking import Phases, SpikingNetwork, learn_readout, run_feedforward

SMALL = Path(__file__).parents[1] / "golden" / "small_dtp.yaml"
#: Rules of factors and of whole matrices, with memory, with gradients; ties, own values, normalisation.
CIRCUITS = (SMALL, "digits_btsp", "digits_backprop_dale", "digits_temporal_contrast", "digits_supervised_bcm")
SHORT = Phases(settle=20 * ms, read=10 * ms, nudge=20 * ms, wait=5 * ms)


def plain(value) -> object:
    """All that a result holds, comparable: arrays as their bytes."""
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    if isinstance(value, pd.DataFrame):
        return value.to_csv()
    if isinstance(value, Signals):
        return plain(vars(value))
    if isinstance(value, Mapping):
        return {key: plain(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


class Calls:
    """Public functions with arguments, by name; networks and responses are shared by all callers."""

    def __init__(self, device: str, circuits: int = len(CIRCUITS), faint: bool = False):
        rng = np.random.default_rng(7)
        self.device = device
        self.networks = {str(circuit): load_rate_network(circuit, seed=5) for circuit in CIRCUITS[:circuits]}
        first = next(iter(self.networks.values()))
        self.x = rng.random((6, first.circuit.input.size), dtype=np.float32)
        if faint:
            with np.errstate(under="ignore"):
                self.x *= np.logspace(0, -45, self.x.size, dtype=np.float64).reshape(self.x.shape)
        self.t = np.eye(first.circuit.output.size, dtype=np.float32)[rng.integers(0, 10, 6)]
        for network in self.networks.values():
            for x, t in zip(self.x, self.t, strict=True):
                network.train_step(x, t)
        self.responses = {name: network.present(self.x, self.t) for name, network in self.networks.items()}
        self.small = self.networks[str(SMALL)]
        self.given = rng.random((5, 40, 6)) < 0.3
        self.torch_weights = [rng.normal(0, 0.6, (6, 8)), rng.normal(0, 1, (8, 3))]
        self.pre, self.post, self.reward = rng.random((20, 4)) < 0.3, rng.random((20, 3)) < 0.3, rng.normal(size=20)

    def rate(self) -> dict[str, Callable]:
        """Of the rate side, and of plain arrays."""
        calls: dict[str, Callable] = {}
        for name, network in self.networks.items():
            for k in range(len(self.x)):
                x, t = self.x[k], self.t[k]
                calls |= {
                    f"{name} present {k}": partial(self.present, network, x, t),
                    f"{name} updates {k}": partial(network.weight_updates, x, t),
                    f"{name} bare updates {k}": partial(network.weight_updates, x, t, constrained=False),
                    f"{name} shared response {k}": partial(self.response_updates, name, k),
                }
            calls |= {
                f"{name} batch": partial(network.weight_updates, self.x[:3], self.t[:3]),
                f"{name} predict": partial(network.predict, self.x),
                f"{name} state": partial(self.state, network),
                f"{name} fresh": partial(self.fresh, name),
                f"{name} copies learn": partial(self.learn, network),
            }
        for rule in (STDP(), TripletSTDP(), MSTDPET(), BTSP(0.1)):
            calls[f"replay {type(rule).__name__}"] = partial(self.replayed, rule, "rate")
        rng = np.random.default_rng(1)
        calls |= {
            "order": lambda: sample_order(50, 120, 3),
            "read": lambda: repr(read_circuit(SMALL)),
            "bootstrap": partial(bootstrap_median, rng.random(30), np.arange(30) // 3, seed=2),
            "surrogate": self.surrogate,
        }
        return calls

    def spiking(self) -> dict[str, Callable]:
        """What runs Brian2 on the device."""
        device = self.device
        calls = {f"simulate {k}": partial(self.simulated, k) for k in range(3)}
        calls |= {
            "replay STDP": partial(self.replayed, STDP(), "spiking"),
            "replay MSTDPET": partial(self.replayed, MSTDPET(), "spiking"),
            "torch": lambda: run_torch_snn(self.torch_weights, self.given, device=device),
            "forward": lambda: dataclasses.asdict(run_feedforward(self.torch_weights, self.given, device=device)),
            "learn": self.learned_readout,
            "closed": self.closed,
            "closed predict": lambda: SpikingNetwork(self.small, phases=SHORT, device=device).predict(self.x[:2]),
        }
        return calls

    def present(self, network, x, t):
        response = network.present(x, t)
        return [response.activity, response.plateau, response.weight_updates, response.dendritic_state]

    def response_updates(self, name: str, k: int):
        response = self.responses[name]
        return [[response.updates(p, k), response.notebook_update(p, k)] for p in response.learned]

    def state(self, network):
        return [network.state_dict(), network.weights, network.biases, network.last_dendritic_state]

    def fresh(self, name: str):
        return load_rate_network(name, seed=9).state_dict()

    def learn(self, network):
        mine = copy.deepcopy(network)
        list(train_online(mine, self.x, self.t, n_samples=7, data_seed=1))
        return [mine.state_dict(), mine.rule_state, mine.last_dendritic_state]

    def surrogate(self):
        masks = (SignMask((1,) * 6), SignMask((0,) * 8))
        return train_surrogate(self.given, np.arange(5) % 3, masks, n_classes=3, epochs=2, seed=3).weights

    def replayed(self, rule, form: str):
        done = replay(rule, self.pre, self.post, 0.5, modulator=self.reward, form=form, device=self.device)
        return [done.w, done.state]

    def simulated(self, k: int):
        options = dict(population="H1E", seed=k, time_per_step=4 * ms, unit_rate=100 * Hz, n_repeats=2)
        rate, found = (
            self.small.present(self.x[k], self.t[k]),
            simulate(self.small, self.x[k], self.t[k], device=self.device, **options),
        )
        compared = [f(found, "H1E_InputE") for f in (noise_ceiling, expected_update, repeat_ceiling)]
        table = compare_updates(rate, found)
        return [found.spikes, found.v_soma, found.weight_updates, compared, table, summarise(table)]

    def learned_readout(self):
        run = learn_readout(self.torch_weights, self.given, np.arange(5) % 3, np.arange(5), device=self.device)
        return [value for value in vars(run).values() if isinstance(value, np.ndarray)]

    def closed(self):
        network = SpikingNetwork(self.small, phases=SHORT, device=self.device)
        response = network.respond(self.x[:1], self.t[:1], record=("spikes",))
        answers = network.train(self.x, self.t, np.arange(3), checkpoint_every=2)
        return [response.weight_updates, response.spikes, answers, network.state_dict(), network.rule_state]


@pytest.fixture(scope="module")
def make_calls() -> type[Calls]:
    return Calls


@pytest.fixture(scope="module")
def runtime() -> Calls:
    return Calls("runtime")


@pytest.fixture(scope="session", name="plain")
def comparable() -> Callable[[object], object]:
    return plain


@pytest.fixture(params=CIRCUITS, ids=lambda circuit: Path(circuit).stem)
def circuit(request) -> str:
    return str(request.param)
