"""Learning rules as diagrams, drawn by asking the rules themselves, and their learning curves (Figure 7's panels)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity import (
    BTSP,
    DendriticState,
    HebbWeightNorm,
    LearningRule,
    Signals,
    SupervisedBCM,
    TemporalContrastHebb,
)
from spikedtp.plotting.panels import blend
from spikedtp.plotting.style import DOUBLE_COLUMN, letter_panels, new_figure, styled

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DIAGRAMS",
    "MODEL_COLOURS",
    "angles_figure",
    "diagram",
    "learning_panel",
    "rule_change",
    "rules_figure",
]

#: One colour for each model in every figure that compares them.
MODEL_COLOURS = {
    "backprop": "#000000",
    "LDS": "#0072B2",
    "BTSP": "#D55E00",
    "Hebb + WN": "#009E73",
    "BCM": "#CC79A7",
    "TCH": "#E69F00",
}
DIAGRAMS = ("LDS", "BTSP", "Hebb + WN", "BCM", "TCH")

PRE = (0.25, 0.5, 1.0)
BTSP_WEIGHTS = (0.0, 0.5, 1.0)
BCM_THRESHOLDS = (0.5, 0.8)
# Figure 7 of the paper; a learning rate of 1 throughout
_BTSP = BTSP(1.0, w_max=2.0, temporal_discount=0.1, dep_th=0.01, dep_width=0.01)
_DESCRIPTIONS = {
    "accuracy": "test accuracy (%)",
    "dendritic_state": "|dendritic state|",
    "angle_accumulated": "angle to backprop (°)",
    "angle_gradient": "angle to the bare gradient (°)",
    "angle_single": "angle to backprop,\nsingle samples (°)",
    "angle_feedback": "angle of forward to\ntop-down weights (°)",
}


def rule_change(
    rule: LearningRule,
    *,
    pre: ArrayLike = 0.0,
    post: ArrayLike = 0.0,
    pre_nudged: ArrayLike | None = None,
    post_nudged: ArrayLike | None = None,
    plateau: ArrayLike = 0.0,
    weight: ArrayLike = 0.0,
    **state: ArrayLike,
) -> np.ndarray:
    """ΔW of one synapse for given signals, by the rule itself; all arguments broadcast against one another.

    Parameters
    ----------
    rule : LearningRule
    pre, post : array
        Activities at the end of the settle phase.
    pre_nudged, post_nudged : array, optional
        At the end of the nudge phase; default: as settled.
    plateau, weight : array
    **state : array
        What the rule remembers, by its names (``theta``, ``past_pre``, ``past_plateau``).

    Returns
    -------
    ndarray
        Of the common shape.
    """
    given = {
        "pre": pre,
        "post": post,
        "pre_nudged": pre if pre_nudged is None else pre_nudged,
        "post_nudged": post if post_nudged is None else post_nudged,
        "plateau": plateau,
        "weight": weight,
        **state,
    }
    arrays = np.broadcast_arrays(*(np.asarray(value, float) for value in given.values()))
    one = {name: array[..., None] for name, array in zip(given, arrays, strict=True)}  # one cell on each side
    signals = Signals(
        pre_settled=one["pre"],
        pre_settled_previous=one["pre"],
        post_settled=one["post"],
        dendrite_settled=one["plateau"],
        pre_nudged=one["pre_nudged"],
        post_nudged=one["post_nudged"],
        plateau=one["plateau"],
    )
    change = rule.update(signals, one["weight"][..., None], {name: one[name] for name in state})
    return change[..., 0, 0]


def diagram(ax: Axes, model: str) -> Axes:
    """The diagram of one rule.

    Parameters
    ----------
    ax : Axes
    model : {"LDS", "BTSP", "Hebb + WN", "BCM", "TCH"}

    Raises
    ------
    SpikedtpError
        Another name.
    """
    draw = {"LDS": _lds, "BTSP": _btsp, "Hebb + WN": _hebb, "BCM": _bcm, "TCH": _tch}
    if model not in draw:
        raise known_names("rule diagram", model, draw)
    ax.axhline(0, color="0.7", linewidth=0.5, zorder=0.5)
    draw[model](ax)
    ax.set_title(model, color=MODEL_COLOURS[model], fontweight="bold")
    ax.set_ylabel("ΔW")
    if model != "BTSP":
        ax.legend(loc="upper left", handlelength=1.0, borderaxespad=0)
        ax.locator_params(axis="x", nbins=4)
    ax.locator_params(axis="y", nbins=5)
    return ax


def _lines(ax: Axes, model: str, x: np.ndarray, lines: dict[str, np.ndarray], **how: Any) -> None:
    """One line for each label, the last in the model's own colour and the others paler."""
    for k, (label, y) in enumerate(lines.items()):
        colour = blend(MODEL_COLOURS[model], 0.65 * (1 - k / max(len(lines) - 1, 1)))
        ax.plot(x, y, color=colour, label=label, gid=f"diagram-{model}", **how)


def _lds(ax: Axes) -> None:
    delta = np.linspace(-1, 1, 101)
    changes = {f"$a_{{pre}}$ = {a:g}": rule_change(DendriticState(1.0), pre=a, plateau=delta) for a in PRE}
    _lines(ax, "LDS", delta, changes)
    ax.set_xlabel("dendritic state δ")


def _btsp(ax: Axes) -> None:
    # the input comes one sample before the plateau, with it, or one sample after it
    past_pre, now, plateau, past_plateau = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]], float)
    changes = {
        f"w = {w:g}": rule_change(
            _BTSP, pre=now, plateau=plateau, weight=w, past_pre=past_pre, past_plateau=past_plateau
        )
        for w in BTSP_WEIGHTS
    }
    _lines(ax, "BTSP", np.arange(-1, 2), changes, marker="o")
    for label, change in changes.items():
        ax.annotate(label, (0, change[1]), (4, 3), textcoords="offset points", fontsize=6)
    ax.set_ylim(top=2.6)
    ax.set_xticks((-1, 0, 1), ("previous", "present", "next"))
    ax.set_xlim(-1.3, 1.3)
    ax.set_xlabel("sample of the input")


def _hebb(ax: Axes) -> None:
    post = np.linspace(0, 1, 101)
    rule = HebbWeightNorm(1.0, forward_only=True)
    _lines(ax, "Hebb + WN", post, {f"$a_{{pre}}$ = {a:g}": rule_change(rule, pre=a, post=post) for a in PRE})
    ax.set_xlabel("$a_{post}$")


def _bcm(ax: Axes) -> None:
    post = np.linspace(0, 1, 101)
    rule = SupervisedBCM(1.0, theta_tau=10.0, k=1.0)
    changes = {f"θ = {theta:g}": rule_change(rule, pre=1.0, post=post, theta=theta) for theta in BCM_THRESHOLDS}
    _lines(ax, "BCM", post, changes)
    ax.set_xlabel("$a_{post}$  ($a_{pre}$ = 1)")


def _tch(ax: Axes) -> None:
    change, settled = np.linspace(-0.5, 0.5, 101), 0.5
    rule = TemporalContrastHebb(1.0)
    lines = {f"$a_{{pre}}$ = {a:g}": rule_change(rule, pre=a, post=settled, post_nudged=settled + change) for a in PRE}
    _lines(ax, "TCH", change, lines)
    ax.set_xlabel("$Δa_{post}$")


def learning_panel(ax: Axes, table: pd.DataFrame, measure: str, name: str | None = None) -> Axes:
    """Mean over seeds of one measure during training, one line a model, with a band of one standard deviation.

    Parameters
    ----------
    ax : Axes
    table : pandas.DataFrame
        Columns ``model, seed, measure, name, step, value`` (`LearningCurves.table`, models and seeds joined).
    measure : str
        E.g. "accuracy", "angle_accumulated".
    name : str, optional
        The population or projection; default: the mean over all that the table has.

    Raises
    ------
    SpikedtpError
        The table has no such rows.
    """
    rows = table[(table["measure"] == measure) & (True if name is None else table["name"] == name)]
    if rows.empty:
        raise SpikedtpError(f"no {measure}{f' of {name}' if name else ''} in this table")
    each = rows.groupby(["model", "seed", "step"], sort=False)["value"].mean()
    scale = 100 if measure == "accuracy" else 1
    top = 0.0
    for model, colour in MODEL_COLOURS.items():
        if model in each.index.get_level_values("model"):
            over_seeds = scale * each[model].unstack("seed").sort_index()
            mean, sd = over_seeds.mean(axis=1), over_seeds.std(axis=1).fillna(0)
            steps = over_seeds.index.to_numpy()
            top = max(top, (mean + sd).max())
            ax.fill_between(steps, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0)
            ax.plot(steps, mean, color=colour, label=model, gid=f"curve-{model}")
    ax.set_xlim(0, table["step"].max())
    if measure == "accuracy":
        ax.set_ylim(0, 100)
    elif measure.startswith("angle"):
        ax.set_ylim(0, max(100, top))
        ax.set_yticks(range(0, int(max(100, top)) + 1, 30))
        ax.axhline(90, color="0.7", linewidth=0.5, linestyle=":", zorder=0.5)
    else:
        ax.set_yscale("log", nonpositive="clip")  # from the first to the last bin it falls a hundredfold
    ax.set_xlabel("presentations")
    ax.set_ylabel(_DESCRIPTIONS.get(measure, measure))
    if name is not None and name != "all":
        ax.set_title(name)
    return ax


@styled
def rules_figure(table: pd.DataFrame) -> Figure:
    """Figure 7: diagrams of the rules; dendritic state, accuracy and angle to backprop while they learn.

    `table` as in `learning_panel`.
    """
    figure = new_figure(DOUBLE_COLUMN, 3.6)
    (top,), (bottom,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.25))
    diagrams = top.subplots(1, len(DIAGRAMS))
    for ax, model in zip(diagrams, DIAGRAMS, strict=True):
        diagram(ax, model)
        if ax is not diagrams[0]:
            ax.set_ylabel("")
    panels = bottom.subplots(1, 4, width_ratios=(1, 1, 1, 1))
    hidden = sorted(set(table.loc[table["measure"] == "dendritic_state", "name"]))[:2]
    for ax, name in zip(panels, hidden, strict=False):
        learning_panel(ax, table, "dendritic_state", name)
    learning_panel(panels[2], table, "accuracy")
    learning_panel(panels[3], table, "angle_accumulated", "all")
    handles, labels = panels[2].get_legend_handles_labels()
    bottom.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    letter_panels([*diagrams, *panels])
    return figure


@styled
def angles_figure(table: pd.DataFrame) -> Figure:
    """The angle to backprop by projection, of accumulated changes (above) and of single samples (below).

    `table` as in `learning_panel`.
    """
    names = list(dict.fromkeys(table.loc[table["measure"] == "angle_accumulated", "name"]))
    names = [*(name for name in names if name != "all"), *(name for name in names if name == "all")]
    figure = new_figure(DOUBLE_COLUMN, 3.8)
    axes = figure.subplots(2, len(names), sharex=True, sharey=True)
    highest = []
    for depth, measure in enumerate(("angle_accumulated", "angle_single")):
        for ax, name in zip(axes[depth], names, strict=True):
            learning_panel(ax, table, measure, name)
            highest.append(ax.get_ylim()[1])
            ax.set_title("projections joined" if name == "all" else name.replace("_", " from "))
            if name != names[0]:
                ax.set_ylabel("")
            if depth == 0:
                ax.set_xlabel("")
    axes[0, 0].set(ylim=(0, max(highest)), yticks=range(0, int(max(highest)) + 1, 30))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    letter_panels(axes.flat)
    return figure
