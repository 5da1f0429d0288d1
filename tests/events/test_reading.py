"""Files of any kind, by what is in them."""

from __future__ import annotations

import pytest
from brian2 import ms

from spikedtp.errors import SpikedtpError
from spikedtp.events import read_spikes


def test_a_home_folder_and_a_bom(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "spikes.csv").write_bytes(b"\xef\xbb\xbftime_ms , cell\n 0.3 , 1\n")
    assert read_spikes("~/spikes.csv", stop=1 * ms).raster(0.1 * ms).nonzero()[0].tolist() == [3]


def test_what_is_no_file(tmp_path):
    with pytest.raises(SpikedtpError, match="this is a folder, no file"):
        read_spikes(tmp_path)
    with pytest.raises(SpikedtpError, match="there is no such file"):
        read_spikes(tmp_path / "none.csv")
    (tmp_path / "text.nwb").write_text("time_ms,cell\n1,1\n")
    pytest.importorskip("pynwb")
    with pytest.raises(SpikedtpError, match=r"text\.nwb: this is no NWB file but a text file"):
        read_spikes(tmp_path / "text.nwb")
    with pytest.raises(SpikedtpError, match="times in NWB files are in second: leave the unit out"):
        read_spikes(tmp_path / "text.nwb", unit="s")
