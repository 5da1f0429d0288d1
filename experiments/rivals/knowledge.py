"""What a synapse must know for each rule: the table that a reader wants beside the accuracies."""

from __future__ import annotations

import pandas as pd

__all__ = ["knowledge"]

COLUMNS = ("rule", "signals at the synapse", "phases", "weight transport", "error broadcast", "cells")
PLATEAU, COPIES = "presynaptic activity, plateau of its cell", "yes: top-down copies"
NUDGED, DALE, FREE = "settle, nudge", "E, SomaI, DendI", "without Dale's law"
ROWS = (
    ("backprop", "gradient of the loss", "forward, backward", "yes", "no", "E, SomaI; rate alone"),
    ("5J", PLATEAU, NUDGED, COPIES, "no", DALE),
    ("learned top-down", PLATEAU, NUDGED, "no: learned", "no", DALE),
    ("BTSP", f"{PLATEAU}, activity before, weight", NUDGED, COPIES, "no", DALE),
    ("temporal contrast", "activity of both cells in both phases", NUDGED, COPIES, "no", DALE),
    ("Burstprop", "events and bursts of both cells", "prediction, teacher", "no: fixed feedback", "no", FREE),
    ("e-prop", "trace × pseudo-derivative, errors of outputs", "none", "no: fixed feedback", "yes", FREE),
    ("read-out only", "presynaptic activity, error of its output cell", NUDGED, "no", "no", DALE),
)


def knowledge() -> pd.DataFrame:
    """One row for each rule, in words."""
    return pd.DataFrame(ROWS, columns=list(COLUMNS))
