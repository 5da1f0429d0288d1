"""Weights onto conductances: no number without siemens, none below 0, found before anything runs."""

from contextlib import nullcontext

import numpy as np
import pytest
from brian2 import Hz, Network, ms, mV, nS, siemens
from brian2.core.base import BrianObjectException
from hypothesis import given, settings
from hypothesis import strategies as st
from spiking.synapses.own_cells import check_line, regular, silent

from spikedtp import SpikedtpError
from spikedtp.neurons import AdaptiveLIF, AdEx, NaudCell, NMDAPlateau
from spikedtp.plasticity import STDP
from spikedtp.synapses import BackgroundInput, DenseSynapses, PairSynapses, SparsePairSynapses

pytestmark = pytest.mark.usefixtures("own_networks")

#: A cell, each of its conductances with its unit.
CONDUCTANCES = [
    (cell, onto, nS if not hasattr(cell, "v_exc") else 1)
    for cell in (AdaptiveLIF(), NMDAPlateau(), NaudCell(), AdEx())
    for onto in cell.never_negative
]
LOW = "no synapse can lower a conductance, so give inhibition synapses of its own"


def test_all_conductances_are_known():
    names = {onto for _, onto, _ in CONDUCTANCES}
    assert {"ampa_soma", "gaba_soma", "ampa_dend", "gaba_dend", "nmda_dend", "g_exc_soma", "g_inh_dend"} <= names


@settings(max_examples=40, deadline=None)
@given(
    which=st.sampled_from(CONDUCTANCES),
    weights=st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=6, max_size=6),
    way=st.sampled_from(["weights", "w", "one number"]),
)
def test_weights_are_refused_when_they_are_set(which, weights, way):
    cell, onto, unit = which
    cells = cell.group(3, dt=0.1 * ms)
    synapses = DenseSynapses(regular(2, dt=0.1 * ms), cells, onto, name="onto_conductance")
    given_weights = np.reshape(weights, (3, 2))
    if way == "one number":
        given_weights = given_weights[0, 0]
    negative = np.min(given_weights) < 0
    message = f"^onto_conductance: weights onto '{onto}' must be at least 0, got -.*: {LOW}$"
    expected = pytest.raises(SpikedtpError, match=message)
    with expected if negative else nullcontext():
        if way == "w":
            synapses.w = synapses.flat(given_weights * unit)
        else:
            synapses.weights = given_weights * unit
    kept = np.asarray(synapses.weights)
    np.testing.assert_array_equal(kept, 0 if negative else np.broadcast_to(given_weights * float(unit), (3, 2)))


@given(which=st.sampled_from(CONDUCTANCES), number=st.floats(1e-12, 1e3))
@settings(max_examples=20, deadline=None)
def test_weights_in_other_units_are_refused(which, number):
    cell, onto, unit = which
    synapses = DenseSynapses(regular(1, dt=0.1 * ms), cell.group(1, dt=0.1 * ms), onto, name="in_units")
    for wrong in (number * mV, number if unit is nS else number * siemens):
        wanted = "siemens" if unit is nS else "1"
        with pytest.raises(SpikedtpError, match=f"^in_units: weights must be in {wanted}, got"):
            synapses.weights = wrong
    synapses.weights = 0  # which has any unit


@pytest.mark.parametrize("kind", [DenseSynapses, PairSynapses, SparsePairSynapses])
def test_gains_and_weights_without_units(kind):
    cells = AdaptiveLIF().group(2, dt=0.1 * ms)
    options = {} if kind is DenseSynapses else {"rule": STDP(learning_rate=0.0)}
    with pytest.raises(SpikedtpError, match=r"gain onto 'ampa_soma' must be at least 0, got -1. nS"):
        kind(regular(2, dt=0.1 * ms), cells, "ampa_soma", gain=-1 * nS, **options)
    synapses = kind(regular(2, dt=0.1 * ms), cells, "ampa_soma", gain=1 * nS, name="gained", **options)
    if kind is SparsePairSynapses:
        synapses.connect()
    with pytest.raises(SpikedtpError, match=r"^gained: weights onto 'ampa_soma' must be at least 0, got -0.5"):
        synapses.weights = np.array([[1, 2], [-0.5, 0]])
    synapses.w = "0.5 - rand()*0 - 1"  # known when a run begins
    with pytest.raises((SpikedtpError, BrianObjectException)) as error:
        Network(cells, synapses.source if kind is SparsePairSynapses else synapses._pre.cells, synapses).run(0.1 * ms)
    check_line(error.value.__cause__ or error.value, "^gained: weights onto 'ampa_soma' must be at least 0, got -0.5")
    assert not np.asarray(cells.ampa_soma).any()


@pytest.mark.usefixtures("standalone")
def test_compiled_networks_refuse_them_as_they_are_set():
    synapses = DenseSynapses(regular(2), AdaptiveLIF().group(2), "gaba_dend", name="compiled")
    with pytest.raises(SpikedtpError, match=r"^compiled: weights onto 'gaba_dend' must be at least 0, got"):
        synapses.weights = [[1, 2], [3, -4]] * nS


def test_background_excites_or_inhibits_by_its_own_conductance():
    cells = AdaptiveLIF().group(2, dt=0.1 * ms)
    with pytest.raises(SpikedtpError, match=r"weight onto 'ampa_dend' must be at least 0, got -1. nS"):
        BackgroundInput(cells, "ampa_dend", 10 * Hz, -1 * nS)
    BackgroundInput(cells, "i_dend", 10 * Hz, -1 * nS * mV)


def test_other_variables_take_any_sign():
    cells = silent(2, dt=0.1 * ms)
    synapses = DenseSynapses(regular(2, dt=0.1 * ms), cells, "v", gain=-1)
    synapses.weights = -1
    adaptive = AdaptiveLIF().group(2, dt=0.1 * ms)
    DenseSynapses(regular(2, dt=0.1 * ms), adaptive, "input_soma").weights = -1
