"""Makes tests/golden/figure3.npz: ``python tests/spiking/make_figure3_golden.py REFERENCE``.

One run of the original Figure 3 program: what it replayed, the spikes it drew, and what it computed for one unit with
positive and one with negative dendritic state. Of the weights only those onto these two units.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

POPULATIONS = {"H1E": "H2E_H1E", "H2SomaI": "H2E_H2SomaI", "H2DendI": "H2E_H2DendI", "OutputE": "H2E_OutputE"}


def main(reference: Path) -> None:
    run = dict(np.load(reference / "eiann" / "figure3_seed42.npz"))
    state = torch.load(reference / "eiann" / "dtp_equilibrated" / "weights.pt", weights_only=True)
    units = [int(run["pos"]), int(run["neg"])]
    kept = {f"weight/{name}": state[f"module_dict.{name}.weight"].numpy()[units] for name in POPULATIONS.values()}
    for population in POPULATIONS:
        kept[f"activity/{population}"] = run[f"act/{population}"]
        kept[f"spikes/{population}"] = run[f"spikes_packed/{population}"]
    kept["activity/H2E"] = run["act/H2E"][:, units]
    kept["rate_dendritic_state"] = run["dendritic_state"][:, units]
    for name in ("soma", "dend", "rate_dW", "spiking_dW"):
        kept[name] = np.stack([run[f"{name}_pos"], run[f"{name}_neg"]], axis=-1 if name in ("soma", "dend") else 0)
    kept["eligibility_last"] = run["ET_last"]
    np.savez_compressed(Path(__file__).parents[1] / "golden" / "figure3.npz", **kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
