"""The torch side: rate networks with EIANN's dynamics, rules and initial weights."""

from spikedtp.rate.burstprop.network import BurstpropNetwork
from spikedtp.rate.load import load_rate_network
from spikedtp.rate.network import RateNetwork
from spikedtp.rate.response import RateResponse
from spikedtp.rate.torch_modules import SettlingNetwork, cross_entropy_target, from_torch, to_torch

__all__ = [
    "BurstpropNetwork",
    "RateNetwork",
    "RateResponse",
    "SettlingNetwork",
    "cross_entropy_target",
    "from_torch",
    "load_rate_network",
    "to_torch",
]
