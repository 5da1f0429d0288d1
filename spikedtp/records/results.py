"""Summary, tables, figures: what depends on configuration and seed alone. The same seed gives the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["save_figure", "write_summary", "write_table"]


def write_summary(folder: str | Path, summary: Mapping[str, Any]) -> Path:
    """Write ``summary.json``: flat keys, strict JSON, keys in the order given.

    Parameters
    ----------
    folder : path
        Where to write; usually what `staged` yields.
    summary : mapping of str to number, str, bool, None or a flat list of these
        numpy scalars and 1-D arrays are taken; a number that is not finite becomes ``null``.

    Raises
    ------
    TypeError
        A value is nested, a path (two runs of one seed must not differ by where they ran) or carries a unit (divide by
        it and name it in the key: ``unit_rate_hz``).
    """
    plain = {_key(key): _flat(key, value) for key, value in summary.items()}
    return _write_text(Path(folder) / "summary.json", json.dumps(plain, indent=2, allow_nan=False) + "\n")


def write_table(folder: str | Path, name: str, frame: pd.DataFrame) -> Path:
    """Write ``NAME.csv``: one header line, no index, floats with all their digits."""
    return _write_text(Path(folder) / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))


def save_figure(folder: str | Path, name: str, figure: Figure, *, dpi: int = 150) -> list[Path]:
    """Save ``NAME.png`` and ``NAME.svg`` without dates or random identifiers.

    Returns
    -------
    list of Path
        The PNG and the SVG.
    """
    import matplotlib

    folder = Path(folder)
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    with matplotlib.rc_context({"svg.hashsalt": "spikedtp"}):
        figure.savefig(png, dpi=dpi, metadata={"Software": None})
        figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return [png, svg]


def _write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"summary key {key!r} is not a string")
    return key


def _flat(key: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [_scalar(key, item) for item in value]
    return _scalar(key, value)


def _scalar(key: str, value: Any) -> Any:
    if hasattr(value, "dimensions"):
        raise TypeError(f"summary value {key!r} carries a unit: divide by it and name the unit in the key")
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise TypeError(f"summary value {key!r} is a {type(value).__name__}: only numbers, text and flat lists belong here")
