"""A circuit as plain, frozen data. `reader` reads it from a file, `rate` and `spiking` run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from spikedtp.errors import known_names
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.constraints import Bounds, NoAutapses, NormalizeRows, ReceptiveFields, Tied

__all__ = ["Circuit", "Constraint", "Population", "Projection"]

NO_BOUNDS = Bounds()
Constraint = NoAutapses | NormalizeRows | ReceptiveFields | Tied


@dataclass(frozen=True)
class Population:
    """One cell type of one layer, e.g. H2E.

    Attributes
    ----------
    activation : {"relu", "linear"}
    include_bias : bool
        Whether the cells have a bias. If not, it is always 0.
    bias_init : str or None
        How the initial bias is drawn: a tensor method such as ``"uniform_"``, or ``"scaled_kaiming"``. None draws
        uniformly within 1 / sqrt(total fan-in).
    bias_bounds : Bounds
        Bounds of the bias.
    bias_rule : BiasRule or None
        How the bias learns. With None it does not change.

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

    @property
    def name(self) -> str:
        return self.layer + self.cell


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

    @property
    def name(self) -> str:
        return f"{self.post}_{self.pre}"

    @property
    def learned_by(self) -> LearningRule:
        """The rule of a projection that has one."""
        assert self.rule is not None, self.name
        return self.rule

    @property
    def recurrent(self) -> bool:
        """Whether the projection goes from a population onto itself."""
        return self.post == self.pre


@dataclass(frozen=True)
class Circuit:
    """Populations from bottom to top, and projections in the order of the file.

    The first population is the input. The first population of the last layer is the output.

    Attributes
    ----------
    tau : float
        Time constant of every soma, in steps.
    forward_steps : int
        Number of settle steps, and number of steps of an equilibrated nudge phase.
    backward_steps : int
        Number of settle steps through which backprop differentiates.
    learning_rate : float or None
        Learning rate of rules that have none of their own. The reader has already filled it in.

    Examples
    --------
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.circuit import Circuit, Population, Projection
    >>> from spikedtp.plasticity import DendriticState
    >>> circuit = Circuit(
    ...     populations=(Population("Input", "E", 4), Population("Output", "E", 2)),
    ...     projections=(Projection("OutputE", "InputE", rule=DendriticState(0.1, one_pass=True)),),
    ...     name="perceptron",
    ... )
    >>> circuit.input.name, circuit.output.name, circuit.inputs("OutputE")[0].name
    ('InputE', 'OutputE', 'OutputE_InputE')
    >>> load_rate_network(circuit, seed=1).weights["OutputE_InputE"].shape
    (2, 4)
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    tau: float = 1.0
    forward_steps: int = 1
    backward_steps: int = 1
    learning_rate: float | None = None
    name: str = ""

    @property
    def layers(self) -> dict[str, tuple[Population, ...]]:
        """Populations by layer, from bottom to top."""
        layers: dict[str, tuple[Population, ...]] = {}
        for population in self.populations:
            layers[population.layer] = (*layers.get(population.layer, ()), population)
        return layers

    @property
    def input(self) -> Population:
        return self.populations[0]

    @property
    def output(self) -> Population:
        return next(iter(reversed(self.layers.values())))[0]

    def population(self, name: str) -> Population:
        if not isinstance(name, str) or name not in self._populations:
            raise known_names("population", name, self._populations)
        return self._populations[name]

    def projection(self, name: str) -> Projection:
        if not isinstance(name, str) or name not in self._projections:
            raise known_names("projection", name, self._projections)
        return self._projections[name]

    def inputs(self, post: str) -> tuple[Projection, ...]:
        """The projections onto population `post`, in file order."""
        return self._inputs.get(post, ())

    @cached_property
    def _populations(self) -> dict[str, Population]:
        return {p.name: p for p in self.populations}

    @cached_property
    def _projections(self) -> dict[str, Projection]:
        return {p.name: p for p in self.projections}

    @cached_property
    def _inputs(self) -> dict[str, tuple[Projection, ...]]:
        found: dict[str, tuple[Projection, ...]] = {}
        for p in self.projections:
            found[p.post] = (*found.get(p.post, ()), p)
        return found

    def with_rules(self, rules: Mapping[str, LearningRule]) -> Circuit:
        """The same circuit with other learning rules for the named projections.

        Examples
        --------
        >>> from spikedtp.circuit import read_circuit
        >>> from spikedtp.plasticity import Oja
        >>> circuit = read_circuit("digits_dtp").with_rules({"H2E_H1E": Oja(learning_rate=0.1)})
        >>> circuit.projection("H2E_H1E").rule
        Oja(learning_rate=0.1)
        """
        for name in rules:
            self.projection(name)
        changed = (replace(p, rule=rules[p.name]) if p.name in rules else p for p in self.projections)
        return replace(self, projections=tuple(changed))
