"""The steps from the idealised closed loop to one that a physiologist accepts: settings of ``spikedtp train``.

Steps 1 to 5 add one change after the other. Steps 6 to 10 are changes to step 5, one at a time. Then they come
together.
"""

from __future__ import annotations

from typing import Any

from spikedtp.circuit import read_circuit
from spikedtp.plasticity import TopDownHebb

__all__ = ["RATE", "STEPS", "WHOLE"]

RATE = "rate network"
LATCHED = {"latch": True, "hold": "none"}
#: More units than usual: weights that cannot fall below zero grow by the noise of plateaus, and most of it is theirs.
#: Outputs that begin to learn ask for activities of 100, and more units with a lower rate fire at 40.
UNITS = dict.fromkeys(["H1SomaI", "H1DendI", "H2SomaI", "H2DendI", "OutputSomaI", "OutputE"], 16)
#: Windows of the settle phase are averaged, as before.
MEMBRANE: dict[str, Any] = {
    "cell": {"name": "MembraneCell"}, "unit_rate": 100, "unit_rates": {"OutputE": 25}, "settle": 400, "spikers": UNITS,
    "phases": LATCHED,
}  # fmt: skip
TOP_DOWN = {"mnist_dtp_one_pass": "mnist_dtp_learned_top_down", "digits_dtp": "digits_dtp_learned_top_down"}


def _with(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Settings with others; those that are mappings are joined."""
    return settings | {k: settings[k] | v if isinstance(settings.get(k), dict) else v for k, v in more.items()}


TRACES = _with(MEMBRANE, phases={"trace": "100*ms"})
#: A target as spikes takes a part of the nudge for itself.
AS_SPIKES: dict[str, Any] = {"phases": {"target": "spikes", "nudge": "400*ms"}}
#: Each layer waits for the rise of those above it, and until its averages cross.
BY_DENDRITES: dict[str, Any] = {"phases": {"plateau_threshold": 0.01, "nudge": "400*ms"}}
GOES_ON: dict[str, Any] = {"phases": {"reset": False}}
#: What top-down synapses learn from are small changes of rates, which take a longer time to hear.
LEARNED: dict[str, Any] = {"circuit": "learned top-down", "phases": {"nudge": "400*ms"}}
#: How much faster top-down weights learn. Their rates were found for rate networks that are read before they settle.
#: There a transient helps the first weights to align. Where networks settle, in rate too, faster ones make up for it.
FASTER = 8
CONDUCTANCES: dict[str, Any] = {"cell": {"synapses": "conductances"}}
WHOLE = "5 to 10"
TOGETHER = _with(_with(TRACES, **AS_SPIKES), **GOES_ON)
ALL_BUT_6 = _with(_with(TOGETHER, **LEARNED), **CONDUCTANCES)

#: Name -> settings that differ from those of ``spikedtp train --mode spiking``.
STEPS: dict[str, dict[str, Any]] = {
    RATE: {"mode": "rate"},
    "1 Poisson, 450 Hz": {},
    **{f"2 integrate-and-fire units, {r} Hz": {"firing": "lif", "unit_rate": r} for r in (200, 100, 50, 25, 10)},
    "3 plateaus latched, somas free, 100 Hz": {"firing": "lif", "unit_rate": 100, "phases": LATCHED},
    "4 membranes of their own, 100 Hz": MEMBRANE,
    "5 exponential traces": TRACES,
    "5 + 6 plateaus timed by dendrites": _with(TRACES, **BY_DENDRITES),
    "5 + 7 target as spikes": _with(TRACES, **AS_SPIKES),
    "5 + 8 no resets": _with(TRACES, **GOES_ON),
    "5 + 9 learned top-down weights": _with(TRACES, **LEARNED),
    "5 + 10 conductances": _with(TRACES, **CONDUCTANCES),
    "5, 7, 8": TOGETHER,
    "5, 7, 8, 9, 10": ALL_BUT_6,
    # three layers, one after the other; dendrites hear more noise, so thresholds and rates are higher
    WHOLE: _with(
        ALL_BUT_6, unit_rate=150, unit_rates={"OutputE": 100}, phases={"plateau_threshold": 0.02, "nudge": "600*ms"}
    ),
}
STEPS[f"{WHOLE}, 200 Hz"] = STEPS[WHOLE] | {"unit_rate": 200}


def settings_of(step: str, circuit: str) -> dict[str, Any]:
    """The settings of a step, with the name of its circuit."""
    settings = dict(STEPS[step])
    if settings.pop("circuit", None):
        circuit = TOP_DOWN[circuit]
        learned = (p for p in read_circuit(circuit).projections if isinstance(p.rule, TopDownHebb))
        settings["rules"] = {p.name: {"learning_rate": FASTER * p.rule.learning_rate} for p in learned}
    return {"mode": "spiking", "circuit": circuit} | settings
