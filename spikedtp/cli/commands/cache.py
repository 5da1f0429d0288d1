"""`spikedtp cache`: List or empty the cache of compiled projects."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp cache",
    "spikedtp cache --clear",
)


def command(
    clear: Annotated[bool, typer.Option("--clear", help="Remove every project that no process is using.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: sizes in bytes, seconds since 1970.")] = False,
) -> None:
    """List or empty the cache of compiled projects.

    The cache is in $SPIKEDTP_CACHE, or in the user's cache folder. It holds at most $SPIKEDTP_CACHE_LIMIT megabytes
    (default 500). The projects that were used longest ago are removed first.
    """
    from spikedtp.spiking.engine.compiled.build_cache import cache_folder, cached_projects, clear_cache

    removed = clear_cache() if clear else []
    projects = cached_projects()
    if as_json:
        listed = {"folder": str(cache_folder()), "projects": [asdict(project) for project in projects]}
        typer.echo(json.dumps(listed | ({"removed": [project.name for project in removed]} if clear else {})))
        return
    if clear:
        typer.echo(f"removed {_amount(removed)}")
    for project in projects:
        use = "in use" if project.in_use else f"used {_ago(project.last_used)} ago"
        typer.echo(f"{project.name}  {project.size / 1e6:6.1f} MB  made {_ago(project.created)} ago, {use}")
    typer.echo(f"{_amount(projects)} in {cache_folder()}")


def _amount(projects: list) -> str:
    megabytes = sum(project.size for project in projects) / 1e6
    return f"{len(projects)} project{'s' * (len(projects) != 1)}, {megabytes:.1f} MB"


def _ago(moment: float) -> str:
    seconds = max(time.time() - moment, 0)
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
