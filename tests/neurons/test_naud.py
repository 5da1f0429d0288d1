"""The active dendrite against the original program, and as time steps become short."""

import numpy as np
import pytest
from brian2 import ms, mV
from neurons.published_cells import COLUMNS, golden, run_protocol

from spikedtp import SpikedtpError
from spikedtp.neurons import NaudCell, check_cell


def test_the_trace_of_the_original_program(numpy_target):
    found, expected = run_protocol(NaudCell(), "naud"), golden("naud")
    assert found["spikes"].tolist() == np.flatnonzero(expected["spike"]).tolist() == [
        634, 1177, 1256, 1331, 1421, 1528, 1659
    ]  # fmt: skip
    for column in COLUMNS:  # the original computes in single precision
        np.testing.assert_allclose(found[column], expected[column], atol=1e-3, err_msg=column)


def test_errors_of_a_time_step_shrink_with_it(numpy_target):
    """Euler's method is of the first order: half the time step, half the error."""
    last = {}
    for per_step in (1, 2, 4):
        course = run_protocol(NaudCell(), "naud", dt=0.1 * ms / per_step, last=600)["V_soma_mV"]
        last[per_step] = course[-1]  # before the first spike
    ratio = (last[1] - last[2]) / (last[2] - last[4])
    assert ratio == pytest.approx(2, abs=0.2)


def test_its_contract():
    assert check_cell(NaudCell()) == ()


def test_what_cannot_be_is_refused():
    with pytest.raises(SpikedtpError, match=r"NaudCell: voltages must be in the order v_inh <= v_rest < v_threshold"):
        NaudCell(v_rest=-40 * mV)
    with pytest.raises(SpikedtpError, match=r"NaudCell.t_back = 2. ms must be a whole number of time steps"):
        NaudCell().group(1, dt=0.3 * ms)
