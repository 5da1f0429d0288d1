"""Backwards: how much of a setting reaches a wanted cosine in a scene."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.planning.prediction import median_cosines
from spikedtp.planning.search import Found, least_value
from spikedtp.planning.setting import KNOBS, UNITS, Scene, Setting

__all__ = ["LEAST_MEANS", "Search"]

LEAST_MEANS = 3  # of repeats, of each sample


class Search:
    """The expected median cosines of one scene at many settings.

    Parameters
    ----------
    scene : Scene
    n_draws : int or None
        Presentations of each sample. None: fewer than for a plan, and in fewer time steps.
    seed : int
    """

    def __init__(self, scene: Scene, n_draws: int | None, seed: int):
        self.scene, self.seed, self.roughly = scene, seed, n_draws is None
        self.n_draws = n_draws or scene.draws.of_each(scene.draws.search, scene.n_samples)
        self._cosines: dict[tuple, dict[str, float]] = {}
        self._last: tuple[Any, int, list] = (None, 0, [])  # its draws do for fewer repeats, too

    def cosines_at(self, setting: Setting) -> dict[str, float]:
        """The expected median cosine of each projection."""
        key = tuple(setting.number(knob) for knob in KNOBS if knob != "repeats")
        if (key, setting.repeats) not in self._cosines:
            n_draws = max(self.n_draws, LEAST_MEANS * setting.repeats)
            last, enough, drawn = self._last
            if last != key or enough < n_draws:
                drawn = self.scene.draw(setting, n_draws=n_draws, seed=self.seed, roughly=self.roughly)
                self._last = key, n_draws, drawn
            self._cosines[key, setting.repeats] = median_cosines(self.scene, drawn, setting.repeats)
        return self._cosines[key, setting.repeats]

    def needed(self, start: Setting, projection: str, cosine: float, knobs: list[str], limit: float) -> pd.DataFrame:
        """One row for each knob, as `PlannedComparison.needed` describes them.

        Parameters
        ----------
        start : Setting
        projection : str
        cosine : float
        knobs : list of str
        limit : float
            The cosine without noise at `start`, for the message.
        """
        rows: list[dict[str, Any]] = []
        for knob in knobs:
            found = self._least(start, projection, knob, cosine)
            rows.append(
                {
                    "projection": projection, "setting": self.scene.names[knob],
                    "needed": np.nan if found.value is None else found.value, "unit": UNITS[knob],
                    "cosine": found.cosine, "limit": self.scene.limits(knob)[1],
                }
            )  # fmt: skip
        if all(np.isnan(row["needed"]) for row in rows):
            tried = ", ".join(
                f"{row['setting']} up to {row['limit']:.4g}{' ' * bool(row['unit'])}{row['unit']} gives "
                f"{row['cosine']:.4f}"
                for row in rows
            )
            raise SpikedtpError(
                f"{projection}: no such plan reaches a cosine of {cosine:g} ({tried}); without any noise it would be "
                f"{limit:.4f} at these settings"
            )
        return pd.DataFrame(rows)

    def _least(self, start: Setting, projection: str, knob: str, wanted: float) -> Found:
        return least_value(
            lambda value: self.cosines_at(start.with_(knob, value))[projection],
            wanted, start.number(knob), self.scene.limits(knob), lambda value: self.scene.rounded(knob, value),
        )  # fmt: skip

    def contours(self, at: Setting, times: Iterable[float] | None, rates: Iterable[float] | None) -> pd.DataFrame:
        """As `PlannedComparison.contours` describes them, around a setting."""
        grid = {knob: self._grid(at, knob, given) for knob, given in (("time", times), ("rate", rates))}
        rows = []
        for time in grid["time"]:
            for rate in grid["rate"]:
                cosines = self.cosines_at(at.with_("time", time).with_("rate", rate))
                rows += [
                    {"projection": name, "duration": time * self.scene.duration, "rate": rate, "cosine": cosine}
                    for name, cosine in cosines.items()
                ]
        return pd.DataFrame(rows)

    def _grid(self, at: Setting, knob: str, given: Iterable[float] | None) -> list[float]:
        if given is not None:
            return [float(value) for value in given]
        low, high = self.scene.limits(knob)
        now = at.number(knob)
        n = self.scene.points
        widest = 2.0 ** ((n + 1) // 2)
        wide = np.geomspace(max(low, now / widest), max(min(high, now * widest), 2 * low), n)
        return sorted({self.scene.rounded(knob, float(value)) for value in wide})

    def knobs(self, vary: str | Iterable[str] | None) -> list[str]:
        """By the names that users know them by."""
        own = {name: knob for knob, name in self.scene.names.items()}
        if vary is None:
            return list(KNOBS)
        names = [vary] if isinstance(vary, str) else list(vary)
        for name in names:
            if name not in own:
                raise known_names("setting to vary", name, own)
        return [own[name] for name in names]
