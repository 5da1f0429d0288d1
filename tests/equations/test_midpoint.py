"""A voltage with constant conductances is exact in one step, and with changing ones of second order."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.equations.midpoint import Compartment, midpoint_step


def run(code: str, steps: int, **names: float) -> dict[str, float]:
    local = {"exp": np.exp} | names
    for _ in range(steps):
        exec(code, {}, local)
    return local


def test_constant_conductances_are_exact():
    code = midpoint_step({"soma": Compartment("c", lambda v: [("g", "rest"), ("h", "high")], "i")})
    found = run(code, 1, c=2.0, g=3.0, rest=-70.0, h=1.0, high=0.0, i=8.0, v_soma=-60.0, dt=0.7)["v_soma"]
    end = (3 * -70 + 8) / 4
    assert found == pytest.approx(end + (-60 - end) * np.exp(-0.7 * 4 / 2))


def test_two_compartments_see_each_other_in_the_middle():
    parts = {
        "soma": Compartment("1", lambda v: [("1", "0"), ("2", v["dend"])], "0"),
        "dend": Compartment("1", lambda v: [("0.5", "0"), ("2", v["soma"])], "0"),
    }
    flow = np.array([[-3.0, 2.0], [2.0, -2.5]])
    values, vectors = np.linalg.eigh(flow)
    exact = vectors @ (np.exp(values) * (vectors.T @ [1.0, 0.0]))
    errors = []
    for steps in (20, 40, 80):
        found = run(midpoint_step(parts), steps, dt=1 / steps, v_soma=1.0, v_dend=0.0)
        errors.append(max(abs(found["v_soma"] - exact[0]), abs(found["v_dend"] - exact[1])))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.1)


def test_a_huge_conductance_is_stable_and_a_held_voltage_stays():
    code = midpoint_step({"soma": Compartment("1", lambda v: [("g", "1")], "0", moves="free")})
    assert run(code, 3, g=1e9, dt=1.0, v_soma=0.0, free=1)["v_soma"] == pytest.approx(1.0)
    assert run(code, 3, g=1e9, dt=1.0, v_soma=0.25, free=0)["v_soma"] == 0.25
