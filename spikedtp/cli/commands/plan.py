"""`spikedtp plan`: what spikes can show of a weight change, beforehand. `spikedtp.jobs.plan` does the work."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from spikedtp.cli.options import command_for
from spikedtp.configuration import PlanConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp plan",
    "spikedtp plan --circuit digits_dtp --population H1E --cosine 0.95",
    "spikedtp plan --loop closed --population all",
    "spikedtp plan --unit-rate 100 --presentations 200 --error-rate 0.01",
    "spikedtp plan --cells 80 --rates 5,10,40 --duration 2000 --fan-in 200 --cosine 0.9 --json",
)


def _run(configuration: PlanConfiguration) -> None:
    """Say how similar spiking weight changes will be to the rate network's, without simulating any spikes.

    From a circuit and its weights, in the open or the closed loop; or from numbers alone (--cells, --rates, ...). With
    --cosine also backwards: which time, rate, number of repeats or of cells reaches it. With --presentations also the
    smallest difference between two rules that so many presentations show.
    """
    import pandas as pd

    summary = _planned(configuration)
    out = Path(configuration.out)
    typer.echo(f"{summary['plan']}: {summary['duration_ms']:g} ms at up to {summary['peak_rate_hz']:g} Hz")
    for row in pd.read_csv(out / "plan.csv").itertuples():
        typer.echo(
            f"{row.projection}: expected cosine {row.cosine:.3f} ± {row.cosine_error:.3f} (9 of 10 presentations "
            f"between {row.cosine_low:.3f} and {row.cosine_high:.3f}), angle {row.angle:.1f} degrees, correlation "
            f"{row.pearson_r:.3f}, same sign {100 * row.sign_agreement:.1f} %; without noise {row.noiseless_cosine:.3f}"
        )
    if configuration.cosine is not None:
        for row in pd.read_csv(out / "needed.csv", keep_default_na=False, na_values={"needed": ""}).itertuples():
            unit = f" {row.unit}" if row.unit else ""
            if math.isnan(row.needed):
                text = f"does not reach it up to {row.limit:g}{unit} (cosine {row.cosine:.3f})"
            else:
                text = f"{row.needed:.4g}{unit} (cosine {row.cosine:.3f})"
            typer.echo(f"{row.projection}: for a cosine of {configuration.cosine:g}, {row.setting} {text}")
    if configuration.presentations is not None:
        for row in pd.read_csv(out / "power.csv").itertuples():
            typer.echo(
                f"{row.projection}: {row.n} presentations of each of two rules show a difference of "
                f"{row.smallest_difference:.3g} between their cosines"
            )
    typer.echo(f"results in {out} (as one page: spikedtp report {out})")


def _run_for_programs(configuration: PlanConfiguration) -> None:
    # what summary.json holds: a number that is not known is null there
    _planned(configuration)
    typer.echo(json.dumps(json.loads((Path(configuration.out) / "summary.json").read_text(encoding="utf-8")), indent=2))


def _planned(configuration: PlanConfiguration) -> dict[str, Any]:
    if not configuration.from_numbers:
        configuration.weights_file()  # before anything heavy is loaded
    from spikedtp.jobs.plan import run_plan

    return run_plan(configuration, configuration.out)


_in_words, _for_programs = (command_for(PlanConfiguration, run) for run in (_run, _run_for_programs))


def command(**given: Any) -> int | None:
    return (_for_programs if given.pop("as_json") else _in_words)(**given)


_signature = inspect.signature(_in_words)
_json = inspect.Parameter(
    "as_json",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--json", help="For programs.")],
)
command.__doc__ = _in_words.__doc__
cast(Any, command).__signature__ = _signature.replace(parameters=[*_signature.parameters.values(), _json])
command.__annotations__ = {**_in_words.__annotations__, "as_json": _json.annotation}
