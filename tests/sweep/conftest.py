"""A sweep of small jobs, and what it gives in one go in one process."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from sweep.sweeps import fresh_weights

from spikedtp.cli import main


@pytest.fixture(scope="session")
def config(small_circuit, tmp_path_factory) -> Path:
    """Twelve small jobs, one of which cannot work."""
    folder = tmp_path_factory.mktemp("sweep")
    fresh_weights(small_circuit, folder / "fresh.pt")
    settings = {
        "base": {
            "circuit": str(small_circuit), "weights": str(folder / "fresh.pt"), "samples": 2, "repeats": 2,
            "device": "runtime",
        },
        "list": [*({"seed": seed} for seed in range(5)), {"seed": 9, "population": "H2SomaI"}],
        "grid": {"time-per-step": [10, 20]},
    }  # fmt: skip
    (folder / "sweep.yaml").write_text(yaml.safe_dump(settings))
    return folder / "sweep.yaml"


@pytest.fixture(scope="session")
def reference(config, tmp_path_factory) -> Path:
    """The sweep run in one go in one process."""
    out = tmp_path_factory.mktemp("reference") / "out"
    assert main(["sweep", "--config", str(config), "--jobs", "1", "--out", str(out)]) == 1  # two jobs fail
    return out
