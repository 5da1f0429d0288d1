"""Learning rules, one file each, the signals they see and the constraints on weights.

Rules that move in time steps have parameters with units, which load Brian2: they are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spikedtp.plasticity.backprop import Backprop, BackpropBias, LocalBackprop
from spikedtp.plasticity.base import BiasRule, Factors, LearningRule
from spikedtp.plasticity.bias import PlateauBias
from spikedtp.plasticity.btsp import BTSP
from spikedtp.plasticity.consolidation import (
    Consolidation,
    ElasticRate,
    ElasticWeights,
    ElasticWeightsRate,
    SynapticIntelligence,
    SynapticIntelligenceRate,
    make_consolidation,
)
from spikedtp.plasticity.constraints import Bounds, NoAutapses, NormalizeRows, SignMask, Tied
from spikedtp.plasticity.dendritic_loss import DendriticLoss
from spikedtp.plasticity.dendritic_state import DendriticState
from spikedtp.plasticity.described import Description
from spikedtp.plasticity.hebb import HebbWeightNorm
from spikedtp.plasticity.masks import Mask, ReceptiveFields
from spikedtp.plasticity.oja import Oja
from spikedtp.plasticity.plateau import Plateau
from spikedtp.plasticity.registry import (
    BIAS_RULES,
    RULES,
    make_bias_rule,
    make_rule,
    register_bias_rule,
    register_rule,
)
from spikedtp.plasticity.signals import Signals
from spikedtp.plasticity.spiking_form import SpikingForm
from spikedtp.plasticity.supervised_bcm import SupervisedBCM
from spikedtp.plasticity.temporal_contrast import TemporalContrastHebb
from spikedtp.plasticity.top_down import TopDownHebb

if TYPE_CHECKING:
    from spikedtp.plasticity.bcm import BCM
    from spikedtp.plasticity.btsp_laps import LearnedLaps, learn_laps, normalised, plateau_gate, plateau_traces
    from spikedtp.plasticity.btsp_traces import BidirectionalBTSP
    from spikedtp.plasticity.burst_rates import BurstpropRates, WeightChanges
    from spikedtp.plasticity.burstprop import Burstprop
    from spikedtp.plasticity.clopath import Clopath
    from spikedtp.plasticity.contract import check_rule
    from spikedtp.plasticity.diehl_cook import DiehlCook
    from spikedtp.plasticity.eprop import EProp
    from spikedtp.plasticity.mstdp import MSTDP
    from spikedtp.plasticity.mstdpet import MSTDPET
    from spikedtp.plasticity.presentation_rows import PresentationRows
    from spikedtp.plasticity.rewarded_choice import RewardedChoice
    from spikedtp.plasticity.stdp import STDP
    from spikedtp.plasticity.stock_code import StockCode
    from spikedtp.plasticity.timed import Row, TimedRule
    from spikedtp.plasticity.timed_registry import TIMED_RULES, make_timed_rule, register_timed_rule, rule_named
    from spikedtp.plasticity.triplet_stdp import TripletSTDP
    from spikedtp.plasticity.urbanczik_senn import UrbanczikSenn

LDS = DendriticState  # the name of the rule in the paper: learning from the dendritic state

__all__ = [
    "BCM",
    "BIAS_RULES",
    "BTSP",
    "LDS",
    "MSTDP",
    "MSTDPET",
    "RULES",
    "STDP",
    "TIMED_RULES",
    "Backprop",
    "BackpropBias",
    "BiasRule",
    "BidirectionalBTSP",
    "Bounds",
    "Burstprop",
    "BurstpropRates",
    "Clopath",
    "Consolidation",
    "DendriticLoss",
    "DendriticState",
    "Description",
    "DiehlCook",
    "EProp",
    "ElasticRate",
    "ElasticWeights",
    "ElasticWeightsRate",
    "Factors",
    "HebbWeightNorm",
    "LearnedLaps",
    "LearningRule",
    "LocalBackprop",
    "Mask",
    "NoAutapses",
    "NormalizeRows",
    "Oja",
    "Plateau",
    "PlateauBias",
    "PresentationRows",
    "ReceptiveFields",
    "RewardedChoice",
    "Row",
    "SignMask",
    "Signals",
    "SpikingForm",
    "StockCode",
    "SupervisedBCM",
    "SynapticIntelligence",
    "SynapticIntelligenceRate",
    "TemporalContrastHebb",
    "Tied",
    "TimedRule",
    "TopDownHebb",
    "TripletSTDP",
    "UrbanczikSenn",
    "WeightChanges",
    "check_rule",
    "learn_laps",
    "make_bias_rule",
    "make_consolidation",
    "make_rule",
    "make_timed_rule",
    "normalised",
    "plateau_gate",
    "plateau_traces",
    "register_bias_rule",
    "register_rule",
    "register_timed_rule",
    "rule_named",
]

_HOME = {
    "BCM": "spikedtp.plasticity.bcm",
    "Burstprop": "spikedtp.plasticity.burstprop",
    "BurstpropRates": "spikedtp.plasticity.burst_rates",
    "Clopath": "spikedtp.plasticity.clopath",
    "BidirectionalBTSP": "spikedtp.plasticity.btsp_traces",
    "DiehlCook": "spikedtp.plasticity.diehl_cook",
    "EProp": "spikedtp.plasticity.eprop",
    "LearnedLaps": "spikedtp.plasticity.btsp_laps",
    "MSTDP": "spikedtp.plasticity.mstdp",
    "MSTDPET": "spikedtp.plasticity.mstdpet",
    "PresentationRows": "spikedtp.plasticity.presentation_rows",
    "RewardedChoice": "spikedtp.plasticity.rewarded_choice",
    "Row": "spikedtp.plasticity.timed",
    "STDP": "spikedtp.plasticity.stdp",
    "StockCode": "spikedtp.plasticity.stock_code",
    "TIMED_RULES": "spikedtp.plasticity.timed_registry",
    "TimedRule": "spikedtp.plasticity.timed",
    "TripletSTDP": "spikedtp.plasticity.triplet_stdp",
    "UrbanczikSenn": "spikedtp.plasticity.urbanczik_senn",
    "WeightChanges": "spikedtp.plasticity.burst_rates",
    "check_rule": "spikedtp.plasticity.contract",
    "learn_laps": "spikedtp.plasticity.btsp_laps",
    "make_timed_rule": "spikedtp.plasticity.timed_registry",
    "normalised": "spikedtp.plasticity.btsp_laps",
    "plateau_gate": "spikedtp.plasticity.btsp_laps",
    "plateau_traces": "spikedtp.plasticity.btsp_laps",
    "register_timed_rule": "spikedtp.plasticity.timed_registry",
    "rule_named": "spikedtp.plasticity.timed_registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
