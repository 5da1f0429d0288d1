"""`replay` on dense synapses: against the rules step by step, stock synapses and published programs."""

import numpy as np
import pytest
from brian2 import ms
from spiking.conditions import CPP

from spikedtp import replay
from spikedtp.plasticity import BCM, MSTDP, MSTDPET, STDP, TripletSTDP

SLOW_CPP = pytest.param("cpp_standalone", marks=[*CPP.marks, pytest.mark.slow])
RULES = {
    "STDP": STDP(a_minus=-0.8, tau_minus=30 * ms, learning_rate=0.01),
    "STDP bounded": STDP(learning_rate=0.2, w_min=0.0, w_max=1.0),
    "STDP from below": STDP(learning_rate=0.2, a_minus=-1.2, w_min=0.0),
    "STDP nearest, lag": STDP(traces="nearest", convention="lag", learning_rate=0.01),
    "MSTDP": MSTDP(a_minus=-0.8, learning_rate=0.01),
    "MSTDP lag": MSTDP(convention="lag", learning_rate=0.01),
    "MSTDPET": MSTDPET(a_minus=-0.8, learning_rate=0.01),
    "MSTDPET lag": MSTDPET(convention="lag", traces="nearest", tau_e=70 * ms, learning_rate=0.01),
    "MSTDPET fast": MSTDPET(tau_plus=2 * ms, tau_e=0.02 * ms, learning_rate=0.01),
    "TripletSTDP": TripletSTDP(),
    "TripletSTDP nearest": TripletSTDP.fit("hippocampus_nearest"),
}
#: more than 64 cells, so that words and rows of the tables are full; long enough for many epochs
N_PRE, N_POST, STEPS = 70, 9, 1500


def trains(n_pre=N_PRE, n_post=N_POST, steps=STEPS):
    rng = np.random.default_rng(3)
    pre, post = ((rng.random((steps, n)) < p).astype(float) for n, p in ((n_pre, 0.05), (n_post, 0.1)))
    reward = np.repeat(rng.normal(size=steps // 10), 10)
    return pre, post, rng.random((n_post, n_pre)), reward


@pytest.mark.parametrize("device", ["runtime", SLOW_CPP])
@pytest.mark.parametrize("name", RULES)
def test_dense_replay_equals_the_step_by_step_rule(name, device):
    pre, post, w0, reward = trains()
    rows = np.array([0, 1, 333, 1200, STEPS])
    given = {"modulator": reward, "dt": 0.5 * ms, "keep": rows}
    stepped = replay(RULES[name], pre, post, w0, **given)
    dense = replay(RULES[name], pre, post, w0, form="spiking", device=device, **given)
    assert stepped.w.shape == dense.w.shape == (5, N_POST, N_PRE)
    np.testing.assert_array_equal(dense.kept, rows)
    assert dense.state == {}
    moved = np.abs(stepped.w - w0).max()
    assert moved > 0.01 and np.ptp(stepped.w[2:], axis=0).max() > 1e-3
    np.testing.assert_allclose(dense.w, stepped.w, rtol=0, atol=1e-12 * (1 + moved))
    np.testing.assert_array_equal(dense.w[0], w0)


@pytest.mark.parametrize("name", ["STDP bounded", "MSTDPET", "TripletSTDP"])
def test_dense_replay_equals_stock_synapses(name):
    pre, post, w0, reward = trains(n_pre=7)
    given = {"modulator": reward, "form": "spiking", "device": "runtime"}
    dense = replay(RULES[name], pre, post, w0, keep=[40, -1], **given)
    state = next(iter(RULES[name].initial_state(1, 1)))
    stock = replay(RULES[name], pre, post, w0, keep=[40, -1], record=(state,), **given)
    everything = replay(RULES[name], pre, post, w0, record=(state,), **given)
    np.testing.assert_array_equal(stock.w, everything.w[[40, -1]])
    np.testing.assert_array_equal(stock.state[state], everything.state[state][[40, -1]])
    np.testing.assert_array_equal(stock.t, everything.t[[40, -1]])
    assert np.abs(stock.w - w0).max() > 0.01
    np.testing.assert_allclose(dense.w, stock.w, rtol=0, atol=1e-12)


@pytest.mark.parametrize("device", ["runtime", SLOW_CPP])
@pytest.mark.parametrize("rule", [STDP, MSTDP, MSTDPET])
@pytest.mark.parametrize("convention", ["same-step", "lag"])
def test_florian_on_dense_synapses(golden, rule, convention, device):
    run = golden("florian")
    rows = np.arange(5, len(run["pre"]) + 1, 7)
    given = (run["pre"][:, None], run["post"][:, None], 0.2)
    result = replay(
        rule(convention=convention), *given, modulator=run["reward"], form="spiking", device=device, keep=rows
    )
    source = {"same-step": "inferno", "lag": "paper"}[convention]
    expected = run[f"{source}_w_{rule.__name__.lower()}"][rows - 1]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(result.w[:, 0, 0], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("device", ["runtime", CPP])
def test_rules_without_a_pair_form_keep_rows_too(device):
    pre, post, w0, _ = trains(n_pre=4, n_post=3, steps=200)
    rule = BCM(w_bound=1.5)
    rows, states = [0, 30, 200], ("theta",)
    stepped = replay(rule, pre, post, w0, keep=rows, record=states)
    kept = replay(rule, pre, post, w0, keep=rows, record=states, form="spiking", device=device)
    assert np.abs(stepped.w[1:] - w0).max() > 0.1
    np.testing.assert_allclose(kept.w, stepped.w, rtol=0, atol=1e-12)
    np.testing.assert_allclose(kept.state["theta"], stepped.state["theta"], rtol=0, atol=1e-12)


def test_bounds_hold_and_are_reached():
    pre, post, w0, _ = trains()
    w = replay(RULES["STDP bounded"], pre, post, w0, form="spiking", device="runtime", keep=np.arange(1, 301)).w
    assert w.min() == 0 and w.max() == 1
    assert np.mean((w == 0).any(axis=0)) > 0.5 and np.mean((w == 1).any(axis=0)) > 0.5
    assert 0.02 < np.mean(w[-1] == 0) and np.mean((w[-1] > 0) & (w[-1] < 1)) > 0.5
