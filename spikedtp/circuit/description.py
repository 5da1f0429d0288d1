"""What a circuit is: plain, frozen data. Reading a file into it lives in `reader`, running it in `rate` and `spiking`."""

from __future__ import annotations

from dataclasses import dataclass

from spikedtp.errors import known_names
from spikedtp.plasticity.base import LearningRule

__all__ = ["Circuit", "Population", "Projection"]


@dataclass(frozen=True)
class Population:
    """One cell type of one layer, e.g. H2E."""

    layer: str
    cell: str
    size: int
    activation: str = "relu"

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
        F sees the presynaptic activity of the present step, R that of the step before.
    update_phase : {"F", "B", "A"}
        Which phase the projection drives the soma in: settle (F), nudge (B), both (A).
    bounds : (float | None, float | None)
        Dale's law: (0, None) excitatory, (None, 0) inhibitory.
    rule : LearningRule or None
        None: the weights stay (or follow a constraint).
    """

    post: str
    pre: str
    compartment: str = "soma"
    direction: str = "F"
    update_phase: str = "F"
    bounds: tuple[float | None, float | None] = (None, None)
    rule: LearningRule | None = None

    @property
    def name(self) -> str:
        return f"{self.post}_{self.pre}"


@dataclass(frozen=True)
class Circuit:
    """Populations bottom to top and projections in the order of the file."""

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    tau: float = 1.0
    forward_steps: int = 1
    backward_steps: int = 1
    name: str = ""

    def population(self, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        raise known_names("population", name, (p.name for p in self.populations))

    def projection(self, name: str) -> Projection:
        for projection in self.projections:
            if projection.name == name:
                return projection
        raise known_names("projection", name, (p.name for p in self.projections))

    def inputs(self, post: str) -> tuple[Projection, ...]:
        """The projections onto population `post`, in file order."""
        return tuple(p for p in self.projections if p.post == post)
