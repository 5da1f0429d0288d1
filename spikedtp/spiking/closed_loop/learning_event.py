"""Puts a learning rule, written for synapses, on dense synapses: state of either side, the change, the constraints.

A rule's equations for one side are evaluated once per cell; what stays for every synapse is arithmetic on their values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from brian2 import Equations, Subgroup
from brian2.equations.equations import PARAMETER, SUBEXPRESSION

from spikedtp.circuit import Projection
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import NoAutapses, SpikingForm, Tied
from spikedtp.plasticity.masks import normalised_rows
from spikedtp.spiking.closed_loop.consolidated import Consolidated
from spikedtp.spiking.closed_loop.idle_rows import needed_to_learn
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.operations import run_when
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["LearningEvent", "copy_tied"]

SIDES = ("pre", "post")
#: Names of the dense synapses of this network, beside those of the cells.
OF_THE_SYNAPSES = ("exists", "gain", "w", "w_lower", "w_upper", "rate_factor")
#: A variable of presynaptic cells: whether their synapses learn.
LEARNS = "_learns"
# order of a learning event, all at the end of its step
PREPARE, CHANGE, REMEMBER, CONSTRAIN, COPY = range(1, 6)


@dataclass
class LearningEvent:
    """The rule of one projection, at the steps where `at` is true.

    Both groups offer the names of `Signals`; the postsynaptic one also `rate_factor`, which scales learning rates.

    Attributes
    ----------
    projection : Projection
        With a rule.
    at : str
    sides : dict of Subgroup
        Cells at either end: subgroups of this projection's own, since they keep its state.
    state : dict
        Values of what the rule remembers from earlier presentations.
    sees_nudge : bool
        Whether the rule sees presynaptic activity as the nudge leaves it; else the settled one.
    """

    projection: Projection
    at: str
    sides: dict[str, Subgroup]
    state: dict[str, np.ndarray]
    built: BuiltNetwork
    sees_nudge: bool
    form: SpikingForm = field(init=False)
    kept: Consolidated | None = field(init=False)

    def __post_init__(self) -> None:
        form = self.projection.learned_by.spiking_form()
        assert form is not None  # `check_spiking_form` has refused gradients
        self.form = form if self.sees_nudge else form.reading("pre_settled", instead_of="pre_nudged")
        self.numbers = {n: v for n, v in self.projection.learned_by.numbers().items() if self.form.uses(n)}
        self.kept = None if self.projection.consolidation is None else Consolidated(self.projection, self.state)
        self._check()
        for side in SIDES:
            self._declare(side)
        everywhere = normalised_rows(self.projection.constraint) is not None or (self.kept and self.kept.moves_all)
        if not everywhere:
            self._declare_learns()

    def _check(self) -> None:
        """Refuse what this network cannot give a rule."""
        rule = f"{self.projection.name}: the rule {type(self.projection.learned_by).__name__}"
        own = {*self.numbers}.union(*(Equations(getattr(self.form, side)).names for side in SIDES))
        taken = own & {*OF_THE_SYNAPSES}.union(*(cells.variables for cells in self.sides.values()))
        if taken:
            raise SpikedtpError(
                f"{rule} names {', '.join(sorted(taken))}, which the closed loop uses for itself: choose another name"
            )
        elsewhere = [getattr(self.form, part) for side in SIDES for part in (side, f"after_learn_{side}")]
        if any(re.search(r"\blearning_rate\b", text) for text in elsewhere):
            raise SpikedtpError(
                f"{rule} uses learning_rate outside on_learn, where schedules do not reach it: use it in on_learn alone"
            )

    def _declare(self, side: str) -> None:
        """Variables of one side, and the values they begin with."""
        cells, built = self.sides[side], self.built
        self.assignments = getattr(self, "assignments", {})
        remembered = {where: name for name, where in self.form.states.items()}
        lines = []
        for name, value in self.numbers.items():
            cells.variables.add_array(name, size=1, scalar=True, constant=True, index="0")
            built.constants[f"{self.projection.name}.{side}.{name}"] = (cells.variables[name], np.array([float(value)]))
        for equation in Equations(getattr(self.form, side)).ordered:
            if equation.type not in (PARAMETER, SUBEXPRESSION):
                raise TypeError(f"{self.projection.name}: {equation.varname} cannot be integrated at a learning event")
            cells.variables.add_array(equation.varname, size=len(cells), dtype=np.float32, index="_idx")
            variable = cells.variables[equation.varname]
            if equation.type == SUBEXPRESSION:
                lines.append(f"{equation.varname} = {equation.expr}")
            else:
                key = f"{self.projection.name}.{side}.{equation.varname}"
                values = np.asarray(self.state[remembered[f"{side}.{equation.varname}"]], dtype=np.float32)
                built.constants[key] = (variable, values)
                built.lasting[key] = variable
        self.assignments[side] = "\n".join(lines)

    def _declare_learns(self) -> None:
        """A variable of the presynaptic cells: whether the rule changes the weights of their synapses in this event."""
        needed, cells = needed_to_learn(self.form.on_learn, self.numbers), self.sides["pre"]
        if needed:
            cells.variables.add_array(LEARNS, size=len(cells), dtype=bool, index="_idx")
            code = " or ".join(f"{name} != 0" for name in needed)
            self.assignments["pre"] = "\n".join(filter(None, (self.assignments["pre"], f"{LEARNS} = {code}")))

    @property
    def learns(self) -> str | None:
        """The name of this variable; None where all cells learn."""
        return LEARNS if LEARNS in self.sides["pre"].variables else None

    def parameters(self) -> dict[str, float]:
        """Constants that the synapses' code needs."""
        lower, upper = self.projection.bounds
        limits = {"w_lower": lower, "w_upper": upper}
        kept = {} if self.kept is None else self.kept.parameters()
        return self.numbers | {name: value for name, value in limits.items() if value is not None} | kept

    def attach(self, synapses: DenseSynapses, mask: np.ndarray | None) -> None:
        """Let the synapses learn, and hold them to bounds and constraint; a mask says where there are any."""
        for side in SIDES:
            after = getattr(self.form, f"after_learn_{side}")
            for code, what, order in ((self.assignments[side], "prepare", PREPARE), (after, "remember", REMEMBER)):
                if code:
                    name = f"{synapses.name}_{side}_{what}"
                    self.built.net.add(run_when(self.sides[side], self.at, code, name=name, when="end", order=order))
        rate = "(learning_rate*rate_factor_post)"
        if self.kept is None:
            code = re.sub(r"\blearning_rate\b", rate, self.form.on_learn)
        else:
            self.kept.attach(synapses, self.built)
            code = self.kept.around(self.form, rate)
        lower = "w_lower" if self.projection.bounds.lower is not None else "-inf"
        upper = "w_upper" if self.projection.bounds.upper is not None else "inf"
        if (lower, upper) != ("-inf", "inf"):
            code += f"\nw = clip(w, {lower}, {upper})"
        if mask is not None:
            self.built.constants[f"{synapses.name}.exists"] = (synapses.add_mask(), synapses.flat(mask) != 0)
            code += "\nw = w*int(exists)"
        if self.kept is not None:
            code += f"\n{self.kept.after}"
        synapses.learn(code, at=self.at, order=CHANGE, rows=self.learns)
        recurrent, rows = self.projection.recurrent, normalised_rows(self.projection.constraint)
        if rows is not None:
            assert rows.scale is not None  # `check_learning` has refused rows that keep their own sums
            autapses = rows.autapses or not recurrent
            synapses.normalize_rows(rows.scale, at=self.at, autapses=autapses, order=CONSTRAIN)
        elif isinstance(self.projection.constraint, NoAutapses) and recurrent:
            synapses.zero_diagonal(at=self.at, order=CONSTRAIN)


def copy_tied(projection: Projection, synapses: dict[str, DenseSynapses], at: str) -> None:
    """Keep tied synapses copies of their source, once it has learned."""
    tied = projection.constraint
    assert isinstance(tied, Tied)
    synapses[projection.name].copy_of(
        synapses[tied.source],
        at=at,
        factor=float(tied.factor),
        transpose=tied.transpose,
        changed_rows=tied.source2 is None,
        source2=None if tied.source2 is None else synapses[tied.source2],
        order=COPY,
    )
