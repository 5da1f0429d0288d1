"""`plan`: what a spiking network can see of a weight change, said beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_whole
from spikedtp.planning.circuit_scene import CircuitScene
from spikedtp.planning.number_scene import Numbers, NumberScene
from spikedtp.planning.power import detectable_difference, presentations_needed, spread_of_differences
from spikedtp.planning.prediction import Prediction, draw, median_cosines, predict
from spikedtp.planning.search import Found, least_value
from spikedtp.planning.setting import KNOBS, Scene, Setting
from spikedtp.rate import RateNetwork
from spikedtp.summaries import Summarised, counted

__all__ = ["PlannedComparison", "plan"]

DRAWS = 600  # of noise over all samples together, where nothing else is asked for
LEAST_DRAWS = 24  # of each sample
SEARCH_DRAWS = 240
LEAST_MEANS = 3  # of repeats, of each sample
UNITS = {"time": "ms", "rate": "Hz", "repeats": "", "cells_per_unit": ""}


def plan(
    network: RateNetwork | Numbers | Mapping[str, Any],
    x: Any = None,
    target: Any = None,
    *,
    population: str | None = None,
    loop: str = "open",
    unit_rate: Quantity | None = None,
    time_per_step: Quantity | None = None,
    repeats: int | None = None,
    cells_per_unit: int | None = None,
    dt: Quantity = 1 * ms,
    reference: str = "rule",
    n_draws: int | None = None,
    seed: int = 0,
    **options: Any,
) -> PlannedComparison:
    """Say how similar spiking weight changes will be to the rate network's, without simulating any spikes.

    Means and covariances of all that is read in the open loop follow from the replayed rates (`noise_ceiling`). The
    learning rule is applied to signals with that noise, and its ΔW is compared with the reference.

    Parameters
    ----------
    network : RateNetwork, or Numbers or a mapping with its fields
        A circuit with weights; or numbers alone, which need no other argument than `n_draws` and `seed`.
    x : (n_in,) or (samples, n_in)
    target : (n_out,) or (samples, n_out)
    population : str
        The population whose learned projections are planned, e.g. ``"H2E"``.
    loop : {"open"}
        In the closed loop populations hand on their noise, which is not known beforehand: it is refused.
    unit_rate : Quantity (Hz)
        Firing rate of activity 1, by default 450 Hz.
    time_per_step : Quantity (second)
        Duration of one step of the rate network, by default 20 ms. A presentation lasts 21 of them.
    repeats : int
        Presentations of a sample whose mean ΔW is compared.
    cells_per_unit : int
        Presynaptic cells that stand for one, each with its share of the weight.
    dt : Quantity (second)
    reference : {"rule", "notebook"}
        As in `compare_updates`.
    n_draws : int, optional
        Draws of the noise for each sample. The default makes about 600 in all.
    seed : int
        Seed of these draws.
    options
        As in `simulate`: ``projections, readout, cell, inputs, on_off``.

    Returns
    -------
    PlannedComparison

    Raises
    ------
    SpikedtpError
        Something is wrong that the caller can mend, or nothing can be said beforehand. One line says what.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, plan
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> planned = plan(network, x, target, population="H2E")
    >>> sorted(planned.cosine), 0.5 < planned.cosine["H2E_H1E"] < 1
    (['H2E_H1E', 'H2E_H2DendI'], True)
    >>> planned.needed(0.8)["setting"].unique().tolist()
    ['time_per_step', 'unit_rate', 'repeats', 'cells_per_unit']

    From numbers alone:

    >>> from brian2 import Hz, ms
    >>> planned = plan({"cells": 80, "rates": [5, 10, 40] * Hz, "duration": 500 * ms})
    >>> 0 < planned.cosine["post_pre"] < 1
    True
    """
    if loop != "open":
        if loop == "closed":
            raise SpikedtpError(
                "plan knows the noise of the open loop alone: in the closed loop populations hand on noise of their "
                "own; measure it with repeats (spikedtp compare --loop closed --repeats 10)"
            )
        raise known_names("loop", loop, ["open"])
    seed = check_whole("seed", seed)
    given: dict[str, Any] = dict(
        unit_rate=unit_rate, time_per_step=time_per_step, repeats=repeats, cells_per_unit=cells_per_unit
    )
    given = {name: value for name, value in given.items() if value is not None}
    scene: Scene
    if isinstance(network, Numbers | Mapping):
        others = {**given, **options, **{k: v for k, v in (("x", x), ("target", target)) if v is not None}}
        others |= {"population": population} if population is not None else {}
        for name in others:
            raise SpikedtpError(f"{name} is for a circuit: with numbers alone, give it as one of their fields or not")
        scene = NumberScene(_numbers(network), seed)
    else:
        if not hasattr(network, "circuit"):
            raise SpikedtpError(f"plan needs a rate network or numbers, got {shown(network)}")
        if x is None or target is None or population is None:
            raise SpikedtpError("a plan of a circuit needs x, target and population")
        known = ("projections", "readout", "cell", "inputs", "on_off")
        for name in options:
            if name not in known:
                raise known_names("option of plan", name, [*known, *given])
        setting = Setting(
            given.get("time_per_step", 20 * ms), given.get("unit_rate", 450 * Hz), repeats=given.get("repeats", 1),
            cells_per_unit=given.get("cells_per_unit", 1),
        )  # fmt: skip
        options = {"population": population, "inputs": None, **options}
        scene = CircuitScene(network, x, target, setting, dt, reference, options)
    if n_draws is None:
        n_draws = max(LEAST_DRAWS, -(-DRAWS // scene.n_samples))
    n_draws = check_whole("n_draws", n_draws, least=4, most=1_000_000)
    return PlannedComparison(scene, scene.setting, n_draws, seed)


def _numbers(given: Numbers | Mapping[str, Any]) -> Numbers:
    if isinstance(given, Numbers):
        return given
    for name in given:
        if name not in Numbers.__dataclass_fields__:
            raise known_names("number of a plan", name, Numbers.__dataclass_fields__)
    return Numbers(**given)


@dataclass(frozen=True, repr=False)
class PlannedComparison(Summarised):
    """The result of `plan`: medians over samples and presentations, as `compare_updates` would find them.

    Attributes
    ----------
    scene : Scene
        What is planned.
    setting : Setting
        With how much time, how many spikes, repeats and cells.
    n_draws, seed : int
        Of the noise of each sample.

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
    n_draws: int
    seed: int

    @cached_property
    def predictions(self) -> dict[str, Prediction]:
        """By projection: every draw of every sample."""
        n_draws = max(self.n_draws, LEAST_MEANS * self.setting.repeats)
        drawn = draw(self.scene, self.setting, n_draws=n_draws, seed=self.seed)
        return predict(self.scene, drawn, self.setting.repeats)

    @cached_property
    def _known(self) -> dict[tuple, Any]:
        """What a search has found: cosines by setting, and the last draws, which do for fewer repeats, too."""
        return {}

    def cosines_at(self, setting: Setting) -> dict[str, float]:
        """The expected median cosine of each projection at another setting, as a search needs it."""
        known = self._known
        key = tuple(setting.number(knob) for knob in KNOBS if knob != "repeats")
        if (key, setting.repeats) not in known:
            n_draws = min(self.n_draws, max(LEAST_DRAWS, SEARCH_DRAWS // self.scene.n_samples))
            n_draws = max(n_draws, LEAST_MEANS * setting.repeats)
            last, enough, _ = known.get(("drawn",), (None, 0, None))
            if last != key or enough < n_draws:
                drawn = draw(self.scene, setting, n_draws=n_draws, seed=self.seed, roughly=True)
                known["drawn",] = key, n_draws, drawn
            known[key, setting.repeats] = median_cosines(self.scene, known["drawn",][2], setting.repeats)
        return known[key, setting.repeats]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each projection: ``cosine`` with the 5 % and 95 % of single presentations, ``pearson_r``,
        ``angle`` in degrees, ``sign_agreement``, and ``noiseless_cosine``, what it would be without noise."""
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
        rows: list[dict[str, Any]] = []
        for name in self._chosen(projection):
            for knob in self._knobs(vary):
                found = self._least(name, knob, float(cosine))
                rows.append(
                    {
                        "projection": name, "setting": self.scene.names[knob],
                        "needed": np.nan if found.value is None else found.value, "unit": UNITS[knob],
                        "cosine": found.cosine, "limit": self.scene.limits(knob)[1],
                    }
                )  # fmt: skip
            mine: list[dict[str, Any]] = [row for row in rows if row["projection"] == name]
            if all(np.isnan(row["needed"]) for row in mine):
                raise SpikedtpError(self._beyond(name, float(cosine), mine))
        return pd.DataFrame(rows)

    def _least(self, projection: str, knob: str, wanted: float) -> Found:
        return least_value(
            lambda value: self.cosines_at(self.setting.with_(knob, value))[projection],
            wanted, self.setting.number(knob), self.scene.limits(knob),
            lambda value: self.scene.rounded(knob, value),
        )  # fmt: skip

    def _beyond(self, projection: str, wanted: float, rows: list[dict[str, Any]]) -> str:
        limit = self.predictions[projection].row()["noiseless_cosine"]
        tried = ", ".join(
            f"{row['setting']} up to {row['limit']:.4g}{' ' * bool(row['unit'])}{row['unit']} gives {row['cosine']:.4f}"
            for row in rows
        )
        return (
            f"{projection}: no such plan reaches a cosine of {wanted:g} ({tried}); without any noise it would be "
            f"{limit:.4f} at these settings"
        )

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
        grid = {knob: self._grid(knob, given) for knob, given in (("time", times), ("rate", rates))}
        rows = []
        for time in grid["time"]:
            for rate in grid["rate"]:
                cosines = self.cosines_at(self.setting.with_("time", time).with_("rate", rate))
                rows += [
                    {"projection": name, "duration": time * self.scene.duration, "rate": rate, "cosine": cosine}
                    for name, cosine in cosines.items()
                ]
        return pd.DataFrame(rows)

    def _grid(self, knob: str, given: Iterable[float] | None) -> list[float]:
        low, high = self.scene.limits(knob)
        if given is not None:
            return [float(value) for value in given]
        now = self.setting.number(knob)
        wide = np.geomspace(max(low, now / 8), max(min(high, now * 8), 2 * low), 5)
        return sorted({self.scene.rounded(knob, float(value)) for value in wide})

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

    def _knobs(self, vary: str | Iterable[str] | None) -> list[str]:
        own = {name: knob for knob, name in self.scene.names.items()}
        if vary is None:
            return list(KNOBS)
        names = [vary] if isinstance(vary, str) else list(vary)
        for name in names:
            if name not in own:
                raise known_names("setting to vary", name, own)
        return [own[name] for name in names]

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
