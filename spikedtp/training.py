"""Training, whole, in rate or in spikes: learn online, probe, keep what must survive an interruption, write results."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, ms

from spikedtp.circuit import circuit_path
from spikedtp.configuration import EvaluateConfiguration, TrainConfiguration
from spikedtp.datasets import Dataset, load
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell
from spikedtp.plotting import training_figure
from spikedtp.rate import RateNetwork, load_rate_network
from spikedtp.rate.checkpoint import write_weights
from spikedtp.rate.training import sample_order, train
from spikedtp.records import read_arrays, save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.schedules import schedule as named_schedule
from spikedtp.spiking import Phases, SpikingNetwork, default_device

__all__ = ["in_spikes", "run_training"]

N_PROBES = 20  # points of the learning curve after the first


def run_training(configuration: TrainConfiguration, out: Path, progress=None) -> dict[str, Any]:
    """Train on the training part, measure on the test part; leave weights, learning curve, summary and manifest.

    Until the results are in place, ``OUT.unfinished.npz`` holds the network as it was probed last. The same command
    continues from there, and what comes out is what it would have been without the interruption.

    Parameters
    ----------
    configuration : TrainConfiguration
    out : path
    progress : callable, optional
        Called with presentations done and the share of recent answers that were right (None in rate).

    Returns
    -------
    dict
        What the summary holds.

    Raises
    ------
    SpikedtpError
        Anything wrong with circuit, data or settings; an unfinished run of other settings in the same place.
    """
    started = time.perf_counter()
    configuration = configuration.absolute()
    named_schedule(configuration.schedule)  # a mistake costs nothing yet
    data, samples = configuration.data, configuration.samples
    with staged(out) as folder:
        network = load_rate_network(configuration.circuit, seed=configuration.seed)
        parts = ("train", "test") if _has_test_part(data) else ("train",)
        images = load(data, parts, n_classes=network.circuit.output.size)
        job = _Job(configuration, network, images, progress)
        unfinished = _Unfinished(Path(f"{Path(out).absolute()}.unfinished.npz"), configuration)
        loaded = time.perf_counter()
        unfinished.resume(job)
        LEARN[configuration.mode](job, unfinished)
        trained = time.perf_counter()
        timings = {"load": loaded - started, "train_and_probe": trained - loaded}
        curve = job.learning_curve()
        if len(images.test_y):
            write_table(folder, "learning_curve", curve)
            figure = training_figure(
                curve["samples"], curve["accuracy_rate"], spiking=curve["accuracy_spiking"], n_classes=images.n_classes
            )
            save_figure(folder, "learning_curve", figure)
        write_weights(folder / "weights.pt", job.network.state_dict())
        summary = {
            "circuit": Path(configuration.circuit).stem,
            "data": data.partition(":")[0],
            **configuration.model_dump(include={"mode", "samples", "seed", "data_seed", "schedule"}),
            "n_train": len(images.train_y),
            "n_test": len(images.test_y),
            "test_accuracy": _last(curve, f"accuracy_{configuration.mode}"),
        }
        if configuration.mode == "spiking":
            summary["test_accuracy_in_rate"] = _last(curve, "accuracy_rate")
            timings["ms_per_sample"] = 1e3 * job.learning / max(samples - job.resumed, 1)
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved(),
            seeds={"seed": configuration.seed, "data_seed": configuration.data_seed},
            timings=timings,
            inputs=[circuit_path(configuration.circuit)],
        )
    unfinished.remove()
    return summary


def in_spikes(network: RateNetwork, settings: TrainConfiguration | EvaluateConfiguration) -> SpikingNetwork:
    """A spiking network with the weights of `network`, as the settings ask for it."""
    return SpikingNetwork(
        network,
        unit_rate=settings.unit_rate * Hz,
        unit_rates={name: rate * Hz for name, rate in settings.unit_rates.items()},
        **({} if settings.spikers is None else {"spikers": settings.spikers}),
        phases=Phases(settle=settings.settle * ms, read=settings.read * ms, dt=settings.dt * ms),
        cell=NudgedCell(firing=settings.firing),
        device=settings.device or default_device(),
    )


@dataclass
class _Job:
    """One training run under way. `network` has the weights of the last probe."""

    configuration: TrainConfiguration
    network: RateNetwork
    images: Dataset
    progress: Callable | None
    curve: list[tuple[int, float | None]] = field(default_factory=list)
    resumed: int = 0
    learning: float = 0.0  # seconds

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

    def spiking(self) -> SpikingNetwork:
        return in_spikes(self.network, self.configuration)

    def probe(self, done: int, unfinished: _Unfinished) -> None:
        self.curve.append((done, self.accuracy(self.network)))
        unfinished.save(self, done)


def _learn_in_rate(job: _Job, unfinished: _Unfinished) -> None:
    settings, images = job.configuration, job.images
    if not job.curve:
        job.probe(0, unfinished)
    steps = train(
        job.network, images.train_x, images.train_t, n_samples=settings.samples, data_seed=settings.data_seed,
        schedule=settings.schedule, start=job.resumed,
    )  # fmt: skip
    for done in steps:
        if job.progress is not None:
            job.progress(done.step, None)
        if done.step % job.every == 0 or done.step == settings.samples:
            job.probe(done.step, unfinished)


def _learn_in_spikes(job: _Job, unfinished: _Unfinished) -> None:
    settings, images, order = job.configuration, job.images, job.order
    if not job.curve:
        job.probe(0, unfinished)
    if job.resumed == settings.samples:
        return
    recent: list[float | None] = [None]

    def checkpoint(done: int, network: SpikingNetwork, answers: np.ndarray) -> None:
        right = answers == images.train_y[order[job.resumed : done]]
        recent[0] = float(right[-job.every :].mean())
        job.network.load_state_dict(network.state_dict())
        job.network.rule_state = {name: dict(state) for name, state in network.rule_state.items()}
        job.probe(done, unfinished)

    advance = None if job.progress is None else lambda done: job.progress(done, recent[0])
    started = time.perf_counter()
    job.spiking().train(
        images.train_x, images.train_t, order, seed=settings.seed, schedule=settings.schedule, start=job.resumed,
        checkpoint_every=job.every, checkpoint=checkpoint, progress=advance,
    )  # fmt: skip
    job.learning = time.perf_counter() - started


def _last(curve: pd.DataFrame, column: str) -> float | None:
    value = curve[column].iloc[-1]
    return None if pd.isna(value) else float(value)


LEARN = {"rate": _learn_in_rate, "spiking": _learn_in_spikes}


class _Unfinished:
    """The file from which an interrupted run continues: weights under EIANN's key names, rule state, learning curve."""

    def __init__(self, path: Path, configuration: TrainConfiguration):
        self.path, self.settings = path, json.dumps(configuration.saved(), sort_keys=True)

    def save(self, job: _Job, done: int) -> None:
        arrays = {key: tensor.numpy() for key, tensor in job.network.state_dict().items()}
        for projection, state in job.network.rule_state.items():
            arrays |= {f"rule_state/{projection}/{name}": np.asarray(value) for name, value in state.items()}
        curve = np.array([[n, np.nan if a is None else a] for n, a in job.curve])
        written = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with written.open("wb") as file:
                np.savez(file, settings=np.array(self.settings), done=np.array(done), curve=curve, **arrays)
            written.replace(self.path)
        except OSError as error:
            written.unlink(missing_ok=True)
            raise SpikedtpError(f"{self.path} cannot be written ({error.strerror}): name another --out") from None

    def resume(self, job: _Job) -> None:
        """Put `job` where the file says, if there is one."""
        if not self.path.is_file():
            return
        try:
            found = read_arrays(self.path, str(self.path))
            settings = str(found.pop("settings", None))
            if settings == self.settings:
                self._put(job, found)
                return
        except (SpikedtpError, KeyError, TypeError, ValueError):
            raise SpikedtpError(f"{self.path} is damaged: delete it to begin again") from None
        raise SpikedtpError(
            f"{self.path} belongs to an unfinished run with other settings: delete it, or name another --out"
        )

    @staticmethod
    def _put(job: _Job, found: dict[str, np.ndarray]) -> None:
        """The arrays of the file into `job`; a KeyError or ValueError where one of them is not what `save` wrote."""
        done, curve = int(found.pop("done").item()), found.pop("curve")
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


def _has_test_part(data: str) -> bool:
    """A folder of IDX files may hold the training half alone."""
    kind, _, folder = data.partition(":")
    return kind != "mnist" or any(Path(os.path.expanduser(folder)).glob("t10k-*"))
