"""The spiking side: the only place that creates Brian2 objects.

`simulation` chooses the loop; `open_loop`, `closed_loop`, `rule_replay`, `layered`, `diehl_cook` and `feedforward` each
build and present one kind of network; `responses`, `synapses`, `parts` and `engine` serve them all
(docs/architecture.md).
"""

from spikedtp.spiking.closed_loop.phases import Phases, phases_of
from spikedtp.spiking.closed_loop.present import simulate_closed
from spikedtp.spiking.closed_loop.regimes import regime
from spikedtp.spiking.closed_loop.response import ClosedResponse
from spikedtp.spiking.closed_loop.spiking_network import SpikingNetwork
from spikedtp.spiking.diehl_cook.network import DiehlCookNetwork, DigitResponse
from spikedtp.spiking.diehl_cook.state import DigitState
from spikedtp.spiking.diehl_cook.votes import label_cells, predicted_classes
from spikedtp.spiking.engine.devices import Device, compiler_available, default_device, register_device
from spikedtp.spiking.ensembles.network import BurstpropEnsembles
from spikedtp.spiking.eprop.result import EPropResponse, EPropResult
from spikedtp.spiking.eprop.run import run_eprop
from spikedtp.spiking.eprop.trained import EPropNetwork
from spikedtp.spiking.feedforward.run import learn_readout, run_feedforward
from spikedtp.spiking.feedforward.torch_snn import run_torch_snn
from spikedtp.spiking.layered.network import Connection, Layer, LayeredNetwork
from spikedtp.spiking.layered.nir_export import to_nir
from spikedtp.spiking.layered.nir_graph import from_nir
from spikedtp.spiking.layered.run import LayeredResponse, run_layers
from spikedtp.spiking.layered.torch_modules import from_torch_snn
from spikedtp.spiking.open_loop.present import simulate_open
from spikedtp.spiking.open_loop.response import SpikingResponse
from spikedtp.spiking.responses.response import Response
from spikedtp.spiking.rule_replay.replay import ReplayResult, replay
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.simulation import simulate

__all__ = [
    "BurstpropEnsembles",
    "ClosedResponse",
    "Connection",
    "Device",
    "DiehlCookNetwork",
    "DigitResponse",
    "DigitState",
    "EPropNetwork",
    "EPropResponse",
    "EPropResult",
    "Layer",
    "LayeredNetwork",
    "LayeredResponse",
    "PairSynapses",
    "Phases",
    "ReplayResult",
    "Response",
    "SpikingNetwork",
    "SpikingResponse",
    "compiler_available",
    "default_device",
    "from_nir",
    "from_torch_snn",
    "label_cells",
    "learn_readout",
    "phases_of",
    "predicted_classes",
    "regime",
    "register_device",
    "replay",
    "run_eprop",
    "run_feedforward",
    "run_layers",
    "run_torch_snn",
    "simulate",
    "simulate_closed",
    "simulate_open",
    "to_nir",
]
