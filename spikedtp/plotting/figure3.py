"""Figure 3 of Galloni et al. 2026 for one presentation: inputs, traces, voltages, and the two weight changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from spikedtp.compare.updates import REFERENCES
from spikedtp.errors import known_names
from spikedtp.plotting.panels import (
    dendritic_voltage,
    eligibility_traces,
    input_raster,
    somatic_voltage,
    update_scatter,
)
from spikedtp.plotting.presentation import Shown, rate_dendritic_states
from spikedtp.plotting.style import COLOURS, DOUBLE_COLUMN, letter_panels, new_figure, styled

if TYPE_CHECKING:
    import numpy as np

    from spikedtp.rate import RateResponse
    from spikedtp.spiking import SpikingResponse

__all__ = ["figure3", "rate_update"]

REFERENCE_NAMES = {"notebook": "rate network at its last step", "rule": "rate network's rule"}


@styled
def figure3(
    rate: RateResponse,
    spiking: SpikingResponse,
    projection: str = "H2E_H1E",
    *,
    sample: int = 0,
    repeat: int = 0,
    reference: str | None = None,
) -> Figure:
    """All panels of Figure 3 for one presentation, two columns wide.

    Parameters
    ----------
    rate : RateResponse
        The response to the same samples, with targets: ``present(x, target, nudge_populations="all")``.
    spiking : SpikingResponse
        A response in which everything was recorded.
    projection : str
        The projection whose traces and weight changes are shown.
    sample, repeat : int
        The presentation that is shown.
    reference : {"figure3", "trained"}, optional
        Also by their earlier names, ``"notebook"`` and ``"rule"``.
        The rate ΔW that is shown: that of Figure 3 or that of the rule. Where the notebook's is not defined, the rule's
        is shown. The default is the notebook's for the read-out `paper` and the rule's for others.

    Raises
    ------
    SpikedtpError
        The projection, sample or repeat is unknown, or something that is needed was not recorded.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.axes import Axes
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.plotting import figure3
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", device="runtime", seed=1)
    >>> rate = network.present(x, target, nudge_populations="all")
    >>> figure = figure3(rate, spiking, "H2E_H1E")
    >>> len(figure.findobj(Axes)) > 2
    True
    """
    shown = Shown(rate, spiking, sample, repeat)
    expected, which = rate_update(rate, spiking, projection, sample, reference)
    population = presynaptic(spiking, projection)

    figure = new_figure(DOUBLE_COLUMN, 4.9)
    (above,), (below,) = figure.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.12))
    inputs = above.subplots(1, 3)
    input_raster(inputs[0], shown, "dend")
    input_raster(inputs[1], shown, "soma")
    eligibility_traces(inputs[2], shown, population)
    units, updates = below.subfigures(1, 2, width_ratios=(2, 1.1))
    voltages = units.subplots(2, 2, sharex=True, sharey="row")
    for unit, (dend, soma) in zip(shown.opposed_units(), voltages.T, strict=True):
        title, colour = describe_unit(shown, unit)
        dendritic_voltage(dend, shown, unit, colour=colour)
        somatic_voltage(soma, shown, unit, colour=colour)
        dend.set_xlabel("")
        dend.set_title(title, pad=11)
    for ax in voltages[:, 1]:
        ax.set_ylabel("")
    scatter = updates.subplots()
    update_scatter(
        scatter, expected, spiking.weight_updates.of(projection, sample, repeat), reference=REFERENCE_NAMES[which]
    )
    scatter.set_title(projection.replace("_", " from "))
    letter_panels([*inputs, *voltages[0], scatter])
    return figure


def describe_unit(shown: Shown, unit: int) -> tuple[str, str]:
    """A title with the sign of a unit's dendritic state (rate network, last step), and the colour of that sign."""
    state = rate_dendritic_states(shown.rate, shown.spiking, shown.sample)[-1, unit]
    sign = "positive" if state > 0 else "negative" if state < 0 else "no"
    return f"{shown.population} unit {unit}, {sign} dendritic state", COLOURS.get(sign, COLOURS["other"])


def presynaptic(spiking: SpikingResponse, projection: str) -> str:
    """The presynaptic population of a learned projection of this simulation."""
    if projection not in spiking.projections:
        raise known_names("projection of this simulation", projection, spiking.projections)
    return next(s.population for s in spiking.spec.sources if s.projection == projection)


def rate_update(
    rate: RateResponse, spiking: SpikingResponse, projection: str, sample: int, reference: str | None = None
) -> tuple[np.ndarray, str]:
    """The rate network's ΔW of one sample, `(n_post, n_pre)`, and which of the two references it is."""
    if reference is None:
        reference = "notebook" if spiking.readout == "paper" else "rule"
    reference = REFERENCES.get(reference, reference)
    if reference not in REFERENCE_NAMES:
        raise known_names("reference", reference, REFERENCE_NAMES)
    presynaptic(spiking, projection)
    index = None if rate.n_samples is None else sample
    found = rate.notebook_update(projection, index) if reference == "notebook" else None
    if found is not None:
        return found, "notebook"
    return rate.updates(projection, index), "rule"
