"""EIANN's initial weights, bit for bit: the same draws in the same order as from torch's own generator. No constraints.

The order is part of the result: torch.nn.Linear draws for every projection first (and these draws are thrown away
unless a projection names no initialisation), then layers, populations and their projections in turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole
from spikedtp.plasticity import Mask, ReceptiveFields

__all__ = ["DrawnWeights", "draw_parameters"]


class DrawnWeights(NamedTuple):
    """Plain float32 arrays of a network: weights and masks by projection name, biases by population name.

    `row_sums` are those that rows keep (`NormalizeRows` without a scale); the others are the weights' own.
    """

    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    row_sums: Mapping[str, np.ndarray] = MappingProxyType({})


def _kaiming(fan_in: int) -> float:
    return 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0


def _fill(
    tensor: torch.Tensor, method: str, args: tuple[float | None, ...], where: str, generator: torch.Generator
) -> None:
    drawn = {"generator": generator} if method in ("uniform_", "normal_") else {}
    try:
        getattr(tensor, method)(*args, **drawn)
    except (TypeError, RuntimeError):
        raise SpikedtpError(f"{where}: {method} does not take the arguments {args}") from None


def _draw_weight(weight: torch.Tensor, projection: Projection, fan_in: int, generator: torch.Generator) -> None:
    init, args = projection.weight_init, projection.weight_init_args
    where = f"projection {projection.name}: weight_init"
    if init is None:
        return
    if init not in ("half_kaiming", "scaled_kaiming"):
        _fill(weight, init, args, where, generator)
        return
    if len(args) > 1:
        raise SpikedtpError(f"{where}: {init} takes one argument, the scale, got {args}")
    limit = (args[0] if args else 1) * _kaiming(fan_in)
    lower, upper = projection.bounds
    if init == "scaled_kaiming":
        weight.uniform_(-limit, limit, generator=generator)
    elif lower is not None and lower >= 0:
        _fill(weight, "uniform_", (lower, limit), where, generator)
    else:
        _fill(weight, "uniform_", (-limit, upper), where, generator)


def _draw_bias(bias: torch.Tensor, population: Population, fan_in: int, generator: torch.Generator) -> None:
    init, args = population.bias_init, population.bias_init_args
    if init in (None, "scaled_kaiming"):
        limit = (args[0] if init and args else 1) * _kaiming(fan_in)
        bias.uniform_(-limit, limit, generator=generator)
    else:
        _fill(bias, init, args, f"population {population.name}: bias_init", generator)


def draw_parameters(circuit: Circuit, seed: int) -> DrawnWeights:
    """Draw all weights, biases and receptive fields; bounds and constraints are still to be applied.

    Parameters
    ----------
    circuit : Circuit
    seed : int
        Of a generator of its own: torch's is left alone.
    """
    seed = check_whole("seed", seed)
    sizes = {population.name: population.size for population in circuit.populations}
    biases, masks = {}, {}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weights = {p.name: _as_linear(sizes[p.post], sizes[p.pre], generator) for p in circuit.projections}
        for population in circuit.populations[1:]:
            inputs = circuit.inputs(population.name)
            for projection in inputs:
                _draw_weight(weights[projection.name], projection, sizes[projection.pre], generator)
            biases[population.name] = torch.zeros(population.size, dtype=torch.float32)
            if population.include_bias:
                _draw_bias(biases[population.name], population, sum(sizes[p.pre] for p in inputs), generator)
        for population in circuit.populations[1:]:
            for projection in circuit.inputs(population.name):
                fields = projection.constraint
                if isinstance(fields, ReceptiveFields):
                    masks[projection.name] = _draw_fields(
                        fields, sizes[projection.post], sizes[projection.pre], generator
                    )
                elif isinstance(fields, Mask):
                    masks[projection.name] = fields.connected.astype(np.float32)
    return DrawnWeights(
        {name: weight.numpy() for name, weight in weights.items()},
        {name: bias.numpy() for name, bias in biases.items()},
        masks,
    )


def _as_linear(n_post: int, n_pre: int, generator: torch.Generator) -> torch.Tensor:
    """As torch.nn.Linear draws its weight."""
    weight = torch.empty(n_post, n_pre, dtype=torch.float32)
    return torch.nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)


def _draw_fields(fields: ReceptiveFields, n_post: int, n_pre: int, generator: torch.Generator) -> np.ndarray:
    _, height, width = fields.dims(n_pre)
    corners = [
        (
            torch.randint(0, height - fields.size + 1, (1,), generator=generator).item(),
            torch.randint(0, width - fields.size + 1, (1,), generator=generator).item(),
        )
        for _ in range(n_post)
    ]
    return fields.mask(np.array(corners), n_pre)
