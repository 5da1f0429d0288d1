"""Biases that learn: at a learning event each cell runs the rule of its population, then bounds and copies follow."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from brian2 import Subgroup

from spikedtp.circuit import Population
from spikedtp.errors import SpikedtpError
from spikedtp.spiking.closed_loop.learning_event import CHANGE, COPY
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.operations import run_when
from spikedtp.spiking.parts.tables import mean_of_units

__all__ = ["learn_biases"]


def learn_biases(spec: ClosedLoop, built: BuiltNetwork, cells_of: Callable[[str], Subgroup], at: str) -> None:
    """Add the learning of biases to a network of cells that know `plateau`, `bias` and `rate_factor`.

    Parameters
    ----------
    spec : ClosedLoop
    built : BuiltNetwork
    cells_of : callable
        Population -> a fresh subgroup of its cells.
    at : str
        The condition that is true in the step of the learning event.
    """
    for population in spec.populations:
        cells = cells_of(population.name)
        if population.bias_rule is not None:
            code = _learning(population, cells, built)
            built.net.add(run_when(cells, at, code, name=f"{population.name}_bias", when="end", order=CHANGE))
        elif population.bias_like is not None:
            code = f"bias = {_copied(spec, cells, population.bias_like)}"
            built.net.add(run_when(cells, at, code, name=f"{population.name}_bias", when="end", order=COPY))


def _learning(population: Population, cells: Subgroup, built: BuiltNetwork) -> str:
    """The code of the rule at the present learning rates, and of the bounds; its parameters become constants."""
    rule = population.bias_rule
    assert rule is not None
    code = rule.spiking_form()
    assert code is not None  # `check_spiking_form` has refused rules without one
    numbers = {name: value for name, value in rule.numbers().items() if re.search(rf"\b{name}\b", code)}
    if taken := set(numbers) & set(cells.variables):
        raise SpikedtpError(
            f"{population.name}: the rule of its bias, {type(rule).__name__}, names {', '.join(sorted(taken))}, which "
            "the closed loop uses for itself: choose another name"
        )
    for name, value in numbers.items():
        cells.variables.add_array(name, size=1, scalar=True, constant=True, index="0")
        constant = cells.variables[name]
        built.constants[f"{population.name}.bias.{name}"] = (constant, np.array([float(value)]))
    code = re.sub(r"\blearning_rate\b", "(learning_rate*rate_factor)", code)
    lower, upper = population.bias_bounds
    if (lower, upper) != (None, None):
        ends = "-inf" if lower is None else repr(float(lower)), "inf" if upper is None else repr(float(upper))
        code += f"\nbias = clip(bias, {', '.join(ends)})"
    return code


def _copied(spec: ClosedLoop, cells: Subgroup, source: str) -> str:
    """The bias of the cell of the same place in another population, as an expression."""
    name = f"bias_of_{source}"
    cells.namespace[name] = mean_of_units(name, cells.source.variables["bias"], spec.slices()[source].start, 1)
    return f"{name}(i)"
