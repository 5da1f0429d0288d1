"""What Diehl & Cook's network is like between two images, and its file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.errors import SpikedtpError
from spikedtp.npz import read_arrays
from spikedtp.parameters import check_whole
from spikedtp.spiking.diehl_cook.build import EXCITATORY, INHIBITORY, LASTING
from spikedtp.spiking.diehl_cook.settings import Settings
from spikedtp.summaries import Summarised, counted

__all__ = ["DigitState", "first_state", "read_state"]

#: Format of the file.
VERSION = 1


@dataclass(frozen=True, repr=False)
class DigitState(Summarised):
    """The state of `DiehlCookNetwork` between two images.

    Attributes
    ----------
    settings : Settings
    seed : int
        Of weights, delays and input spikes.
    images : int
        How many images the network has learned from. The next one gets the random numbers of its place.
    weights : (n_cells, n_inputs)
    delay_steps : (n_cells, n_inputs) int
    variables : dict
        Further variables that pass from image to image, as ``excitatory.theta``.

    Examples
    --------
    >>> from spikedtp.spiking import DiehlCookNetwork
    >>> state = DiehlCookNetwork(n_inputs=60, n_cells=4).start(seed=1)
    >>> state.weights.shape, int(state.delay_steps.max()), state.theta.round(3).tolist()
    ((4, 60), 20, [0.02, 0.02, 0.02, 0.02])
    """

    settings: Settings
    seed: int
    images: int
    weights: np.ndarray
    delay_steps: np.ndarray
    variables: dict[str, np.ndarray]

    @property
    def theta(self) -> np.ndarray:
        """By how much thresholds are raised, in volt, `(n_cells,)`."""
        return self.variables["excitatory.theta"]

    def save(self, path: str | Path) -> None:
        """Write the state to an ``.npz`` file. The file is complete or absent."""
        path = Path(path)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        arrays: dict[str, Any] = _arrays(self)
        about = {"version": VERSION, "seed": self.seed, "images": self.images, "settings": written(self.settings)}
        try:
            with partial.open("wb") as file:
                np.savez(file, about=json.dumps(about), **arrays)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise SpikedtpError(f"{path} cannot be written ({error.strerror}): check the path and its rights") from None

    def _headline(self) -> str:
        s = self.settings
        return f"{counted(s.n_cells, 'cell')}, {counted(s.n_inputs, 'input')}, learned from {self.images:,} images"

    def _parts(self) -> dict[str, str]:
        return {name: str(array.shape) for name, array in self.variables.items()}


def first_state(settings: Settings, seed: int) -> DigitState:
    """The state before the first image: weights and delays are drawn."""
    rng = np.random.default_rng([check_whole("seed", seed), 0])
    shape = (settings.n_cells, settings.n_inputs)
    steps = float(settings.largest_delay / settings.dt)
    delay_steps = np.floor(rng.uniform(0, steps, shape) + 0.5).astype(np.int64)
    weights = 0.3 * (rng.random(shape) + 0.01)
    sizes = {"excitatory": settings.n_cells, "inhibitory": settings.n_cells}
    variables = {f"{group}.{name}": np.zeros(n) for group, n in sizes.items() for name in LASTING[group]}
    for group, (rest, *_) in (("excitatory", EXCITATORY), ("inhibitory", INHIBITORY)):
        variables[f"{group}.v"] += float(rest)
    variables["excitatory.theta"] += float(settings.theta_start)
    for name, n in (("_x", settings.n_inputs), ("_y1", settings.n_cells), ("_y2", settings.n_cells)):
        variables[f"forward.{name}"] = np.zeros(n)
    return DigitState(settings, seed, 0, weights, delay_steps, variables)


def read_state(path: str | Path, settings: Settings) -> DigitState:
    """Read a file of `DigitState.save` for a network with these settings.

    Raises
    ------
    SpikedtpError
        Not such a file, or one of another network.
    """
    found = read_arrays(path, str(path))
    try:
        about: dict[str, Any] = json.loads(str(found.pop("about")))
        known = about["version"] == VERSION
        matrices = found.pop("weights"), found.pop("delay_steps")
        state = DigitState(settings, int(about["seed"]), int(about["images"]), *matrices, found)
        theirs = dict(about["settings"])
    except (KeyError, TypeError, ValueError):
        raise SpikedtpError(f"{path} is no state of DiehlCookNetwork: name a file that one was saved to") from None
    if not known:
        raise SpikedtpError(f"{path} is of version {about['version']}, not {VERSION}: learn again")
    for name, value in written(settings).items():
        if theirs.get(name) != value:
            raise SpikedtpError(
                f"{path} is of a network with {name} = {theirs.get(name)}, not {value}: use the same settings, or "
                "begin anew"
            )
    expected = first_state(settings, state.seed)
    for name, array in _arrays(expected).items():
        held = _arrays(state).get(name)
        if held is None or held.shape != array.shape or held.dtype != array.dtype:
            raise SpikedtpError(f"{path}: {name} is missing or has another size: the file is damaged, learn again")
    return state


def _arrays(state: DigitState) -> dict[str, np.ndarray]:
    return {"weights": state.weights, "delay_steps": state.delay_steps, **state.variables}


def written(settings: Settings) -> dict[str, str]:
    """The settings as text, number for number."""
    rule = settings.rule.quantities()
    own = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "rule"}
    return {name: repr(value) for name, value in own.items()} | {f"rule.{k}": repr(v) for k, v in rule.items()}
