"""The file from which a training continues once it was interrupted."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.circuit import circuit_path
from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import Dataset
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.training.run import TrainingRun
from spikedtp.records import file_hash, read_arrays

__all__ = ["Unfinished"]

logger = logging.getLogger(__name__)


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
