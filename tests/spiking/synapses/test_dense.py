"""Dense synapses against Brian2's own, and their constraints against the rate network's, on both devices."""

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, ms

from spikedtp.plasticity.constraints import NormalizeRows, Tied
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.synapses.dense import DenseSynapses

N_STEPS, LAST = 200, "t_in_timesteps == 199"
PRE, POST = slice(5, 30), slice(7, 27)
#: several blocks of columns that are summed in registers, and a part of one
BLOCKS = slice(3, 503)
#: postsynaptic cells whose column would begin a page apart: the rows are padded
WIDE = 512
STDP = {"pre": "w = clip(w + 0.1*y_post, 0, 5)", "post": "w = clip(w - 0.1*x_pre, 0, 5)"}


def weights(n_post, n_pre, seed=1):
    """Numbers of single precision."""
    return np.random.default_rng(seed).uniform(0.1, 1, size=(n_post, n_pre)).astype(np.float32).astype(float)


def stock(source, target, on_pre, clock, name, on_post="", delay=0):
    synapses = Synapses(source, target, "w : 1", on_pre=on_pre, on_post=on_post, clock=clock, name=name, namespace={})
    synapses.connect()
    synapses.pre.delay = delay * clock.dt
    if on_post:
        synapses.pre.order, synapses.post.when, synapses.post.order = 1, "synapses", 2
    return synapses


def build() -> BuiltNetwork:
    clock = Clock(1 * ms, name="dense_clock")
    cells = {
        "pre": NeuronGroup(
            40, "x : 1", threshold="rand() < 0.1", reset="x += 1", clock=clock, namespace={}, name="pre"
        ),
        "post": NeuronGroup(
            WIDE,
            "fast : 1\nslow : 1\nfast_blocks : 1\nslow_blocks : 1\ny : 1",
            threshold="rand() < 0.05",
            reset="y += 1",
            clock=clock,
            namespace={},
            name="post",
        ),
    }
    pre, post = cells["pre"][PRE], cells["post"][POST]
    options = {"clock": clock, "namespace": {}}
    arriving = DenseSynapses(pre, post, "fast", gain="0.5", delay_steps=2, name="arriving", **options)
    reference = stock(pre, post, "slow_post += 0.5*w", clock, "reference", delay=2)
    blocks = cells["post"][BLOCKS]
    arriving_blocks = DenseSynapses(pre, blocks, "fast_blocks", dtype=np.float32, name="arriving_blocks", **options)
    reference_blocks = stock(pre, blocks, "slow_blocks_post += w", clock, "reference_blocks")
    learning = DenseSynapses(pre, post, name="learning", **options)
    wide = DenseSynapses(pre, cells["post"], name="wide", **options)
    for synapses in (learning, wide):
        synapses.on_pre(STDP["pre"])
        synapses.on_post(STDP["post"])
    stdp = stock(pre, post, STDP["pre"], clock, "stdp", STDP["post"])
    stdp_wide = stock(pre, cells["post"], STDP["pre"], clock, "stdp_wide", STDP["post"])
    taught = DenseSynapses(pre, post, name="taught", parameters={"rate": 0.1}, **options)
    taught.learn("w = clip(w + rate*y_post*x_pre, 0, 9)", at=LAST)
    taught.normalize_rows(3.0, at=LAST, autapses=False, order=1)
    back = DenseSynapses(post, pre, name="back", **options)
    back.copy_of(taught, at=LAST, factor=0.3, transpose=True, order=2)
    product = DenseSynapses(pre, post, name="product", **options)
    product.copy_of(taught, at=LAST, factor=-2.0, source2=learning, order=3)
    no_autapses = DenseSynapses(pre, post, name="no_autapses", **options)
    no_autapses.zero_diagonal(at=LAST)

    dense = [arriving, arriving_blocks, learning, wide, taught, back, product, no_autapses]
    stocks = [reference, reference_blocks, stdp, stdp_wide]
    runners = [o for synapses in dense for o in synapses.contained_objects]
    net = Network(*cells.values(), *dense, *runners, *stocks, name="dense_network")
    built = BuiltNetwork(net, clock, N_STEPS, start=lambda: None, precision=np.float64)
    for synapses in dense:
        w = weights(synapses.n_post, synapses.n_pre)
        built.constants[synapses.name] = (synapses.variables["w"], synapses.flat(w))
        built.vectors[synapses.name] = synapses.variables["w"]
    for synapses in stocks:
        w = weights(synapses.target.N, synapses.source.N).T.ravel()
        built.constants[synapses.name] = (synapses.variables["w"], w)
        built.vectors[synapses.name] = synapses.variables["w"]
    built.vectors |= {
        name: cells["post"].variables[name] for name in ("fast", "slow", "fast_blocks", "slow_blocks", "y")
    }
    built.vectors["x"] = cells["pre"].variables["x"]
    return built


@pytest.fixture(scope="module", params=["runtime", "cpp_standalone"])
def results(request):
    data = RunInputs({}, pattern=np.zeros(1, dtype=int), seeds=np.array([3]))
    return {name: rows[0] for name, rows in run_on(request.param, build, data).vectors.items()}


def matrix(flat, n_post, n_pre=PRE.stop - PRE.start):
    return flat.reshape(n_pre, -1)[:, :n_post].T


def test_spikes_arrive_as_with_stock_synapses(results):
    assert results["slow"][POST].min() > 1
    np.testing.assert_allclose(results["fast"], results["slow"], rtol=1e-12)
    assert results["slow_blocks"][BLOCKS].min() > 1
    # weights of single precision, sums of double
    np.testing.assert_allclose(results["fast_blocks"], results["slow_blocks"], rtol=1e-12)


@pytest.mark.parametrize(("dense", "reference", "n_post"), [("learning", "stdp", 20), ("wide", "stdp_wide", WIDE)])
def test_plasticity_at_spikes_as_with_stock_synapses(results, dense, reference, n_post):
    expected = results[reference].reshape(-1, n_post).T
    assert expected.std() > 0.5
    np.testing.assert_allclose(matrix(results[dense], n_post), expected, rtol=1e-12)


def test_learning_event_with_constraint_and_copies_as_in_the_rate_network(results):
    x, y = results["x"][PRE], results["y"][POST]
    expected = np.clip(weights(20, 25) + 0.1 * np.outer(y, x), 0, 9)
    NormalizeRows(3.0).apply(expected, recurrent=True)
    np.testing.assert_allclose(matrix(results["taught"], 20), expected, rtol=1e-12)
    tied = Tied("taught", scale=0.3, transpose=True).value({"taught": expected})
    np.testing.assert_allclose(matrix(results["back"], 25, 20), tied, rtol=1e-6)
    both = {"taught": expected, "learning": matrix(results["learning"], 20)}
    twice = Tied("taught", source2="learning", scale=2.0, sign=-1).value(both)
    np.testing.assert_allclose(matrix(results["product"], 20), twice, rtol=1e-6)


def test_no_autapses(results):
    expected = weights(20, 25)
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(matrix(results["no_autapses"], 20), expected)
