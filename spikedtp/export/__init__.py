"""Responses as objects and files of other packages: xarray (and so netCDF), neo, and NWB.

These packages are optional and imported only when they are needed. Tables are pandas frames everywhere. Weights go back
to torch with `RateNetwork.state_dict`.
"""

from spikedtp.export.neo_block import to_neo
from spikedtp.export.nwb_file import to_nwb
from spikedtp.export.xarray_dataset import to_xarray

__all__ = ["to_neo", "to_nwb", "to_xarray"]
