"""Figures from results, made with matplotlib. Only binning, correlations and medians are computed here.

A function that draws one panel takes `ax` and returns it. A function that composes a figure is called ``…figure…`` and
returns a matplotlib `Figure` in the style of the package (`style.mplstyle`).
"""

from spikedtp.plotting.closed_loop import (
    activities_figure,
    closed_updates_figure,
    mark_closed_phases,
    phases_figure,
    rate_against_activity,
)
from spikedtp.plotting.fidelity import fidelity_curves, fidelity_figure
from spikedtp.plotting.figure3 import figure3
from spikedtp.plotting.follow_up import (
    ceiling_scatter,
    correlation_over_time,
    dendritic_state,
    dendritic_state_figure,
    eligibility_figure,
    eligibility_trace,
    similarity_figure,
    similarity_strips,
)
from spikedtp.plotting.learning import confusion_figure, confusion_matrix, training_curve, training_figure
from spikedtp.plotting.panels import (
    dendritic_voltage,
    eligibility_traces,
    input_raster,
    mark_phases,
    raster,
    somatic_voltage,
    update_scatter,
)
from spikedtp.plotting.planning import contours_figure, cosine_contours
from spikedtp.plotting.presentation import Shown, population_correlation
from spikedtp.plotting.replay import replay_figure, replay_traces
from spikedtp.plotting.rules import rule_fidelity, rules_figure
from spikedtp.plotting.style import COLOURS, style

__all__ = [
    "COLOURS",
    "Shown",
    "activities_figure",
    "ceiling_scatter",
    "closed_updates_figure",
    "contours_figure",
    "confusion_figure",
    "confusion_matrix",
    "correlation_over_time",
    "cosine_contours",
    "dendritic_state",
    "dendritic_state_figure",
    "dendritic_voltage",
    "eligibility_figure",
    "eligibility_trace",
    "eligibility_traces",
    "fidelity_curves",
    "fidelity_figure",
    "figure3",
    "input_raster",
    "mark_closed_phases",
    "mark_phases",
    "phases_figure",
    "population_correlation",
    "raster",
    "rate_against_activity",
    "replay_figure",
    "replay_traces",
    "rule_fidelity",
    "rules_figure",
    "similarity_figure",
    "similarity_strips",
    "somatic_voltage",
    "style",
    "training_curve",
    "training_figure",
    "update_scatter",
]
