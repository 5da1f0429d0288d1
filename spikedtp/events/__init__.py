"""Spike trains that were recorded or made elsewhere: from CSV, NWB and neo to arrays of time steps.

How responses go out to these formats is in `spikedtp.export`.
"""

from spikedtp.events.neo_trains import from_neo
from spikedtp.events.nwb_file import from_nwb
from spikedtp.events.reading import read_spikes
from spikedtp.events.trains import SpikeTrains

__all__ = ["SpikeTrains", "from_neo", "from_nwb", "read_spikes"]
