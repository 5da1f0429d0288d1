"""The torch side: rate networks with EIANN's dynamics, rules and initial weights."""

from spikedtp.rate.load import load_rate_network
from spikedtp.rate.network import RateNetwork
from spikedtp.rate.response import RateResponse

__all__ = ["RateNetwork", "RateResponse", "load_rate_network"]
