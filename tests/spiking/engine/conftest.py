"""Places of runs and of what is compiled."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of compiled projects of the test's own: other workers fill and empty the shared one."""
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))
    return tmp_path / "builds"
