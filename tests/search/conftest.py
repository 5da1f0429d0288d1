"""A small search, run in one go in one process."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from search.searches import settings

from spikedtp.cli import main


@pytest.fixture(scope="session")
def config(small_circuit, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("search") / "search.yaml"
    path.write_text(yaml.safe_dump(settings(small_circuit)))
    return path


@pytest.fixture(scope="session")
def reference(config, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "out"
    assert main(["search", "--config", str(config), "--jobs", "1", "--out", str(out)]) == 0
    return out
