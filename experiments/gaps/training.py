"""What learning in spikes costs beside learning in rate, and which settings of a training make it cost less."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from intervals import interval
from kept import trained

from spikedtp.circuit import Circuit, read_circuit

__all__ = ["IN_PARITY", "settings_of", "training", "training_summary"]

SCHEDULES = ("anneal", "constant", "linear")
ENDS = ("last weights", "mean of the last fifth")
USUAL = "4 units for each interneuron"
IN_PARITY = "regular spikes at 150 Hz, three times the units"  # as good as in rate: docs/learning_in_spikes.md


def settings_of(circuit: Circuit, quick: bool) -> dict[str, dict[str, Any]]:
    """How cells fire while the network learns: the settings that differ from the usual ones, by name."""
    cells = {kind: [p.name for p in circuit.populations[1:] if p.cell == kind] for kind in ("E", "SomaI", "DendI")}
    interneurons, hidden = cells["SomaI"] + cells["DendI"], cells["E"][:-1]
    # outputs reach activities of 60 and more while they begin to learn: a low unit rate, so that they do not saturate
    output = {"unit_rates": {circuit.output.name: 40}, "spikers": {circuit.output.name: 16}}
    regular = output | {"firing": "regular", "unit_rate": 150}
    more = dict.fromkeys(hidden, 3) | dict.fromkeys(interneurons, 12) | output["spikers"]
    found = {
        USUAL: {},
        "16 units for each interneuron": {"spikers": dict.fromkeys(interneurons, 16)},
        "16 units for each SomaI cell": {"spikers": dict.fromkeys(cells["SomaI"], 16)},
        "regular spikes": {"firing": "regular"},
        "regular spikes at 150 Hz": regular,
        IN_PARITY: regular | {"spikers": more},
    }
    return dict(list(found.items())[:1]) if quick else found


def training(
    folder: Path,
    seeds: list[int],
    *,
    circuit: str,
    data: str,
    samples: int,
    validation: int,
    device: str,
    quick: bool,
    progress: Callable[[str], Any] = print,
) -> pd.DataFrame:
    """Accuracies on validation images: two rows (`ENDS`) for each seed, schedule, and network in rate or in spikes.

    Parameters
    ----------
    folder : path
        Trained networks are kept there.
    seeds : list of int
        Of initial weights, order of samples and spikes.
    """
    base: dict[str, Any] = dict(
        circuit=circuit, data=data, samples=samples, validation=validation, average_last=max(samples // 5, 1),
        probe_every=samples, device=device,
    )  # fmt: skip
    rows = []
    for seed in seeds:
        for schedule in SCHEDULES[: 1 if quick else None]:
            common = base | {"seed": seed, "data_seed": seed, "schedule": schedule}
            twins = {"in rate": trained(folder, mode="rate", **common)}
            for name, settings in settings_of(read_circuit(circuit), quick).items():
                if schedule == SCHEDULES[0] or name == USUAL:  # others: with the usual schedule alone
                    twins[name] = trained(folder, mode="spiking", **common, **settings)
            for learned, out in twins.items():
                rows += [{"seed": seed, "schedule": schedule, "learned": learned, **row} for row in _ends(out)]
        progress(f"seed {seed}")
    return pd.DataFrame(rows)


def _ends(out: Path) -> list[dict[str, Any]]:
    """The accuracy of the last weights and of their mean, asked in rate and, after learning in spikes, in spikes."""
    summary, manifest = (json.loads((out / f"{name}.json").read_text()) for name in ("summary", "manifest"))
    spiking, rows = summary["mode"] == "spiking", []
    for weights, of in zip(ENDS, ("_of_last_weights", ""), strict=True):
        own = summary[f"validation_accuracy{of}"]
        rate = summary[f"validation_accuracy_in_rate{of}"] if spiking else own
        row = {"weights": weights, "rate": rate, "spikes": own if spiking else np.nan}
        rows.append(row | {"ms_per_sample": manifest["timings_s"]["ms_per_sample"]})
    return rows


def training_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Over seeds, in points: accuracy after learning in spikes minus that of the rate twin, asked in both ways.

    The twin has the same seed, schedule and end; its own accuracy is in the column ``twin``. The columns ``rate`` and
    ``spikes`` say how the network that learned in spikes was asked; its twin is always asked in rate.
    """
    keys = ["seed", "schedule", "weights"]
    twin = table[table["learned"] == "in rate"].set_index(keys)["rate"]
    rows = []
    inside = table[table["learned"] != "in rate"]
    for (schedule, learned, weights), part in inside.groupby(["schedule", "learned", "weights"], sort=False):
        own = part.set_index(keys)
        row: dict[str, Any] = {"schedule": schedule, "learned": learned, "weights": weights}
        row["twin"] = twin.loc[own.index].mean()
        for asked in ("rate", "spikes"):
            apart = 100 * (own[asked] - twin.loc[own.index]).to_numpy()
            low, high = interval(apart)
            row |= {asked: apart.mean(), f"{asked}_low": low, f"{asked}_high": high}
        rows.append(row | {"ms_per_sample": own["ms_per_sample"].median(), "seeds": len(own)})
    return pd.DataFrame(rows)
