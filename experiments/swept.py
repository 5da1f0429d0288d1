"""Trainings and tests of many networks, each a job of a sweep: finished jobs are kept, and a sweep continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import typer

from spikedtp.configuration import SweepConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.sweep import run_sweep

__all__ = ["swept", "tested_once"]


def swept(command: str, base: dict[str, Any], listed: list[Any], out: Path, jobs: int | None) -> pd.DataFrame:
    """The table of a sweep whose jobs all have to succeed."""
    settings = SweepConfiguration.of(
        {"command": command, "base": base, "list": listed, "jobs": jobs, "retry_failed": True}
    )
    found = run_sweep(settings, out, report=lambda line: typer.echo(line, err=True))
    if found.failed:
        raise SpikedtpError(f"{len(found.failed)} jobs of {out} failed; the same command runs them again")
    return found.table


def tested_once(
    networks: pd.DataFrame,
    base: dict[str, Any],
    spiking: dict[str, Any],
    out: Path,
    jobs: int | None,
    *,
    answering: pd.Series | None = None,
) -> pd.DataFrame:
    """The networks with their accuracies on test samples: all in rate, those that learned in spikes also in spikes.

    `networks` has the columns ``circuit, file, learned``; `spiking` are the settings of those that are asked in spikes.
    `answering`, true or false for each network, asks only some of those that learned in spikes also in spikes.
    """
    in_spikes = networks["learned"] == "spiking"
    if answering is not None:
        in_spikes &= answering
    listed = [
        {"circuit": network.circuit, "weights": network.file, "mode": mode} | (spiking if mode == "spiking" else {})
        for network, both in zip(networks.itertuples(), in_spikes, strict=True)
        for mode in (("rate", "spiking") if both else ("rate",))
    ]
    table = swept("evaluate", base, listed, out, jobs)
    for column, mode in (("test", "rate"), ("test_in_spikes", "spiking")):
        of_file = table[table["mode"] == mode].set_index("weights")["accuracy"]
        networks = networks.assign(**{column: networks["file"].map(of_file)})
    return networks
