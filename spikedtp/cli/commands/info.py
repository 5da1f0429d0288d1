"""`spikedtp info`: describe a circuit or a checkpoint. `spikedtp.jobs.info` does the work."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from spikedtp.cli.options import Plugins, with_plugins

__all__ = ["EXAMPLES", "command"]

MOST_OTHERS = 8

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
        lines.append(f"weights: {found['weights']}{_in_file(**found['checkpoint'])}")
    if found["accuracy"] is not None:
        lines.append(f"test accuracy, as recorded when it was trained: {100 * found['accuracy']:.2f} %")
    if found["dale_violations"] is not None:
        broken = {p["name"]: p["dale_violations"] for p in found["projections"] if p["dale_violations"]}
        listed = f": {', '.join(f'{name} {n}' for name, n in broken.items())}" if broken else ""
        lines.append(f"weights of the wrong sign (Dale's law): {found['dale_violations']}{listed}")
    if found["rules"] is not None:
        lines.append(f"learning rules: {', '.join(found['rules']) or 'none'}")
    for row in found.get("others", [])[:MOST_OTHERS]:
        lines.append(f"neither a projection nor a bias: {row['name']} {tuple(row['shape'])}")
    if (more := len(found.get("others", [])) - MOST_OTHERS) > 0:
        lines.append(f"and {more} more of these")
    tables = [_table(rows) for rows in (found["populations"], found["projections"]) if rows]
    return "\n\n".join(["\n".join(lines), *tables])


def _in_file(format: str, place: str, prefix: str, number_types: list[str], beside: list[str]) -> str:
    """How the weights lie in their file, where that is worth a word."""
    words = [format, ", ".join(number_types)]
    words += [f"state dict at {place!r}"] if place else []
    words += [f"keys begin with {prefix!r}"] if prefix else []
    if beside:
        words.append(f"beside it {', '.join(beside[:MOST_OTHERS])}{' ...' if len(beside) > MOST_OTHERS else ''}")
    return f" ({'; '.join(words)})"


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
