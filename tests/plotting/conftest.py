"""Small real responses to draw: linear and LIF cells, a batch and a single sample."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from brian2 import mV
from matplotlib.backends.backend_agg import FigureCanvasAgg

from spikedtp.compare import compare_updates
from spikedtp.datasets import load
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.plotting import style
from spikedtp.rate import RateResponse, load_rate_network
from spikedtp.rate.online import train_online
from spikedtp.spiking import SpikingResponse, simulate


@dataclass
class Case:
    """A rate and a spiking response to the same samples."""

    rate: RateResponse
    spiking: SpikingResponse
    batched: bool
    lif: bool

    @property
    def last(self) -> dict[str, int]:
        """The last presentation."""
        return {"sample": self.spiking.n_samples - 1, "repeat": self.spiking.n_repeats - 1}

    def raw(self, values):
        """The last presentation's part of an array of the spiking response."""
        return values[-1, -1] if self.batched else values[-1]


@pytest.fixture(scope="session")
def trained(small_circuit):
    """A little training gives dendritic states of both signs."""
    network, images = load_rate_network(small_circuit), load("digits")
    for _ in train_online(network, images.train_x, images.train_t, n_samples=300, data_seed=0):
        pass
    return network, images


def make(trained, *, batched: bool, lif: bool, readout: str = "paper") -> Case:
    network, images = trained
    x, target = (images.test_x[:2], images.test_t[:2]) if batched else (images.test_x[1], images.test_t[1])
    spiking = simulate(
        network,
        x,
        target,
        population="H2E",
        device="runtime",
        n_repeats=2,
        readout=readout,
        cell=TwoCompartmentLIF(v_threshold=-66 * mV, v_reset=-69 * mV) if lif else None,
    )
    return Case(network.present(x, target, nudge_populations="all"), spiking, batched, lif)


@pytest.fixture(
    scope="session",
    params=[(True, False), (False, False), (True, True), (False, True)],
    ids=["batch-linear", "single-linear", "batch-lif", "single-lif"],
)
def case(request, trained) -> Case:
    batched, lif = request.param
    return make(trained, batched=batched, lif=lif)


@pytest.fixture(scope="session")
def linear(trained) -> Case:
    return make(trained, batched=True, lif=False)


@pytest.fixture(scope="session")
def table(linear):
    return compare_updates(linear.rate, linear.spiking)


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    with style():
        yield Figure().subplots()


@pytest.fixture(scope="session")
def assert_no_overlap():
    """``assert_no_overlap(figure)``."""
    return _assert_no_overlap


def _assert_no_overlap(figure):
    """No two texts of a figure cover one another, and none leaves the page."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn = []
    draw_text = renderer.draw_text

    def record(*args, mtext=None, **kwargs):
        drawn.append(mtext)
        draw_text(*args, mtext=mtext, **kwargs)

    renderer.draw_text = record
    figure.draw(renderer)
    assert len(drawn) > 10
    texts = {id(text): text for text in drawn if text is not None}.values()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    page = figure.bbox
    for text, box in boxes:
        assert box.x0 > page.x0 - 1 and box.x1 < page.x1 + 1 and box.y0 > page.y0 - 1 and box.y1 < page.y1 + 1, text
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width < 1.5 or height < 1.5, f"{first!r} overlaps {second!r}"


@pytest.fixture
def rules():
    """Two models, three projections; of one no number of presentations is known."""
    rows = [
        ("a", "BTSP", "H2E_H1E", 0.8, 12),
        ("a", "Oja", "H1E_InputE", 0.5, 90),
        ("b", "BTSP", "H2E_H1E", 0.1, np.inf),
    ]
    return pd.DataFrame(
        [
            {"model": model, "rule": rule, "projection": projection, "cosine": cosine, "low": cosine - 0.05,
             "high": cosine + 0.04, "noiseless": 0.97, "noise_ceiling": cosine + 0.01, "n_for_95": n}
            for model, rule, projection, cosine, n in rows
        ]
    )  # fmt: skip
