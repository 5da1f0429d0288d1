"""`spikedtp info`: describe a circuit or a checkpoint. `spikedtp.jobs.info` does the work."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from spikedtp.cli.options import Plugins, with_plugins

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp info digits_dtp",
    "spikedtp info results/train/weights.pt --json",
)


def command(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A circuit (YAML, or a shipped model's name) or a checkpoint.")
    ],
    circuit: Annotated[
        str | None, typer.Option(metavar="YAML|NAME", help="Circuit of a checkpoint, where its folder does not tell.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    plugin: Plugins = None,
) -> None:
    """Describe a circuit or a checkpoint: populations, projections, rules, Dale's law, recorded accuracy."""
    from spikedtp.jobs.info import file_info

    with_plugins(plugin)
    found = file_info(file, circuit)
    typer.echo(json.dumps(found, indent=2) if as_json else _text(found))


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{found['circuit'] or 'weights'}: {found['n_cells']} cells in {len(found['populations'])} populations, "
        f"{found['n_synapses']:,} synapses in {len(found['projections'])} projections",
        f"file: {found['file']}",
    ]
    if found["weights"]:
        lines.append(f"weights: {found['weights']}")
    if found["accuracy"] is not None:
        lines.append(f"test accuracy, as recorded when it was trained: {100 * found['accuracy']:.2f} %")
    if found["dale_violations"] is not None:
        broken = {p["name"]: p["dale_violations"] for p in found["projections"] if p["dale_violations"]}
        listed = f": {', '.join(f'{name} {n}' for name, n in broken.items())}" if broken else ""
        lines.append(f"weights of the wrong sign (Dale's law): {found['dale_violations']}{listed}")
    if found["rules"] is not None:
        lines.append(f"learning rules: {', '.join(found['rules']) or 'none'}")
    return "\n".join([*lines, "", _table(found["populations"]), "", _table(found["projections"])])


def _table(rows: list[dict[str, Any]]) -> str:
    import pandas as pd

    frame = pd.DataFrame(rows, dtype=object).drop(columns="dale_violations", errors="ignore")
    return frame.map(_cell).to_string(index=False)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
