"""A cache of compiled projects of its own."""

from __future__ import annotations

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))
    return tmp_path / "builds"
