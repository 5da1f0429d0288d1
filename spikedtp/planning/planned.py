"""What is expected of a planned comparison, what would be needed, and which differences it can show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.planning.backwards import LEAST_MEANS, Search
from spikedtp.planning.power import detectable_difference, presentations_needed, spread_of_differences
from spikedtp.planning.prediction import Prediction, predict
from spikedtp.planning.setting import UNITS, Scene, Setting
from spikedtp.summaries import Summarised, counted

__all__ = ["PlannedComparison"]


@dataclass(frozen=True, repr=False)
class PlannedComparison(Summarised):
    """The result of `plan`: medians over samples and presentations, as `compare_updates` would find them.

    Attributes
    ----------
    scene : Scene
        What is planned.
    setting : Setting
        With how much time, how many spikes, repeats and cells.
    asked_draws : int or None
        Draws of the noise of each sample that were asked for. Searches take as many. None: the plan takes as many as
        `n_draws` says, and searches fewer.
    seed : int

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from spikedtp import plan
    >>> planned = plan({"cells": 50, "rates": 30 * Hz, "read": "mean", "duration": 1000 * ms})
    >>> round(planned.cosine["post_pre"], 1), planned.table.columns.tolist()[:3]
    (1.0, ['projection', 'cosine', 'cosine_low'])
    >>> planned.detectable(50).columns.tolist()
    ['projection', 'n', 'spread', 'smallest_difference']
    """

    scene: Scene
    setting: Setting
    asked_draws: int | None
    seed: int

    @property
    def n_draws(self) -> int:
        """Draws of each sample."""
        return self.asked_draws or self.scene.draws.of_each(self.scene.draws.plan, self.scene.n_samples)

    @cached_property
    def predictions(self) -> dict[str, Prediction]:
        """By projection: every draw of every sample."""
        n_draws = max(self.n_draws, LEAST_MEANS * self.setting.repeats)
        drawn = self.scene.draw(self.setting, n_draws=n_draws, seed=self.seed)
        return predict(self.scene, drawn, self.setting.repeats)

    @cached_property
    def search(self) -> Search:
        """What is known of other settings."""
        return Search(self.scene, self.asked_draws, self.seed)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each projection: ``cosine`` with the 5 % and 95 % of single presentations and its standard error
        (of the draws), ``pearson_r``, ``angle`` in degrees, ``sign_agreement``, and ``noiseless_cosine``, what it would
        be without noise."""
        return pd.DataFrame([{"projection": name} | found.row() for name, found in self.predictions.items()])

    def _column(self, name: str) -> dict[str, float]:
        return {str(row["projection"]): float(row[name]) for _, row in self.table.iterrows()}

    @property
    def cosine(self) -> dict[str, float]:
        return self._column("cosine")

    @property
    def pearson_r(self) -> dict[str, float]:
        return self._column("pearson_r")

    @property
    def angle(self) -> dict[str, float]:
        return self._column("angle")

    @property
    def sign_agreement(self) -> dict[str, float]:
        return self._column("sign_agreement")

    def needed(
        self, cosine: float, *, vary: str | Iterable[str] | None = None, projection: str | None = None
    ) -> pd.DataFrame:
        """How much of one setting reaches a wanted median cosine, while the others stay as they are.

        Parameters
        ----------
        cosine : float
            Between 0 and 1.
        vary : str or list of str, optional
            What may change: ``time_per_step``, ``unit_rate``, ``repeats``, ``cells_per_unit`` (from numbers:
            ``duration`` and ``peak_rate``). By default each of them in turn.
        projection : str, optional
            By default all projections.

        Returns
        -------
        pandas.DataFrame
            One row for each projection and setting: ``needed``, in ``unit``, and the expected ``cosine`` there. Where
            no value within ``limit`` reaches it, ``needed`` is NaN and ``cosine`` the highest that was found.

        Raises
        ------
        SpikedtpError
            A cosine that nothing reaches: the line says what the limit is.
        """
        if isinstance(cosine, bool) or not isinstance(cosine, int | float | np.number) or not 0 < cosine < 1:
            raise SpikedtpError(f"cosine must lie between 0 and 1, got {shown(cosine)}")
        knobs, found = self.search.knobs(vary), []
        for name in self._chosen(projection):
            limit = self.predictions[name].row()["noiseless_cosine"]
            found.append(self.search.needed(self.setting, name, float(cosine), knobs, limit))
        return pd.concat(found, ignore_index=True)

    def contours(self, times: Iterable[float] | None = None, rates: Iterable[float] | None = None) -> pd.DataFrame:
        """The expected cosine on a grid of times and rates, for contours at constant cosine.

        Parameters
        ----------
        times : sequence of float, optional
            In ms; of one rate step, or of the presentation where only numbers are given.
        rates : sequence of float, optional
            In Hz.

        Returns
        -------
        pandas.DataFrame
            One row for each projection, time and rate: ``projection, duration, rate, cosine``. ``duration`` is that of
            the whole presentation in ms.
        """
        return self.search.contours(self.setting, times, rates)

    def detectable(
        self,
        n: int,
        *,
        error_rate: float = 0.05,
        power: float = 0.8,
        against: PlannedComparison | None = None,
    ) -> pd.DataFrame:
        """The smallest difference between the cosines of two rules that `n` presentations show.

        Both rules get the same `n` samples, drawn from those of the plan, each with spikes of its own. A paired t-test
        (two-sided) decides.

        Parameters
        ----------
        n : int
            Presentations of each rule.
        error_rate : float
            How often a difference is found where there is none.
        power : float
            How often the smallest difference is found.
        against : PlannedComparison, optional
            The plan of the other rule. Without it, another rule is taken to be as noisy as this one, and to differ by
            as much in every sample.

        Returns
        -------
        pandas.DataFrame
            One row for each projection: ``n``, ``spread`` (standard deviation of single differences) and
            ``smallest_difference``; with `against` also the expected ``difference`` and the presentations
            ``n_needed`` to find it, NaN where no number of them is enough.
        """
        rows = []
        for name in self.scene.projections:
            other = None
            if against is not None:
                if name not in against.predictions:
                    raise known_names("projection of the other plan", name, against.predictions)
                other = against.predictions[name].cosine
            difference, spread = spread_of_differences(self.predictions[name].cosine, other)
            smallest = detectable_difference(spread, n, error_rate=error_rate, power=power)
            row = {"projection": name, "n": n, "spread": spread, "smallest_difference": smallest}
            if other is not None:
                row |= {"difference": difference, "n_needed": _needed(difference, spread, error_rate, power)}
            rows.append(row)
        return pd.DataFrame(rows)

    def _chosen(self, projection: str | None) -> list[str]:
        if projection is not None and projection not in self.scene.projections:
            raise known_names("projection of this plan", projection, self.scene.projections)
        return self.scene.projections if projection is None else [projection]

    def _headline(self) -> str:
        return f"{self.scene.headline}, {counted(self.scene.n_samples, 'sample')}"

    def _parts(self) -> dict[str, str]:
        setting = ", ".join(
            f"{name} {self.setting.number(knob):g}{' ' * bool(UNITS[knob])}{UNITS[knob]}"
            for knob, name in self.scene.names.items()
        )
        rows = {
            str(row["projection"]): f"cosine {row['cosine']:.3f}, angle {row['angle']:.1f} degrees, "
            f"signs {row['sign_agreement']:.3f}"
            for _, row in self.table.iterrows()
        }
        return {"setting": setting, **rows}


def _needed(difference: float, spread: float, error_rate: float, power: float) -> float:
    try:
        return float(presentations_needed(difference, spread, error_rate=error_rate, power=power))
    except SpikedtpError:
        return np.nan
