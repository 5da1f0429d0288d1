# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Analyse a sweep
#
# A sweep runs `spikedtp compare` over many settings into one table. Here eight small jobs: how long a presentation
# lasts, how fast cells fire, and how the weight change is read out. On the command line the same plan is a YAML file:
# `spikedtp sweep --config sweep.yaml --out results/sweep`.

# %%
import tempfile
from pathlib import Path

from spikedtp.configuration import SweepConfiguration
from spikedtp.sweep import run_sweep

plan = SweepConfiguration.of(
    {
        "base": {"samples": 20, "repeats": 2},
        "grid": {
            "time_per_step": [10, 20],
            "unit_rate": [150, 450],
            "readout": ["best", "paper"],
        },
    }
)
out = Path(tempfile.mkdtemp()) / "sweep"
swept = run_sweep(plan, out, progress=False)
print(f"{swept.n_run} jobs run, {len(swept.failed)} failed")
sorted(path.name for path in out.iterdir())

# %% [markdown]
# A sweep that is interrupted continues, and what is done is not run again:

# %%
again = run_sweep(plan, out, progress=False)
print(f"{again.n_run} jobs run, {again.n_found} found")

# %% [markdown]
# ## The table
#
# One row per job: its settings, then the medians of every measure, by projection and reference.

# %%
import numpy as np
import pandas as pd

table = pd.read_parquet(out / "sweep.parquet")
measures = ("cosine", "noise_ceiling", "noiseless_cosine")
measured = {name: f"H2E_H1E.rule.{name}.median" for name in measures}
shown = table[["time_per_step", "unit_rate", "readout", *measured.values()]]
shown = shown.rename(columns={column: name for name, column in measured.items()})
shown.round(3)

# %% [markdown]
# ## Does noise explain what is missing?
#
# Noise is independent of the systematic difference, so their cosines multiply. As angles:

# %%
shown = shown.assign(
    angle=np.degrees(np.arccos(shown.cosine)),
    predicted=np.degrees(np.arccos(shown.noise_ceiling * shown.noiseless_cosine)),
    spikes=shown.time_per_step * shown.unit_rate * 1e-3,  # in one step, of a cell with activity 1
)
shown.groupby(["readout", "spikes"])[["angle", "predicted"]].mean().round(1)

# %%
import matplotlib.pyplot as plt

for readout, rows in shown.groupby("readout"):
    rows = rows.sort_values("spikes")
    (dots,) = plt.plot(rows.spikes, rows.angle, "o", label=f"{readout}, measured")
    plt.plot(rows.spikes, rows.predicted, ":", color=dots.get_color(), label=f"{readout}, predicted")
plt.xlabel("spikes per step at activity 1")
plt.ylabel("angle with the rate ΔW (degrees)")
plt.ylim(bottom=0)
plt.legend()
plt.show()

# %% [markdown]
# ## Panels of the package
#
# Every figure function takes an `ax` and returns it, so figures can be put together; `spikedtp report` gathers a
# sweep's figure, table, settings and versions in one HTML page.

# %%
from spikedtp.plotting import style
from spikedtp.plotting.sweep import predicted_angles, setting_angles
from spikedtp.report import write_report

with style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.6), layout="constrained")
    setting_angles(left, table, "unit_rate", "H2E_H1E")
    predicted_angles(right, table, "H2E_H1E")
    left.set_ylabel("angle with the rate ΔW (degrees)")
page = write_report(out)
print(f"{page.name}: {page.stat().st_size / 1e3:.0f} kB")
