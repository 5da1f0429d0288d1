"""How figures look: style sheet, colours with a fixed meaning, sizes, panel letters. Nothing is drawn here."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from importlib import resources
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikedtp.locks import Lock

__all__ = ["COLOURS", "DOUBLE_COLUMN", "SINGLE_COLUMN", "cell_colour", "letter_panels", "new_figure", "style", "styled"]

_DRAWING = Lock()

MM = 1 / 25.4
SINGLE_COLUMN, DOUBLE_COLUMN = 88 * MM, 180 * MM  # inch

#: Okabe & Ito's palette, which colour-blind readers can tell apart; one meaning for each colour in every figure.
COLOURS = {
    "E": "#D55E00",
    "SomaI": "#56B4E9",
    "DendI": "#0072B2",
    "rate": "#000000",
    "spiking": "#009E73",
    "positive": "#E69F00",
    "negative": "#CC79A7",
    "other": "#7F7F7F",
}


def style() -> AbstractContextManager[None]:
    """Context manager: the package's style sheet, e.g. around panels drawn one by one in a notebook.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from spikedtp.plotting import style
    >>> with style():
    ...     ax = Figure(figsize=(3, 2)).subplots()
    """
    with resources.as_file(resources.files("spikedtp.plotting") / "style.mplstyle") as sheet:
        return mpl.style.context(str(sheet))


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw a whole figure in the package's style, wherever it is saved afterwards; matplotlib has one at a time."""

    @functools.wraps(draw)
    def in_style(*args: Any, **kwargs: Any) -> Figure:
        with _DRAWING, style():
            figure = draw(*args, **kwargs)
            # ticks are chosen and made when drawn: fix what that depends on, and make them while the style holds
            for axis in (axis for ax in figure.findobj(Axes) for axis in (ax.xaxis, ax.yaxis)):
                if "labelsize" not in axis.get_tick_params():
                    axis.set_tick_params(
                        labelsize=mpl.rcParams["xtick.labelsize" if axis.axis_name == "x" else "ytick.labelsize"]
                    )
            figure.draw_without_rendering()
        return figure

    return in_style


class _Shown(Figure):
    """A figure that a notebook shows although pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=110)
        return png.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inch, that pyplot does not keep alive."""
    return _Shown(figsize=(width, height), layout="constrained")


def cell_colour(population: str) -> str:
    """The colour of a population's cell type (`H1E`, `H2SomaI`)."""
    for kind in ("SomaI", "DendI", "E"):
        if population.endswith(kind):
            return COLOURS[kind]
    return COLOURS["other"]


def letter_panels(axes: Iterable[Axes], *, x: float = 0.0) -> None:
    """Letter panels a, b, c, ... above their upper left corners."""
    for letter, ax in zip("abcdefghijklmnopqrstuvwxyz", axes, strict=False):
        ax.annotate(
            letter,
            (x, 1.0),
            xytext=(-18, 9),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            va="baseline",
            ha="right",
            annotation_clip=False,
            gid="panel-letter",
        )
