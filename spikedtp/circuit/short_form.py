"""The short form of EIANN's YAML, rewritten into the long form. What the words mean is `reader`'s business."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from spikedtp.errors import shown

__all__ = ["expand_layers", "expand_projections", "is_short"]

_TYPES: dict[str, tuple[int | None, int | None]] = {"e": (0, None), "exc": (0, None), "excitatory": (0, None)}
_TYPES |= {"i": (None, 0), "inh": (None, 0), "inhibitory": (None, 0)}
_DISTRIBUTION = re.compile(r"\s*([A-Za-z_]+?)_?\s*\(([^()]*)\)\s*$")


def _none(value: Any) -> Any:
    """The word None as null, at any depth of plain values."""
    if isinstance(value, (tuple, list)):
        return tuple(_none(item) for item in value)
    return None if value == "None" else value


def is_short(projections: dict) -> bool:
    """Whether a projection_config is keyed by ``Post.cell``."""
    return any("." in post for post in projections)


def expand_layers(layers: dict[str, dict], fail: Callable) -> dict[str, dict]:
    """``bias: 'uniform(a,b)'`` of a population as include_bias, bias_init and bias_init_args."""
    expanded: dict[str, dict] = {}
    for layer, cells in layers.items():
        expanded[layer] = {}
        for cell, config in cells.items():
            if isinstance(config, dict):
                config = {key: _none(value) for key, value in config.items()}
                if "bias" in config:
                    config |= _bias(config.pop("bias"), f"layer_config.{layer}.{cell}.bias", fail)
            expanded[layer][cell] = config
    return expanded


def _bias(text: Any, at: str, fail: Callable) -> dict:
    if text is None:
        return {}
    match = _DISTRIBUTION.match(text) if isinstance(text, str) else None
    try:
        numbers = tuple(float(number) for number in match[2].split(",")) if match else None
    except ValueError:
        numbers = None
    if match is None or numbers is None:
        raise fail(at, f"must be a distribution such as 'uniform(-0.1, 0.1)', got {shown(text)}")
    return {"include_bias": True, "bias_init": f"{match[1]}_", "bias_init_args": numbers}


def expand_projections(table: dict[str, Any], fail: Callable) -> dict[str, dict]:
    """``Post.cell: {Pre.cell: {...}}`` as the nested long form, with `type` as bounds."""
    expanded: dict[str, dict] = {}
    for post, inputs in table.items():
        at = f"projection_config.{post}"
        post_layer, post_cell = _split(post, "projection_config", fail)
        cells = expanded.setdefault(post_layer, {}).setdefault(post_cell, {})
        if not isinstance(inputs, dict) and inputs is not None:
            raise fail(at, f"must be a mapping, got {shown(inputs)}")
        for pre, config in (inputs or {}).items():
            pre_layer, pre_cell = _split(pre, at, fail)
            if config is not None and not isinstance(config, dict):
                raise fail(f"{at}.{pre}", f"must be a mapping, got {shown(config)}")
            plain: dict[str, Any] = {}
            for key, value in (config or {}).items():
                if key == "type":
                    kind = _TYPES.get(str(value).lower())
                    if kind is None:
                        raise fail(f"{at}.{pre}.type", f"must be Exc or Inh, got {shown(value)}")
                    plain["weight_bounds"] = kind
                elif isinstance(value, dict):
                    plain[key] = {k: _none(v) for k, v in value.items()}
                else:
                    plain[key] = _none(value)
            cells.setdefault(pre_layer, {})[pre_cell] = plain
    return expanded


def _split(name: Any, at: str, fail: Callable) -> tuple[str, str]:
    parts = name.split(".") if isinstance(name, str) else ()
    if len(parts) != 2 or not all(parts):
        raise fail(at, f"keys of the short form are Layer.cell, as in H1.E, got {shown(name)}")
    return parts[0], parts[1]
