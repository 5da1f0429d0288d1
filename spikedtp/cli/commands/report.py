"""`spikedtp report`: a results folder as one HTML page. `spikedtp.report` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp report results/compare",
    "spikedtp report results/sweep --out sweep.html",
)


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Results of a command, a sweep or an experiment.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page. Default: report.html in DIR.")] = None,
) -> None:
    """Put figures, tables, settings and versions of a results folder on one page that needs no other file."""
    from spikedtp.report import write_report

    typer.echo(f"page: {write_report(folder, out)}")
