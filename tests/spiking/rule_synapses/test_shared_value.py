"""A value of a third group modulates synapses of every kind, alike on both devices; what is not one number is named."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, Synapses, defaultclock, ms, mV
from spiking.synapses.own_cells import check_line

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import MSTDPET
from spikedtp.synapses import PairSynapses, SparsePairSynapses, shared_value

pytestmark = pytest.mark.usefixtures("own_networks")
RULE = MSTDPET(learning_rate=0.3, a_minus=-1.1)
TIMES, CELLS = np.array([3, 8, 40, 44, 61]), np.array([0, 1, 0, 1, 1])


def network():
    defaultclock.dt = 1 * ms
    dopamine = NeuronGroup(1, "dd/dt = -d/(50*ms) : volt", method="exact")
    dopamine.d = 2 * mV
    cells = SpikeGeneratorGroup(2, CELLS, TIMES * ms)
    options = {"rule": RULE, "modulator": "0.1 - dopamine()/mV", "namespace": {"dopamine": shared_value(dopamine, "d")}}
    made = [PairSynapses(cells, cells, **options), SparsePairSynapses(cells, cells, **options)]
    made[1].connect()
    stock = Synapses(
        cells, cells, "w : volt", on_pre="w += dopamine()", namespace=options["namespace"], clock=cells.clock
    )
    stock.connect()
    net = Network(dopamine, cells, made, stock)
    net.run(100 * ms, namespace={})
    return [*made, stock]


def check(dense, sparse, stock):
    decayed = 2 * np.exp(-(np.arange(100) + 1) / 50)
    np.testing.assert_allclose(stock.w[:] / mV, np.repeat([decayed[[3, 40]].sum(), decayed[[8, 44, 61]].sum()], 2))
    raster = np.zeros((100, 2))
    raster[TIMES, CELLS] = 1
    expected = replay(RULE, raster, raster, 0.0, dt=1 * ms, modulator=0.1 - decayed).w[-1]
    np.testing.assert_allclose(dense.weights, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.reshape(sparse.w[:], (2, 2)).T, expected, rtol=0, atol=1e-13)
    assert np.abs(expected).max() > 0.01


def test_it_modulates_all_kinds_of_synapses():
    check(*network())


@pytest.mark.slow
def test_it_modulates_all_kinds_of_synapses_compiled(standalone):
    made = network()
    standalone()
    check(*made)


@pytest.mark.parametrize(
    ("eqs", "name", "words"),
    [
        ("d : 1", "e", "unknown variable of 'several' 'e'"),
        ("d : 1", "d", "shared_value: 'd' of 'several' must be one number"),
        ("d = t/ms : 1 (shared)", "d", "'d' of 'several' must be one number, .* and no subexpression"),
    ],
)
def test_what_is_not_one_number_is_named(eqs, name, words):
    with pytest.raises(SpikedtpError) as error:
        shared_value(NeuronGroup(2, eqs, name="several"), name)
    check_line(error.value, words)


def test_it_takes_groups_alone():
    with pytest.raises(SpikedtpError) as error:
        shared_value(3.0, "d")
    check_line(error.value, "group must be a group of Brian2, got 3.0")
