"""Reads circuits in EIANN's YAML schema, in its long form and its short form. Weights are read elsewhere.

Every mistake in a file raises `SpikedtpError` with the file, the path of the key and what is allowed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.circuit.checks import listed
from spikedtp.circuit.circuit import Circuit
from spikedtp.circuit.fields import Fields, load_yaml
from spikedtp.circuit.parts import Constraint, Population, Projection
from spikedtp.circuit.shipped import circuit_path
from spikedtp.circuit.short_form import expand_layers, expand_projections, is_short
from spikedtp.circuit.writer import TRAINING
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.consolidation import (
    CONSOLIDATIONS,
    OF_RULES,
    Consolidation,
    make_consolidated,
    make_consolidation,
)
from spikedtp.plasticity.constraints import NoAutapses, NormalizeRows, Tied
from spikedtp.plasticity.masks import Mask, ReceptiveFields
from spikedtp.plasticity.registry import make_bias_rule

__all__ = ["read_circuit"]

# the last two are our own: `Circuit.to_yaml`
_TOP = ("layer_config", "projection_config", "training_kwargs", "name", "projection_order")
_POPULATION = (
    "size",
    "activation",
    "activation_kwargs",
    "include_bias",
    "bias_init",
    "bias_init_args",
    "bias_bounds",
    "bias_learning_rule",
    "bias_learning_rule_kwargs",
    "bias_like",  # our own
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
    "delay",  # our own
    "learning_rule",
    "learning_rule_kwargs",
    "consolidation",  # our own
    "consolidation_kwargs",  # our own
)
# optimizer, criterion and verbose are accepted as they stand in published files: plain SGD and the mean squared error
_TRAINING = (*TRAINING, "optimizer", "criterion", "verbose")
_CONSTRAINTS = ("normalize_weight", "no_autapses", "clone_weight", "receptive_field_mask", "mask")
# EIANN takes their highest weight from the bounds
_WITH_W_MAX = ("BTSP", "BTSP_19", "BTSP_20", "BTSP_CL", "BTSP_ELR_1", "BTSP_ELR_CL")
# rules with EIANN's options task_incremental and task_classes
_OF_TASKS = ("DTP_CL", "BTSP_CL", "Backprop_CL", *(name for name in OF_RULES if name != "BTSP_ELR_1"))
_SRELU = ("slope", "min", "max")
_EPROP = (
    "Eprop learns over the steps of an episode, in a network that keeps its state between samples (EIANN's Q_Network): "
    "circuits here present one sample at a time; spikedtp.run_eprop has e-prop for recurrent networks"
)
# field of a part -> its key in a file
_KEYS = {"bias_rule": "bias_learning_rule", "bounds": "weight_bounds", "rule": "learning_rule"}
_KEYS_OF_CIRCUIT = {"populations": "layer_config", "projections": "projection_config"}
_KEYS_OF_CIRCUIT |= {key: f"training_kwargs.{key}" for key in TRAINING}


class _Reader(Fields):
    """Populations, projections and constraints of one file."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.tasks: list[tuple[str, Any]] = []  # where a rule of tasks stands, and the classes of its tasks

    def population(self, layer: str, cell: str, value: Any, rate: float | None) -> Population:
        at = f"layer_config.{layer}.{cell}"
        config = self.mapping(value, at, _POPULATION)
        if "size" not in config:
            raise self.fail(at, "needs size, the number of cells")
        rule = config.get("bias_learning_rule")
        if rule is not None:
            kwargs = dict(self.mapping(config.get("bias_learning_rule_kwargs"), f"{at}.bias_learning_rule_kwargs"))
            rule = self.declared(make_bias_rule, rule, f"{at}.bias_learning_rule", kwargs, rate)
        given = {key: value for key, value in config.items() if "learning_rule" not in key}
        given |= self.srelu(config.get("activation"), given.pop("activation_kwargs", None), at)
        return self.made(
            Population, at, _KEYS, layer=layer, cell=cell, bias_rule=rule, **{"activation": "linear"} | given
        )

    def srelu(self, activation: Any, kwargs: Any, at: str) -> dict[str, Any]:
        """What activation_kwargs say: only srelu has some."""
        kwargs = self.mapping(kwargs, f"{at}.activation_kwargs", _SRELU if activation == "srelu" else ())
        if activation != "srelu":
            return {}
        return {"slope": kwargs.get("slope", 1.0), "activity_bounds": (kwargs.get("min", 0.0), kwargs.get("max"))}

    def projection(
        self, post: str, pre: str, at: str, value: Any, rate: float | None, shape: tuple[int, int]
    ) -> Projection:
        config = self.mapping(value, at, _PROJECTION)
        given = {
            key: config[key]
            for key in ("direction", "update_phase", "compartment", "weight_init", "delay")
            if key in config
        }
        bounds = config.get("weight_bounds")
        if config.get("weight_init_args") is not None:
            given["weight_init_args"] = config["weight_init_args"]
        make = partial(self.made, Projection, at, _KEYS, post=post, pre=pre, bounds=bounds, **given)
        bounds = make().bounds  # before anything is made of them
        rule = config.get("learning_rule", "Backprop")  # EIANN's default; null is no learning
        if rule is not None:
            kwargs = dict(self.mapping(config.get("learning_rule_kwargs"), f"{at}.learning_rule_kwargs"))
            if rule == "Eprop":
                raise self.fail(f"{at}.learning_rule", _EPROP)
            if rule in _WITH_W_MAX and bounds.upper is not None:
                kwargs.setdefault("w_max", bounds.upper)
            if rule in _OF_TASKS:
                self.tasks.append((f"{at}.learning_rule_kwargs", self.task_classes(kwargs, at)))
            rule, kept = self.declared(make_consolidated, rule, f"{at}.learning_rule", kwargs, rate)
        else:
            kept = None
        if config.get("consolidation") is not None:
            kept = self.consolidation(config, at, kept)
        return make(rule=rule, constraint=self.constraint(config, at, shape), consolidation=kept)

    def task_classes(self, kwargs: dict, at: str) -> Any:
        """The classes of the tasks in the options of a rule, which are taken out of them; None where all learn."""
        incremental, classes = kwargs.pop("task_incremental", False), kwargs.pop("task_classes", None)
        if not isinstance(incremental, bool):
            raise self.fail(
                f"{at}.learning_rule_kwargs.task_incremental", f"must be true or false, got {shown(incremental)}"
            )
        if incremental and classes is None:
            raise self.fail(
                f"{at}.learning_rule_kwargs", "task_incremental needs task_classes, a list of classes for each task"
            )
        return classes if incremental else None

    def tasks_of_all(self, given: Any) -> Any:
        """The classes of the tasks for the whole circuit: what all rules of tasks say, or training_kwargs."""
        for at, classes in self.tasks[1:]:
            if classes != self.tasks[0][1]:
                raise self.fail(at, f"task_incremental and task_classes must be as in {self.tasks[0][0]}")
        of_rules = self.tasks[0][1] if self.tasks else None
        return given if of_rules is None else of_rules

    def consolidation(self, config: dict, at: str, of_rule: Consolidation | None) -> Consolidation:
        if of_rule is not None:
            raise self.fail(
                f"{at}.consolidation", f"{config['learning_rule']} has one, {type(of_rule).__name__}: leave one out"
            )
        name = config["consolidation"]
        if not isinstance(name, str):
            raise self.fail(f"{at}.consolidation", f"must be one of {', '.join(CONSOLIDATIONS)}, got {shown(name)}")
        kwargs = self.mapping(config.get("consolidation_kwargs"), f"{at}.consolidation_kwargs")
        return self.made(partial(make_consolidation, name), f"{at}.consolidation", **kwargs)

    def constraint(self, config: dict, at: str, shape: tuple[int, int]) -> Constraint | None:
        name = config.get("weight_constraint")
        at_kwargs = f"{at}.weight_constraint_kwargs"
        kwargs = dict(self.mapping(config.get("weight_constraint_kwargs"), at_kwargs))
        if name is None:
            return None
        if name not in _CONSTRAINTS:
            raise self.fail(f"{at}.weight_constraint", f"must be one of {', '.join(_CONSTRAINTS)}, got {shown(name)}")
        try:
            if name == "no_autapses":
                return NoAutapses(**kwargs)
            if name == "normalize_weight":
                return NormalizeRows(**kwargs)
            if name == "clone_weight":
                return Tied(**{k: _projection_name(v) if k in ("source", "source2") else v for k, v in kwargs.items()})
            if name == "mask":
                return _mask(shape, **kwargs)
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


def _mask(shape: tuple[int, int], rows: Any = None, scale: float | None = None, **drawn: Any) -> Mask:
    """Either how a mask is drawn, or its rows as hexadecimal digits."""
    if rows is None:
        if not {"probability"} <= drawn.keys() <= {"probability", "seed", "autapses"}:
            raise SpikedtpError("a mask has rows, or probability, seed and autapses")
        return Mask.random(*shape, scale=scale, **drawn)
    problem = SpikedtpError(f"rows of a mask must be hexadecimal digits, {shape[1]} bits for each cell")
    try:
        packed = [bytes.fromhex(row) for row in rows]
    except (TypeError, ValueError):
        raise problem from None
    bits = [np.unpackbits(np.frombuffer(row, np.uint8), count=shape[1]) for row in packed]
    if drawn or [np.packbits(row).tobytes() for row in bits] != packed:
        raise problem
    return Mask(np.array(bits), scale)


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
    sizes = {p.name: p.size for p in populations}
    projections = tuple(_projections(read, table, layers, rate, sizes))
    return read.made(
        Circuit,
        "",
        _KEYS_OF_CIRCUIT,
        populations=populations,
        projections=_in_order(read, projections, config.get("projection_order")),
        name=config.get("name", path.stem),
        **{key: training[key] for key in TRAINING if key in training}
        | {"task_classes": read.tasks_of_all(training.get("task_classes"))},
    )


def _in_order(read: _Reader, projections: tuple[Projection, ...], names: Any) -> tuple[Projection, ...]:
    """The projections as `projection_order` lists them, if there is one."""
    if names is None:
        return projections
    by_name = {p.name: p for p in projections}
    if not isinstance(names, (list, tuple)) or sorted(map(str, names)) != sorted(by_name):
        raise read.fail("projection_order", f"must list every projection once: {listed(by_name)}")
    return tuple(by_name[name] for name in names)


def _projections(
    read: _Reader, table: dict, layers: dict, rate: float | None, sizes: dict[str, int]
) -> Iterator[Projection]:
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
                    post, pre = post_layer + post_cell, pre_layer + pre_cell
                    yield read.projection(post, pre, path, value, rate, (sizes[post], sizes[pre]))
