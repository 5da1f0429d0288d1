"""Sums over synapses against Brian2's summed variables; the other events are in `test_dense`."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, TimedArray, ms, mV, volt
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import STDP
from spikedtp.synapses import DenseSynapses, PairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")
EQS = "dv/dt = (total - v)/(10*ms) : volt\ntotal : volt"


@pytest.mark.parametrize("device", ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
@pytest.mark.parametrize("masked", [False, True])
def test_sums_are_brian2s(device, masked, request):
    finish = request.getfixturevalue("standalone") if device == "cpp_standalone" else lambda: None
    rng = np.random.default_rng(0)
    source = NeuronGroup(12, "dx/dt = (0.5 + 0.1*i - x)/(5*ms) : 1", threshold="x > 1", reset="x = 0", method="exact")
    targets = [NeuronGroup(9, EQS, threshold="v > 1*mV", reset="v = 0*mV", method="euler") for _ in range(3)]
    w, mask = rng.random((7, 10)), rng.random((7, 10)) < (0.6 if masked else 2)
    plain = DenseSynapses(source[2:], targets[0][1:8], mask=mask)
    learning = PairSynapses(source[2:], targets[1][1:8], rule=STDP(learning_rate=0.0), mask=mask)
    for synapses in (plain, learning):
        synapses.weights = w
        synapses.summed("total", "mV*w*x_pre*(1 + i)")
    stock = Synapses(source[2:], targets[2][1:8], "w : 1\ntotal_post = mV*w*x_pre*(1 + i) : volt (summed)")
    stock.summed_updaters["total_post"].order = -1  # before the cells move, which Brian2 does for whole groups alone
    pre, post = np.nonzero(mask.T)
    stock.connect(i=pre, j=post)
    stock.w = w[post, pre]
    network = Network(source, targets, plain, learning, stock)
    network.run(20 * ms, namespace={})
    finish()
    assert (targets[2].total[1:8] > 1 * mV).all() and targets[2].total[0] == 0 * mV
    for target in targets[:2]:
        np.testing.assert_allclose(target.total / volt, targets[2].total / volt, rtol=1e-12)
        np.testing.assert_allclose(target.v / volt, targets[2].v / volt, rtol=1e-10)


def test_sums_see_what_was_learned_in_every_step():
    """The weights of `PairSynapses` are brought up to date before they are summed."""
    source, target = regular(1, dt=1 * ms, eqs="x : 1"), regular(1, dt=1 * ms, eqs="total : 1")
    source.x = 1
    synapses = PairSynapses(source, target, rule=STDP(learning_rate=1.0, a_minus=0.0))
    synapses.summed("total", "w*x_pre")
    network, found = Network(source, target, synapses), []
    for _ in range(3):
        network.run(1 * ms)
        found.append(float(target.total[0]))
    trace = np.exp(-1 / 20)
    np.testing.assert_allclose(found, [0, 1, 2 + trace])


def test_mistakes_are_named():
    synapses = DenseSynapses(regular(2), silent(3, "v : 1\nu : volt", name="cells"), name="some")
    for given, words in (
        (("u", "2*w"), "some: 'u' is in volt, but the sum of '2\\*w' in 1: multiply by a unit"),
        (("nosuch", "w"), "'some': unknown variable of 'cells' 'nosuch': known are u, v"),
    ):
        with pytest.raises(SpikedtpError) as error:
            synapses.summed(*given)
        check_line(error.value, words)


@pytest.mark.parametrize("device", ["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
@pytest.mark.parametrize("masked", [False, True])
def test_rows_that_do_not_learn_may_be_left_out(device, masked, request):
    """Weights, and copies of both kinds, as if none had been: from the first event on, whatever they were before."""
    finish = request.getfixturevalue("standalone") if device == "cpp_standalone" else lambda: None
    rng = np.random.default_rng(1)
    n_pre, n_post, steps = 21, 37, 6
    x = rng.standard_normal((steps, n_pre)) * (rng.random((steps, n_pre)) < 0.3)
    y, w = rng.standard_normal(n_post), 2 * rng.standard_normal((n_post, n_pre))
    mask = rng.random((n_post, n_pre)) < 0.7
    given = TimedArray(np.pad(x, ((0, 0), (2, 0))), dt=1 * ms)
    source = NeuronGroup(n_pre + 2, "x : 1\nlearns : boolean", threshold="x > 9", dt=1 * ms)
    source.namespace["given"] = given
    source.run_regularly("x = given(t, i)\nlearns = x != 0", when="start", dt=1 * ms)
    target = NeuronGroup(n_post, "y : 1", threshold="y > 9", dt=1 * ms)
    target.y = y
    learning = DenseSynapses(source[2:], target, mask=mask if masked else None, name="those_that_learn")
    learning.weights = np.where(mask, w, 0) if masked else w
    learning.learn("w += x_pre*y_post\nw = clip(w, -1, 1)", at="t_in_timesteps > 0", rows="learns")
    back, same = DenseSynapses(target, source[2:]), DenseSynapses(source[2:], target)
    for copy, transpose in ((back, True), (same, False)):
        copy.copy_of(learning, at="t_in_timesteps > 0", factor=0.5, transpose=transpose, changed_rows=True, order=1)
    Network(source, target, learning, back, same).run(steps * ms, namespace={})
    finish()
    for step in range(1, steps):
        w = np.clip(w + np.outer(y, x[step]), -1, 1)
    expected = w * mask if masked else w
    for found, right in ((learning, expected), (back, 0.5 * expected.T), (same, 0.5 * expected)):
        np.testing.assert_allclose(found.weights, right, rtol=1e-12, atol=1e-12)
