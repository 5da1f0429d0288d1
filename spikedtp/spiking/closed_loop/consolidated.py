"""Puts a consolidation around the code with which synapses learn."""

from __future__ import annotations

import re

import numpy as np
from brian2.parsing.statements import parse_statement

from spikedtp.circuit import Projection
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import SpikingForm
from spikedtp.plasticity.consolidation import SynapseForm
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.synapses.dense import DenseSynapses

__all__ = ["Consolidated", "check_consolidation", "kept_key"]

#: Before the names of a consolidation, which may be those of the rule.
PREFIX = "kept_"
#: The change of the rule at a learning rate of 1, and the weight before the step.
CHANGE, BEFORE = "_u", "_before"


def kept_key(projection: str, state: str) -> str:
    """Under which key an array of synapses is kept: ``projection.synapse.state``."""
    return f"{projection}.synapse.{state}"


def check_consolidation(projection: Projection) -> None:
    """`SpikedtpError` where synapses of the closed loop cannot consolidate as a projection asks for."""
    kept = projection.consolidation
    if kept is None:
        return
    rule = projection.learned_by
    name = f"{projection.name} is consolidated by {type(kept).__name__}"
    instead = "train it in rate, or without consolidation (EIANN's DTP_CL, BTSP_CL)"
    if kept.samples_wanted:
        raise SpikedtpError(f"{name}, which asks for samples of a task again at its end, in rate alone: {instead}")
    if projection.constraint is not None:
        constraint = type(projection.constraint).__name__
        raise SpikedtpError(f"{name} and has the constraint {constraint}, which acts after the step: {instead}")
    form = rule.spiking_form()
    assert form is not None  # `check_spiking_form` has refused gradients
    if kept.synapse_form(kept.initial_state(np.zeros((1, 1), np.float32))) is None:
        raise SpikedtpError(f"{name}, which has no form for synapses (synapse_form): {instead}")
    if _unit_change(form) is None:
        raise SpikedtpError(f"{name}, and {type(rule).__name__} does not add to w in its on_learn: {instead}")


class Consolidated:
    """The consolidation of one projection at work in its synapses.

    Attributes
    ----------
    form : SynapseForm
    moves_all : bool
        Whether weights may change where the rule leaves them as they are.
    """

    form: SynapseForm

    def __init__(self, projection: Projection, state: dict[str, np.ndarray]):
        kept = projection.consolidation
        assert kept is not None
        own = kept.own(state)
        form = kept.synapse_form(own)
        assert form is not None  # or `check_consolidation` would have refused it
        self.form, self.projection = form, projection
        self.state = {name: np.asarray(own[name], np.float32) for name in form.states}
        self.numbers = {n: float(v) for n, v in kept.numbers().items() if self._uses(n)}
        self.moves_all = bool(form.pull)

    def parameters(self) -> dict[str, float]:
        """Constants that the synapses' code needs."""
        return {PREFIX + name: value for name, value in self.numbers.items()}

    def around(self, rule: SpikingForm, rate: str) -> str:
        """The learning code of a rule, at this learning rate, with factor and pull. `after` follows the bounds."""
        change = _unit_change(rule)
        assert change is not None
        code = f"{change}\n{BEFORE} = clip(w, -inf, inf)\n"  # a copy: numpy changes w in its place
        if not (self.form.factor or self.form.pull):  # the code of the rule alone, to the last bit
            return code + re.sub(r"\blearning_rate\b", rate, rule.on_learn)
        step = " + ".join(filter(None, (f"{self._renamed(self.form.factor) or 1}*{CHANGE}", self.form.pull)))
        return f"{code}w += {rate}*({self._renamed(step)})"

    @property
    def after(self) -> str:
        return self._renamed(self.form.after)

    def attach(self, synapses: DenseSynapses, built: BuiltNetwork) -> None:
        """Give the synapses the arrays, and their values."""
        for name, values in self.state.items():
            synapses.variables.add_array(PREFIX + name, size=synapses.stop, dtype=np.float32)
            variable, key = synapses.variables[PREFIX + name], kept_key(self.projection.name, name)
            built.constants[key] = (variable, synapses.flat(values))
            if name in self.form.kept:
                built.lasting[key] = variable

    def _uses(self, name: str) -> bool:
        texts = (self.form.factor, self.form.pull, self.form.after)
        return any(re.search(rf"\b{name}\b", text) for text in texts)

    def _renamed(self, code: str) -> str:
        new = {name: PREFIX + name for name in (*self.form.states, *self.numbers)} | {"u": CHANGE, "before": BEFORE}
        return re.sub(r"[A-Za-z_]\w*", lambda found: new.get(found[0], found[0]), code)


def _unit_change(rule: SpikingForm) -> str | None:
    """Code that sets `CHANGE`; None where the rule does more than to add to w."""
    lines, sign = [], {"+=": "", "-=": "-"}
    for line in filter(None, (re.sub("#.*", "", line).strip() for line in rule.on_learn.splitlines())):
        name, operation, text, _ = parse_statement(line)
        if name != "w":
            lines.append(f"{name} {operation} {text}")
        elif operation not in sign:
            return None
        else:  # a first value that is 0 would be the same for all synapses, which Brian2 takes for a constant
            begun = any(line.startswith(f"{CHANGE} ") for line in lines)
            lines.append(f"{CHANGE} {operation} {text}" if begun else f"{CHANGE} = {sign[operation]}({text})")
    return re.sub(r"\blearning_rate\b", "1.0", "\n".join(lines))
