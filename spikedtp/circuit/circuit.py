"""A circuit as plain, frozen data. `reader` and `builder` make one, `rate` and `spiking` run it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

from spikedtp.circuit.consistency import checked_circuit
from spikedtp.circuit.parts import Population, Projection
from spikedtp.circuit.writer import TRAINING, write_text, yaml_of
from spikedtp.errors import known_names
from spikedtp.parameters import check_whole
from spikedtp.plasticity.base import LearningRule
from spikedtp.plasticity.masks import ReceptiveFields
from spikedtp.summaries import Summarised, counted

__all__ = ["Circuit"]


@dataclass(frozen=True, repr=False)
class Circuit(Summarised):
    """Populations from bottom to top, and projections in the order in which their weights are drawn.

    The first population is the input. The first population of the last layer is the output. A circuit is written in
    full here, read from a file by `read_circuit`, or put together by a `CircuitBuilder`.

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
    task_classes : tuple of tuple of int, or None
        The classes of each task, if only the output cells of the present task are instructed: the error of all others
        is 0, and they have no part in the loss of backprop. None instructs every output cell in every task.

    Raises
    ------
    SpikedtpError
        The parts do not fit one another. The line names the projection or population.

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
    task_classes: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        names = [f.name for f in fields(self) if f.name != "name"]
        for name, value in checked_circuit(self.name, {name: getattr(self, name) for name in names}).items():
            object.__setattr__(self, name, value)

    @property
    def n_cells(self) -> int:
        """The cells of all populations, the input's too."""
        return sum(p.size for p in self.populations)

    @property
    def n_synapses(self) -> int:
        """The weights of all projections."""
        return sum(math.prod(self.shape(p.name)) for p in self.projections)

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

    def shape(self, projection: str) -> tuple[int, int]:
        """The shape of a projection's weights, ``(n_post, n_pre)``."""
        p = self.projection(projection)
        return self.population(p.post).size, self.population(p.pre).size

    def inputs(self, post: str) -> tuple[Projection, ...]:
        """The projections onto population `post`, in file order."""
        return self._inputs.get(post, ())

    def _headline(self) -> str:
        cells, synapses = counted(self.n_cells, "cell"), counted(self.n_synapses, "synapse")
        populations, projections = len(self.populations), len(self.projections)
        return (
            f"{self.name or 'without a name'}, {cells} in {counted(populations, 'population')}, "
            f"{synapses} in {counted(projections, 'projection')}"
        )

    def _parts(self) -> dict[str, str]:
        layers = {name: ", ".join(f"{p.cell} {p.size}" for p in layer) for name, layer in self.layers.items()}
        rules = Counter(type(p.rule).__name__ for p in self.projections if p.rule is not None)
        learned = ", ".join(f"{name} in {counted(n, 'projection')}" for name, n in rules.items()) or "none"
        time = f"{counted(self.forward_steps, 'step')} to settle, tau {self.tau:g} steps"
        return {"rules": learned, "time": time, **layers}

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

    def to_yaml(self, path: str | Path | None = None) -> str:
        """The circuit as a file in EIANN's schema, from which `read_circuit` makes an equal circuit.

        Beyond the schema are the keys ``name``, ``delay`` and ``consolidation`` of a projection, and
        ``projection_order`` where projections do not stand population by population, ``task_classes``, and the
        constraint ``mask``.

        Parameters
        ----------
        path : path, optional
            Where to write it.

        Returns
        -------
        str
            The text of the file.

        Raises
        ------
        SpikedtpError
            A rule has no registered name, something is too large for a file, or the file cannot be written.

        Examples
        --------
        >>> from spikedtp.circuit import read_circuit
        >>> read_circuit("digits_dtp").to_yaml().splitlines()[:4]
        ['name: digits_dtp', 'layer_config:', '  Input:', '    E:']
        """
        text = yaml_of(self.name, self.layers, self.projections, {key: getattr(self, key) for key in TRAINING})
        if path is not None:
            write_text(text, Path(path))
        return text

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

    def with_sizes(self, n_inputs: int, n_classes: int, *, shape: tuple[int, int] | None = None) -> Circuit:
        """The same circuit for data with `n_inputs` inputs and `n_classes` classes.

        Populations of the output layer that are as large as the output get its new size too, such as its SomaI cells.
        Hidden layers and all constants stay as they are: initial weights are scaled by their numbers of inputs, but
        learning rates may need to be chosen anew. Receptive fields on the input lie in images of `shape`.

        Parameters
        ----------
        n_inputs, n_classes : int
        shape : (int, int), optional
            (rows, columns) of the images, if they are images.

        Examples
        --------
        >>> from spikedtp.circuit import read_circuit
        >>> circuit = read_circuit("digits_dtp").with_sizes(33, 4)
        >>> [population.size for population in circuit.populations]
        [33, 200, 30, 30, 200, 30, 30, 4, 4]
        """
        n_inputs, n_classes = check_whole("n_inputs", n_inputs, least=1), check_whole("n_classes", n_classes, least=1)
        source, output = self.input, self.output
        sizes = {p.name: n_classes for p in self.populations if p.layer == output.layer and p.size == output.size}
        sizes[source.name] = n_inputs
        fields_lie = {
            p.name: replace(p.constraint, image_dims=shape)
            for p in self.projections
            if p.pre == source.name and isinstance(p.constraint, ReceptiveFields) and n_inputs != source.size
        }
        return replace(
            self,
            populations=tuple(replace(p, size=sizes.get(p.name, p.size)) for p in self.populations),
            projections=tuple(replace(p, constraint=fields_lie.get(p.name, p.constraint)) for p in self.projections),
        )
