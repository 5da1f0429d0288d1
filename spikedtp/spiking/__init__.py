"""The spiking side: the only place that creates Brian2 objects."""

from spikedtp.spiking.dense_pairs import PairSynapses
from spikedtp.spiking.devices import compiler_available, default_device
from spikedtp.spiking.replay import ReplayResult, replay
from spikedtp.spiking.response import SpikingResponse
from spikedtp.spiking.simulate import simulate
from spikedtp.spiking.torch_snn import learn_readout, run_feedforward, run_torch_snn

__all__ = [
    "PairSynapses",
    "ReplayResult",
    "SpikingResponse",
    "compiler_available",
    "default_device",
    "learn_readout",
    "replay",
    "run_feedforward",
    "run_torch_snn",
    "simulate",
]
