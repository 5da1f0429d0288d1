"""Columns of the table have one type."""

from __future__ import annotations

from spikedtp.sweep.table import sweep_table


def test_columns_have_one_type():
    """A rule by its name in one job and with its fields in another; numbers and words."""
    jobs = [
        {"key": str(n), "settings": settings, "status": "done", "error": None, "results": {}}
        for n, settings in enumerate([{"a": 1, "b": {"c": 2}}, {"a": "x", "b": {"c": 2.5}}])
    ]
    assert sweep_table(jobs).to_pydict() == {
        "job": ["0", "1"], "a": ["1", "x"], "b.c": [2.0, 2.5], "status": ["done"] * 2, "error": [None] * 2
    }  # fmt: skip
