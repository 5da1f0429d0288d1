"""The content of a circuit file or a checkpoint, as plain data. Nothing is simulated."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.circuit import Circuit, bias_key, circuit_path, read_circuit, shipped_names, weight_key
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.other_files import use_of
from spikedtp.jobs.trained import FITTED_CIRCUIT, settings_beside
from spikedtp.models import weights_file
from spikedtp.plasticity.constraints import Bounds
from spikedtp.rate.checkpoints import Checkpoint, read_checkpoint
from spikedtp.rate.state import full_keys

__all__ = ["file_info", "circuit_info", "weights_info", "sign_violations"]

CIRCUIT_ENDINGS = (".yaml", ".yml")


def file_info(file: str | Path, circuit: str | Path | None = None) -> dict[str, Any]:
    """Describe a circuit or a checkpoint.

    Parameters
    ----------
    file : path or str
        A YAML file, the name of a shipped circuit, or a checkpoint. A shipped circuit is described with its weights if
        these ship too.
    circuit : path or str, optional
        The circuit of a checkpoint. By default it is the circuit that is named in the ``config.yaml`` beside the
        checkpoint, or a circuit of the same name beside it or among the shipped ones. If there is none, only the
        checkpoint itself is described.

    Returns
    -------
    dict
        The result of `circuit_info` or `weights_info`, and ``file``, ``weights``, ``checkpoint`` and ``accuracy``.
        ``checkpoint`` says how the weights lie in their file: its format, the place of the state dict, the prefix of
        its keys, the types of its numbers, and what lies beside it. The accuracy is that of the training run that made
        the weights. It is None if the run left no record.

    Examples
    --------
    >>> from spikedtp.jobs.info import file_info
    >>> found = file_info("digits_dtp")
    >>> found["circuit"], found["rules"], found["dale_violations"]
    ('digits_dtp', ['DendriticLoss', 'DendriticState', 'HebbWeightNorm'], 0)
    """
    path = Path(file)
    if use := use_of(path):
        raise SpikedtpError(f"{file}: {use}")
    if path.suffix in CIRCUIT_ENDINGS or not os.path.isfile(path):
        found = circuit_path(file)
        try:
            weights = weights_file(found.stem) if found.samefile(circuit_path(found.stem)) else None
        except SpikedtpError:  # no shipped circuit of this name, or none of its weights
            weights = None
        checkpoint = None if weights is None else read_checkpoint(weights)
        description = circuit_info(read_circuit(found), None if checkpoint is None else checkpoint.weights)
    else:
        found, weights, checkpoint = path, path, read_checkpoint(path)
        circuit, state = circuit or _circuit_of(path), checkpoint.weights
        description = weights_info(state) if circuit is None else circuit_info(read_circuit(circuit), state)
    return {
        "file": str(found),
        "weights": weights and str(weights),
        "checkpoint": checkpoint and _in_file(checkpoint),
        **description,
        "accuracy": weights and _recorded_accuracy(weights),
    }


def circuit_info(circuit: Circuit, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Populations, projections and rules of a circuit, and how its weights keep Dale's law.

    Parameters
    ----------
    circuit : Circuit
    state : mapping of str to array, optional
        Weights and biases under EIANN's key names, or those of projections.

    Raises
    ------
    SpikedtpError
        `state` lacks a projection of the circuit, or has it in another shape.
    """
    sizes = {p.name: p.size for p in circuit.populations}
    state = None if state is None else full_keys(circuit, state)
    projections = []
    for p in circuit.projections:
        row: dict[str, Any] = {
            "name": p.name, "n_post": sizes[p.post], "n_pre": sizes[p.pre], "compartment": p.compartment,
            "direction": p.direction, "update_phase": p.update_phase,
            "sign": {1: "excitatory", -1: "inhibitory", 0: None}[_sign(p.bounds)],
            "rule": None if p.rule is None else type(p.rule).__name__,
            "learning_rate": getattr(p.rule, "learning_rate", None),
            "constraint": None if p.constraint is None else type(p.constraint).__name__,
        }  # fmt: skip
        row |= {"delay": p.delay} if p.delay else {}
        if state is not None:
            weight = _weight(state, p.name, (sizes[p.post], sizes[p.pre]))
            row |= {**_statistics(weight), "dale_violations": sign_violations(weight, p.bounds)}
        projections.append(row)
    return {
        "circuit": circuit.name,
        "populations": [
            {"name": p.name, "size": p.size, "activation": p.activation, "bias": p.include_bias}
            for p in circuit.populations
        ],
        "projections": projections,
        "rules": sorted({row["rule"] for row in projections if row["rule"]}),
        "n_cells": circuit.n_cells,
        "n_synapses": circuit.n_synapses,
        "dale_violations": None if state is None else sum(row["dale_violations"] for row in projections),
    }


def weights_info(state: Mapping[str, Any]) -> dict[str, Any]:
    """Populations and projections as far as a checkpoint alone tells: names, sizes, weights; and all other arrays.

    Parameters
    ----------
    state : mapping of str to array
        Weights and biases under EIANN's key names, or those of projections.

    Raises
    ------
    SpikedtpError
        The weights of a projection are no matrix.
    """
    sizes: dict[str, int] = {}
    projections, others = [], []
    before, after = weight_key("|").split("|")
    for key, value in state.items():
        array = np.asarray(value)
        name = key.removeprefix(before).removesuffix(after)
        post, joined, pre = name.partition("_")
        if not joined or "." in name or (key == name and array.ndim != 2):
            others.append({"name": key, "shape": list(array.shape)})
            continue
        if array.ndim != 2 or not array.size:
            raise SpikedtpError(f"the weights of {name} are {array.shape}, not (n_post, n_pre)")
        sizes |= {post: array.shape[0], pre: array.shape[1]}
        projections.append({"name": name, "n_post": array.shape[0], "n_pre": array.shape[1], **_statistics(array)})
    biased = {name for name in sizes if bias_key(name) in state or f"{name}_bias" in state}
    biases = {key for name in biased for key in (bias_key(name), f"{name}_bias")}
    return {
        "circuit": None,
        "populations": [{"name": n, "size": size, "bias": n in biased} for n, size in sizes.items()],
        "projections": projections,
        "others": [row for row in others if row["name"] not in biases],
        "rules": None,
        "n_cells": sum(sizes.values()),
        "n_synapses": sum(row["n_post"] * row["n_pre"] for row in projections),
        "dale_violations": None,
    }


def sign_violations(weight: np.ndarray, bounds: Bounds) -> int:
    """How many weights have the sign that the projection's bounds forbid (Dale's law); 0 where both are allowed."""
    return int(np.count_nonzero(np.asarray(weight) * _sign(bounds) < 0))


def _sign(bounds: Bounds) -> int:
    if bounds.lower is not None and bounds.lower >= 0:
        return 1
    return -1 if bounds.upper is not None and bounds.upper <= 0 else 0


def _in_file(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "format": checkpoint.format.removeprefix("a "),
        "place": checkpoint.place,
        "prefix": checkpoint.prefix,
        "number_types": list(checkpoint.number_types),
        "beside": list(checkpoint.beside),
    }


def _weight(state: Mapping[str, Any], name: str, shape: tuple[int, int]) -> np.ndarray:
    if weight_key(name) not in state:
        raise SpikedtpError(f"the weights have no {weight_key(name)}: they belong to another circuit")
    weight = np.asarray(state[weight_key(name)])
    if weight.shape != shape:
        raise SpikedtpError(f"{name}: the weights are {weight.shape}, the circuit wants {shape}")
    return weight


def _statistics(weight: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(weight.mean()), "sd": float(weight.std()), "min": float(weight.min()), "max": float(weight.max())
    }  # fmt: skip


def _circuit_of(weights: Path) -> str | Path | None:
    """The circuit that a checkpoint was trained in, as far as its folder or name tells."""
    fitted, settings = weights.parent / FITTED_CIRCUIT, settings_beside(weights)
    if isinstance(settings.get("circuit"), str):
        changed = settings.get("fit_sizes") or settings.get("rules")
        return fitted if changed and fitted.is_file() else settings["circuit"]
    beside = [path for ending in CIRCUIT_ENDINGS if (path := weights.with_suffix(ending)).is_file()]
    if beside:
        return beside[0]
    return weights.stem if weights.stem in shipped_names() else None


def _recorded_accuracy(weights: Path) -> float | None:
    """Test accuracy in the summary that the training run left beside the weights."""
    for summary in (weights.with_suffix(".json"), weights.parent / "summary.json"):
        try:
            found = json.loads(summary.read_text(encoding="utf-8")).get("test_accuracy")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        if isinstance(found, (int, float)) and 0 <= found <= 1:
            return float(found)
    return None
