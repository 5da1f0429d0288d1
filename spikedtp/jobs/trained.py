"""What the folder of a training run tells of the weights in it: their circuit, and the scaling of their data."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.circuit.fields import load_yaml
from spikedtp.configuration import CONFIG_FILE, TrainConfiguration
from spikedtp.datasets import Dataset
from spikedtp.errors import SpikedtpError

__all__ = ["FITTED_CIRCUIT", "settings_beside", "warn_of_other_scaling"]

#: The circuit as it was trained, in the folder of a run that fitted it to its data or gave it other rules.
FITTED_CIRCUIT = "circuit.yaml"

logger = logging.getLogger(__name__)


def settings_beside(weights: Path) -> dict[str, Any]:
    """The settings in the ``config.yaml`` beside weights; none where there is no such file."""
    config = weights.parent / CONFIG_FILE
    settings = load_yaml(config) if config.is_file() else None
    return settings if isinstance(settings, dict) else {}


def warn_of_other_scaling(weights: Path, scale: str, on_off: bool, data: Dataset) -> None:
    """Warn where weights were trained on inputs of another scaling than `data`: they answer, and answer worse.

    Parameters
    ----------
    weights : path
    scale, on_off
        As they were asked for. The ranges are those of `data`.
    data : Dataset
    """
    try:
        trained = settings_beside(weights)
    except SpikedtpError:
        return
    if trained.get("command") != TrainConfiguration.command:
        return
    then = (trained.get("scale", "none"), trained.get("on_off_inputs", False))
    if then != (scale, on_off):
        logger.warning(
            "%s was trained with %s, and now it is %s: the network sees other inputs than it learned from",
            weights, _options(*then), _options(scale, on_off),
        )  # fmt: skip
    elif data.scaling is not None and (ranges := _ranges_beside(weights)):
        now = data.scaling.described()
        if not all(_alike(now.get(end), ranges.get(end)) for end in ("low", "high")):
            logger.warning(
                "%s was trained on data with other ranges of inputs than the training part of data set %r, which "
                "--scale %s uses: the network sees other inputs than it learned from",
                weights, data.name, data.scaling.scale,
            )  # fmt: skip


def _options(scale: Any, on_off: Any) -> str:
    return f"--scale {scale} {'with' if on_off else 'without'} --on-off-inputs"


def _alike(now: Any, then: Any) -> bool:
    """Whether two lists of numbers are the same but for the rounding of a file."""
    try:
        return len(now) == len(then) and np.allclose(now, then, rtol=1e-5)
    except (TypeError, ValueError):
        return False


def _ranges_beside(weights: Path) -> dict[str, Any]:
    """What the manifest beside weights tells of their data, where it tells ranges."""
    try:
        found = json.loads((weights.parent / "manifest.json").read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) and "low" in found else {}
