"""A folder of results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spikedtp.records import write_manifest, write_summary, write_table


@pytest.fixture
def run(tmp_path):
    """A folder as an experiment leaves it."""
    folder = tmp_path / "run"
    folder.mkdir()
    spread = {"H2E_H1E.rule.cosine.median": 0.97654, "H2E_H1E.rule.cosine.low": 0.9, "H2E_H1E.rule.cosine.high": 0.99}
    write_summary(folder, {"n_samples": 3, "accuracy": None, **spread})
    write_table(folder, "lines", pd.DataFrame({"sample": [0, 1], "same": ["x", "x"], "cosine": [0.123456, np.nan]}))
    for name, size in (("small", 10), ("large", 2_000_000)):
        (folder / f"{name}.svg").write_text(f"<svg><!--{'x' * size}--></svg>")
        (folder / f"{name}.png").write_bytes(b"png of " + name.encode())
    write_manifest(folder, configuration={"samples": 3}, seeds={"seed": 7}, timings={"all": 1.5})
    return folder
