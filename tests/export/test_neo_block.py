"""Responses in neo hold what the response holds."""

from __future__ import annotations

import numpy as np
import pytest

from spikedtp.export import to_neo
from spikedtp.neurons import TwoCompartmentLIF


@pytest.mark.parametrize("cell", [None, TwoCompartmentLIF()], ids=["linear", "LIF"])
def test_a_block_has_every_spike_at_its_time(run, cell):
    pytest.importorskip("neo")
    response = run(2, cell=cell, record=("spikes", "v_soma", "eligibility"))
    block = to_neo(response)
    assert [(s.annotations["sample"], s.annotations["repeat"]) for s in block.segments] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    segment, n_spikes = block.segments[3], 0
    for train in segment.spiketrains:
        raster = response.spikes[train.annotations["population"]][1, 1, :, train.annotations["cell"]]
        np.testing.assert_allclose(train.rescale("s").magnitude, response.times[raster], atol=1e-12)
        n_spikes += len(train)
    assert n_spikes == sum(raster[1, 1].sum() for raster in response.spikes.values()) > 100
    signals = {signal.name: signal for signal in segment.analogsignals}
    np.testing.assert_allclose(signals["v_soma_H1E"].magnitude, response.v_soma["H1E"][1, 1], rtol=1e-6)
    assert signals["v_soma_H1E"].dimensionality.string == ("dimensionless" if cell is None else "V")
    assert signals["eligibility_InputE"].dimensionality.string == "dimensionless"
