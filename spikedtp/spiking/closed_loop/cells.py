"""What a closed loop asks of its cells, what it gives them, and what it adds where a cell knows nothing of nudges.

Every cell can run whose dendrite can be read and whose compartments can receive spikes. A cell that has no
`somatic_activity` is read by its spikes. What a dendrite does to its soma is the cell's own equation. A cell may use
`nudging`, `acting` and `running`, which the network declares. A cell may have the variables `bias`, `error` and `gate`,
which the network sets. A bias or an error for which a cell has no variable arrives at its soma as spikes do.
"""

from __future__ import annotations

from functools import cached_property

from brian2 import Hz
from brian2.equations.equations import PARAMETER
from brian2.parsing.sympytools import str_to_sympy
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

from spikedtp.circuit import Projection, sees_nudge
from spikedtp.equations.adaptive_firing import ADAPTIVE_FIRING
from spikedtp.equations.firing import FIRING
from spikedtp.errors import SpikedtpError
from spikedtp.neurons import Declaration
from spikedtp.neurons.check import PULSE, checked_declaration, declared, names_used
from spikedtp.neurons.random_numbers import RANDOM_NUMBERS
from spikedtp.plasticity import Plateau
from spikedtp.spiking.closed_loop.plan import ClosedLoop, inhibits

__all__ = ["COUNTED", "COUNTS", "POST_SIGNALS", "PRE_SIGNALS", "SET", "CellsOfLoop", "others_may_fire"]

#: What the rules see; `Signals` says what each is.
PRE_SIGNALS = ("pre_settled", "pre_settled_previous", "pre_nudged")
POST_SIGNALS = ("post_settled", "dendrite_settled", "post_nudged", "plateau")
COUNTS = "count_settled : 1\ncount_nudged : 1\n"
#: Steps since a dendrite has crossed the threshold, and by how much its average differs from its settled mean.
CROSSING = "since_crossing : 1\ndendrite_change : 1"
LOWEST = "lowest_activity : 1 (constant)\n"
COUNTED = COUNTS + "".join(f"{name} : 1\n" for name in PRE_SIGNALS)

#: What the network does with the variables of its cells.
NEEDED = {
    "input_soma": "spikes arrive there",
    "input_dend": "spikes arrive there",
    "dendritic_state": "read for weight changes",
}
FIRES_AT = {"activity": "what a cell fires at", "unit_rate": "the rate of activity 1"}
#: What the network sets, and declares where a cell has none.
SET = {"bias": "bias : 1 (constant)", "error": "error : 1", "gate": "gate : 1"}
#: Whether somas run during the nudge; a shared number where they all do or none does.
RUNNING = {"all": "running = 1 - nudging : 1 (shared)", "none": "running = 1 : 1 (shared)"}
SOME_HELD = "held : 1 (constant)\nrunning = 1 - held*nudging : 1"
#: name -> what its unit must be: activities have none.
UNITS = dict.fromkeys((*NEEDED, *SET, "somatic_activity", "activity"), DIMENSIONLESS) | {"unit_rate": Hz.dim}
#: The ways to fire in which others can fire for a cell.
WAYS = [*(make(rate="0*Hz") for make in FIRING.values()), *ADAPTIVE_FIRING.values()]
REMEDY = "write them into its declaration, or take a cell such as NudgedCell()"


def others_may_fire(declaration: Declaration) -> bool:
    """Whether units can fire for such a cell: it says at which activity, and its own spikes change nothing else."""
    return "activity" in declaration.equations and declaration.reset in {way.reset for way in WAYS}


class CellsOfLoop:
    """The cells of one closed loop: what they have, and the variables that the network adds to them."""

    def __init__(self, spec: ClosedLoop):
        self.spec, self.cell = spec, spec.cell
        self.declaration = declared(spec.cell, "the cell of the closed loop")
        self.has = {*self.declaration.equations, *spec.cell.quantities()}

    @cached_property
    def added(self) -> str:
        """Declarations of the variables that the network adds."""
        sums = "".join(f"{name} : 1\n" for name in ("soma_sum", "dend_sum", "plateau_sum", *POST_SIGNALS))
        return (
            f"{COUNTED}counted_rate : Hz (constant)\n{sums}"
            f"{self.nudging}{RUNNING.get(self.spec.phases.hold, SOME_HELD)}\n{self._acting}\nrate_factor : 1 (shared)\n"
            f"{CROSSING if self.spec.phases.plateau_threshold else ''}\n"
            f"{LOWEST if self.spec.signed else ''}"
            + "\n".join(line for name, line in SET.items() if name not in self.has)
        )

    @property
    def nudging(self) -> str:
        """Declares the variable that is 0 before the onset and 1 from then on."""
        return f"nudging = int(t_in_timesteps >= {self.spec.phases.onset}) : 1 (shared)\n"

    @property
    def rest(self) -> dict[str, str]:
        """What the soma's accumulator begins each step with: what the network sets and the cell has no variable for."""
        arriving = [name for name in ("bias", "error") if name not in self.has]
        return {"input_soma": f"({' + '.join(arriving)})*({self.per_drive})"} if arriving else {}

    @property
    def per_drive(self) -> str:
        """What an arriving 1 must be, in the units of weights, to drive a compartment by 1 for a time step."""
        return "dt/(weight_scale*spike_width)" if self._has_pulse else "1"

    @property
    def _has_pulse(self) -> bool:
        return set(PULSE) <= set(self.cell.quantities())

    @property
    def gain(self) -> float:
        """The drive that an arriving 1 is: what the network divides weights by."""
        if not self._has_pulse:
            return 1.0
        parameters = self.cell.quantities()
        return float(parameters["weight_scale"] * parameters["spike_width"] / self.spec.phases.dt)

    def arrives(self, compartment: str | None, *, inhibits: bool) -> str:
        """The variable to which spikes add; of inhibitory ones another, where the cell has it."""
        where = "dend" if compartment == "dend" else "soma"
        return f"inhibition_{where}" if inhibits and f"inhibition_{where}" in self.has else f"input_{where}"

    @property
    def soma_is_activity(self) -> bool:
        """Whether the somatic voltage itself is what is read, so that it can be held at its settled mean."""
        equation = self.declaration.equations.get("somatic_activity")
        return equation is not None and equation.expr is not None and equation.expr.code.strip() == "v_soma"

    @cached_property
    def held_is_deaf(self) -> bool:
        """Whether what arrives at a held soma changes nothing: no equation knows it where `running` is 0."""
        own, name = self.declaration, "input_soma"
        code = (own.threshold, own.reset, own.before_threshold, own.update, own.refractory or "")
        if name not in own.clear or any(name in get_identifiers(text) for text in code):
            return False
        known = [equation.expr.code for equation in own.equations.values() if name in equation.identifiers]
        held = (str_to_sympy(text).subs(str_to_sympy("running"), 0) for text in known)
        return not any(name in map(str, expression.free_symbols) for expression in held)

    @property
    def firing(self) -> list[tuple[int, int]]:
        """Where the cells lie that fire themselves, if what others do before thresholds is of no use to anything."""
        others = self.spec.spiker_slices()
        if not others or self.declaration.before_threshold not in {way.before_threshold for way in WAYS}:
            return []
        return [(place.start, place.stop) for name, place in self.spec.slices().items() if name not in others]

    def _falls_silent(self, projection: Projection) -> bool:
        """Whether nobody hears a projection from the onset on: its somas are held, and then they hear nothing."""
        spec = self.spec
        held = projection.compartment == "soma" and spec.holds(spec.circuit.population(projection.post))
        return spec.nudged and held and self.held_is_deaf

    def gain_code(self, projection: Projection) -> str:
        """The gain of a projection, which is 0 where nobody hears it: then its spikes cost nothing."""
        return f"gain*int(t_in_timesteps < {self.spec.phases.onset})" if self._falls_silent(projection) else "gain"

    @cached_property
    def unheard(self) -> frozenset[str]:
        """The populations whose spikes are of no use to anything from the onset on.

        No projection is heard, no rule asks for the spikes of the nudge, and nobody keeps them. Where cells are not
        reset, their membranes are needed in the next presentation.
        """
        spec = self.spec
        if not spec.nudged or not spec.phases.reset or spec.signals or "spikes" in spec.record:
            return frozenset()
        heard = {p.pre for p in spec.circuit.projections if not self._falls_silent(p)}
        heard |= {name for p in spec.circuit.projections if self._counts_nudged(p) for name in (p.pre, p.post)}
        heard |= {spec.circuit.output.name} if spec.taught_by_spikes else set()
        read_later = {p.name for p in spec.populations if spec.read_after(p.name) > spec.phases.onset}
        return frozenset(p.name for p in spec.populations) - heard - read_later

    def _counts_nudged(self, projection: Projection) -> bool:
        """Whether the rule of a projection asks for spikes that are counted in the nudge."""
        if not self.spec.learning or projection.rule is None or not sees_nudge(self.spec.circuit, projection):
            return False
        form = projection.learned_by.spiking_form()
        return form is None or form.reading("", instead_of="pre_nudged") != form

    @property
    def per_cell(self) -> tuple[str, ...]:
        """Parameters of which each cell has its own value here."""
        return tuple(name for name in ("unit_rate",) if name in self.cell.quantities())

    @property
    def _acting(self) -> str:
        """What of its dendrite acts on a soma, where the cell asks."""
        acting = "plateau" if self.spec.phases.latch else self.plateau("dendritic_state")
        return f"acting = {acting} : 1" + ("\nlowest : 1" if self.spec.has_lowest else "")

    def activity(self, soma: str) -> str:
        """The activity at a somatic voltage, which is not negative but in cells with on and off units."""
        return f"clip({soma}, {'lowest_activity' if self.spec.signed else '0'}, inf)"

    def plateau(self, dendrite: str) -> str:
        """The plateau that a dendritic state makes; `lowest` where dendrites have a lowest one of their own."""
        return f"gate*{Plateau.clip_code(dendrite, 'lowest' if self.spec.has_lowest else None)}"

    def check(self) -> None:
        """Refuse models that this network cannot run, before anything is built."""
        spec, name = self.spec, type(self.cell).__name__
        needs = NEEDED | {variable: "recorded" for variable in ("v_soma", "v_dend") if variable in spec.record}
        others = bool(spec.spiker_slices())
        needs |= {"activity": "what its spikers fire at"} if others else {}
        needs |= {"v_soma": "held in the nudge"} if spec.nudged and spec.phases.hold != "none" else {}
        for model, where, more, wanted, names in (
            (spec.inputs, "inputs", COUNTED, FIRES_AT, ()),
            (self.cell, "cells", self.added, needs, ()),
            (spec.spiker, "spikers", COUNTS, FIRES_AT | {"cell": "for which it fires"}, ("activity_of",)),
        ):
            checked_declaration(
                model,
                f"{where} of the closed loop",
                more=more,
                namespace={*RANDOM_NUMBERS, *names},
                needs=wanted,
                fires=True,
                remedy=REMEDY if model is self.cell else "",
            )
        self._check_kinds()
        for accumulator in self.rest:
            if accumulator not in self.declaration.clear:
                raise SpikedtpError(
                    f"cells of the closed loop: biases and errors are added to {accumulator} of {name} in every step "
                    "when it is cleared, and it is not: name it in its declaration's clear"
                )
        mixed = [p.name for p in spec.circuit.projections if p.bounds.lower != 0 and not inhibits(p)]
        if "inhibition_soma" in self.has and mixed:
            raise SpikedtpError(
                f"cells of the closed loop: {name} has conductances, and weights of {mixed[0]} may have either sign: "
                "give the projection a type, Exc or Inh, or take currents (synapses='currents')"
            )
        if others and not others_may_fire(self.declaration):
            remedy = f"{', '.join(sorted(spec.signed))} must be relu" if spec.signed else "use spikers=1"
            raise SpikedtpError(
                f"cells of the closed loop: no unit can fire for {name}, whose reset does more than to begin the next "
                f"interval: {remedy}"
            )
        used = names_used(self.declaration)
        if spec.nudged and spec.phases.hold != "none" and "running" not in used:
            raise SpikedtpError(
                f"cells of the closed loop: the soma of {name} cannot be held (its equations do not use `running`): "
                "use phases=Phases(hold='none'), --set phases.hold=none"
            )
        if spec.nudged and spec.phases.latch and "acting" not in used:
            raise SpikedtpError(
                f"cells of the closed loop: {name} has no use for a latched plateau (its equations do not use "
                "`acting`): use phases=Phases(latch=False)"
            )

    def _check_kinds(self) -> None:
        """What the network sets or reads must be what it takes it for."""
        name, own = type(self.cell).__name__, self.declaration.equations
        where, parameters = "cells of the closed loop", self.cell.quantities()
        for variable, dim in UNITS.items():
            if variable in own and own[variable].dim is not dim:
                unit = "Hz" if variable == "unit_rate" else "no unit"
                raise SpikedtpError(f"{where}: {variable} of {name} must have {unit}, as activities and rates do")
        for variable in ("input_soma", "input_dend", *SET):
            settable = variable in own and own[variable].type == PARAMETER and "shared" not in own[variable].flags
            if variable in self.has and not settable:
                raise SpikedtpError(
                    f"{where}: {variable} of {name} must be a variable of each cell that the network can set: write "
                    f"'{SET.get(variable, f'{variable} : 1')}' into its equations, and nowhere else"
                )
        if len(set(PULSE) & set(parameters)) == 1 or set(PULSE) & set(own):
            raise SpikedtpError(
                f"{where}: {name} must have both of weight_scale and spike_width as parameters, or neither of them"
            )
