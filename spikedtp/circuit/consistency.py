"""Whether the parts of a circuit fit one another: names, layers, sources of copies. What one part may be is its own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from spikedtp.circuit.checks import MAX_STEPS, MAX_WEIGHTS, Checks, checked_tasks, listed
from spikedtp.circuit.parts import Population, Projection
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.backprop import LocalBackprop
from spikedtp.plasticity.constraints import Tied
from spikedtp.plasticity.masks import Mask, ReceptiveFields

__all__ = ["checked_circuit"]


def checked_circuit(name: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a circuit as it keeps them; `SpikedtpError` where they do not fit one another."""
    check = Checks(f"circuit {name}" if isinstance(name, str) and name else "circuit")
    if not isinstance(name, str) or (name and not name.isprintable()):
        check.refuse("name", f"must be a text, got {shown(name)}")
    populations = _parts(check, "populations", values["populations"], Population)
    projections = _parts(check, "projections", values["projections"], Projection)
    rate = values["learning_rate"]
    found = {
        "populations": populations,
        "projections": projections,
        "tau": float(check.number("tau", values["tau"], above=0)),
        "forward_steps": check.whole("forward_steps", values["forward_steps"], 1, MAX_STEPS),
        "backward_steps": check.whole("backward_steps", values["backward_steps"], 0, MAX_STEPS),
        "learning_rate": None if rate is None else check.number("learning_rate", rate),
        "task_classes": None,
    }
    _check_populations(check, populations)
    _check_projections(check, populations, projections)
    for p in projections:
        if p.delay >= found["forward_steps"]:
            steps = found["forward_steps"]
            check.refuse(f"projection {p.name}", f"delay = {p.delay} must be below forward_steps = {steps}")
    if values["task_classes"] is not None:
        top = next(p for p in populations if p.layer == populations[-1].layer)
        try:
            found["task_classes"] = checked_tasks("task_classes", values["task_classes"], top.size)
        except SpikedtpError as error:
            check.refuse("task_classes", str(error).removeprefix("task_classes: "))
    return found


def _parts(check: Checks, field: str, parts: Any, kind: type) -> tuple:
    parts = tuple(parts) if isinstance(parts, Iterable) else parts
    if not isinstance(parts, tuple) or not all(isinstance(part, kind) for part in parts):
        check.refuse(field, f"must be a sequence of {kind.__name__}, got {shown(parts)}")
    return parts


def _check_populations(check: Checks, populations: tuple[Population, ...]) -> None:
    names = [p.name for p in populations]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        check.refuse("populations", f"two populations have the same name (layer + cell), {twice}")
    layers = [(layer, len(list(members))) for layer, members in groupby(p.layer for p in populations)]
    if len(layers) < 2 or layers[0][1] != 1:
        check.refuse("populations", "needs an input layer with one population, and at least one layer above it")
    by_name = {p.name: p for p in populations}
    for p in populations:
        if p.bias_like is not None:
            like = by_name.get(p.bias_like)
            if like is None or like.size != p.size or like.bias_like is not None or p.bias_rule is not None:
                check.refuse(
                    f"population {p.name}",
                    f"bias_like = {shown(p.bias_like)} must name a population of {p.size} cells with a bias of its "
                    "own, and then no rule changes this one",
                )
    order = [layer for layer, _ in layers]
    for layer in order:
        if order.count(layer) > 1:
            check.refuse("populations", f"those of layer {layer} must stand together, from bottom to top")


def _check_projections(check: Checks, populations: tuple[Population, ...], projections: tuple[Projection, ...]) -> None:
    sizes = {p.name: p.size for p in populations}
    by_name = {p.name: p for p in projections}
    for p in projections:
        at = f"projection {p.name}"
        for side in ("post", "pre"):
            if getattr(p, side) not in sizes:
                check.refuse(at, f"unknown population {shown(getattr(p, side))}: the circuit has {listed(sizes)}")
        if by_name[p.name] is not p:
            check.refuse(at, "there are two of this name: there can be one from each population to another")
        if p.post == populations[0].name:
            check.refuse(at, "the input population takes no projections")
        source = p.rule.source if isinstance(p.rule, LocalBackprop) else None
        if source is not None and source not in sizes:
            check.refuse(at, f"unknown source population {shown(source)}: the circuit has {listed(sizes)}")
        _check_constraint(check, p, sizes, by_name)
    n_weights = sum(sizes[p.post] * sizes[p.pre] for p in projections)
    if n_weights > MAX_WEIGHTS:
        check.refuse("projections", f"has {n_weights} weights in all, at most {MAX_WEIGHTS} can be held")


def _check_constraint(check: Checks, p: Projection, sizes: dict[str, int], by_name: dict[str, Projection]) -> None:
    at, constraint = f"projection {p.name}", p.constraint
    if isinstance(constraint, ReceptiveFields):
        try:
            constraint.dims(sizes[p.pre])
        except SpikedtpError as error:
            check.refuse(at, str(error))
    shape = (sizes[p.post], sizes[p.pre])
    if isinstance(constraint, Mask) and constraint.connected.shape != shape:
        check.refuse(at, f"its mask is {constraint.connected.shape}, but its synapses are (n_post, n_pre) = {shape}")
    if not isinstance(constraint, Tied):
        return
    if p.rule is not None:
        check.refuse(at, "a tied projection (clone_weight) copies its source: its rule, or learning_rule must be null")
    for name in (constraint.source, constraint.source2):
        if name is None:
            continue
        if name not in by_name:
            check.refuse(at, f"unknown clone source {shown(name)}: projections are {listed(by_name)}")
        source = by_name[name]
        source_shape = (sizes[source.post], sizes[source.pre])
        if (source_shape[::-1] if constraint.transpose else source_shape) != shape:
            check.refuse(at, f"the clone source {name} is {source_shape}, which does not give {shape}")
