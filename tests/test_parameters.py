"""Parameters of cells and timelines are checked."""

import pytest
from brian2 import Hz, amp, farad, kHz, mM, molar, ms, mV, nA, nS, pA, pF, second, siemens, us, volt

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell, PoissonInput, TwoCompartment, TwoCompartmentLIF
from spikedtp.parameters import read_value
from spikedtp.spiking.open_loop.timeline import Timeline

PARAMETERS = {
    "no time to settle": (lambda: Timeline(sensory_points=0), r"needs at least one sensory and one supervised"),
    "faster than its dead time": (
        lambda: NudgedCell(firing="poisson", max_rate=1000 * Hz, dead_time=1 * ms),
        r"max_rate = 1. kHz must be below 1/dead_time",
    ),
    "unit": (lambda: PoissonInput(unit_rate=3), r"PoissonInput.unit_rate must be a quantity in Hz .*got 3"),
    "wrong unit": (lambda: TwoCompartmentLIF(c_soma=3 * nS), r"TwoCompartmentLIF.c_soma must be a quantity in F"),
    "unit where none belongs": (lambda: TwoCompartment(coupling=3 * ms), r"coupling must be a number without units"),
    "sign": (lambda: PoissonInput(tau_eligibility=-3 * ms), r"tau_eligibility must be above 0. s, got -3. ms"),
    "not a number": (lambda: TwoCompartment(coupling=float("nan")), r"coupling must be one finite number, got nan"),
    "array": (lambda: TwoCompartment(tau_soma=[1, 2] * ms), r"tau_soma must be one finite number"),
    "faster than the dead time": (
        lambda: PoissonInput(max_rate=2000 * Hz),
        r"max_rate = 2. kHz must be at most 1/dead",
    ),
    "reset above threshold": (
        lambda: TwoCompartmentLIF(v_reset=TwoCompartmentLIF.default("v_threshold")),
        r"v_reset = .* must be below v_threshold",
    ),
}


@pytest.mark.parametrize("make,message", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_are_checked(make, message):
    with pytest.raises(SpikedtpError, match=message):
        make()


def test_what_a_message_shows_can_be_written():
    """Quantities as Brian2 prints them, with `*` for the space."""
    for unit in (ms, us, second, Hz, kHz, mV, volt, pA, nA, amp, nS, siemens, pF, farad, mM, molar):
        assert read_value(str(3 * unit).replace(". ", "*")) == 3 * unit
    with pytest.raises(SpikedtpError, match=r"unknown unit in 3\*m 'm': known are A, F, Hz, M, S, V, kHz, mM, mV, ms"):
        read_value("3*m")
