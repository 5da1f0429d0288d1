"""Images and networks that are planned and simulated alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from plans.simulated import Simulated, simulated_until
from spikedtp import RateNetwork, datasets, load_rate_network, plan, simulate
from spikedtp.circuit import read_circuit
from spikedtp.models import weights_file
from spikedtp.planning import PlannedComparison
from spikedtp.planning.prediction import Prediction, predict
from spikedtp.plasticity import make_rule
from spikedtp.spiking import Response

__all__ = ["Case", "digits", "mnist"]


class Case:
    """A trained network and test images."""

    def __init__(self, network: RateNetwork, x: np.ndarray, target: np.ndarray, device: str, seed: int = 0):
        self.network, self.x, self.target, self.device, self.seed = network, x, target, device, seed
        self.rate = network.present(x, target)

    def plan(self, **options: Any) -> PlannedComparison:
        return plan(self.network, self.x, self.target, seed=self.seed, **options)

    def predictions(self, averages: tuple[int, ...], n_draws: int, **options: Any) -> dict[int, dict[str, Prediction]]:
        """The plans for several numbers of repeats, from the same draws."""
        planned = self.plan(n_draws=n_draws, **options)
        drawn = planned.scene.draw(planned.setting, n_draws=n_draws, seed=self.seed)
        return {average: predict(planned.scene, drawn, average) for average in averages}

    def simulated(
        self, averages: tuple[int, ...], *, block: int, enough: float, most: int, **options: Any
    ) -> Simulated:
        return simulated_until(
            lambda k, n: self.respond(n, k, **options), self.rate, averages, block=block, enough=enough, most=most
        )

    def respond(self, n_repeats: int, part: int = 0, **options: Any) -> Response:
        """Presentations with spikes of their own in each part."""
        return simulate(
            self.network, self.x, self.target, n_repeats=n_repeats, record=(), device=self.device,
            seed=1000 * self.seed + part + 1, **options,
        )  # fmt: skip

    def with_rule(self, projection: str, rule: str, seed: int) -> Case:
        """The same with another rule for one projection, and other spikes."""
        circuit = self.network.circuit
        old = circuit.projection(projection).rule
        assert old is not None
        new = make_rule(rule, learning_rate=old.learning_rate)
        changed = tuple(replace(p, rule=new) if p.name == projection else p for p in circuit.projections)
        network = load_rate_network(replace(circuit, projections=changed), self.network.state_dict())
        return Case(network, self.x, self.target, self.device, seed)


def digits(n: int, device: str, seed: int = 0) -> Case:
    """The circuit that ships trained, and the first test images."""
    data = datasets.load("digits", parts=("test",))
    network = load_rate_network(read_circuit("digits_dtp"), weights_file("digits_dtp"))
    return Case(network, data.test_x[:n], data.test_t[:n], device, seed)


def mnist(folder: Path, weights: Path, n: int, device: str, seed: int = 0) -> Case:
    data = datasets.load(f"mnist:{folder}", parts=("test",))
    network = load_rate_network("mnist_dtp_one_pass", weights)
    return Case(network, data.test_x[:n], data.test_t[:n], device, seed)
