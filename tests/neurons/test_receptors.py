"""Parameters of conductance synapses: what is refused, and in what words."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from brian2 import Equations, Network, mmolar, ms, mV, nS, pF
from hypothesis import given
from hypothesis import strategies as st

from spikedtp import SpikedtpError
from spikedtp.neurons import AdaptiveLIF, AdEx, Declaration, Receptors, check_cell, receptor_variable
from spikedtp.parameters import parameter

QUANTITIES = [name for name in AdaptiveLIF().quantities() if name not in ("weight_scale", "nmda_share")]
POSITIVE = ["c_soma", "g_soma", "g_dend", "tau_ampa", "tau_gaba", "tau_nmda", "tau_w", "tau_noise", "tau_current"]
NOT_NEGATIVE = ["g_coupling", "tau_rise_ampa", "tau_rise_gaba", "tau_rise_nmda", "magnesium", "b", "noise_sd_soma"]


@given(name=st.sampled_from(QUANTITIES), value=st.floats(-100, 100, exclude_min=True))
def test_a_number_without_units_is_refused(name, value):
    with pytest.raises(SpikedtpError, match=rf"^AdaptiveLIF\.{name} must be a quantity in "):
        AdaptiveLIF(**{name: value})


@given(name=st.sampled_from(POSITIVE + NOT_NEGATIVE), size=st.floats(1e-3, 10))
def test_what_must_not_be_negative(name, size):
    unit = AdaptiveLIF.default(name)
    unit = unit / float(unit) if float(unit) else unit.__class__(1.0, dim=unit.dim)
    word = "above" if name in POSITIVE else "at least"
    with pytest.raises(SpikedtpError, match=rf"^AdaptiveLIF\.{name} must be {word} "):
        AdaptiveLIF(**{name: -size * unit})
    if name in NOT_NEGATIVE:
        AdaptiveLIF(**{name: 0 * unit})


@given(kind=st.sampled_from(["ampa", "nmda", "gaba"]), off=st.floats(0, 100))
def test_a_reversal_potential_on_the_wrong_side_is_refused(kind, off):
    side, word = (1, "below") if kind == "gaba" else (-1, "above")
    with pytest.raises(SpikedtpError, match=rf"^AdaptiveLIF\.v_{kind} = .* must be {word} v_threshold = -60. mV"):
        AdaptiveLIF(**{f"v_{kind}": (-60 + side * off) * mV})


def test_inhibition_that_depolarises_is_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        AdaptiveLIF(v_gaba=-65 * mV)
    (said,) = caplog.messages
    assert said == "AdaptiveLIF.v_gaba = -65. mV is above v_rest = -70. mV: at rest its synapses depolarise"


@given(tau=st.floats(0.1, 50), times=st.sampled_from([1.0, 1 + 1e-12, 1 - 1e-12]))
def test_equal_time_constants_are_the_alpha_function(tau, times):
    cell = AdaptiveLIF(tau_ampa=tau * ms, tau_rise_ampa=times * tau * ms)
    assert next(kind for kind in cell.of("soma") if kind.name == "ampa").rises


@dataclass(frozen=True)
class Point(Receptors):
    """One compartment, written by a user."""

    c: object = parameter(100 * pF, above=0 * pF)
    g_leak: object = parameter(10 * nS, above=0 * nS)
    v_rest: object = parameter(-70 * mV)

    receptors: ClassVar = {"soma": ("ampa", "gaba")}

    def declaration(self):
        kinds = self.of("soma")
        flows = " + ".join(f"{k.conductance('v_soma')}*(v_{k.name} - v_soma)" for k in kinds)
        equations = sum((k.equations for k in kinds), Equations("v_soma : volt"))
        return Declaration(
            equations=equations,
            threshold="v_soma > -50*mV",
            reset="v_soma = v_rest",
            update=f"v_soma += dt/c*(g_leak*(v_rest - v_soma) + {flows})" + self.step("dt"),
            initial={"v_soma": "v_rest"},
        )


def test_a_cell_of_ones_own_with_these_parts():
    assert check_cell(Point()) == ()
    assert receptor_variable(Point(), "gaba", "soma") == "gaba_soma"


def test_nmda_needs_a_dendrite():
    @dataclass(frozen=True)
    class Somatic(Point):
        receptors: ClassVar = {"soma": ("ampa", "nmda")}

    with pytest.raises(SpikedtpError, match=r"^Somatic: NMDA is for dendrites, and .soma. is none: put it on .dend."):
        Somatic()
    for cell in (Point(), AdEx()):
        with pytest.raises(SpikedtpError, match=f"^{type(cell).__name__} has no dendrite, so NMDA cannot be on it"):
            receptor_variable(cell, "nmda")


def test_receptors_that_there_are_not():
    @dataclass(frozen=True)
    class Odd(Point):
        receptors: ClassVar = {"soma": ("kainate",)}

    with pytest.raises(SpikedtpError, match="unknown receptor of Odd 'kainate': known are ampa, gaba, nmda"):
        Odd()
    with pytest.raises(SpikedtpError, match="unknown receptor 'AMPA'"):
        receptor_variable(AdaptiveLIF(), "AMPA")
    with pytest.raises(SpikedtpError, match="AdaptiveLIF has no NMDA synapses on 'soma': it has ampa_dend, ampa_soma"):
        receptor_variable(AdaptiveLIF(), "nmda", "soma")
    with pytest.raises(SpikedtpError, match="AdEx has no AMPA synapses on 'soma': it has no conductances in siemens"):
        receptor_variable(AdEx(), "ampa", "soma")


@pytest.mark.parametrize("variable", ["ampa_soma", "gaba_dend", "nmda_dend"])
def test_negative_conductances_are_found_when_a_run_ends(variable, numpy_target):
    cells = AdaptiveLIF().group(2, dt=0.5 * ms, name="negative_conductance")
    cells.run_regularly(f"{variable} -= 1*nS", when="synapses", dt=0.5 * ms)
    with pytest.raises(SpikedtpError, match=f"negative_conductance.{variable} is negative, and no conductance can be"):
        Network(cells).run(1 * ms, namespace={})


def test_no_magnesium_no_block(numpy_target):
    cells = AdaptiveLIF(magnesium=0 * mmolar, g_coupling=0 * nS).group(1, dt=0.1 * ms, name="no_magnesium")
    cells.nmda_dend = cells.ampa_dend = 1 * nS
    Network(cells).run(0.5 * ms, namespace={})
    assert np.isfinite(cells.v_dend_[:]).all() and cells.v_dend_[0] > -0.07
