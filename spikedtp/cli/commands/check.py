"""`spikedtp check`: check this installation. `spikedtp.jobs.check` does the work."""

from __future__ import annotations

import json
from typing import Annotated

import typer

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp check",
    "spikedtp check --json",
)

NOT_SOUND = 1


def command(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> int:
    """Check compiler, packages, threads and cache, and simulate five seconds on each device."""
    from spikedtp.jobs.check import check_installation

    sound, report = True, {}
    for found in check_installation():
        sound &= found.ok is not False
        report[found.name] = {"ok": found.ok, **found.values}
        if not as_json:
            mark = {True: "ok", False: "WRONG", None: "note"}[found.ok]
            typer.echo(f"{mark:<6}{found.name}: {found.detail}")
    if as_json:
        typer.echo(json.dumps({"ok": sound, **report}, indent=2))
    return 0 if sound else NOT_SOUND
