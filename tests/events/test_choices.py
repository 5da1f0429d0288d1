"""What callers choose: every kind of wrong value is one line, before a file is opened."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms, second

from spikedtp.errors import SpikedtpError
from spikedtp.events import SpikeTrains, from_nwb, read_spikes

WRONG_IDS = [5, "56", np.array(5), 2.5, [5, 6.0], [True], ["5"], [-1], [5, 5], [None], np.array([True, False])]
WRONG = [
    *({"cells": ids} for ids in WRONG_IDS),
    *({"trials": ids} for ids in (*WRONG_IDS, 1, 0, None, [], (), np.array([], int))),
    *({"where": where} for where in (["cell"], "cell", 3, {"area": ["CA1", "CA3"]}, {"area": np.zeros(2)}, {3: 1})),
]


@pytest.fixture
def file(tmp_path):
    """A trial for each spike; trial 1 has none."""
    path = tmp_path / "spikes.csv"
    path.write_text("time_ms,cell,trial,area\n0.5,5,0,CA1\n1.5,6,2,CA3\n")
    return path


@pytest.mark.parametrize("options", WRONG, ids=str)
def test_wrong_choices_are_one_line(file, options):
    word = {"cells": "cell", "trials": "trial", "where": "where"}[next(iter(options))]
    with pytest.raises(SpikedtpError, match=word):
        read_spikes(file, **({"trials": True} | options), stop=2 * ms)
    with pytest.raises(SpikedtpError, match=word) as caught:
        from_nwb("none.nwb", **options)
    assert "damaged" not in str(caught.value) and "no such file" not in str(caught.value)


@pytest.mark.parametrize("ids", WRONG_IDS, ids=str)
def test_ids_of_spike_trains(ids):
    with pytest.raises(SpikedtpError, match="cell"):
        SpikeTrains([], [], ids, stop=1 * second)
    with pytest.raises(SpikedtpError, match="cell"):
        SpikeTrains([], [], [5, 6], stop=1 * second).select(ids)


def test_choices_of_any_sequence(file):
    wanted = read_spikes(file, trials=[0, 1, 2], cells=[6, 5], stop=2 * ms).raster(0.5 * ms)
    assert wanted.shape == (3, 4, 2) and wanted.nonzero()[2].tolist() == [1, 0]
    for sequence in (tuple, np.array, iter):
        found = read_spikes(file, trials=sequence([0, 1, 2]), cells=sequence([6, 5]), stop=2 * ms)
        np.testing.assert_array_equal(found.raster(0.5 * ms), wanted)
    found = read_spikes(file, trials=np.True_, stop=2 * ms)
    assert found.n_trials == read_spikes(file, trials=True, stop=2 * ms).n_trials
