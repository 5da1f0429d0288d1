"""Runs the XOR network example by example, in parts that are kept, so that an interrupted run continues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from processor_time import cpu_seconds
from tqdm import tqdm

from bursts.xor_network import EXAMPLES, OFF, ON, POPULATIONS, TASK, WINDOWS, Xor, build_xor, first_state
from spikedtp.errors import SpikedtpError
from spikedtp.records import read_arrays
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.run import run_on

__all__ = ["cost", "examples", "run"]

PART = 80  # examples
GROUPS = {
    "to_hidden": (("input1", "input2"), ("hidden1", "hidden2")),
    "to_output": (("hidden1", "hidden2"), ("output",)),
}
Tables = tuple[pd.DataFrame, pd.DataFrame]


def examples(epochs: int) -> pd.DataFrame:
    """All examples in order: phase, epoch, inputs, target. In the first nothing is shown, while averages settle."""
    rows = [("settling", 0, None, None, 0), *(("before", 0, *each) for each in EXAMPLES)]
    rows += [("learning", epoch, *each) for epoch in range(1, epochs + 1) for each in EXAMPLES]
    rows += [("after", epochs, *each) for each in EXAMPLES]
    return pd.DataFrame(rows, columns=["phase", "epoch", "input1", "input2", "target"])


def cost(rate: float, target: float) -> float:
    """Cross-entropy of the mean event rate of the outputs (Hz), where 2 Hz stands for 0 and 10 Hz for 1."""
    mean = np.clip((rate - 2) / 8, 0.01, 0.99)
    return float(-target * np.log(mean) - (1 - target) * np.log(1 - mean))


def run(model: Xor, epochs: int, seed: int, device: str, folder: Path) -> tuple[Tables, float, float]:
    """Rates of all examples and mean weights after each part; CPU seconds and simulated seconds of this call."""
    _check(folder, {"seed": seed, "cells": model.n, "example": repr(model.example), "epochs": epochs})
    shown, state = examples(epochs), first_state(model, seed)
    rates, weights, seconds, simulated = [], [], 0.0, 0.0
    for first in tqdm(range(0, len(shown), PART), desc="examples", disable=None):
        part = shown.iloc[first : first + PART]
        path = folder / f"part_{first:06}.npz"
        if not path.exists():
            began = cpu_seconds()
            _run_part(model, part, state, seed, device, path)
            seconds, simulated = seconds + cpu_seconds() - began, simulated + len(part) * float(model.example)
        found = read_arrays(path, str(path))
        state |= {name.removeprefix("state."): array for name, array in found.items() if name.startswith("state.")}
        rates.append(_rates(model, part, found))
        weights += _weights(model, state, first + len(part), part)
    return (pd.concat(rates, ignore_index=True), pd.DataFrame(weights)), seconds, simulated


def _check(folder: Path, about: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "about.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) != about:
        raise SpikedtpError(f"{folder} holds parts of a run with other settings: remove it, or name another --out")
    note.write_text(json.dumps(about), encoding="utf-8")


def _run_part(model: Xor, part: pd.DataFrame, state: dict, seed: int, device: str, path: Path) -> None:
    learns = (part["phase"] == "learning").to_numpy(np.float32)
    tasks = {"target": part["target"].to_numpy(np.float32), "learns": learns, "teaches": learns}
    for k in (1, 2):
        bit = part[f"input{k}"].to_numpy(float)
        tasks[f"drive_{k}"] = np.where(np.isnan(bit), 0, np.where(bit == 1, ON, OFF)).astype(np.float32)
    seeds = [int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) for number in part.index]
    inputs = RunInputs({name: tasks[name][:, None] for name in TASK}, np.arange(len(part)), np.array(seeds))
    done = run_on(device, partial(build_xor, model, dict(state)), inputs)
    n, counts = model.n, {}
    for name, values in done.vectors.items():
        means = values.reshape(len(part), len(POPULATIONS), n).mean(axis=2)
        counts[name] = means[:, -1] if name == "read" else means
    after = {name: values[-1] for name, values in done.lasting.items()}
    for name, (pre, post) in GROUPS.items():
        rows = after.pop(f"{name}.w").reshape(len(pre) * n, -1)
        after[f"{name}.weights"] = np.ascontiguousarray(rows[:, : len(post) * n].T)
    partial_path = path.with_suffix(".partial")
    with partial_path.open("wb") as file:
        np.savez_compressed(file, **counts, **{f"state.{name}": array for name, array in after.items()})
    partial_path.replace(path)


def _rates(model: Xor, part: pd.DataFrame, found: dict[str, np.ndarray]) -> pd.DataFrame:
    """The examples with the event and burst rates (Hz) of all populations, and the cost at the end of prediction."""
    table = part.copy()
    table["cost"] = [cost(*pair) for pair in zip(found["read"], part["target"], strict=True)]
    for window, (begin, end) in WINDOWS.items():
        time = (end - begin) * float(model.example)
        for kind in ("event", "burst"):
            for k, population in enumerate(POPULATIONS):
                table[f"{population}_{kind}_rate_{window}"] = found[f"{kind}s_{window}"][:, k] / time
    return table


def _weights(model: Xor, state: dict[str, np.ndarray], done: int, part: pd.DataFrame) -> Iterator[dict]:
    """Mean weights, one row for each pair of populations."""
    n = model.n
    for name, (pre, post) in GROUPS.items():
        for a, target in enumerate(post):
            for b, source in enumerate(pre):
                block = slice(a * n, (a + 1) * n), slice(b * n, (b + 1) * n)
                weights = state[f"{name}.weights"][block][state[f"{name}.mask"][block]]
                epoch = int(part["epoch"].iloc[-1])
                yield {"examples": done, "epoch": epoch, "pre": source, "post": target,
                       "mean": float(weights.mean()), "sd": float(weights.std())}  # fmt: skip
