"""Learning rules in spikes: how much of each ΔW remains in one presentation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, new_figure, styled

__all__ = ["rule_fidelity", "rules_figure"]


def rule_fidelity(ax: Axes, table: pd.DataFrame) -> Axes:
    """Measured cosine with its interval, the noise-free cosine and the noise ceiling of every projection of one model.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        It has the columns ``rule, projection, cosine, low, high, noiseless, noise_ceiling, n_for_95``.
    """
    y = np.arange(len(table))[::-1]
    error = [table["cosine"] - table["low"], table["high"] - table["cosine"]]
    ax.barh(y, table["noiseless"], height=0.62, color="0.92", label="without noise")
    ax.plot(
        table["noise_ceiling"],
        y,
        "|",
        color="0.45",
        markersize=11,
        markeredgewidth=1.5,
        label="noise alone (predicted)",
    )
    ax.errorbar(
        table["cosine"], y, xerr=error, fmt="o", markersize=4, linewidth=1,
        color=COLOURS["spiking"], label="one presentation",
    )  # fmt: skip
    pairs = zip(table["projection"], table["rule"], strict=True)
    ax.set_yticks(y, [f"{projection.replace('_', ' ← ')}  ({rule})" for projection, rule in pairs])
    for height, n in zip(y, table["n_for_95"], strict=True):
        ax.text(1.02, height, f"{n:.0f}" if np.isfinite(n) else "–", transform=ax.get_yaxis_transform(), va="center")
    ax.axvline(0.95, color="0.6", linestyle=":", linewidth=0.8)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.6, len(table) - 0.4)
    return ax


@styled
def rules_figure(table: pd.DataFrame) -> Figure:
    """One block per model, with one line per learned projection.

    The number at the right says how many presentations must be averaged for a cosine of .95.

    Parameters
    ----------
    table : pandas.DataFrame
        As for `rule_fidelity`, with an additional column ``model``.

    Examples
    --------
    >>> import pandas as pd
    >>> from spikedtp.plotting import rules_figure
    >>> columns = ["model", "rule", "projection", "cosine", "low", "high", "noiseless", "noise_ceiling", "n_for_95"]
    >>> row = ["BTSP", "BTSP", "H2E_H1E", 0.8, 0.7, 0.9, 0.95, 0.85, 4]
    >>> figure = rules_figure(pd.DataFrame([row], columns=columns))
    >>> figure.axes[0].get_title(loc="left")
    'BTSP'
    """
    models = list(table["model"].unique())
    sizes = [int((table["model"] == model).sum()) for model in models]
    figure = new_figure(DOUBLE_COLUMN, 0.7 + 0.19 * sum(sizes) + 0.2 * len(models))
    axes = figure.subplots(len(models), 1, sharex=True, height_ratios=sizes, squeeze=False)[:, 0]
    for ax, model in zip(axes, models, strict=True):
        rule_fidelity(ax, table[table["model"] == model])
        ax.set_title(model, loc="left", pad=3)
    axes[0].text(1.02, 1.02, "n for .95", transform=axes[0].transAxes, va="bottom")
    axes[-1].set_xlabel("cosine of spiking and rate ΔW (median, 95 % interval)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
