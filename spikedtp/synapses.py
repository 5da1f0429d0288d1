"""Synapses for Brian2 networks of one's own, fast where most pairs of cells are connected.

Their code is in `spikedtp.spiking.synapses` and `spikedtp.spiking.rule_synapses`. This module is what a script imports.
"""

from spikedtp.spiking.rule_synapses.btsp import BTSPSynapses
from spikedtp.spiking.rule_synapses.burst_cells import BurstDetector
from spikedtp.spiking.rule_synapses.burstprop import BurstpropSynapses, burst_learners, burst_senders
from spikedtp.spiking.rule_synapses.diehl_cook import DiehlCookSynapses
from spikedtp.spiking.rule_synapses.pairs import PairSynapses
from spikedtp.spiking.rule_synapses.shared_value import shared_value
from spikedtp.spiking.rule_synapses.sparse_pairs import SparsePairSynapses
from spikedtp.spiking.synapses.background import BackgroundInput
from spikedtp.spiking.synapses.dense import DenseSynapses
from spikedtp.spiking.synapses.short_term import ShortTermPlasticity

__all__ = [
    "BTSPSynapses",
    "BackgroundInput",
    "BurstDetector",
    "BurstpropSynapses",
    "DenseSynapses",
    "DiehlCookSynapses",
    "PairSynapses",
    "ShortTermPlasticity",
    "SparsePairSynapses",
    "burst_learners",
    "burst_senders",
    "shared_value",
]
