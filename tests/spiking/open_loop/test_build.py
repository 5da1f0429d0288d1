"""Which cells the open loop can read and reach."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import Equations
from spiking.probe_cells import N_IN, TIMELINE, N, Probe, changed, drawn

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import LIF, SpikeTrainInput, TwoCompartment
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.open_loop.build import build
from spikedtp.spiking.open_loop.plan import OpenLoop, Source
from spikedtp.spiking.open_loop.readout import READOUTS


@pytest.mark.parametrize("compartment", ["soma", "dend"])
def test_the_open_loop_names_what_a_cell_lacks(compartment):
    source = Source("A_B", "B", compartment, False, np.ones((N, N_IN), np.float32))
    for readout, record, lacks in (
        ("best", (), {"drive_soma"} | ({"drive_dend", "input_dend"} if compartment == "dend" else set())),
        ("paper", (), {"somatic_activity"} | ({"dendritic_state", "input_dend"} if compartment == "dend" else set())),
        ("best", ("v_soma", "v_dend"), {"drive_soma", "v_dend"}),
    ):
        spec = OpenLoop("A", LIF(), SpikeTrainInput(), (source,), TIMELINE, READOUTS[readout].kernels(TIMELINE),
                        record=record)  # fmt: skip
        with pytest.raises(SpikedtpError, match=r"^the cells of A in the open loop: LIF lacks ") as error:
            build(spec)
        assert lacks <= set(str(error.value).replace(",", " ").replace(";", " ").split()), error.value
        assert "input_soma" not in str(error.value).partition(":")[2].partition("(spikedtp")[0]
        assert "\n" not in str(error.value)


def test_a_point_cell_runs_where_nothing_arrives_at_dendrites():
    """All that is read of dendrites is 0; the rest is as of the cell with a dendrite that hears nothing."""

    @dataclass(frozen=True)
    class Point(TwoCompartment):
        def declaration(self):
            whole = super().declaration()
            text = "\n".join(line for line in str(whole.equations).splitlines() if "dend" not in line)
            soma = "dv_soma/dt = (drive_soma - v_soma)/tau_soma : 1"
            return replace(whole, equations=Equations(f"{text}\n{soma}"), clear=("input_soma",))

    raster, soma, _ = drawn(4)
    for readout in READOUTS.values():
        results = []
        for cell in (Point(), TwoCompartment()):
            spec = OpenLoop("A", cell, SpikeTrainInput(), (Source("A_B", "B", "soma", False, soma),), TIMELINE,
                            readout.kernels(TIMELINE), record=("spikes", "v_soma"))  # fmt: skip
            results.append(run_on("runtime", lambda: build(spec), RunInputs({"replay": raster[None]}, [0], [1])))  # noqa: B023
        point, whole = results
        assert point.vectors.keys() == whole.vectors.keys() and point.vectors["soma_nudged"].any()
        for name, values in whole.vectors.items():
            np.testing.assert_allclose(point.vectors[name], values, rtol=1e-6)
        np.testing.assert_array_equal(point.spikes["cells"][0], whole.spikes["cells"][0])


def test_a_bias_needs_a_cell_that_clears_what_arrives():
    _, soma, _ = drawn(1)
    cell = changed(Probe(), clear=("input_dend",))
    spec = OpenLoop("A", cell, SpikeTrainInput(), (Source("A_B", "B", "soma", False, soma),), TIMELINE,
                    READOUTS["best"].kernels(TIMELINE), bias=np.ones(N))  # fmt: skip
    with pytest.raises(
        SpikedtpError, match="A has a bias, which is added to input_soma in every step when input_soma is cleared"
    ):
        build(spec)
