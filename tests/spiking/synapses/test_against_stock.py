"""Dense and sparse synapses and Brian2's own in random networks: the same spikes, variables and weights, or one line.

``SPIKEDTP_DIFFERENTIAL=N`` sets how many networks the long test draws; what was tried is printed at the end (``-s``).
"""

from __future__ import annotations

import math
import os
from collections import Counter

import numpy as np
import pytest
from differential.dense_cases import Case, Twins, case_of

FEW, MANY = 8, int(os.environ.get("SPIKEDTP_DIFFERENTIAL", "800"))
#: of rounding, in units of the last place of the largest number; the factors e^(t/tau) inside cost some digits
MOST = {"float32": 64.0, "float64": 1e4}
FIRST_WEIGHTS = 5  # what `Twins.found` gives before them: spikes, their times, three variables


class Tally:
    """What has been tried, and how far apart the twins have been at most, in units of rounding."""

    def __init__(self):
        self.networks = self.synapses = self.numbers = self.spikes = self.learned = 0
        self.worst = {"float32": 0.0, "float64": 0.0}
        self.weights = 0.0  # in weights of double precision, by how much at most
        self.rules: Counter[str] = Counter()

    def compare(self, case: Case, found: dict) -> None:
        for kind in ("dense", "sparse"):
            self.compare_kind(case, found[kind], found["stock"])

    def compare_kind(self, case: Case, dense: list, stock: list) -> None:
        for k in range(2):
            np.testing.assert_array_equal(dense[k], stock[k], err_msg=f"spikes of {case}")
        self.spikes += len(dense[0])
        single = "float32" in (case.float_type, *case.types.values(), *(link.weight_type for link in case.links))
        kind = "float32" if single else "float64"
        # an eligibility trace is kept as Z e^(-t/tau): adding to Z costs the digits of e^(t/tau)
        grown = [math.exp(dt * n / link.tau) for dt, n in case.runs for link in case.links if link.kind == "MSTDPET"]
        most = max([MOST[kind], *grown]) if kind == "float64" else MOST[kind]
        for k, (a, b) in enumerate(zip(dense[2:], stock[2:], strict=True)):
            assert np.isfinite(b).all()
            unit = float(np.finfo(kind).eps) * max(1.0, float(np.abs(b).max(initial=0.0)))
            off = float(np.abs(np.subtract(a, b, dtype=np.float64)).max(initial=0.0)) / unit
            assert off < most, f"array {k} is off by {off:.3g} units of rounding in {case}"
            self.worst[kind] = max(self.worst[kind], off)
            self.numbers += b.size
            if kind == "float64" and k >= FIRST_WEIGHTS - 2:
                self.weights = max(self.weights, float(np.abs(a - b).max(initial=0.0)))

    def run(self, case: Case) -> None:
        twins = Twins(case)
        for k in range(len(case.runs)):
            if k == len(case.runs) - 1 and case.restored:
                twins.net.store()
            twins.run(k)
            self.compare(case, twins.found())
        if case.restored:
            twins.net.restore()
            twins.run(len(case.runs) - 1)
            self.compare(case, twins.found())
        self.count(case, twins.given, twins.found())

    def count(self, case: Case, before: list, found: dict) -> None:
        self.networks, self.synapses = self.networks + 1, self.synapses + len(case.links)
        self.rules.update(f"{link.kind}{' with own delays' * link.spread}" for link in case.links)
        self.learned += any((a != b).any() for a, b in zip(before, found["dense"][FIRST_WEIGHTS:], strict=True))


pytestmark = pytest.mark.usefixtures("own_networks")


@pytest.fixture
def tally():
    found = Tally()
    yield found
    print(f"\n{vars(found)}")


def check_that_something_happened(tally: Tally) -> None:
    assert tally.learned > 0.4 * tally.networks and tally.spikes > 40 * tally.networks


def test_random_networks(tally):
    for number in range(FEW):
        tally.run(case_of(number))
    check_that_something_happened(tally)


@pytest.mark.slow
def test_many_random_networks(tally):
    for number in range(10_000, 10_000 + MANY):
        tally.run(case_of(number))
    check_that_something_happened(tally)


# --- compiled ---------------------------------------------------------------------------------------------------------

#: in one project, since compiling takes longest
TOGETHER = 12


@pytest.mark.slow
@pytest.mark.parametrize(("float_type", "number"), [("float64", 1), ("float64", 2), ("float32", 3)])
def test_random_networks_compiled(tally, standalone, float_type, number):
    numbers = range(100 * number, 100 * number + TOGETHER)
    every = [Twins(case_of(k, "cpp_standalone", float_type), f"n{k}") for k in numbers]
    for twins in every:
        for k in range(len(twins.case.runs)):
            twins.run(k)
    standalone()
    for twins in every:
        tally.compare(twins.case, twins.found())
        tally.count(twins.case, twins.given, twins.found())
    check_that_something_happened(tally)
