"""From the settings of a command to its data set and a circuit of the same sizes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.circuit import Circuit, circuit_path, read_circuit
from spikedtp.configuration import CompareConfiguration, Configuration, EvaluateConfiguration, TrainConfiguration
from spikedtp.datasets import Dataset, data_files, load, parts_of
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.trained import warn_of_other_scaling

__all__ = ["Material", "circuit_and_data", "data_name", "fitting_weights", "input_files", "named_files"]

logger = logging.getLogger(__name__)

Settings = CompareConfiguration | EvaluateConfiguration | TrainConfiguration


@dataclass(frozen=True)
class Material:
    """What a command works on.

    Attributes
    ----------
    circuit : Circuit
    data : Dataset
    changes : list of str
        What was changed to fit the circuit to the data, such as ``InputE 64 -> 33``.
    held_out : {"test", "validation"}
        What the test part of `data` is: that of the data set, or training samples in its place.
    """

    circuit: Circuit
    data: Dataset
    changes: list[str]
    held_out: str = "test"

    def fitted(self) -> dict[str, str]:
        """For the summary, where something was fitted."""
        return {"fitted_to_data": ", ".join(self.changes)} if self.changes else {}

    def shown(self) -> dict[str, str]:
        """For the summary of what was shown samples: what was fitted, and of which part they are if not of the test."""
        return self.fitted() | ({} if self.held_out == "test" else {"part": self.held_out})

    def described(self) -> dict[str, Any]:
        """For the manifest: sizes, parts, scaling, and how the circuit was fitted."""
        data = self.data
        return {
            "n_inputs": data.n_inputs,
            "n_classes": data.n_labels,
            "shape": data.shape,
            "n_train": len(data.train_y),
            f"n_{self.held_out}": len(data.test_y),
            **({"label_column": data.label_name} if data.label_name else {}),
            **({"input_names": list(data.input_names)} if data.input_names else {}),
            **(data.scaling.described() if data.scaling else {}),
            **self.fitted(),
        }


def circuit_and_data(settings: Settings, parts: Sequence[str]) -> Material:
    """The circuit of `settings`, and those of `parts` of its data set that there are; the first has to be.

    Raises
    ------
    SpikedtpError
        Something is wrong with the circuit or the data, their sizes differ, or the first part has no samples.
    """
    spec = settings.data
    circuit = read_circuit(settings.circuit)
    # on and off cells carry signed inputs as they are
    signed = settings.on_off and getattr(settings, "mode", "spiking") == "spiking"
    scale = "raw" if settings.scale == "none" and signed else settings.scale
    there = parts_of(spec)
    # both, where the labels of both say how many classes there are
    wanted = {parts[0], *(part for part in there if part in parts or settings.fit_sizes)}
    if settings.validation:
        wanted = {"train"}  # the test part is not even read
    n_classes = None if settings.fit_sizes else circuit.output.size
    data = load(spec, sorted(wanted), n_classes=n_classes, scale=scale, on_off=settings.on_off_inputs)
    if settings.validation:
        seed = None if settings.validation_from == "end" else settings.validation_seed
        data = data.validated(settings.validation, seed)
    if not len(getattr(data, f"{parts[0]}_y")):
        raise SpikedtpError(f"data set {spec!r} has no {'training' if parts[0] == 'train' else 'test'} samples")
    changes: list[str] = []
    _check_labels(data, settings, parts[0])
    if settings.fit_sizes:
        fitted = circuit.with_sizes(data.n_inputs, data.n_labels, shape=data.shape)
        pairs = zip(circuit.populations, fitted.populations, strict=True)
        changes = [f"{old.name} {old.size} -> {new.size}" for old, new in pairs if old.size != new.size]
        circuit = fitted
        data = data.with_classes(circuit.output.size)
    elif data.n_inputs != circuit.input.size:
        raise SpikedtpError(
            f"data set {spec!r} has {data.n_inputs} inputs, {circuit.input.name} of the circuit {circuit.input.size} "
            "cells: fit the circuit to the data with --fit-sizes, or change one"
        )
    return Material(circuit, data, changes, "validation" if settings.validation else "test")


def _check_labels(data: Dataset, settings: Settings, part: str) -> None:
    """Refuse a single label where the network would learn it, or get its output cells from it; warn of missing ones."""
    found = np.unique(data.train_y if part == "train" else np.concatenate([data.train_y, data.test_y]))
    column = f" (its column {data.label_name!r})" if data.label_name else ""
    if len(found) == 1 and (part == "train" or settings.fit_sizes):
        raise SpikedtpError(
            f"data set {settings.data!r}: all {'training ' if part == 'train' else ''}samples have the label {found[0]}"
            f"{column}: there is nothing to tell apart"
        )
    if settings.fit_sizes and len(found) < data.n_labels:
        logger.warning(
            "data set %r: %d of %d labels from 0 occur%s; the output cells of the others stay without samples",
            settings.data, len(found), data.n_labels, column,
        )  # fmt: skip


def fitting_weights(settings: CompareConfiguration | EvaluateConfiguration, material: Material) -> Path:
    """The trained weights of `settings`; those that ship do not fit a circuit whose sizes were changed."""
    if settings.weights is None and material.changes:
        raise SpikedtpError(
            f"--fit-sizes: the weights that ship with {settings.circuit} do not fit the data "
            f"({', '.join(material.changes)}): train others with 'spikedtp train' and name them with --weights"
        )
    weights = settings.weights_file()
    if settings.weights is not None:
        warn_of_other_scaling(weights, settings.scale, settings.on_off_inputs, material.data)
    return weights


def data_name(spec: str) -> str:
    """How a summary calls a data set: without the place of its files."""
    return spec if spec.startswith("sklearn:") else spec.partition(":")[0]


def named_files(settings: Configuration) -> dict[str, list[Path]]:
    """The files that each setting of a command names, shipped ones too."""
    found: dict[str, list[Path]] = {}
    if (circuit := getattr(settings, "circuit", None)) is not None:
        found["circuit"] = [circuit_path(circuit)]
    if isinstance(settings, CompareConfiguration | EvaluateConfiguration):
        found["weights"] = [settings.weights_file()]
    if (data := getattr(settings, "data", None)) is not None:
        found["data"] = data_files(data)
    for key in ("signals", "pre_spikes", "post_spikes"):
        if (path := getattr(settings, key, None)) is not None:
            found[key] = [Path(path)]
    return found


def input_files(settings: Configuration) -> list[Path]:
    """The files that a command reads, each once: those that its settings name, and the sources of its plugins."""
    named = [path for files in named_files(settings).values() for path in files]
    return list(dict.fromkeys([*named, *settings.plugin_files()]))
