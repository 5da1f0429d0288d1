"""Training with probes: dendritic state, accuracy and the angle to backprop along the way. No figures, no files.

Figure 7 of Galloni, Peddada, Chennawar & Milstein 2026 (Cell Reports 45:117159) below its rule diagrams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spikedtp.circuit import Circuit, read_circuit
from spikedtp.datasets import Dataset
from spikedtp.errors import SpikedtpError
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.rate.backprop_clone import ALL, BackpropClone, feedback_projections, joined_angles
from spikedtp.rate.online import train_online

__all__ = ["ANGLE_KINDS", "LearningCurves", "learning_curves"]

#: What an angle compares. All but "feedback": the rule's change of the forward weights with the backprop clone's.
ANGLE_KINDS = {
    "accumulated": "over an interval, the clone's step within its bounds and constraints",
    "gradient": "over an interval, the bare gradient",
    "single": "of single samples, the clone's step within its bounds and constraints",
    "feedback": "forward weights with the transposed top-down weights",
}

#: Weights by projection and biases by population.
Values = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class LearningCurves:
    """One model, one seed.

    Attributes
    ----------
    steps : ndarray, (n_stored,)
        Presentations before each stored step, from 0.
    accuracy : ndarray, (n_stored,)
        Share of the test set that is right.
    bins : ndarray, (n_bins,)
        Presentations at the end of each bin.
    dendritic_state : dict of ndarray, (n_bins,)
        By hidden population with a dendrite: mean absolute forward dendritic state, over the bin and the cells.
    angles : dict of (kind, projection) -> ndarray, (n_stored,)
        Degrees; kinds as in `ANGLE_KINDS`, "all" for the projections joined. NaN where one of the two is zero, and at
        step 0 where there is no change yet.
    """

    steps: np.ndarray
    accuracy: np.ndarray
    bins: np.ndarray
    dendritic_state: dict[str, np.ndarray]
    angles: dict[tuple[str, str], np.ndarray]

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, for a file; `from_arrays` is the way back."""
        found = {"steps": self.steps, "accuracy": self.accuracy, "bins": self.bins}
        found |= {f"dendritic_state/{name}": values for name, values in self.dendritic_state.items()}
        return found | {f"angle/{kind}/{name}": values for (kind, name), values in self.angles.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> LearningCurves:
        dendrites, angles = {}, {}
        for key in arrays:
            kind, *names = key.split("/")
            if kind == "dendritic_state":
                dendrites[names[0]] = arrays[key]
            elif kind == "angle":
                angles[names[0], names[1]] = arrays[key]
        return cls(arrays["steps"], arrays["accuracy"], arrays["bins"], dendrites, angles)

    def table(self) -> pd.DataFrame:
        """Tidy: one row per ``measure, name, step`` with its ``value``; measures are "accuracy", "dendritic_state" and
        "angle_KIND", `name` is a population or a projection."""
        parts = [("accuracy", ALL, self.steps, self.accuracy)]
        parts += [("dendritic_state", name, self.bins, values) for name, values in self.dendritic_state.items()]
        parts += [(f"angle_{kind}", name, self.steps, values) for (kind, name), values in self.angles.items()]
        frames = [pd.DataFrame({"measure": m, "name": n, "step": s, "value": v}) for m, n, s, v in parts]
        return pd.concat(frames, ignore_index=True).dropna(subset="value", ignore_index=True)


def learning_curves(
    circuit: str | Circuit,
    dataset: Dataset,
    *,
    n_samples: int,
    seed: int,
    data_seed: int | None = None,
    schedule: str | Callable[[int, int], float] = "constant",
    interval: int = 100,
    bin_size: int = 100,
    n_single: int = 5,
    progress: Callable[[], object] = lambda: None,
) -> LearningCurves:
    """Train a fresh network online and probe it on the way.

    Parameters
    ----------
    circuit : str, path or Circuit
    dataset : Dataset
        Trained on its training half, tested on its test half.
    n_samples : int
        Presentations.
    seed, data_seed : int
        Of the fresh weights; of the order of samples (default: `seed`).
    schedule
        Of the learning rates; the published curves have constant ones.
    interval : int
        Presentations between stored steps. At each one the accuracy is measured, and the change of the weights since
        the last one is compared with one step of the backprop clone, from the weights of the last stored step, on the
        mean loss over the samples seen since.
    bin_size : int
        Presentations in a bin of the dendritic state.
    n_single : int
        How many of the first presentations of each interval are compared one by one; their mean angle is kept.
    progress : callable
        Called after each presentation.
    """
    circuit = circuit if isinstance(circuit, Circuit) else read_circuit(circuit)
    for name, value in (("n_samples", n_samples), ("interval", interval), ("bin_size", bin_size)):
        if value < 1:
            raise SpikedtpError(f"learning curves: {name} must be at least 1, got {value}")
    network = load_rate_network(circuit, seed=seed)
    probe = _Probe(network, dataset, BackpropClone(circuit, seed=seed))
    samples: list[int] = []
    steps = train_online(
        network, dataset.train_x, dataset.train_t, n_samples=n_samples,
        data_seed=seed if data_seed is None else data_seed, schedule=schedule,
    )  # fmt: skip
    for done in steps:
        samples.append(done.sample)
        probe.see_dendrites()
        if len(samples) <= n_single:
            probe.compare_single(done.sample)
        if len(samples) == interval:
            probe.compare_interval(samples)
            samples = []
        progress()
    return probe.curves(interval, bin_size)


class _Probe:
    """What `learning_curves` measures, and the weights of the last stored step."""

    def __init__(self, network: RateNetwork, dataset: Dataset, clone: BackpropClone):
        self.network, self.data, self.clone = network, dataset, clone
        self.forward = [p.name for p in clone.projections]
        self.feedback = feedback_projections(network.circuit)
        hidden = [p for p in network.circuit.populations if p.cell == "E" and self._has_dendrite(p.name)]
        self.dendrites: dict[str, list[float]] = {p.name: [] for p in hidden}
        self.accuracy: list[float] = []
        self.angles: list[dict[tuple[str, str], float]] = []
        self.single: list[dict[str, float]] = []
        self.stored = self.latest = self._weights()
        self.store({})

    def _has_dendrite(self, population: str) -> bool:
        return any(p.compartment == "dend" for p in self.network.circuit.inputs(population))

    def _weights(self) -> Values:
        return self.network.weights, self.network.biases

    def see_dendrites(self) -> None:
        """Forward dendritic states of the presentation that was just learned from."""
        states = self.network.last_dendritic_state
        for name, seen in self.dendrites.items():
            seen.append(float(np.abs(states[name]).mean()))

    def compare_single(self, sample: int) -> None:
        """The step that was just taken against the clone's from the weights before it."""
        before, self.latest = self.latest, self._weights()
        slopes = self._slopes(before, [sample])
        self.single.append(joined_angles(self._changed(before), self.clone.step(slopes)))

    def compare_interval(self, samples: list[int]) -> None:
        """What changed since the last stored step against the clone's step from there; then store anew."""
        before, self.latest = self.stored, self._weights()
        slopes, changed = self._slopes(before, samples), self._changed(before)
        found = self._keyed("gradient", joined_angles(changed, {name: -slope for name, slope in slopes.items()}))
        found |= self._keyed("accumulated", joined_angles(changed, self.clone.step(slopes)))
        if self.single:
            singles = pd.DataFrame(self.single).mean()  # of those that are not NaN
            found |= self._keyed("single", singles.to_dict())
        self.single = []
        self.store(found)

    def store(self, found: dict[tuple[str, str], float]) -> None:
        self.accuracy.append(float((self.network.predict(self.data.test_x) == self.data.test_y).mean()))
        self.stored = self.latest
        weights, _ = self.stored
        forward = {name: weights[name] for name in self.feedback}
        back = {name: weights[top_down].T for name, top_down in self.feedback.items()}
        self.angles.append(found | self._keyed("feedback", joined_angles(forward, back)))

    def _slopes(self, weights: Values, samples: list[int]) -> dict[str, np.ndarray]:
        self.clone.load(*weights)
        return self.clone.gradients(self.data.train_x[samples], self.data.train_t[samples])

    def _changed(self, before: Values) -> dict[str, np.ndarray]:
        return {name: self.latest[0][name] - before[0][name] for name in self.forward}

    @staticmethod
    def _keyed(kind: str, found: dict[str, float]) -> dict[tuple[str, str], float]:
        return {(kind, name): value for name, value in found.items()}

    def curves(self, interval: int, bin_size: int) -> LearningCurves:
        keys = sorted({key for found in self.angles for key in found})
        n_bins = min((len(seen) // bin_size for seen in self.dendrites.values()), default=0)
        binned = {
            name: np.reshape(seen[: n_bins * bin_size], (n_bins, bin_size)).mean(axis=1)
            for name, seen in self.dendrites.items()
        }
        return LearningCurves(
            steps=interval * np.arange(len(self.accuracy)),
            accuracy=np.array(self.accuracy),
            bins=bin_size * np.arange(1, n_bins + 1),
            dendritic_state=binned,
            angles={key: np.array([found.get(key, np.nan) for found in self.angles]) for key in keys},
        )
