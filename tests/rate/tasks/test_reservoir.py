"""Samples that are kept of a task: all of a short one, and each of a long one with the same probability."""

import copy

import numpy as np

from spikedtp.rate.tasks import Reservoir


def test_each_presentation_is_kept_with_equal_probability():
    reservoir, n, size, runs = Reservoir(4), 20, 4, 3000
    counts = np.zeros(n)
    for _ in range(runs):
        for k in range(n):
            reservoir.see(np.array([k]), np.array([0]))
        kept = [int(one.x[0]) for one in reservoir.empty()]
        assert len(kept) == len(set(kept)) == size
        counts[kept] += 1
    p = size / n
    assert np.abs(counts / runs - p).max() < 4.5 * np.sqrt(p * (1 - p) / runs)


def test_a_short_task_is_kept_whole_and_a_copy_is_its_own():
    reservoir = Reservoir(3)
    x = np.array([1.0])
    reservoir.see(x, x)
    x[:] = 7  # a buffer that is used again
    twin = copy.copy(reservoir)
    for k in range(40):
        for each in (reservoir, twin):
            each.see(np.array([k]), np.array([k]))
    assert [one.x.tolist() for one in reservoir.kept] == [one.x.tolist() for one in twin.kept]
    first = copy.copy(reservoir)
    assert first.empty() and reservoir.kept and not first.kept
