"""Puts a circuit together in few lines: what EIANN's circuits have in common follows from names of cells and layers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from spikedtp.circuit.checks import Checks
from spikedtp.circuit.circuit import Circuit
from spikedtp.circuit.parts import Population, Projection
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.constraints import Bounds, NoAutapses, Tied
from spikedtp.plasticity.masks import Mask

__all__ = ["CircuitBuilder"]

Options = float | tuple | dict[str, Any] | None
EXCITATORY, INHIBITORY = Bounds(0, None), Bounds(None, 0)


class CircuitBuilder:
    """Collects layers, interneurons and projections from bottom to top; `build` makes the `Circuit`.

    The cell type ``E`` is excitatory; types that end with ``I`` are interneurons, and those that begin with ``Dend``
    inhibit dendrites. What is not said of a projection follows from that:

    - `bounds`: Dale's law, by the presynaptic cell; none with ``dale=False``.
    - `compartment`: for inputs of principal cells from ``Dend...I`` and from layers above the dendrite, else the soma.
      Inputs of dendrites have the update phase ``"B"``.
    - `direction`: ``"R"`` within a layer, ``"F"`` between layers.
    - A population that inhibits itself has no autapses.

    Options of a projection are the fields of `Projection` (``rule``, ``bounds``, ``constraint``, ``compartment``, ...)
    and ``init``: a number scales initial weights drawn within ±1 / sqrt(n_pre), on the side that Dale's law allows; a
    tuple is a tensor method with its arguments, such as ``("uniform_", -0.1, 0.1)``. A number or tuple in place of
    options is ``init`` alone.

    Parameters
    ----------
    name : str
    dale : bool
        Whether cells obey Dale's law where nothing else is said.
    **training
        ``tau``, ``forward_steps``, ``backward_steps`` and ``learning_rate`` of the `Circuit`.

    Examples
    --------
    Two layers of excitatory and inhibitory cells that learn by dendritic target propagation:

    >>> from spikedtp import load_rate_network
    >>> from spikedtp.circuit import CircuitBuilder
    >>> from spikedtp.plasticity import DendriticLoss, DendriticState
    >>> lds = DendriticState(0.03, one_pass=True, relu_gate=True)
    >>> net = CircuitBuilder("two_layers", tau=3, forward_steps=15)
    >>> net.input(64)
    >>> net.layer("H1", 100, rule=lds)
    >>> net.interneurons("H1", "SomaI", 20)
    >>> net.interneurons("H1", "DendI", 20, onto_e={"rule": DendriticLoss(0.4, sign=-1)})
    >>> net.layer("Output", 10, rule=lds)
    >>> net.feedback("H1", tied=0.5)
    >>> circuit = net.build()
    >>> [p.name for p in circuit.inputs("H1E")]
    ['H1E_InputE', 'H1E_H1SomaI', 'H1E_H1DendI', 'H1E_OutputE']
    >>> load_rate_network(circuit, seed=1).weights["H1E_OutputE"].shape
    (100, 10)
    """

    def __init__(self, name: str = "", *, dale: bool = True, **training: Any):
        _check_names(f"circuit {name}", Circuit, training)
        self.name, self.dale, self.training = name, dale, training
        self._populations: dict[str, Population] = {}
        self._projections: dict[str, Projection] = {}

    # -- populations ---------------------------------------------------------------------------------------------------

    def input(self, n: int, *, layer: str = "Input", cell: str = "E") -> None:
        """The input population, at the bottom."""
        if self._populations:
            raise SpikedtpError(f"circuit {self.name}: the input must be the first population")
        self.population(layer, cell, n, activation="linear")

    def population(self, layer: str, cell: str, n: int, *, bias: BiasRule | bool = False, **others: Any) -> None:
        """A population without projections; relu unless `activation` says otherwise.

        Parameters
        ----------
        layer, cell : str
        n : int
            How many cells it has.
        bias : BiasRule or bool
            Whether cells have a bias, or the rule by which it learns.
        **others
            Other fields of `Population`.
        """
        _check_names(f"population {layer}{cell}", Population, others)
        rule = None if isinstance(bias, bool) else bias
        values: dict[str, Any] = {"activation": "relu", "include_bias": bias is True, "bias_rule": rule} | others
        population = Population(layer, cell, n, **values)
        if population.name in self._populations:
            raise SpikedtpError(f"circuit {self.name}: there is a population {population.name} already")
        members = [p.name for p in self._populations.values() if p.layer == layer]
        self._populations[population.name] = population
        if members:  # beside the others of its layer
            order = list(self._populations)
            order.insert(order.index(members[-1]) + 1, order.pop())
            self._populations = {name: self._populations[name] for name in order}

    def layer(
        self,
        layer: str,
        n: int,
        *,
        cell: str = "E",
        bias: BiasRule | bool = False,
        activation: str = "relu",
        **options: Any,
    ) -> None:
        """A layer of principal cells on top of the others, with a projection from those of the layer below.

        Parameters
        ----------
        layer : str
        n : int
        cell : str
        bias : BiasRule or bool
            As in `population`.
        activation : {"relu", "linear"}
        **options
            Of the projection from below.
        """
        if not self._populations:
            raise SpikedtpError(f"circuit {self.name}: {layer} has nothing below it: call input(n) first")
        below = self._principal(list(self._layers())[-1])
        self.population(layer, cell, n, bias=bias, activation=activation)
        self.connect(f"{layer}{cell}", below, **options)

    def interneurons(
        self,
        layer: str,
        cell: str,
        n: int,
        *,
        onto_e: Options = 1.0,
        from_e: Options = 1.0,
        from_below: Options = 1.0,
        recurrent: Options = 1.0,
        bias: BiasRule | bool = False,
    ) -> None:
        """Interneurons of a layer, with the projections that EIANN's have.

        Parameters
        ----------
        layer, cell : str
            E.g. ``"H1", "SomaI"``. ``Dend...`` cells have no input from below.
        n : int
        onto_e, from_e, from_below, recurrent : float, tuple, dict or None
            The options of the projections onto the principal cells of the layer, from these, from those of the layer
            below, and onto the interneurons themselves. None leaves a projection out.
        bias : BiasRule or bool
        """
        principal, layers = self._principal(layer), list(self._layers())
        self.population(layer, cell, n, bias=bias)
        name, place = f"{layer}{cell}", layers.index(layer)
        below = None if cell.startswith("Dend") or not place else self._principal(layers[place - 1])
        for post, pre, options in (
            (principal, name, onto_e),
            (name, below, from_below),
            (name, principal, from_e),
            (name, name, recurrent),
        ):
            if pre is not None and options is not None:
                self.connect(post, pre, **(options if isinstance(options, dict) else {"init": options}))

    # -- projections ---------------------------------------------------------------------------------------------------

    def feedback(self, layer: str, *, tied: float | None = None, source: str | None = None, **options: Any) -> None:
        """A top-down projection onto the dendrites of a layer's principal cells.

        Parameters
        ----------
        layer : str
            The layer that it goes to.
        tied : float, optional
            The weights are the transposed forward weights times this number. Without it they have values of their own.
        source : str, optional
            The population that it comes from. The default is the principal cells of the next layer.
        **options
            Of the projection, such as ``rule`` where the weights learn.
        """
        post, layers = self._principal(layer), list(self._layers())
        if source is None:
            if layer == layers[-1]:
                raise SpikedtpError(f"circuit {self.name}: no layer stands above {layer}: name the source")
            source = self._principal(layers[layers.index(layer) + 1])
        if tied is not None:
            options["constraint"] = Tied(f"{source}_{post}", scale=tied, transpose=True)
        self.connect(post, source, **options)

    def connect(
        self,
        post: str,
        pre: str,
        *,
        rule: LearningRule | None = None,
        init: float | tuple | None = None,
        probability: float | None = None,
        seed: int | None = None,
        **others: Any,
    ) -> None:
        """A projection from population `pre` to population `post`.

        Parameters
        ----------
        post, pre : str
        rule : LearningRule, optional
        init : float or tuple, optional
        probability, seed : float, int, optional
            Sparse random connections (`Mask.random`), without autapses. Without a seed each projection has its own:
            how many there were before it.
        **others
            Other fields of `Projection`. Those that are left out follow from the names.

        Raises
        ------
        SpikedtpError
            A population is unknown, there is such a projection already, or a value is not allowed.
        """
        for name in (post, pre):
            if name not in self._populations:
                raise known_names("population", name, self._populations)
        defaults = self._defaults(self._populations[post], self._populations[pre], others)
        _check_names(f"projection {post}_{pre}", Projection, others)
        bounds = Checks(f"projection {post}_{pre}").bounds("bounds", others.get("bounds", defaults["bounds"]))
        if probability is not None:
            if others.get("constraint") is not None:
                raise SpikedtpError(f"projection {post}_{pre}: give probability or constraint, not both")
            n_post, n_pre = (self._populations[name].size for name in (post, pre))
            seed = len(self._projections) if seed is None else seed
            others["constraint"] = Mask.random(n_post, n_pre, probability, seed=seed, autapses=post != pre)
        elif seed is not None:
            raise SpikedtpError(f"projection {post}_{pre}: seed is of random connections: give their probability")
        projection = Projection(post, pre, rule=rule, **(defaults | _drawn(init, bounds) | others))
        if projection.name in self._projections:
            raise SpikedtpError(f"circuit {self.name}: there is a projection {projection.name} already")
        self._projections[projection.name] = projection

    def _defaults(self, post: Population, pre: Population, others: dict[str, Any]) -> dict[str, Any]:
        layers = list(self._layers())
        above = layers.index(pre.layer) > layers.index(post.layer)
        inhibits = pre.cell.endswith("I")
        onto_dendrite = not post.cell.endswith("I") and (above or pre.cell.startswith("Dend"))
        compartment = others.get("compartment", "dend" if onto_dendrite else "soma")
        return {
            "compartment": compartment,
            "direction": "R" if pre.layer == post.layer else "F",
            "update_phase": "B" if compartment in ("dend", "dendrite") else "F",
            "bounds": Bounds() if not self.dale else INHIBITORY if inhibits else EXCITATORY,
            "constraint": NoAutapses() if post == pre and inhibits else None,
        }

    # -- the circuit ---------------------------------------------------------------------------------------------------

    def build(self) -> Circuit:
        """The circuit. Projections stand population by population, in the order in which they were added.

        Raises
        ------
        SpikedtpError
            The parts do not make a circuit.
        """
        order = {name: k for k, name in enumerate(self._populations)}
        projections = sorted(self._projections.values(), key=lambda p: order[p.post])
        return Circuit(tuple(self._populations.values()), tuple(projections), name=self.name, **self.training)

    def _layers(self) -> dict[str, None]:
        return dict.fromkeys(p.layer for p in self._populations.values())

    def _principal(self, layer: str) -> str:
        """The first population of a layer."""
        for population in self._populations.values():
            if population.layer == layer:
                return population.name
        raise known_names("layer", layer, self._layers())


def _check_names(owner: str, part: type, given: dict[str, Any]) -> None:
    for name in given:
        if name not in (names := {field.name for field in fields(part)}):
            raise SpikedtpError(f"{owner}: {known_names('option', name, names)}")


def _drawn(init: Any, bounds: Bounds) -> dict[str, Any]:
    """How initial weights are drawn, as fields of a projection."""
    if init is None:
        return {"weight_init": "half_kaiming"} if bounds.one_sided else {}
    if isinstance(init, tuple):
        return {"weight_init": init[0] if init else "", "weight_init_args": init[1:]}
    if isinstance(init, (int, float)):
        return {"weight_init": "half_kaiming" if bounds.one_sided else "scaled_kaiming", "weight_init_args": (init,)}
    raise SpikedtpError(f"init must be a number or a tuple such as ('uniform_', -0.1, 0.1), got {shown(init)}")
