"""A training run under way, and the file from which it continues once it was interrupted."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spikedtp.circuit import circuit_path
from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import Dataset
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.kept_weights import KeptWeights
from spikedtp.jobs.settings import in_spikes
from spikedtp.rate import RateNetwork
from spikedtp.rate.online import sample_order
from spikedtp.records import file_hash, read_arrays
from spikedtp.spiking import SpikingNetwork

__all__ = ["Probed", "Progress", "TrainingRun", "Unfinished"]

#: Told how many presentations are done, and the share of recent answers that were right (None in rate).
Progress = Callable[[int, float | None], object]
#: Told how many presentations are done, and the accuracy in rate that was measured then (None without a held-out part).
Probed = Callable[[int, float | None], object]

logger = logging.getLogger(__name__)

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
        self.network.load_state_dict(mean)
        asked = {"rate": self.accuracy(self.network)}
        return asked | ({"spiking": self.accuracy(self.spiking())} if self.configuration.mode == "spiking" else {})

    def spiking(self) -> SpikingNetwork:
        return in_spikes(self.network, self.configuration)

    def see(self, done: int, unfinished: Unfinished) -> None:
        """After every `kept.every` presentations, and after the last one."""
        self.kept.see(done, self.network.state_dict())
        if done % self.every == 0 or done == self.configuration.samples:
            self.probe(done, unfinished)

    def probe(self, done: int, unfinished: Unfinished) -> None:
        started = time.perf_counter()
        accuracy = self.accuracy(self.network)
        self.curve.append((done, accuracy))
        unfinished.save(self, done)
        self.probing += time.perf_counter() - started
        if self.probed is not None:
            self.probed(done, accuracy)


class Unfinished:
    """The file from which an interrupted run continues: weights under EIANN's key names, rule state, learning curve.

    It also holds the settings, and the hashes of what they name: circuit, samples and plugins may change in between.
    """

    def __init__(self, path: Path, configuration: TrainConfiguration, images: Dataset):
        self.path, self.settings = path, json.dumps(configuration.saved(), sort_keys=True)
        files = [circuit_path(configuration.circuit), *configuration.plugin_files()]
        self.inputs = {str(file): file_hash(file) for file in files}
        self.inputs[f"data set {configuration.data!r}"] = _samples_hash(images)

    def save(self, job: TrainingRun, done: int) -> None:
        arrays: dict[str, Any] = {key: tensor.numpy() for key, tensor in job.network.state_dict().items()}
        for projection, state in job.network.rule_state.items():
            arrays |= {f"rule_state/{projection}/{name}": np.asarray(value) for name, value in state.items()}
        arrays |= job.kept.arrays()
        arrays |= {"settings": np.array(self.settings), "inputs": np.array(json.dumps(self.inputs))}
        curve = np.array([[n, np.nan if a is None else a] for n, a in job.curve])
        written = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with written.open("wb") as file:
                np.savez(file, done=np.array(done), curve=curve, **arrays)
            written.replace(self.path)
        except OSError as error:
            written.unlink(missing_ok=True)
            raise SpikedtpError(f"{self.path} cannot be written ({error.strerror}): name another --out") from None

    def resume(self, job: TrainingRun) -> None:
        """Put `job` where the file says, if there is one."""
        if not self.path.is_file():
            return
        try:
            found = read_arrays(self.path, str(self.path))
            settings, inputs = str(found.pop("settings", None)), json.loads(str(found.pop("inputs", "{}")))
            # files of earlier versions have no hashes
            changed = [name for name, found_hash in inputs.items() if self.inputs.get(name) != found_hash]
            if settings == self.settings and not changed:
                self._put(job, found)
        except (SpikedtpError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
            raise SpikedtpError(f"{self.path} is damaged: delete it to begin again") from None
        if settings != self.settings:
            raise SpikedtpError(
                f"{self.path} belongs to an unfinished run with other settings: delete it, or name another --out"
            )
        if changed:
            raise SpikedtpError(
                f"{changed[0]} has changed since the run was interrupted: delete {self.path} to begin again, or name "
                "another --out"
            )
        logger.warning(
            "%s: the interrupted run continues from %d of %d samples", self.path, job.resumed, job.configuration.samples
        )

    @staticmethod
    def _put(job: TrainingRun, found: dict[str, np.ndarray]) -> None:
        """The arrays of the file into `job`; a KeyError or ValueError where one of them is not what `save` wrote."""
        done, curve = int(found.pop("done").item()), found.pop("curve")
        job.kept.take(found)
        job.network.load_state_dict({key: found[key] for key in found if not key.startswith("rule_state/")})
        for projection, state in job.network.rule_state.items():
            for name, value in state.items():
                kept = found[f"rule_state/{projection}/{name}"]
                if kept.shape != np.shape(value) or not np.isfinite(kept).all():
                    raise ValueError
                state[name] = kept
        if not 0 <= done <= job.configuration.samples or curve.ndim != 2 or curve[-1, 0] != done:
            raise ValueError
        job.curve = [(int(n), None if np.isnan(a) else float(a)) for n, a in curve]
        job.resumed = done

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def _samples_hash(images: Dataset) -> str:
    """SHA-256 of inputs and labels, wherever they come from."""
    found = hashlib.sha256()
    for array in (images.train_x, images.train_y, images.test_x, images.test_y):
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
