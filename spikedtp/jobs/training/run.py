"""A training run under way: the network, its learning curve, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from spikedtp.circuit import weight_key
from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import Dataset
from spikedtp.jobs.settings import in_spikes
from spikedtp.jobs.training.kept_weights import KeptWeights
from spikedtp.plasticity import Tied
from spikedtp.rate import RateNetwork
from spikedtp.rate.online import sample_order
from spikedtp.spiking import SpikingNetwork

__all__ = ["Probed", "Progress", "TrainingRun"]

#: Told how many presentations are done, and the share of recent answers that were right (None in rate).
Progress = Callable[[int, float | None], object]
#: Told how many presentations are done, and the accuracy in rate that was measured then (None without a held-out part).
Probed = Callable[[int, float | None], object]

#: Keeps a run as it is after so many presentations.
Save = Callable[["TrainingRun", int], object]

N_PROBES = 20  # points of the learning curve after the first


@dataclass
class TrainingRun:
    """One training run under way. `network` has the weights of the last probe."""

    configuration: TrainConfiguration
    network: RateNetwork
    images: Dataset
    progress: Progress | None
    probed: Probed | None = None
    curve: list[tuple[int, float | None]] = field(default_factory=list)
    resumed: int = 0
    learning: float = 0.0  # seconds
    probing: float = 0.0
    kept: KeptWeights = field(init=False)

    def __post_init__(self) -> None:
        self.kept = KeptWeights(self.configuration, self.every)

    @property
    def every(self) -> int:
        """Presentations between probes."""
        return self.configuration.probe_every or max(1, round(self.configuration.samples / N_PROBES))

    @property
    def order(self) -> np.ndarray:
        return sample_order(len(self.images.train_y), self.configuration.samples, self.configuration.data_seed)

    def accuracy(self, network: RateNetwork | SpikingNetwork) -> float | None:
        """Share of the test part that is right."""
        x, y = self.images.test_x, self.images.test_y
        return float((network.predict(x) == y).mean()) if len(y) else None

    def learning_curve(self) -> pd.DataFrame:
        """``samples, accuracy_rate, accuracy_spiking`` of the test part; NaN where one of them was not measured.

        Every probe asks the rate network. Spikes take long: a run in spikes asks them once, at its end.
        """
        table = pd.DataFrame(self.curve, columns=["samples", "accuracy_rate"])
        table["accuracy_spiking"] = np.nan
        if self.configuration.mode == "spiking":
            table.loc[table.index[-1], "accuracy_spiking"] = self.accuracy(self.spiking())
        return table

    def averaged(self) -> dict[str, float | None]:
        """Give the network the mean of its last weights, where one is asked for; its accuracy then, by mode."""
        mean = self.kept.mean()
        if mean is None:
            return {}
        weights = {p.name: mean[weight_key(p.name)] for p in self.network.circuit.projections}
        for p in self.network.circuit.projections:
            # a mean of products is no product of means
            if isinstance(p.constraint, Tied) and p.constraint.source2 is not None:
                mean[weight_key(p.name)] = p.constraint.value(weights)
        self.network.load_state_dict(mean)
        asked = {"rate": self.accuracy(self.network)}
        return asked | ({"spiking": self.accuracy(self.spiking())} if self.configuration.mode == "spiking" else {})

    def spiking(self) -> SpikingNetwork:
        return in_spikes(self.network, self.configuration)

    def see(self, done: int, save: Save) -> None:
        """After every `kept.every` presentations, and after the last one."""
        self.kept.see(done, self.network.state_dict())
        if done % self.every == 0 or done == self.configuration.samples:
            self.probe(done, save)

    def probe(self, done: int, save: Save) -> None:
        started = time.perf_counter()
        accuracy = self.accuracy(self.network)
        self.curve.append((done, accuracy))
        save(self, done)
        self.probing += time.perf_counter() - started
        if self.probed is not None:
            self.probed(done, accuracy)
