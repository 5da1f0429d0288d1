"""Synapses for Brian2 networks of one's own, fast where most pairs of cells are connected.

Their code is in `spikedtp.spiking.synapses`. This module is what a script imports.
"""

from spikedtp.spiking.synapses.btsp import BTSPSynapses
from spikedtp.spiking.synapses.dense import DenseSynapses
from spikedtp.spiking.synapses.diehl_cook import DiehlCookSynapses
from spikedtp.spiking.synapses.pairs import PairSynapses
from spikedtp.spiking.synapses.shared_value import shared_value
from spikedtp.spiking.synapses.sparse_pairs import SparsePairSynapses

__all__ = ["BTSPSynapses", "DenseSynapses", "DiehlCookSynapses", "PairSynapses", "SparsePairSynapses", "shared_value"]
