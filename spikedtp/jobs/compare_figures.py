"""The figures of a comparison: one presentation step by step, and how alike all of them are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spikedtp.plotting import (
    activities_figure,
    closed_updates_figure,
    dendritic_state_figure,
    eligibility_figure,
    figure3,
    phases_figure,
    similarity_figure,
)
from spikedtp.rate import RateNetwork, RateResponse
from spikedtp.records import save_figure
from spikedtp.spiking import ClosedResponse, SpikingResponse, simulate

__all__ = ["draw_presentation", "draw_table", "shown_sample"]


def shown_sample(rate: RateResponse, population: str | None) -> int:
    """The sample to draw: the one whose instructive signal is the median of those that are not silent.

    For the whole circuit (None), the output's.
    """
    plateau = rate.plateau.get(population or rate.circuit.output.name)
    if plateau is None:
        return 0
    size = np.linalg.norm(plateau, axis=-1)
    loud = np.flatnonzero(size > 1e-3 * max(size.max(), 1e-12))
    return int(loud[np.argsort(size[loud], kind="stable")[len(loud) // 2]]) if len(loud) else 0


def draw_presentation(
    folder: Path, network: RateNetwork, x: np.ndarray, target: np.ndarray, sample: int, options: dict
) -> None:
    """One sample: the very presentation of the table, recorded step by step."""
    spiking = simulate(network, x[None], target[None], first_sample=sample, **options)
    rate = network.present(x[None], target[None], nudge_populations="all")
    if spiking.loop == "closed":
        save_figure(folder, "phases", phases_figure(rate, spiking))
        save_figure(folder, "weight_changes", closed_updates_figure(rate, spiking))
    else:
        _draw_open(folder, rate, spiking)


def draw_table(
    folder: Path, table: pd.DataFrame, rate: RateResponse, spiking: SpikingResponse | ClosedResponse
) -> None:
    """All samples: how alike the weight changes of each projection are, and in a closed loop the activities."""
    for projection in spiking.projections:
        save_figure(folder, f"similarity_{projection}", similarity_figure(table, projection))
    if spiking.loop == "closed":
        save_figure(folder, "activities", activities_figure(rate, spiking))


def _draw_open(folder: Path, rate: RateResponse, spiking: SpikingResponse) -> None:
    """Figure 3 and its follow-ups."""
    compartments = {source.projection: source.compartment for source in spiking.spec.sources}
    projection = min(spiking.projections, key=lambda name: compartments[name] != "soma")
    if "dend" in compartments.values():
        save_figure(folder, "figure3", figure3(rate, spiking, projection))
        save_figure(folder, "dendritic_state", dendritic_state_figure(rate, spiking))
    save_figure(folder, "eligibility", eligibility_figure(rate, spiking, projection))
