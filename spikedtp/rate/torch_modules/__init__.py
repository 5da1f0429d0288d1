"""Any rectified torch module as a rate network, and a rate network as a torch module."""

from spikedtp.rate.torch_modules.cross_entropy import cross_entropy_target
from spikedtp.rate.torch_modules.from_torch import from_torch
from spikedtp.rate.torch_modules.to_torch import SettlingNetwork, to_torch

__all__ = ["SettlingNetwork", "cross_entropy_target", "from_torch", "to_torch"]
