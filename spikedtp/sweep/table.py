"""The table of a sweep: one row per job, in the plan's order, the same bytes however and wherever the jobs ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["TABLE", "sweep_table", "table_of", "write_parquet"]

TABLE = "sweep.parquet"


def sweep_table(finished: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Columns ``job``, the settings (nested ones as ``cell.tau_soma``), ``status``, ``error``, and the results.

    A result that a job does not have (another population, a failure) is null.
    """
    settings: dict[str, Any] = {}
    results: dict[str, Any] = {}
    rows = []
    for job in finished:
        given = dict(_flat(job["settings"]))
        found = {key: value for key, value in job["results"].items() if key not in given}
        settings |= dict.fromkeys(given)
        results |= dict.fromkeys(found)
        rows.append({"job": job["key"], **given, "status": job["status"], "error": job["error"], **found})
    return table_of(rows, ["job", *settings, "status", "error", *results])


def table_of(rows: Sequence[Mapping[str, Any]], names: Iterable[str] | None = None) -> pa.Table:
    """Rows as a table with these columns (those of the first row), null where a row lacks one."""
    if names is None:
        names = rows[0] if rows else ()
    return pa.table({name: _column([row.get(name) for row in rows]) for name in dict.fromkeys(names)})


def write_parquet(folder: Path, table: pa.Table, name: str = TABLE) -> Path:
    path = folder / name
    pq.write_table(table, path)
    return path


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _column(values: list[Any]) -> pa.Array:
    """One type for a column: text where numbers and text are mixed."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1 and kinds != {int, float}:
        values = [None if value is None else str(value) for value in values]
    return pa.array(values)
