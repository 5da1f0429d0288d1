"""`spikedtp search`: the best settings for an objective. `spikedtp.search` does the work."""

from __future__ import annotations

from pathlib import Path

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import SearchConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp search --config search.yaml --out results/search --jobs 2",
    "spikedtp search --config search.yaml --objective cosine,milliseconds --command compare",
    "spikedtp search --config search.yaml --scheduler tcp://127.0.0.1:8786",
)

SOME_FAILED = 1


def _run(configuration: SearchConfiguration) -> int:
    """Look for the settings that are best for an objective, on training samples that are held out.

    Trials are the jobs of a sweep. Optuna chooses what to try next. After an interruption the search continues.
    """
    from spikedtp.search import run_search

    found = run_search(configuration, configuration.out, report=lambda line: typer.echo(line, err=True))
    out, summary = Path(configuration.out), found.summary
    pruned = f", {summary['n_pruned']} of them pruned" if summary["n_pruned"] else ""
    n_done = len(found.table) - len(found.failed)
    typer.echo(f"{n_done} of {len(found.table)} trials done{pruned}; results in {out}")
    if "best_trial" in summary:
        values = ", ".join(f"{name} {summary[f'best.{name}']:.4g}" for name in configuration.objectives)
        typer.echo(f"best trial {summary['best_trial']}: {values}")
        for key in summary["varied"]:
            typer.echo(f"  {key}: {summary[f'best.{key}']}")
        if "front" in summary:
            typer.echo(f"Pareto front: trials {', '.join(map(str, summary['front']))}")
        typer.echo(f"run it: spikedtp {summary['command']} --config {out / 'best' / 'config.yaml'}")
    return SOME_FAILED if found.failed else 0


command = command_for(SearchConfiguration, _run)
