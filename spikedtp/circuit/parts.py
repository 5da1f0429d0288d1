"""The parts of a circuit as plain, frozen data: populations and projections, which check their own values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from spikedtp.circuit.checks import MAX_CELLS, MAX_STEPS, TENSOR_METHODS, Checks
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.consolidation import Consolidation
from spikedtp.plasticity.constraints import Bounds, NoAutapses, NormalizeRows, Tied
from spikedtp.plasticity.masks import Mask, ReceptiveFields

__all__ = ["Constraint", "Population", "Projection"]

NO_BOUNDS, ABOVE_0 = Bounds(), Bounds(0.0, None)
Constraint = Mask | NoAutapses | NormalizeRows | ReceptiveFields | Tied
CONSTRAINTS = get_args(Constraint)

# word -> what it means: files may say more than one word for a thing
ACTIVATIONS = {name: name for name in ("relu", "linear", "srelu")}
BIAS_INITS = {name: name for name in (None, "scaled_kaiming", *TENSOR_METHODS)}
WEIGHT_INITS = {name: name for name in (None, "half_kaiming", "scaled_kaiming", *TENSOR_METHODS)}
DIRECTIONS = {"F": "F", "forward": "F", "R": "R", "recurrent": "R"}
PHASES = {"F": "F", "forward": "F", "B": "B", "backward": "B", "A": "A", "all": "A"}
COMPARTMENTS = {None: "soma", "soma": "soma", "dend": "dend", "dendrite": "dend"}


@dataclass(frozen=True)
class Population:
    """One cell type of one layer, e.g. H2E.

    Attributes
    ----------
    activation : {"relu", "linear", "srelu"}
        srelu(x) is `slope` · x, limited to `activity_bounds`.
    include_bias : bool
        Whether the cells have a bias. If not, it is always 0.
    bias_init : str or None
        How the initial bias is drawn: a tensor method such as ``"uniform_"``, or ``"scaled_kaiming"``. None draws
        uniformly within 1 / sqrt(total fan-in).
    bias_bounds : Bounds
        Bounds of the bias.
    bias_rule : BiasRule or None
        How the bias learns. With None it does not change. Cells whose bias learns have one.
    bias_like : str or None
        The population whose bias these cells have, at each time. There are as many of them.
    slope : float
    activity_bounds : Bounds
        Of srelu alone: lowest and highest activity. None is no limit.

    Raises
    ------
    SpikedtpError
        A value is not allowed. The line names the population and the value.

    Examples
    --------
    >>> from spikedtp.circuit import Population
    >>> Population("H2", "E", 500).name
    'H2E'
    """

    layer: str
    cell: str
    size: int
    activation: str = "relu"
    include_bias: bool = False
    bias_init: str | None = None
    bias_init_args: tuple[float, ...] = ()
    bias_bounds: Bounds = NO_BOUNDS
    bias_rule: BiasRule | None = None
    bias_like: str | None = None
    slope: float = 1.0
    activity_bounds: Bounds = ABOVE_0

    def __post_init__(self) -> None:
        check = Checks(f"population {self.layer}{self.cell}")
        values = {
            "layer": check.word("layer", self.layer),
            "cell": check.word("cell", self.cell),
            "size": check.whole("size", self.size, 1, MAX_CELLS),
            "activation": check.choice("activation", self.activation, ACTIVATIONS),
            "include_bias": check.flag("include_bias", self.include_bias)
            or self.bias_rule is not None
            or self.bias_like is not None,
            "bias_init": check.choice("bias_init", self.bias_init, BIAS_INITS),
            "bias_init_args": check.numbers("bias_init_args", self.bias_init_args),
            "bias_bounds": check.bounds("bias_bounds", self.bias_bounds),
            "slope": float(check.number("slope", self.slope)),
            "activity_bounds": check.bounds("activity_bounds", self.activity_bounds),
        }
        if self.activation != "srelu" and (values["slope"], values["activity_bounds"]) != (1.0, ABOVE_0):
            check.refuse("activation", f"slope and activity_bounds are for srelu, got {self.activation}")
        check.kind("bias_rule", self.bias_rule, BiasRule, "a rule of biases such as PlateauBias(0.1)")
        if self.bias_like is not None:
            check.word("bias_like", self.bias_like)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        return self.layer + self.cell

    @property
    def signed(self) -> bool:
        """Whether activities may be negative."""
        lowest = self.activity_bounds.lower
        return self.activation == "linear" or (self.activation == "srelu" and (lowest is None or lowest < 0))


@dataclass(frozen=True)
class Projection:
    """All synapses from one population to another; `post` and `pre` are population names.

    Attributes
    ----------
    compartment : {"soma", "dend"}
    direction : {"F", "R"}
        F transmits the presynaptic activity of the present step, R that of the step before.
    update_phase : {"F", "B", "A"}
        The phase in which the projection drives the soma: settle (F), nudge (B), or both (A).
    bounds : Bounds
        Dale's law: (0, None) for excitatory, (None, 0) for inhibitory weights.
    rule : LearningRule or None
        How the weights learn. With None they do not change, or they follow a constraint.
    weight_init : str or None
        How initial weights are drawn: ``"half_kaiming"``, ``"scaled_kaiming"``, or a tensor method such as
        ``"uniform_"``. None draws them as torch.nn.Linear does.
    weight_init_args : tuple of float
        Numbers for `weight_init`.
    constraint : Constraint or None
        A constraint that is applied to the weights after each step, in addition to their bounds.
    delay : int
        How many steps an activity is on its way, beside the one step of direction R. When a presentation begins,
        nothing is on its way. In spikes a step takes `time_per_step`, 20 ms by default: a delay of 2 is 40 ms. The
        top-down sweep in which plateaus are made takes no time: delays do not count in it.
    consolidation : Consolidation or None
        How the weights keep what they learned in earlier tasks, whatever the rule is.

    Raises
    ------
    SpikedtpError
        A value is not allowed. The line names the projection and the value.

    Examples
    --------
    >>> from spikedtp.circuit import Projection
    >>> from spikedtp.plasticity import Bounds
    >>> projection = Projection("H2E", "H2DendI", compartment="dend", direction="R", bounds=Bounds(None, 0))
    >>> projection.name, projection.recurrent
    ('H2E_H2DendI', False)
    """

    post: str
    pre: str
    compartment: str = "soma"
    direction: str = "F"
    update_phase: str = "F"
    bounds: Bounds = NO_BOUNDS
    rule: LearningRule | None = None
    weight_init: str | None = None
    weight_init_args: tuple[float, ...] = (1.0,)
    constraint: Constraint | None = None
    delay: int = 0
    consolidation: Consolidation | None = None

    def __post_init__(self) -> None:
        check = Checks(f"projection {self.post}_{self.pre}")
        values = {
            "post": check.word("post", self.post),
            "pre": check.word("pre", self.pre),
            "compartment": check.choice("compartment", self.compartment, COMPARTMENTS),
            "direction": check.choice("direction", self.direction, DIRECTIONS),
            "update_phase": check.choice("update_phase", self.update_phase, PHASES),
            "bounds": check.bounds("bounds", self.bounds),
            "weight_init": check.choice("weight_init", self.weight_init, WEIGHT_INITS),
            "weight_init_args": check.numbers("weight_init_args", self.weight_init_args),
            "delay": check.whole("delay", self.delay, 0, MAX_STEPS),
        }
        if self.weight_init == "half_kaiming" and not values["bounds"].one_sided:
            check.refuse("bounds", "half_kaiming needs a lower bound >= 0 or an upper bound <= 0")
        check.kind("rule", self.rule, LearningRule, "a rule of presentations such as DendriticState(0.1)")
        check.kind("consolidation", self.consolidation, Consolidation, "one such as SynapticIntelligence()")
        if self.consolidation is not None:
            if self.rule is None:
                check.refuse("consolidation", "is for a projection that learns: give it a rule, too")
            self.consolidation.check_rule(self.rule)
        check.kind("constraint", self.constraint, CONSTRAINTS, "a constraint such as NormalizeRows(1.0)")
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        return f"{self.post}_{self.pre}"

    @property
    def learned_by(self) -> LearningRule:
        """The rule of a projection that has one."""
        assert self.rule is not None, self.name
        return self.rule

    @property
    def lag(self) -> int:
        """By how many steps the activity that is transmitted is old."""
        return self.delay + (self.direction == "R")

    @property
    def recurrent(self) -> bool:
        """Whether the projection goes from a population onto itself."""
        return self.post == self.pre
