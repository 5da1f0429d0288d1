"""Masks are what was asked for; what does not exist has no weight, does not learn, and no code runs for it."""

import numpy as np
import pytest
from brian2 import Network, ms
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.plasticity import MSTDPET, STDP
from spikedtp.synapses import DenseSynapses, PairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")
SHAPE = (5, 4)  # n_post, n_pre


def unconnected(**options) -> DenseSynapses:
    return DenseSynapses(regular(SHAPE[1]), silent(SHAPE[0]), "v", name="some", **options)


POST, PRE = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("i != j", PRE != POST),
        ("i == j", PRE == POST),
        ("not i == j and j < N_post - 1", (PRE != POST) & (POST < 4)),
        ("abs(i - j) <= 1 or i == N_pre - 1", (abs(PRE - POST) <= 1) | (PRE == 3)),
        ("int(j/2) == i", POST // 2 == PRE),
        ("j // 2 == i % 3", POST // 2 == PRE % 3),
        ("N_pre > N_post", np.zeros(SHAPE, bool)),
        ("sqrt(i*i + j*j) < 2.5", np.hypot(PRE, POST) < 2.5),
    ],
)
def test_conditions(condition, expected):
    synapses = unconnected()
    synapses.connect(condition)
    np.testing.assert_array_equal(synapses.mask, expected)


def test_pairs_and_all():
    synapses = unconnected()
    synapses.connect(i=[0, 3, 2], j=[4, 0, 2])
    np.testing.assert_array_equal(np.argwhere(synapses.mask), [[0, 3], [2, 2], [4, 0]])
    one = DenseSynapses(synapses._pre.cells, synapses._post.cells, "v")
    one.connect(i=1, j=np.arange(5))
    np.testing.assert_array_equal(one.mask, PRE == 1)
    every = DenseSynapses(synapses._pre.cells, synapses._post.cells, "v")
    every.connect()
    assert every.mask is None


def test_draws():
    source, target = regular(400), silent(300)
    found = []
    for seed in (1, 1, 2):
        synapses = DenseSynapses(source, target, "v")
        synapses.connect("i != j", p=0.1, seed=seed)
        found.append(synapses.mask)
    assert not np.diagonal(found[0]).any()
    assert abs(found[0].sum() - 0.1 * (400 * 300 - 300)) < 5 * np.sqrt(0.1 * 0.9 * 120_000)
    assert found[0].sum(axis=0).std() > 3  # independent: sqrt(300*.1*.9) = 5.2
    np.testing.assert_array_equal(found[0], found[1])
    assert 0.15 < (found[0] != found[2]).mean() < 0.21  # 2 p (1 - p) = .18


def test_what_does_not_exist_has_no_weight_whatever_is_written():
    synapses = unconnected(mask=PRE != POST)
    synapses.w = 2.0
    network = Network(synapses._pre.cells, synapses._post.cells, synapses)
    network.run(0.1 * ms)
    np.testing.assert_array_equal(synapses.weights, 2.0 * (PRE != POST))
    np.testing.assert_array_equal(synapses._post.cells.v[:], 2.0 * (PRE != POST).sum(axis=1))
    synapses.weights = np.full(SHAPE, 3.0)
    with pytest.raises(ValueError, match="read-only"):
        synapses.weights[0, 0] = 1.0
    np.testing.assert_array_equal(synapses.weights, 3.0 * (PRE != POST))
    copy = DenseSynapses(synapses._post.cells, synapses._pre.cells, mask=(PRE < POST).T)
    copy.copy_of(synapses, at="True", transpose=True, order=1)
    synapses.learn("w += 1", at="True")
    network.add(copy)
    network.run(0.1 * ms)
    np.testing.assert_array_equal(synapses.weights, 4.0 * (PRE != POST))
    np.testing.assert_array_equal(copy.weights, 4.0 * (PRE < POST).T)


def test_bounds_concern_synapses_that_exist():
    cells = [regular(4), regular(5)]
    synapses = PairSynapses(*cells, rule=STDP(w_min=0.5, w_max=1.0, learning_rate=0.01), mask=PRE > POST)
    synapses.weights = 0.7
    rewarded = PairSynapses(*cells, rule=MSTDPET(), modulator="1.0", mask=PRE > POST)
    Network(*cells, synapses, rewarded).run(5 * ms)
    for found in (synapses.weights, rewarded.weights, rewarded.matrix(np.asarray(rewarded.z[:]))):
        np.testing.assert_array_equal(found != 0, PRE > POST)
    assert (synapses.weights[PRE > POST] != 0.7).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mask": np.ones((4, 5), bool)}, r"mask must be \(n_post, n_pre\) = \(5, 4\), got .*: give its transpose"),
        ({"mask": np.ones(5, bool)}, r"mask must be \(n_post, n_pre\) = \(5, 4\), got \(5,\)"),
        ({"mask": np.ones((5, 4))}, "mask must be of type bool, got float64: give mask != 0"),
        ({"i": [0, 1]}, "some: connect needs both i and j"),
        ({"i": [0, 4], "j": [0, 0]}, "i must be cells from 0 to 3, got 0 to 4"),
        ({"i": [0], "j": [-1]}, "j must be cells from 0 to 4, got -1 to -1"),
        ({"i": [0.5], "j": [1]}, "i must be numbers of cells"),
        ({"i": [0, 1], "j": [1, 2, 3]}, "i and j must be of one length, got 2 and 3"),
        ({"i": [0, 2, 0], "j": [1, 1, 1]}, r"the pair \(i, j\) = \(0, 1\) is listed more often: use Brian2's"),
        ({"p": 1.5}, "some.p must be at most 1"),
        ({"p": 0.5, "seed": "one"}, "some: seed must be a whole number of at least 0, got 'one'"),
        ({"p": 0.5, "seed": -1}, "some: seed must be a whole number of at least 0, got -1"),
        ({"condition": "i !="}, "'i !=' cannot be evaluated"),
        ({"condition": "x_pre > 0"}, "unknown name in some's condition 'x_pre > 0' 'x_pre': known are .*N_post"),
        ({"condition": "__import__('os')"}, "unknown name"),
        ({"condition": "i - j"}, "condition 'i - j' cannot be evaluated: it is a number, and not true or false"),
        ({"condition": "1"}, "condition '1' cannot be evaluated: it is a number, and not true or false"),
        ({"condition": True}, "a condition must be text such as 'i != j', got True: mask= takes an array"),
        ({"condition": "i == j", "mask": np.ones((5, 4), bool)}, "takes either .* got mask, a condition or p"),
    ],
)  # fmt: skip
def test_mistakes_are_named(given, words):
    with pytest.raises(SpikedtpError) as error:
        unconnected().connect(**given)
    check_line(error.value, words)


def test_mistakes_when_made_or_connected_twice_are_named():
    with pytest.raises(SpikedtpError) as error:
        unconnected(mask=np.ones((4, 5), bool))
    check_line(error.value, "DenseSynapses 'some': mask must be")
    synapses = unconnected(mask=PRE != POST)
    with pytest.raises(SpikedtpError) as error:
        synapses.connect("i == j")
    check_line(error.value, "some are connected already: put all pairs into one call")
