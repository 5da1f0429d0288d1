"""Texts that a figure shows."""

from __future__ import annotations

import matplotlib as mpl


def letters(figure) -> str:
    return "".join(sorted(t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_gid() == "panel-letter"))


def titles(figure) -> list[str]:
    return [ax.get_title() + ax.get_title(loc="left") for ax in figure.get_axes()]
