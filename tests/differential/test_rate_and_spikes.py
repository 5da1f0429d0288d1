"""Random circuits in rate and in spikes: what the two should share they share, or a loop refuses in one line.

``SPIKEDTP_DIFFERENTIAL=N python -m pytest tests/differential`` draws N circuits in each slow test. Each test prints how
many were compared and refused, and the worst deviation in units of what was predicted (``-rP`` shows it).
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from differential.closed_loop import compare_closed
from differential.drawn_circuits import draw_circuit
from differential.open_loop import SIGMAS, compare_open
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine.devices import compiler_available

MANY = int(os.environ.get("SPIKEDTP_DIFFERENTIAL", "400"))
SEEDS = st.integers(0, 2**31)
needs_compiler = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


def examples(n: int):
    """n circuits, the same every time. Hypothesis draws the seeds; there is nothing to shrink in a seed."""
    return settings(
        max_examples=n, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


class Tally:
    """What became of the circuits of one test."""

    def __init__(self):
        self.compared, self.refused = 0, Counter()
        self.worst = {"signals": 0.0, "hull": 0.0, "updates": 0.0}

    def add(self, compare) -> None:
        try:
            found = compare()
        except SpikedtpError as error:
            assert "\n" not in str(error)
            self.refused[str(error).rpartition(": ")[2][:70]] += 1
            return
        self.compared += 1
        for name in self.worst:
            self.worst[name] = max(self.worst[name], getattr(found, name))
        return found

    def report(self) -> None:
        print(f"{self.compared} compared, {sum(self.refused.values())} refused, worst {self.worst}")
        for reason, n in self.refused.most_common():
            print(f"  refused {n}: {reason}")
        assert self.compared > 2 * sum(self.refused.values()), "most circuits should be compared"


def open_case(seed: int, device: str):
    drawn = draw_circuit(seed)
    learned = sorted({p.post for p in drawn.network.circuit.projections if p.rule is not None})
    return compare_open(drawn, learned[seed % len(learned)], seed, device)


def closed_case(seed: int, device: str):
    return compare_closed(draw_circuit(seed, plain=seed % 5 != 0, linear=seed % 2 == 0), seed, device)


def check(case, limits: dict[str, float], n: int, device: str) -> None:
    tally = Tally()

    @examples(n)
    @given(SEEDS)
    def run(seed):
        found = tally.add(lambda: case(seed, device))
        for name, limit in limits.items() if found is not None else ():
            assert getattr(found, name) <= limit, f"circuit {seed}: {found.notes[-1]}"

    run()
    tally.report()


#: of what was predicted: standard errors of a read-out, and shares of a bound
OPEN = {"signals": SIGMAS, "hull": 1.0, "updates": 1.0}
CLOSED = {"signals": 1.0, "updates": 1.0}


def test_open_loop():
    check(open_case, OPEN, 6, "runtime")


def test_closed_loop():
    check(closed_case, CLOSED, 8, "runtime")


@pytest.mark.slow
@pytest.mark.parametrize(("case", "limits"), [(open_case, OPEN), (closed_case, CLOSED)], ids=["open", "closed"])
def test_many_circuits(case, limits):
    check(case, limits, MANY, "runtime")


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(("case", "limits"), [(open_case, OPEN), (closed_case, CLOSED)], ids=["open", "closed"])
def test_compiled_circuits(case, limits):
    check(case, limits, max(MANY // 20, 5), "cpp_standalone")


def test_the_drawn_circuits_are_of_all_kinds():
    """Else the comparison would say little."""
    seen = Counter()
    for seed in range(60):
        drawn = draw_circuit(seed)
        circuit = drawn.network.circuit
        seen["signed"] += drawn.signed
        seen["biased"] += any(b.any() for b in drawn.network.biases.values())
        seen["learning biases"] += any(p.bias_rule is not None for p in circuit.populations)
        seen["linear"] += any(p.activation == "linear" for p in circuit.populations[1:])
        seen["masked"] += any((w == 0).any() for w in drawn.network.weights.values())
        seen["learning inside masks"] += any(circuit.projection(name).rule is not None for name in drawn.network.masks)
        seen["delayed"] += any(p.delay for p in circuit.projections)
        seen.update(type(p.constraint).__name__ for p in circuit.projections)
        seen["negative weights"] += any((w < 0).any() for w in drawn.network.weights.values())
        seen.update({type(p.rule).__name__ for p in circuit.projections})
        seen.update({f"to {p.compartment} along {p.direction}" for p in circuit.projections})
        response = drawn.network.present(drawn.x, drawn.target)
        seen["active"] += np.mean([np.mean(a[:, -1] > 0) for a in response.activity.values()]) > 0.3
    assert min(seen.values()) >= 3 and len(seen) >= 6 + 8 + 3, seen
    assert seen["active"] > 30
