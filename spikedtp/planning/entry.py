"""`plan`: what a spiking network can see of a weight change, said beforehand."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_whole
from spikedtp.planning.closed_loop.scene import ClosedScene
from spikedtp.planning.number_scene import Numbers, NumberScene
from spikedtp.planning.open_scene import OpenScene
from spikedtp.planning.planned import PlannedComparison
from spikedtp.planning.reference import Reference
from spikedtp.planning.setting import Scene, Setting
from spikedtp.rate import RateNetwork
from spikedtp.spiking import Phases, phases_of

logger = logging.getLogger(__name__)

__all__ = ["plan"]

#: Options of a circuit's plan, beside those of every plan.
OPTIONS = {
    "open": ("projections", "readout", "cell", "inputs", "on_off"),
    "closed": ("projections", "cell", "on_off", "unit_rates", "spikers", "phases"),
}


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

    Means and covariances of all that is read in the open loop follow from the replayed rates (`noise_ceiling`). In the
    closed loop populations hand on their noise. There the equations of the network are integrated in steps of 5 ms,
    with random counts instead of spikes: an approximation (docs/planning.md). The learning rule is applied to signals
    with this noise, and its ΔW is compared with the reference.

    Parameters
    ----------
    network : RateNetwork, or Numbers or a mapping with its fields
        A circuit with weights; or numbers alone, which need no other argument than `n_draws` and `seed`.
    x : (n_in,) or (samples, n_in)
    target : (n_out,) or (samples, n_out)
    population : str
        The population whose learned projections are planned, e.g. ``"H2E"``. In the closed loop it may be left out:
        all populations are planned.
    loop : {"open", "closed"}
    unit_rate : Quantity (Hz)
        Firing rate of activity 1, by default 450 Hz.
    time_per_step : Quantity (second)
        Duration of one step of the rate network, by default 20 ms. A presentation lasts 21 of them, and 35 in the
        closed loop.
    repeats : int
        Presentations of a sample whose mean ΔW is compared.
    cells_per_unit : int
        Presynaptic cells that stand for one, each with its share of the weight. In the closed loop: so many times as
        many units fire for each cell, of every population but the input.
    dt : Quantity (second)
    reference : {"rule", "notebook"}
        As in `compare_updates`.
    n_draws : int, optional
        Draws of the noise for each sample, for the plan and for each step of a search. The default makes about 600 in
        all (240 in the closed loop), and fewer for searches.
    seed : int
        Seed of these draws.
    options
        As in `simulate`: ``projections, cell, on_off``; in the open loop ``readout, inputs``, in the closed loop
        ``unit_rates, spikers, phases``.

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
    if loop not in OPTIONS:
        raise known_names("loop", loop, OPTIONS)
    seed = check_whole("seed", seed)
    given: dict[str, Any] = dict(
        unit_rate=unit_rate, time_per_step=time_per_step, repeats=repeats, cells_per_unit=cells_per_unit
    )
    given = {name: value for name, value in given.items() if value is not None}
    scene: Scene
    if isinstance(network, Numbers | Mapping):
        others = {**given, **options, **{k: v for k, v in (("x", x), ("target", target)) if v is not None}}
        others |= {"population": population} if population is not None else {}
        others |= {"loop": loop} if loop != "open" else {}
        for name in others:
            raise SpikedtpError(f"{name} is for a circuit: with numbers alone, give it as one of their fields or not")
        scene = NumberScene(_numbers(network), seed)
    else:
        if not hasattr(network, "circuit"):
            raise SpikedtpError(f"plan needs a rate network or numbers, got {shown(network)}")
        if x is None or target is None or (population is None and loop == "open"):
            raise SpikedtpError("a plan of a circuit needs x, target and, in the open loop, population")
        for name in options:
            if name not in OPTIONS[loop]:
                raise known_names(f"option of plan in the {loop} loop", name, [*OPTIONS[loop], *given])
        _tell_of_biases(network, population)
        compared = Reference(network, x, target, reference)
        scene = (_open if loop == "open" else _closed)(compared, population, dt, given, options)
    if n_draws is not None:
        n_draws = check_whole("n_draws", n_draws, least=4, most=1_000_000)
    return PlannedComparison(scene, scene.setting, n_draws, seed)


def _tell_of_biases(network: RateNetwork, population: str | None) -> None:
    learning = [p.name for p in network.circuit.populations if p.bias_rule is not None]
    shown = learning if population in (None, "all") else [name for name in learning if name == population]
    if shown:
        logger.warning(
            "a plan says nothing of biases that learn (%s), only of weights: compare measures them", ", ".join(shown)
        )


def _open(
    compared: Reference, population: str | None, dt: Quantity, given: dict[str, Any], options: dict[str, Any]
) -> OpenScene:
    times = {"time": given.pop("time_per_step", 20 * ms), "rate": given.pop("unit_rate", 450 * Hz)}
    return OpenScene(compared, Setting(**times, **given), dt, {"population": population, "inputs": None, **options})


def _closed(
    compared: Reference, population: str | None, dt: Quantity, given: dict[str, Any], options: dict[str, Any]
) -> ClosedScene:
    phases, time = options.pop("phases", None), given.pop("time_per_step", None)
    if phases is None:
        phases = phases_of(20 * ms if time is None else time, dt)
    elif not isinstance(phases, Phases):
        raise SpikedtpError(f"phases must be Phases(settle=..., ...), got {shown(phases)}")
    elif time is not None or dt not in (phases.dt, 1 * ms):
        raise SpikedtpError("time_per_step or dt, and phases, both say how long things take: give one")
    setting = Setting(phases.time_per_step, given.pop("unit_rate", 450 * Hz), **given)
    population = None if population == "all" else population
    return ClosedScene(compared, setting, population, options.pop("projections", None), phases, options)


def _numbers(given: Numbers | Mapping[str, Any]) -> Numbers:
    if isinstance(given, Numbers):
        return given
    for name in given:
        if name not in Numbers.__dataclass_fields__:
            raise known_names("number of a plan", name, Numbers.__dataclass_fields__)
    return Numbers(**given)
