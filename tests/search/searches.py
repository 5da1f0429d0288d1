"""A small search, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikedtp.configuration import SearchConfiguration

RATE = "rules.H2E_H1E.learning_rate"
#: All of it that has to be the same however, and wherever, a search was run.
SAME = ("config.yaml", "trials.parquet", "summary.json", "search.png", "search.svg", "best/config.yaml")


def settings(circuit: Path, **changes: Any) -> dict[str, Any]:
    """Rate trainings of a second or less."""
    return {
        "base": {"circuit": str(circuit), "samples": 40, "probe_every": 40, "validation": 100},
        "parameters": {
            RATE: {"low": 0.001, "high": 1, "scale": "log"},
            "schedule": ["anneal", "constant"],
        },
        "trials": 5,
        "sampler": {"name": "TPESampler", "n_startup_trials": 2},
        "at_once": 2,
    } | changes


def search(circuit: Path, **changes: Any) -> SearchConfiguration:
    return SearchConfiguration.of(settings(circuit, **changes))


def left(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in SAME}
