"""NEST, the other simulator, if it is installed: a fresh kernel and cells that fire when told to."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from checks.row import Row, Scale, skipped

__all__ = ["fresh_kernel", "parrots", "with_nest"]


def with_nest(claim: str) -> Callable:
    """Decorates a check that needs NEST: without it, one line says so."""

    def decorate(check: Callable[[Scale], list[Row]]) -> Callable[[Scale], list[Row]]:
        @wraps(check)
        def run(scale: Scale) -> list[Row]:
            if importlib.util.find_spec("nest") is None:
                return [skipped(claim, "nest-simulator is not installed (pip install spikedtp[nest])")]
            return check(scale)

        return run

    return decorate


def fresh_kernel(resolution: float, seed: int = 1):
    """The `nest` module with an empty kernel; `resolution` in ms."""
    import nest

    if hasattr(nest, "VerbosityLevel"):  # from 3.10 on
        nest.verbosity = nest.VerbosityLevel.ERROR
    else:
        nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.resolution = resolution
    nest.rng_seed = seed
    return nest


def parrots(nest, trains: Sequence[np.ndarray], delay: float):
    """One cell for each train that fires exactly at the given times (ms)."""
    cells = nest.Create("parrot_neuron", len(trains))
    for cell, times in zip(cells, trains, strict=True):
        source = nest.Create("spike_generator", params={"spike_times": np.round(np.asarray(times) - delay, 6)})
        nest.Connect(source, cell, syn_spec={"delay": delay})
    return cells
