"""The plan of a closed loop, in which every population spikes from its own membrane. `build` makes the Brian2 objects.

A presentation is a timeline of windows. In the settle phase only the image comes from outside. At the onset of the
nudge the somas are read (and, if asked, held), the output's error and the dendrites' gates are set; then dendrites act
on their somas, continuously or, latched, as a plateau potential whose height is settled once. At the last step the
synapses learn from what was read in the windows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity

from spikedtp.circuit import Circuit, Population, Projection, nudge_kind, plateau_of
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import CellModel, NudgedCell, Spiker, SteadyInput
from spikedtp.plasticity import NormalizeRows, Plateau
from spikedtp.spiking.closed_loop.consolidated import check_consolidation
from spikedtp.spiking.closed_loop.phases import Phases
from spikedtp.spiking.closed_loop.reading import Reading
from spikedtp.spiking.responses.response import check_recordable

__all__ = ["ClosedLoop", "check_learning", "check_spiking_form", "firing_of", "inhibitory", "inhibits"]

RECORDABLE = ("spikes", "v_soma", "v_dend")


@dataclass(frozen=True)
class ClosedLoop:
    """A circuit in spikes.

    Attributes
    ----------
    circuit : Circuit
    unit_rates : dict
        Firing rate of activity 1: population -> Quantity (Hz).
    spikers : dict
        population -> how many units fire for each of its cells, each at the rate of the cell. In a population that is
        not named, each cell fires itself.
    cell : CellModel
        The cell of every population; `cells.CellsOfLoop` says what it needs.
    inputs : SteadyInput
        Its unit rate is that of the input population.
    phases : Phases
    learning : bool
        Whether the synapses learn at the end of the nudge phase.
    nudged : bool
        Whether there is a nudge phase, which learning needs. Without it a presentation ends with the settle phase.
    signals : bool
        Whether to keep the signals of the rules for each presentation, beside the settled activities.
    record : tuple of str
        The variables to keep at every time step: any of ``spikes, v_soma, v_dend``.
    on_off : bool
        Whether linear populations run, whose activities may be negative: units of one half, the on cells, fire at the
        positive part of an activity, and those of the other half, the off cells, at its negative part. A spike of an
        off cell counts as -1.
    signed_input : bool
        Whether inputs may be negative: there is an on cell and an off cell for each of them.
    """

    circuit: Circuit
    unit_rates: dict[str, Quantity]
    spikers: dict[str, int] = field(default_factory=dict)
    cell: CellModel = field(default_factory=NudgedCell)
    inputs: SteadyInput = field(default_factory=SteadyInput)
    phases: Phases = field(default_factory=Phases)
    learning: bool = False
    nudged: bool = False
    signals: bool = False
    record: tuple[str, ...] = ()
    on_off: bool = False
    signed_input: bool = False

    def __post_init__(self) -> None:
        check_spiking_form(self.circuit, on_off=self.on_off)
        self._check_teacher()
        part = self.phases.steps("nudge") // max(len(self.latched_layers), 1)
        if self.phases.latch and not self.phases.plateau_threshold and self.phases.steps("wait") >= part:
            raise SpikedtpError(
                f"Phases.wait = {self.phases.wait} must be shorter than a layer's part of a latched nudge, "
                f"{part * self.phases.dt}: {self.circuit.name} has {len(self.latched_layers)} layers with plateaus"
            )
        check_recordable(self.record, RECORDABLE)
        for p in self.circuit.projections:
            self._check_delay(p)

    def _check_teacher(self) -> None:
        """Where the target comes as spikes, the output's dendrite must be free to hear it, and nothing else."""
        output = self.circuit.output
        if not self.taught_by_spikes:
            return
        others = [p.name for p in self.circuit.inputs(output.name) if p.compartment == "dend"]
        if others:
            raise SpikedtpError(
                f"{self.circuit.name}: {others[0]} drives the dendrite of {output.name}, to which a target as spikes "
                "comes: use Phases(target='number')"
            )
        if output.name in self.signed:
            raise SpikedtpError(
                f"{self.circuit.name}: targets of {output.name} ({output.activation}) may be negative, and no unit "
                "fires at a negative rate: use Phases(target='number')"
            )

    def _check_delay(self, p: Projection) -> None:
        """What is sent must arrive in the phase in which it is read."""
        time = p.delay * self.phases.time_per_step
        steps = float(time / self.phases.dt)
        if abs(steps - round(steps)) > 1e-6 * max(steps, 1):
            raise SpikedtpError(
                f"{p.name}: its delay of {time} must be a whole number of time steps of dt = {self.phases.dt}"
            )
        for phase in ("settle", *(["nudge"] if self.nudged else [])):
            if round(steps) >= self.phases.steps(phase):
                raise SpikedtpError(
                    f"{p.name}: its delay of {time} is as long as the {phase} phase: make Phases.{phase} longer than "
                    f"{getattr(self.phases, phase)}"
                )

    def delay_steps(self, p: Projection) -> int:
        """How many time steps a spike is on its way along a projection."""
        return round(p.delay * float(self.phases.time_per_step / self.phases.dt))

    def way_down(self) -> int:
        """How many time steps what the nudge does to the output needs until the last dendrite sees it."""
        depth = {layer: k for k, layer in enumerate(self.circuit.layers)}
        passed: dict[str, int] = {}
        for population in reversed(self.circuit.populations):
            known = [
                passed.get(p.pre, 0) + self.delay_steps(p)
                for p in self.circuit.inputs(population.name)
                if p.compartment == "dend" and depth[self.circuit.population(p.pre).layer] > depth[population.layer]
            ]
            passed[population.name] = max(known, default=0)
        return max(passed.values())

    @property
    def n_steps(self) -> int:
        return self.phases.end if self.nudged else self.phases.onset

    @property
    def hidden_layers(self) -> tuple[str, ...]:
        """The hidden layers, from the top."""
        return tuple(self.circuit.layers)[-2:0:-1]

    @property
    def taught_by_spikes(self) -> bool:
        """Whether the target comes as spikes."""
        return self.phases.target == "spikes"

    @property
    def latched_layers(self) -> tuple[str, ...]:
        """The layers whose plateaus begin one after the other, from the top."""
        return ((self.circuit.output.layer,) if self.taught_by_spikes else ()) + self.hidden_layers

    @property
    def teachers(self) -> int:
        """How many units fire at the target of each output cell: as many as for the cell itself."""
        return self.spikers.get(self.circuit.output.name, 1)

    @property
    def teacher(self) -> SteadyInput:
        """The units that fire at the target: as inputs do, at the unit rate of the output."""
        return replace(self.inputs, unit_rate=self.unit_rates[self.circuit.output.name])

    def as_taught(self, target: np.ndarray) -> np.ndarray:
        """Targets as the network takes them, (samples, n): for each output cell or for each unit of its teachers."""
        return np.repeat(target, self.teachers, axis=1) if self.taught_by_spikes else target

    @property
    def reading(self) -> Reading:
        """How the settled state is averaged."""
        return Reading(self.phases)

    @property
    def windows(self) -> dict[str, tuple[int, int]]:
        """When each phase is read: phase -> (first time step, last + 1). "nudged" is read in its last part."""
        last = self.nudge_part(self.hidden_layers[-1]) if self.hidden_layers else self.phases.nudged()
        return {"settled": self.reading.window, "nudged": last}

    def read_after(self, population: str) -> int:
        """The time step before which synapses read what a population has sent to them.

        A trace is read once more when the plateaus of a layer begin, in the populations that lie below it.
        """
        by_clock = self.phases.latch and not self.phases.plateau_threshold
        if not (self.nudged and by_clock and self.reading.traces):
            return self.phases.onset
        layers = list(self.circuit.layers)
        depth = {p.name: layers.index(p.layer) for p in self.circuit.populations}
        sends = (p for p in self.circuit.projections if p.pre == population and p.compartment == "soma")
        above = {self.circuit.population(p.post).layer for p in sends if depth[p.post] > depth[population]}
        return max((self.nudge_part(layer)[1] for layer in above & {*self.latched_layers}), default=self.phases.onset)

    def nudge_part(self, layer: str) -> tuple[int, int]:
        """When the dendrites of a layer are read."""
        layers = self.latched_layers
        if not self.phases.latch or self.phases.plateau_threshold or layer not in layers:
            return self.phases.nudged()
        return self.phases.nudged(layers.index(layer), len(layers))

    @property
    def duration(self) -> Quantity:
        return self.n_steps * self.phases.dt

    @property
    def times(self) -> np.ndarray:
        """Times of all time steps, in second."""
        return np.arange(self.n_steps) * float(self.phases.dt)

    @property
    def n_inputs(self) -> int:
        return self.circuit.input.size

    @property
    def populations(self) -> tuple[Population, ...]:
        """All populations but the input, which has no membrane."""
        return self.circuit.populations[1:]

    @property
    def signed(self) -> frozenset[str]:
        """The populations with on and off cells, other than the input."""
        return frozenset(p.name for p in self.populations if p.activation == "linear")

    def input_halves(self) -> dict[int, slice]:
        """What a spike of an input unit counts, 1 or -1 -> where these units lie among the inputs."""
        n = self.n_inputs
        return {1: slice(0, n), -1: slice(n, 2 * n)} if self.signed_input else {1: slice(0, n)}

    def spiker_slices(self) -> dict[str, slice]:
        """Where the units of each population that has them lie among the spikers; all on cells before all off cells."""
        sizes = {
            p.name: p.size * self.spikers.get(p.name, 1) * (1 + (p.name in self.signed))
            for p in self.populations
            if p.name in self.spikers or p.name in self.signed
        }
        ends = np.cumsum(list(sizes.values())).tolist()
        return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}

    def spiker_halves(self, population: str) -> dict[int, slice]:
        """What a spike of its units counts, 1 or -1 -> where these units lie among the spikers."""
        place = self.spiker_slices()[population]
        if population not in self.signed:
            return {1: place}
        middle = (place.start + place.stop) // 2
        return {1: slice(place.start, middle), -1: slice(middle, place.stop)}

    @property
    def spiker(self) -> CellModel:
        """The units that fire for cells, with the cells' own parameters."""
        return self.cell.unit() if hasattr(self.cell, "unit") else Spiker(**firing_of(self.cell))

    def spiker_constants(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit rate (Hz) of every spiker, negative for off cells, and the cell that it fires for."""
        rates, cells = [], []
        for name in self.spiker_slices():
            for sign, place in self.spiker_halves(name).items():
                first, n = self.slices()[name].start, place.stop - place.start
                rates.append(np.full(n, sign * float(self.unit_rates[name] / Hz)))
                cells.append(first + np.arange(n) // self.spikers.get(name, 1))
        return np.concatenate(rates), np.concatenate(cells)

    def clipped(self, highest: dict[str, float]) -> dict[str, tuple[float, float]]:
        """The highest activities, by population, that ask for more than the highest rate, with their limits.

        Cells that are read by their spikes cannot say how much more they were asked for: what counts is to be near it.
        """
        rates = {self.circuit.input.name: self.inputs.max_rate} | {p.name: self.highest_rate for p in self.populations}
        limits = {name: float(rate / self.unit_rates[name]) for name, rate in rates.items()}
        near = {name: 0.9 if name != self.circuit.input.name and self.read_by_spikes else 1.0 for name in limits}
        return {name: (value, limits[name]) for name, value in highest.items() if value > near[name] * limits[name]}

    @property
    def read_by_spikes(self) -> bool:
        """Whether the activity of a cell is what its spikes say, for lack of a `somatic_activity`."""
        return "somatic_activity" not in {*self.cell.declaration().equations, *self.cell.quantities()}

    @property
    def highest_rate(self) -> Quantity:
        """At which cells can fire: once in each step that is not refractory, or as the model says."""
        found = self.cell.quantities()
        once = 1 / (found.get("t_refractory", 0 * ms) + self.phases.dt)
        return min(found.get("max_rate", once), once)

    def held(self) -> np.ndarray:
        """1 for cells whose soma is held during the nudge, `(n_cells,)`."""
        return np.concatenate([np.full(p.size, float(self.holds(p))) for p in self.populations])

    def holds(self, population: Population) -> bool:
        """Whether the somas of a population are held during the nudge."""
        kind = "inhibitory" if inhibitory(self.circuit, population.name) else "excitatory"
        output = population.name == self.circuit.output.name
        return self.phases.hold in ("all", kind) or (output and self.phases.hold == "output")

    @property
    def n_cells(self) -> int:
        return sum(population.size for population in self.populations)

    @property
    def has_lowest(self) -> bool:
        """Whether some dendrites have a lowest plateau of their own."""
        hidden = (p for p in self.populations if p.name != self.circuit.output.name)
        return any(plateau.has_lowest for p in hidden if (plateau := plateau_of(self.circuit, p)) is not None)

    @property
    def biases_learn(self) -> bool:
        """Whether the bias of some population learns."""
        return any(p.bias_rule is not None for p in self.populations)

    def slices(self) -> dict[str, slice]:
        """Where each population lies among the cells."""
        ends = np.cumsum([population.size for population in self.populations]).tolist()
        return {p.name: slice(end - p.size, end) for p, end in zip(self.populations, ends, strict=True)}


def firing_of(cell: CellModel) -> dict[str, Any]:
    """The parameters that say how spikes come about, as far as a cell has them, for units that fire as it does.

    A unit of a steady rate cannot reach 1/dead_time, where its hazard would be infinite: it stays 5 % below.
    """
    names = [f.name for f in fields(Spiker)]
    found = {name: getattr(cell, name) for name in names if hasattr(cell, name)}
    found |= {"firing": cell.input_firing} if hasattr(cell, "input_firing") else {}
    dead_time = found.get("dead_time", Spiker.default("dead_time"))
    if "max_rate" in found and found["max_rate"] * dead_time >= 1:
        found["max_rate"] = 0.95 / dead_time
    return found


def inhibits(projection: Projection) -> bool:
    """Whether no weight of it can be positive."""
    return projection.bounds.upper is not None and projection.bounds.upper <= 0


def inhibitory(circuit: Circuit, population: str) -> bool:
    """Whether all of its synapses are inhibitory."""
    sent = [p for p in circuit.projections if p.pre == population]
    return bool(sent) and all(map(inhibits, sent))


def _check_bias_rule(circuit: Circuit, population: Population, plateau: Plateau | None) -> None:
    rule = population.bias_rule
    if rule is None:
        return
    learns = f"{circuit.name}: the bias of {population.name} learns by"
    if rule.needs_gradient:
        raise SpikedtpError(f"{learns} a gradient ({type(rule).__name__}), which has no spiking form")
    code = rule.spiking_form()
    if code is None:
        raise SpikedtpError(f"{learns} {type(rule).__name__}, which has no spiking form: give it spiking_form()")
    if plateau is None and re.search(r"\bplateau\b", code):
        raise SpikedtpError(f"{learns} plateaus ({type(rule).__name__}), and this population has none")


def check_spiking_form(circuit: Circuit, *, on_off: bool = False) -> None:
    """`SpikedtpError` where spikes cannot do what the circuit asks for."""
    if nudge_kind(circuit) == "mixed":
        raise SpikedtpError(f"{circuit.name}: its rules ask for different nudge phases; a circuit has only one")
    for population in circuit.populations[1:]:
        if population.activation == "srelu":
            raise SpikedtpError(
                f"{circuit.name}: {population.name} is srelu, which has no spiking form: take a relu population"
            )
        if population.activation != "relu" and not on_off:
            raise SpikedtpError(
                f"{circuit.name}: {population.name} is {population.activation}; a firing rate cannot be negative: "
                "let on and off cells carry it (on_off=True, --on-off), or take relu populations"
            )
        plateau = plateau_of(circuit, population)
        _check_bias_rule(circuit, population, plateau)
        ranked = plateau is not None and plateau.max_pop_fraction < 1.0 and population != circuit.output
        if ranked:
            raise SpikedtpError(
                f"{circuit.name}: {population.name} ranks its plateaus (max_pop_fraction); no cell knows its rank"
            )
    for p in circuit.projections:
        if p.rule is not None and p.rule.needs_gradient:
            raise SpikedtpError(
                f"{circuit.name}: {p.name} learns by a gradient ({type(p.rule).__name__}), which has no spiking form"
            )
        if p.compartment == "soma" and p.update_phase == "B":
            raise SpikedtpError(f"{circuit.name}: {p.name} drives a soma in the nudge phase alone: no spiking form yet")


def check_learning(circuit: Circuit) -> None:
    """`SpikedtpError` where synapses of the closed loop cannot learn as the circuit asks for."""
    for p in circuit.projections:
        check_consolidation(p)
        if isinstance(p.constraint, NormalizeRows) and p.constraint.scale is None and p.rule is not None:
            raise SpikedtpError(
                f"{circuit.name}: the rows of {p.name} keep their own sums (normalize_weight with scale: null), which "
                "has no spiking form: give them one sum, a number for scale"
            )
