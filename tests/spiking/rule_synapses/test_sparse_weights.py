"""Weights of sparse synapses as a matrix: what is refused, since dense synapses refuse it too."""

import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeGeneratorGroup, defaultclock, ms, mV, prefs

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import MSTDPET, STDP
from spikedtp.synapses import SparsePairSynapses

BOUNDED = STDP(w_min=0.0, w_max=1.0)


@pytest.fixture
def ends():
    target, prefs.codegen.target = prefs.codegen.target, "numpy"
    defaultclock.dt = 0.5 * ms
    inputs = SpikeGeneratorGroup(5, [0, 1, 2, 0], [1, 2, 3, 6] * ms)
    cells = NeuronGroup(4, "dv/dt = -v/(10*ms) : volt", threshold="v > 3*mV", reset="v = 0*mV", method="exact")
    yield inputs, cells
    prefs.codegen.target = target


def made(ends, rule=BOUNDED, **options):
    return SparsePairSynapses(*ends, "v", rule=rule, gain="mV", name="some", **options)


def test_weights_with_units(ends):
    some = made(ends)
    some.connect()
    with pytest.raises(SpikedtpError, match="some: weights have no units, but gain has: got"):
        some.weights = 1 * mV
    with pytest.raises(SpikedtpError, match="some: weights have no units"):
        some.weights = np.ones((4, 5)) * mV


def test_a_matrix_of_several_synapses(ends):
    some = made(ends)
    some.connect(n=2)
    some.w = 0.5
    with pytest.raises(SpikedtpError, match="two cells have several synapses, which no matrix shows: use w, i and j"):
        some.weights  # noqa: B018
    with pytest.raises(SpikedtpError, match="several synapses"):
        some.weights = 0.5


def test_a_second_connect(ends):
    some = BOUNDED.synapses(*ends, "v", gain="mV", p=0.5, seed=1, dense=False, name="some")
    before = some.mask
    with pytest.raises(SpikedtpError, match="some: connected already"):
        some.connect("i != j")
    np.testing.assert_array_equal(some.mask, before)


def test_a_modulator_that_the_rule_does_not_have(ends):
    for dense in (True, False):
        with pytest.raises(SpikedtpError, match=r"STDP\.synapses: this rule has no modulator: leave it out, or take"):
            BOUNDED.synapses(*ends, "v", gain="mV", modulator="v_post", dense=dense)


def test_an_order(ends):
    with pytest.raises(SpikedtpError, match="an order of its own: give when= alone"):
        made(ends, order=3)


def test_only_weights_are_short(ends):
    """As in dense synapses: traces keep all digits."""
    for given in ("float32", np.float32, np.dtype("float32"), {"w": np.float32}):
        some = SparsePairSynapses(*ends, "v", rule=MSTDPET(), modulator="1.0", gain="mV", dtype=given)
        types = {name: some.variables[name].dtype for name in ("w", "z", "z_grown")}
        assert types == {"w": np.float32, "z": np.float64, "z_grown": np.float64}
