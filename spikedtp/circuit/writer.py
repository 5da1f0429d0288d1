"""Writes circuits in EIANN's YAML schema (its long form), so that `reader` reads an equal circuit back.

Rules have EIANN's names where these mean the same, else their registered ones. What the schema has no word for:

- ``name``;
- ``projection_order``, where projections do not stand population by population;
- the ``delay`` of a projection, in steps; its ``consolidation`` and ``consolidation_kwargs``;
- ``task_classes``, once for the whole circuit;
- the constraint ``mask``, with ``probability``, ``seed`` and ``autapses`` of a random one, else with ``rows``, a row of
  hexadecimal digits for each postsynaptic cell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from spikedtp.circuit.fields import MAX_CHARACTERS
from spikedtp.circuit.parts import Population, Projection
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.base import BiasRule, LearningRule
from spikedtp.plasticity.consolidation import CONSOLIDATIONS
from spikedtp.plasticity.constraints import NoAutapses, NormalizeRows, Tied
from spikedtp.plasticity.masks import Mask, ReceptiveFields
from spikedtp.plasticity.registry import BIAS_RULES, RULES, make_bias_rule, make_rule

__all__ = ["TRAINING", "write_text", "yaml_of"]

TRAINING = ("tau", "forward_steps", "backward_steps", "learning_rate", "task_classes")
PLAIN = (bool, int, float, str, np.generic, type(None))


def yaml_of(
    name: str,
    layers: Mapping[str, tuple[Population, ...]],
    projections: tuple[Projection, ...],
    training: dict[str, Any],
) -> str:
    """The text of a circuit's file."""
    cells = {p.name: (layer, p.cell) for layer, populations in layers.items() for p in populations}
    table: dict[str, Any] = {}
    for p in projections:
        (post, post_cell), (pre, pre_cell) = cells[p.post], cells[p.pre]
        inputs = table.setdefault(post, {}).setdefault(post_cell, {})
        inputs.setdefault(pre, {})[pre_cell] = _projection(p, cells)
    if not table:
        raise SpikedtpError(f"circuit {name}: has no projections, and a file needs some")
    config = {
        "name": name,
        "layer_config": {layer: {p.cell: _population(p) for p in populations} for layer, populations in layers.items()},
        "projection_config": table,
        "training_kwargs": {key: value for key, value in training.items() if value is not None},
    }
    order = [p.name for p in projections]
    nested = [
        f"{post}{post_cell}_{pre}{pre_cell}"
        for post, by_cell in table.items()
        for post_cell, inputs in by_cell.items()
        for pre, pre_cells in inputs.items()
        for pre_cell in pre_cells
    ]
    if nested != order:
        config["projection_order"] = order
    text = yaml.dump(config, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    if len(text) > MAX_CHARACTERS:
        raise SpikedtpError(
            f"circuit {name}: its file would have more than {MAX_CHARACTERS} characters, which are too many"
        )
    return text


def write_text(text: str, path: Path) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        try:
            part.write_text(text, encoding="utf-8")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise SpikedtpError(f"{path}: cannot be written: {error.strerror}") from None


class _Dumper(yaml.SafeDumper):
    """Plain data; lists of plain values in one line, and no names for values that stand twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _sequence(dumper: yaml.SafeDumper, values: Any) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


for kind in (list, tuple):
    _Dumper.add_representer(kind, _sequence)
_Dumper.add_multi_representer(np.generic, lambda dumper, value: dumper.represent_data(value.item()))


def _population(p: Population) -> dict[str, Any]:
    found: dict[str, Any] = {"size": p.size, "activation": p.activation}
    if p.activation == "srelu":
        lower, upper = p.activity_bounds
        found["activation_kwargs"] = {"slope": p.slope, "min": lower, "max": upper}
    if p.include_bias:
        found["include_bias"] = True
    if p.bias_like is not None:
        found["bias_like"] = p.bias_like
    if p.bias_init is not None:
        found["bias_init"] = p.bias_init
    if p.bias_init_args:
        found["bias_init_args"] = p.bias_init_args
    if any(limit is not None for limit in p.bias_bounds):
        found["bias_bounds"] = tuple(p.bias_bounds)
    if p.bias_rule is not None:
        found["bias_learning_rule"], found["bias_learning_rule_kwargs"] = _rule(f"population {p.name}", p.bias_rule)
    return found


def _projection(p: Projection, cells: dict[str, tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if p.weight_init is not None:
        found["weight_init"] = p.weight_init
    if p.weight_init is not None or p.weight_init_args != (1.0,):
        found["weight_init_args"] = p.weight_init_args
    if any(limit is not None for limit in p.bounds):
        found["weight_bounds"] = tuple(p.bounds)
    if p.constraint is not None:
        found["weight_constraint"], kwargs = _constraint(p.constraint, cells)
        if kwargs:
            found["weight_constraint_kwargs"] = kwargs
    found["direction"], found["update_phase"] = p.direction, p.update_phase
    found["compartment"] = None if p.compartment == "soma" else p.compartment
    if p.delay:
        found["delay"] = p.delay
    found["learning_rule"] = None
    if p.rule is not None:
        found["learning_rule"], kwargs = _rule(f"projection {p.name}", p.rule)
        if kwargs.get("source") in cells:
            kwargs["source"] = ".".join(cells[kwargs["source"]])
        found["learning_rule_kwargs"] = kwargs
    if p.consolidation is not None:
        found["consolidation"] = name = type(p.consolidation).__name__
        if CONSOLIDATIONS.get(name) is not type(p.consolidation):
            raise SpikedtpError(f"projection {p.name}: the consolidation {name} has no name in files")
        found["consolidation_kwargs"] = _changed(p.consolidation)
    return found


def _constraint(constraint: Any, cells: dict[str, tuple[str, str]]) -> tuple[str, dict[str, Any]]:
    """EIANN's name of a constraint and its parameters."""
    if isinstance(constraint, NoAutapses):
        return "no_autapses", {}
    if isinstance(constraint, NormalizeRows):
        return "normalize_weight", _changed(constraint)
    if isinstance(constraint, Tied):
        dotted = {f"{post}_{pre}": ".".join((*cells[post], *cells[pre])) for post in cells for pre in cells}
        kwargs = _changed(constraint)
        return "clone_weight", {k: dotted[v] if k in ("source", "source2") else v for k, v in kwargs.items()}
    if isinstance(constraint, Mask):
        scale = {} if constraint.scale is None else {"scale": constraint.scale}
        if constraint.drawn is not None:
            return "mask", constraint.drawn._asdict() | scale
        return "mask", {"rows": [np.packbits(row).tobytes().hex() for row in constraint.connected]} | scale
    assert isinstance(constraint, ReceptiveFields)
    kwargs = {"receptive_field_size": constraint.size}
    if constraint.image_dims is not None:
        kwargs["image_dims"] = tuple(constraint.image_dims)
    if constraint.scale is not None:
        kwargs |= {"apply_weight_norm": True, "scale": constraint.scale}
    return "receptive_field_mask", kwargs


def _changed(thing: Any) -> dict[str, Any]:
    """The fields of a dataclass that do not have their defaults."""
    values = {f.name: (getattr(thing, f.name), f.default) for f in fields(thing)}
    return {name: value for name, (value, default) in values.items() if default is MISSING or value != default}


def _rule(owner: str, rule: LearningRule | BiasRule) -> tuple[str, dict[str, Any]]:
    """A name of a rule and the parameters with which it stands for this very rule."""
    kind, name = type(rule), type(rule).__name__
    registry, make = (RULES, make_rule) if isinstance(rule, LearningRule) else (BIAS_RULES, make_bias_rule)
    if registry.get(name) is not kind:
        register = "register_rule" if isinstance(rule, LearningRule) else "register_bias_rule"
        raise SpikedtpError(f"{owner}: the rule {name} has no name in files: {register}({name}) gives it one")
    everything = {f.name: getattr(rule, f.name) for f in fields(rule)}
    for key, value in everything.items():
        items = value if isinstance(value, (tuple, list)) else (value,)
        if not all(isinstance(item, PLAIN) for item in items):
            raise SpikedtpError(f"{owner}: {name}.{key} = {shown(value)} cannot be written to a file")
    legacy_fields: dict[str, dict[str, Any]] = getattr(rule, "legacy_fields", {})
    for legacy in sorted(rule.legacy_names, key=lambda name: -len(legacy_fields.get(name, {}))):
        implied = legacy_fields.get(legacy, {})
        # without w_max the reader would take the projection's bound
        kwargs = {k: v for k, v in everything.items() if (k in _changed(rule) or k == "w_max") and k not in implied}
        same = all(everything[k] == v for k, v in implied.items())
        if same and make(legacy, **kwargs) == rule:
            return legacy, kwargs
    return name, everything
