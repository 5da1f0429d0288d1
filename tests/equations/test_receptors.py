"""The code of conductances, read as plain arithmetic for drawn time constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import exprel

from spikedtp.equations.receptors import Receptor

NAMES = {"exp": np.exp, "log": np.log, "exprel": exprel, "mV": 1e-3, "mmolar": 1.0}
taus = st.floats(1e-4, 0.3)


def run(kind: Receptor, state: dict[str, float], span: float, **parameters: float) -> dict[str, float]:
    """The state after `span`, and with its opened conductance."""
    state = {kind.opened: 0.0} | state
    for line in kind.step("span").splitlines():
        target, operation, expression = line.split(maxsplit=2)
        value = eval(expression, {}, NAMES | parameters | state | {"span": span})
        state[target] = state[target] * value if operation == "*=" else value
    return state


@settings(max_examples=50, deadline=None)
@given(rise=taus, decay=taus, share=st.floats(0.1, 0.9), near=st.booleans())
def test_a_conductance_that_rises(rise, decay, share, near):
    """Its peak is the weight, and steps of any length add up, also where both time constants are (nearly) the same."""
    if near:
        rise = decay * (1 + 1e-9 * share)
    kind, parameters = Receptor("ampa", "soma", rises=True), dict(tau_ampa=decay, tau_rise_ampa=rise)
    ratio = decay / rise
    peak = decay if np.isclose(ratio, 1) else np.log(ratio) / (1 / rise - 1 / decay)
    whole = run(kind, {"ampa_soma": 3.0}, peak, **parameters)
    assert whole["g_ampa_soma"] == pytest.approx(3.0, rel=1e-6)
    for other in (0.98, 1.02):
        assert run(kind, {"ampa_soma": 3.0}, other * peak, **parameters)["g_ampa_soma"] < whole["g_ampa_soma"]
    parts = run(kind, run(kind, {"ampa_soma": 3.0}, share * peak, **parameters), (1 - share) * peak, **parameters)
    assert parts["g_ampa_soma"] == pytest.approx(whole["g_ampa_soma"], rel=1e-9)
    assert parts["ampa_soma"] == pytest.approx(whole["ampa_soma"], rel=1e-9)
    times = np.linspace(0, 60 * max(rise, decay), 40_001)
    if 0.1 < ratio < 10:
        total = sum(run(kind, {"ampa_soma": 1.0}, times, **parameters)["g_ampa_soma"]) * times[1]
        area = eval(kind.area, {}, NAMES | parameters)
        assert total == pytest.approx(area, rel=1e-3)


def test_an_exponential_one():
    kind = Receptor("gaba", "dend")
    assert kind.arrives == kind.opened == "gaba_dend" and list(kind.equations) == ["gaba_dend"]
    assert run(kind, {"gaba_dend": 2.0}, 0.01, tau_gaba=0.01)["gaba_dend"] == pytest.approx(2 / np.e)
    assert eval(kind.area, {}, {"tau_gaba": 0.01}) == 0.01


@pytest.mark.parametrize(("voltage", "share"), [(-0.08, 0.0244), (-0.04, 0.2301), (0.0, 0.7812), (0.04, 0.9771)])
def test_the_block_of_jahr_and_stevens(voltage, share):
    kind = Receptor("nmda", "dend", rises=True, blocked=True)
    values = NAMES | {"v": voltage, "g_nmda_dend": 1.0, "magnesium": 1.0}
    assert eval(kind.conductance("v"), {}, values) == pytest.approx(share, abs=1e-4)
    assert eval(kind.conductance("v"), {}, values | {"magnesium": 0.0}) == 1
    assert eval(kind.conductance("v"), {}, values | {"magnesium": 2.0}) < share
