"""Reads circuits in EIANN's YAML schema, in its long form and its short form. Weights are read elsewhere.

Every mistake in a file raises `SpikedtpError` with the file, the path of the key and what is allowed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spikedtp.circuit.circuit import Circuit, Constraint, Population, Projection
from spikedtp.circuit.fields import Fields, load_yaml
from spikedtp.circuit.shipped import circuit_path
from spikedtp.circuit.short_form import expand_layers, expand_projections, is_short
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.backprop import LocalBackprop
from spikedtp.plasticity.constraints import NoAutapses, NormalizeRows, ReceptiveFields, Tied
from spikedtp.plasticity.registry import make_bias_rule, make_rule

__all__ = ["read_circuit"]

# Far above what anyone trains online; they keep a damaged or hostile file from taking all memory.
MAX_CELLS = 1_000_000  # of a population
MAX_STEPS = 10_000
MAX_WEIGHTS = 2**26  # of all projections together: 256 MiB

_TOP = ("layer_config", "projection_config", "training_kwargs")
_POPULATION = (
    "size",
    "activation",
    "include_bias",
    "bias_init",
    "bias_init_args",
    "bias_bounds",
    "bias_learning_rule",
    "bias_learning_rule_kwargs",
)
_PROJECTION = (
    "weight_init",
    "weight_init_args",
    "weight_bounds",
    "weight_constraint",
    "weight_constraint_kwargs",
    "direction",
    "update_phase",
    "compartment",
    "learning_rule",
    "learning_rule_kwargs",
)
# optimizer, criterion and verbose are accepted as they stand in published files: plain SGD and the mean squared error
_TRAINING = ("tau", "forward_steps", "backward_steps", "learning_rate", "optimizer", "criterion", "verbose")
_CONSTRAINTS = ("normalize_weight", "no_autapses", "clone_weight", "receptive_field_mask")
_TENSOR_METHODS = ("uniform_", "normal_", "fill_", "zero_")
_DIRECTION = {"F": "F", "forward": "F", "R": "R", "recurrent": "R"}
_PHASE = {"F": "F", "forward": "F", "B": "B", "backward": "B", "A": "A", "all": "A"}
_COMPARTMENT = {None: "soma", "soma": "soma", "dend": "dend", "dendrite": "dend"}


class _Reader(Fields):
    """Populations, projections and constraints of one file."""

    def population(self, layer: str, cell: str, value: Any, rate: float | None) -> Population:
        at = f"layer_config.{layer}.{cell}"
        config = self.mapping(value, at, _POPULATION)
        if "size" not in config:
            raise self.fail(at, "needs size, the number of cells")
        activation = config.get("activation", "linear")
        rule = config.get("bias_learning_rule")
        include = config.get("include_bias", False)
        if not isinstance(include, bool):
            raise self.fail(f"{at}.include_bias", f"must be true or false, got {shown(include)}")
        init = config.get("bias_init")
        self.choice(init, f"{at}.bias_init", {name: name for name in (None, "scaled_kaiming", *_TENSOR_METHODS)})
        if rule is not None:
            kwargs = dict(self.mapping(config.get("bias_learning_rule_kwargs"), f"{at}.bias_learning_rule_kwargs"))
            rule = self.declared(make_bias_rule, rule, f"{at}.bias_learning_rule", kwargs, rate)
        return Population(
            layer=layer,
            cell=cell,
            size=self.whole(config["size"], f"{at}.size", 1, MAX_CELLS),
            activation=self.choice(activation, f"{at}.activation", {"relu": "relu", "linear": "linear"}),
            include_bias=include or rule is not None,
            bias_init=init,
            bias_init_args=self.numbers(config.get("bias_init_args"), f"{at}.bias_init_args"),
            bias_bounds=self.bounds(config.get("bias_bounds"), f"{at}.bias_bounds"),
            bias_rule=rule,
        )

    def projection(self, post: str, pre: str, at: str, value: Any, rate: float | None) -> Projection:
        config = self.mapping(value, at, _PROJECTION)
        bounds = self.bounds(config.get("weight_bounds"), f"{at}.weight_bounds")
        init = config.get("weight_init")
        known = (None, "half_kaiming", "scaled_kaiming", *_TENSOR_METHODS)
        self.choice(init, f"{at}.weight_init", {name: name for name in known})
        one_sided = (bounds.lower is not None and bounds.lower >= 0) or (bounds.upper is not None and bounds.upper <= 0)
        if init == "half_kaiming" and not one_sided:
            raise self.fail(f"{at}.weight_bounds", "half_kaiming needs a lower bound >= 0 or an upper bound <= 0")
        rule = config.get("learning_rule", "Backprop")  # EIANN's default; null is no learning
        if rule is not None:
            kwargs = dict(self.mapping(config.get("learning_rule_kwargs"), f"{at}.learning_rule_kwargs"))
            if rule in ("BTSP", "BTSP_19") and bounds.upper is not None:
                kwargs.setdefault("w_max", bounds.upper)
            rule = self.declared(make_rule, rule, f"{at}.learning_rule", kwargs, rate)
        args = config.get("weight_init_args")
        return Projection(
            post=post,
            pre=pre,
            compartment=self.choice(config.get("compartment"), f"{at}.compartment", _COMPARTMENT),
            direction=self.choice(config.get("direction", "F"), f"{at}.direction", _DIRECTION),
            update_phase=self.choice(config.get("update_phase", "F"), f"{at}.update_phase", _PHASE),
            bounds=bounds,
            rule=rule,
            weight_init=init,
            weight_init_args=(1.0,) if args is None else self.numbers(args, f"{at}.weight_init_args"),
            constraint=self.constraint(config, at),
        )

    def constraint(self, config: dict, at: str) -> Constraint | None:
        name = config.get("weight_constraint")
        at_kwargs = f"{at}.weight_constraint_kwargs"
        kwargs = dict(self.mapping(config.get("weight_constraint_kwargs"), at_kwargs))
        if name is None:
            return None
        self.choice(name, f"{at}.weight_constraint", {allowed: allowed for allowed in _CONSTRAINTS})
        try:
            if name == "no_autapses":
                return NoAutapses(**kwargs)
            if name == "normalize_weight":
                return NormalizeRows(**kwargs)
            if name == "clone_weight":
                return Tied(**{k: _projection_name(v) if k in ("source", "source2") else v for k, v in kwargs.items()})
            normalise = kwargs.pop("apply_weight_norm", False)
            scale = kwargs.pop("scale", None)
            if normalise and scale is None:
                raise SpikedtpError("apply_weight_norm needs scale")
            dims = kwargs.pop("image_dims", None)
            size = kwargs.pop("receptive_field_size", None)
            return ReceptiveFields(size, dims and tuple(dims), scale if normalise else None, **kwargs)
        except (SpikedtpError, TypeError) as error:
            message = str(error).replace("__init__() got an unexpected keyword argument", " has no parameter")
            raise self.fail(at_kwargs, message.replace("__init__() missing", " misses")) from None


def _projection_name(dotted: Any) -> Any:
    """``H2.E.H1.E`` as ``H2E_H1E``; a projection name stays as it is."""
    parts = dotted.split(".") if isinstance(dotted, str) else ()
    return f"{parts[0]}{parts[1]}_{parts[2]}{parts[3]}" if len(parts) == 4 else dotted


def read_circuit(name_or_path: str | Path) -> Circuit:
    """Read a circuit from a YAML file, or the shipped circuit of this name.

    Parameters
    ----------
    name_or_path : str or path
        A file in EIANN's schema (long or short form), or the name of a shipped model.

    Returns
    -------
    Circuit

    Raises
    ------
    SpikedtpError
        Something in the file is not understood. The message names the file, the key, and what is allowed.

    Examples
    --------
    >>> from spikedtp.circuit import read_circuit
    >>> circuit = read_circuit("digits_dtp")
    >>> len(circuit.populations), circuit.output.name
    (9, 'OutputE')
    """
    path = circuit_path(name_or_path)
    read = _Reader(path)
    config = read.mapping(load_yaml(path), "", _TOP)
    for key in _TOP[:2]:
        if not config.get(key):
            raise read.fail("", f"has no {key}: a circuit needs {', '.join(_TOP[:2])} and may have {_TOP[2]}")
    training = read.mapping(config.get("training_kwargs"), "training_kwargs", _TRAINING)
    if training.get("optimizer", "SGD") not in ("SGD", None):
        raise read.fail("training_kwargs.optimizer", f"must be SGD, got {shown(training['optimizer'])}")
    if training.get("criterion", "MSELoss") not in ("MSELoss", None):
        raise read.fail("training_kwargs.criterion", f"must be MSELoss, got {shown(training['criterion'])}")
    rate = training.get("learning_rate")
    if rate is not None:
        read.number(rate, "training_kwargs.learning_rate")

    layers = {
        layer: read.mapping(cells, f"layer_config.{layer}")
        for layer, cells in read.mapping(config["layer_config"], "layer_config").items()
    }
    layers = expand_layers(layers, read.fail)
    populations = tuple(
        read.population(layer, cell, value, rate) for layer, cells in layers.items() for cell, value in cells.items()
    )
    table = read.mapping(config["projection_config"], "projection_config")
    if is_short(table):
        table = expand_projections(table, read.fail)
    projections = tuple(_projections(read, table, layers, rate))
    circuit = Circuit(
        populations=populations,
        projections=projections,
        tau=float(read.number(training.get("tau", 1), "training_kwargs.tau", above=0)),
        forward_steps=read.whole(training.get("forward_steps", 1), "training_kwargs.forward_steps", 1, MAX_STEPS),
        backward_steps=read.whole(training.get("backward_steps", 1), "training_kwargs.backward_steps", 0, MAX_STEPS),
        learning_rate=rate,
        name=path.stem,
    )
    _check(read, circuit)
    return circuit


def _projections(read: _Reader, table: dict, layers: dict, rate: float | None) -> Iterator[Projection]:
    """The projections of the long form in file order."""

    def known(layer: str, cell: str | None, at: str) -> None:
        if layer not in layers:
            raise read.fail(at, f"unknown layer {shown(layer)}: layer_config has {', '.join(layers)}")
        if cell is not None and cell not in layers[layer]:
            raise read.fail(at, f"unknown population {shown(cell)} of {layer}: it has {', '.join(layers[layer])}")

    for post_layer, post_cells in table.items():
        known(post_layer, None, "projection_config")
        for post_cell, pre_layers in read.mapping(post_cells, f"projection_config.{post_layer}").items():
            at = f"projection_config.{post_layer}.{post_cell}"
            known(post_layer, post_cell, f"projection_config.{post_layer}")
            for pre_layer, pre_cells in read.mapping(pre_layers, at).items():
                known(pre_layer, None, at)
                for pre_cell, value in read.mapping(pre_cells, f"{at}.{pre_layer}").items():
                    known(pre_layer, pre_cell, f"{at}.{pre_layer}")
                    path = f"{at}.{pre_layer}.{pre_cell}"
                    yield read.projection(post_layer + post_cell, pre_layer + pre_cell, path, value, rate)


def _check(read: _Reader, circuit: Circuit) -> None:
    """Checks that need the whole circuit."""
    layers = list(circuit.layers.values())
    names = [p.name for p in circuit.populations]
    if len(set(names)) < len(names):
        raise read.fail("layer_config", "two populations have the same name (layer + cell)")
    if len(layers) < 2 or len(layers[0]) != 1:
        raise read.fail("layer_config", "needs an input layer with one population, and at least one layer above it")
    sizes = {p.name: p.size for p in circuit.populations}
    by_name = {p.name: p for p in circuit.projections}
    n_weights = sum(sizes[p.post] * sizes[p.pre] for p in circuit.projections)
    if n_weights > MAX_WEIGHTS:
        raise read.fail("projection_config", f"has {n_weights} weights in all, at most {MAX_WEIGHTS} can be held")
    for projection in circuit.projections:
        at = f"projection {projection.name}"
        if projection.post == circuit.input.name:
            raise read.fail(at, "the input population takes no projections")
        source = projection.rule.source if isinstance(projection.rule, LocalBackprop) else None
        if source is not None and source not in sizes:
            raise read.fail(at, f"unknown source population {shown(source)}: the circuit has {', '.join(names)}")
        tied = projection.constraint
        if not isinstance(tied, Tied):
            continue
        if projection.rule is not None:
            raise read.fail(at, "a clone_weight projection copies its source: learning_rule must be null")
        shape = (sizes[projection.post], sizes[projection.pre])
        for name in (tied.source, tied.source2):
            if name is None:
                continue
            if name not in by_name:
                raise read.fail(at, f"unknown clone source {shown(name)}: projections are {', '.join(by_name)}")
            source_shape = (sizes[by_name[name].post], sizes[by_name[name].pre])
            if (source_shape[::-1] if tied.transpose else source_shape) != shape:
                raise read.fail(at, f"the clone source {name} is {source_shape}, which does not give {shape}")
