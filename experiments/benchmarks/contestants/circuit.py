"""The presentations of case (b): Figure 3's circuit with fresh weights, shown images."""

from __future__ import annotations

import numpy as np

from spikedtp import datasets
from spikedtp.neurons import PoissonInput, TwoCompartment
from spikedtp.rate import load_rate_network
from spikedtp.spiking.open_loop.plan import Source
from spikedtp.spiking.open_loop.prepare import replayed_points
from spikedtp.spiking.open_loop.timeline import Timeline

from .cases import Presentations

__all__ = ["CIRCUIT", "images", "presentations"]

CIRCUIT, POPULATION = "mnist_dtp_equilibrated", "H2E"


def images(data: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` test images of 28 x 28 and their targets; scikit-learn's digits are enlarged threefold, with a margin."""
    found = datasets.load(data, parts=("test",))
    order = np.arange(n) % len(found.test_x)
    x, target = found.test_x[order], found.test_t[order]
    if x.shape[1] == 64:
        x = np.pad(x.reshape(n, 8, 8).repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2))).reshape(n, -1)
    return x, target


def presentations(data: str, n: int, seed: int = 0) -> Presentations:
    """All cells of the population with all their inputs."""
    x, target = images(data, n)
    network, timeline = load_rate_network(CIRCUIT, seed=seed), Timeline()
    response = network.present(x, target, nudge_populations="all")
    sources = sorted(
        (
            Source(p.name, p.pre, p.compartment, p.direction == "R", network.weights[p.name].astype(float))
            for p in network.circuit.inputs(POPULATION)
        ),
        key=lambda source: source.compartment,
        reverse=True,
    )
    points = [replayed_points(response, source.population, timeline, x) for source in sources]
    return Presentations(
        seed=seed,
        sources=tuple(sources),
        points=np.concatenate(points, axis=-1).astype(float),
        inputs=PoissonInput(),
        cell=TwoCompartment(),
        timeline=timeline,
    )
