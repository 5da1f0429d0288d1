"""Short-term plasticity: beside Euler's method step by step, and beside theory; in dense and in stock synapses."""

import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, Synapses, ms, mV, prefs

from spikedtp import SpikedtpError
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.synapses import DenseSynapses, ShortTermPlasticity

sys.path.insert(0, str(Path(__file__).parents[3] / "experiments"))
from recurrent.own_device import run_own

DT, STEPS, N, LATE = 0.1 * ms, 3000, 5, 8
BOTH = ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.skipif(not compiler_available(), reason="C++"))]
KINDS = {
    "facilitating": ShortTermPlasticity.named("facilitating", f=0.1),
    "depressing": ShortTermPlasticity.named("depressing"),
}


def trains(seed):
    """(STEPS, N) spikes with intervals longer than the delay."""
    rng, raster = np.random.default_rng(seed), np.zeros((STEPS, N), dtype=bool)
    for cell in range(N):
        times = np.cumsum(LATE + 1 + rng.geometric(0.02 / (1 + cell), 300))
        raster[times[times < STEPS - 3 - LATE], cell] = True
    raster[-3] = True  # these are on their way at the end
    return raster


def by_steps(plasticity, raster):
    """(STEPS, N) of x u at spikes, by the rule as it is written, one step of Euler's method after the other."""
    x, u, released = np.ones(N), np.full(N, plasticity.u_rest), np.zeros(raster.shape)
    for k, spikes in enumerate(raster):
        released[k] = spikes * x * u
        x, u = x - spikes * u * x, u + spikes * plasticity.f * (1 - u)
        x = x + float(DT / plasticity.tau_d) * (1 - x)
        u = u + float(DT / plasticity.tau_f) * (plasticity.u_rest - u)
    return released


def weights(n_post):
    return np.random.default_rng(n_post).random((n_post, N))


def network(raster, kind):
    steps, cells = np.nonzero(raster)
    inputs = SpikeGeneratorGroup(N + 2, cells + 2, steps * DT, dt=DT, name="inputs")
    terminals = KINDS[kind].terminals(inputs, name="terminals")
    part, few, many = terminals[2:], *(NeuronGroup(n, "g : 1\nh : 1\ns : 1", name=f"of_{n}") for n in (3, 70))
    delays = np.random.default_rng(1).integers(0, LATE + 1, (70, N))
    made = [
        DenseSynapses(part, few, "g", amplitude="released", name="few"),
        DenseSynapses(part, many, "g", amplitude="released", delay=0.8 * ms, gain=2.0, name="many"),
        DenseSynapses(part, many, "h", amplitude="released", delay_steps=delays, name="each_late"),
    ]
    for dense in made:
        dense.weights = weights(dense.n_post)
    stock = Synapses(part, many, "w : 1", on_pre="s_post += w*released_pre", delay=0.8 * ms, name="stock")
    stock.connect()
    stock.w = weights(70).T.ravel()
    return {"net": Network(inputs, terminals, few, many, *made, stock), "few": few, "many": many}


@pytest.mark.parametrize("device", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_rule_step_by_step(kind, device):
    raster = trains(3)
    found, _ = run_own(
        device, lambda: network(raster, kind), lambda made: made["net"].run(STEPS * DT, namespace={}),
        lambda made: [np.array(values[:]) for values in (made["few"].g, *(made["many"].state(name) for name in "ghs"))],
        seed=1, dt=DT,
    )  # fmt: skip
    released = by_steps(KINDS[kind], raster)
    arrived = released[:-LATE].sum(axis=0)
    np.testing.assert_allclose(found[0], weights(3) @ released.sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found[1], 2 * weights(70) @ arrived, rtol=1e-9)
    np.testing.assert_allclose(found[3], weights(70) @ arrived, rtol=1e-9)
    delays, late = np.random.default_rng(1).integers(0, LATE + 1, (70, N)), np.zeros((70, N))
    for steps in range(LATE + 1):
        late[delays == steps] = np.broadcast_to(released[: STEPS - steps].sum(axis=0), late.shape)[delays == steps]
    np.testing.assert_allclose(found[2], (weights(70) * late).sum(axis=1), rtol=1e-9)


@pytest.fixture
def arrays():
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = before


def released_by(plasticity, steps, cells, n, total):
    """x u at each spike, and the cell of each."""
    inputs = SpikeGeneratorGroup(n, cells, steps * DT, dt=DT, name="given_spikes")
    terminals = plasticity.terminals(inputs, name="given_terminals")
    spikes = SpikeMonitor(terminals, ["released"], when="thresholds", order=9)
    Network(inputs, terminals, spikes).run(total * DT, namespace={})
    return np.array(spikes.released[:]), np.array(spikes.i[:])


@pytest.mark.parametrize("kind", KINDS)
def test_regular_trains_from_the_first_spike_to_the_steady_state(arrays, kind):
    """The fixed point of the recursion in closed form, and u on its way there, a geometric sequence."""
    plasticity, every, n_spikes = KINDS[kind], np.array([50, 200, 1000]), 80
    steps, cells = (every[:, None] * np.arange(n_spikes)).ravel(), np.repeat(np.arange(3), n_spikes)
    order = np.argsort(steps, kind="stable")
    released, of = released_by(plasticity, steps[order], cells[order], 3, int(every.max()) * n_spikes)
    q_d, q_f = ((1 - float(DT / tau)) ** every for tau in (plasticity.tau_d, plasticity.tau_f))
    f, rest, k = plasticity.f, plasticity.u_rest, np.arange(n_spikes)
    u_end = (rest * (1 - q_f) + f * q_f) / (1 - (1 - f) * q_f)
    x_end = (1 - q_d) / (1 - (1 - u_end) * q_d)
    for cell in range(3):
        u = u_end[cell] + (rest - u_end[cell]) * ((1 - f) * q_f[cell]) ** k
        x = np.cumprod(np.concatenate([[1], (1 - u[:-1]) * q_d[cell]]))  # the part of the first resources
        x += (1 - q_d[cell]) * np.array([sum(np.prod((1 - u[j:n]) * q_d[cell]) for j in range(1, n + 1)) for n in k])
        np.testing.assert_allclose(released[of == cell], x * u, rtol=1e-9)
        assert released[of == cell][-1] == pytest.approx(x_end[cell] * u_end[cell], rel=1e-3)


@pytest.mark.parametrize(("rate", "f"), [(20, 0.1), (60, 0.1), (30, 0.0)])
def test_poisson_trains_have_the_mean_field_values(arrays, rate, f):
    """Spikes of a Poisson train come at any moment alike, so the mean of u is exact, and with f = 0 that of x, too."""
    n, total, rng = 400, 20_000, np.random.default_rng(rate)
    plasticity = ShortTermPlasticity(u_rest=0.3, f=f, tau_d=50 * ms, tau_f=150 * ms)
    steps, cells = np.nonzero(rng.random((total, n)) < rate * 1e-4)
    inputs = SpikeGeneratorGroup(n, cells, steps * DT, dt=DT, name="poisson_spikes")
    terminals = plasticity.terminals(inputs, name="poisson_terminals")
    seen = StateMonitor(terminals, ["u", "x"], record=True, dt=10 * ms)
    Network(inputs, terminals, seen).run(total * DT, namespace={})
    u, x = (np.array(values)[:, 60:].mean(axis=1) for values in (seen.u, seen.x))  # after 0.6 s
    f_r_tau = f * rate * 0.15
    expected = (0.3 + f_r_tau) / (1 + f_r_tau)
    assert u.mean() == pytest.approx(expected, abs=max(4 * u.std() / np.sqrt(n), 1e-9))
    slack = 4 * x.std() / np.sqrt(n) + (0.02 if f else 0)  # u and x of a cell are correlated
    assert x.mean() == pytest.approx(1 / (1 + expected * rate * 0.05), abs=slack)


def test_what_cannot_be_is_refused(arrays):
    cells = NeuronGroup(2, "g : 1\nv : volt", threshold="g > 1", name="refused_cells")
    silent = NeuronGroup(2, "g : 1", name="silent_cells")
    plasticity = ShortTermPlasticity()
    terminals = plasticity.terminals(cells, name="refused_terminals")
    with pytest.raises(SpikedtpError, match="kind of ShortTermPlasticity"):
        ShortTermPlasticity.named("facilitated")
    with pytest.raises(SpikedtpError, match=r"ShortTermPlasticity.u_rest must be at most 1.0, got 1.5"):
        ShortTermPlasticity(u_rest=1.5)
    with pytest.raises(SpikedtpError, match="has no threshold, and terminals fire with their cells"):
        plasticity.terminals(silent)
    with pytest.raises(SpikedtpError, match=r"tau_d = 10. us must be at least a time step, dt = 100. us"):
        ShortTermPlasticity(tau_d=0.01 * ms).terminals(cells)
    with pytest.raises(SpikedtpError, match="amplitude='released' acts on what arrives: give onto, too"):
        DenseSynapses(terminals, cells, None, amplitude="released", name="a")
    with pytest.raises(SpikedtpError, match="needs cells that fire themselves, not spikers"):
        DenseSynapses(silent, cells, "g", amplitude="g", spikers=cells, name="b")
    with pytest.raises(SpikedtpError, match="has the units volt, and needs none"):
        DenseSynapses(cells, cells, "v", gain=1 * mV, amplitude="v", name="c")
    with pytest.raises(SpikedtpError, match="cannot add to 'x' of 'refused_terminals', a subexpression"):
        DenseSynapses(terminals, cells, "g", amplitude="x", name="d")
