"""What is read of a presentation, and with which weights."""

import numpy as np
import pytest
from spiking.open_loop.timelines import TIMELINES

from spikedtp.spiking.open_loop.readout import KINDS, PHASES, SIGNALS, Kernels, readout_named, row


def test_rows_are_where_they_are_said_to_be():
    weights = {(s, p, k): np.random.default_rng([len(s), len(p), len(k)]).random(5)
               for s in SIGNALS for p in PHASES for k in KINDS}  # fmt: skip
    del weights["soma", "nudged", "state"]
    kernels = Kernels(5, weights)
    for signals in (SIGNALS, SIGNALS[:2], SIGNALS[2:]):
        rows = kernels.rows(signals)
        assert rows.shape == (4 * len(signals), 5)
        for s in signals:
            for p in PHASES:
                for k in KINDS:
                    np.testing.assert_array_equal(rows[row(signals, s, p, k)], weights.get((s, p, k), np.zeros(5)))


@pytest.mark.parametrize("name", TIMELINES)
def test_the_papers_readout_is_the_last_state_of_each_phase(name):
    timeline, wanted = TIMELINES[name], {}
    kernels = readout_named("paper").kernels(timeline)
    for phase, last in (("settled", timeline.settled_end - 1), ("nudged", timeline.n_steps - 1)):
        wanted |= {(signal, phase, "state"): np.arange(timeline.n_steps) == last for signal in SIGNALS}
    assert kernels.weights.keys() == wanted.keys()
    for key, kernel in wanted.items():
        np.testing.assert_array_equal(kernels.weights[key], kernel)


#: ms of the published presentation; the first weight relative to the last (docs/readout.md)
LAST_THIRD, SECOND_HALF, FROM_THE_NUDGE, WHOLE = (147, 210, 0.5), (110, 210, 0.5), (226, 420, 0.8), (0, 420, 0.5)


@pytest.mark.parametrize("contrast", [False, True])
def test_the_best_readout_averages_the_drive_over_its_windows(contrast):
    timeline = TIMELINES["published"]
    windows = {("dendrite", "settled"): LAST_THIRD, ("soma", "settled"): LAST_THIRD, ("trace", "settled"): SECOND_HALF}
    windows |= {("dendrite", "nudged"): FROM_THE_NUDGE, ("soma", "nudged"): FROM_THE_NUDGE}
    windows["trace", "nudged"] = FROM_THE_NUDGE if contrast else WHOLE
    kernels = readout_named("best", contrasting=contrast).kernels(timeline)
    fine = readout_named("best", contrasting=contrast).kernels(TIMELINES["fine"])
    assert kernels.weights.keys() == fine.weights.keys() == {(*key, "drive") for key in windows}
    for key, (start, stop, first) in windows.items():
        kernel = kernels.weights[*key, "drive"]
        np.testing.assert_array_equal(np.flatnonzero(kernel), np.arange(start, stop))
        assert kernel.sum() == pytest.approx(1)
        np.testing.assert_allclose(kernel[start:stop] / kernel[stop - 1], np.linspace(first, 1, stop - start))
        # a quarter of the time step: four times the steps, as many ms
        sums = fine.weights[*key, "drive"].reshape(420, 4).sum(axis=1)
        assert np.abs(np.cumsum(sums) - np.cumsum(kernel)).max() < 1.5 * kernel.max()


def test_windows_of_the_shortest_presentations_are_not_empty():
    for name in ("least", "short"):
        for kernel in readout_named("best").kernels(TIMELINES[name]).weights.values():
            assert kernel.sum() == pytest.approx(1) and (kernel >= 0).all()
