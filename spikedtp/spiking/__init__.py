"""The spiking side: the only place that creates Brian2 objects."""

from spikedtp.spiking.closed_loop import Phases
from spikedtp.spiking.closed_response import ClosedResponse
from spikedtp.spiking.dense_pairs import PairSynapses
from spikedtp.spiking.devices import compiler_available, default_device
from spikedtp.spiking.replay import ReplayResult, replay
from spikedtp.spiking.response import SpikingResponse
from spikedtp.spiking.simulate import simulate
from spikedtp.spiking.simulate_closed import phases_of
from spikedtp.spiking.spiking_network import SpikingNetwork
from spikedtp.spiking.torch_snn import learn_readout, run_feedforward, run_torch_snn

__all__ = [
    "ClosedResponse",
    "PairSynapses",
    "Phases",
    "ReplayResult",
    "SpikingNetwork",
    "SpikingResponse",
    "compiler_available",
    "default_device",
    "learn_readout",
    "phases_of",
    "replay",
    "run_feedforward",
    "run_torch_snn",
    "simulate",
]
