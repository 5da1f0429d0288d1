"""Learning rules, one file each, the signals they see and the constraints on weights."""

from spikedtp.plasticity.backprop import Backprop, BackpropBias, LocalBackprop
from spikedtp.plasticity.base import BiasRule, Factors, LearningRule
from spikedtp.plasticity.bcm import BCM
from spikedtp.plasticity.bias import PlateauBias
from spikedtp.plasticity.btsp import BTSP
from spikedtp.plasticity.constraints import Bounds, NoAutapses, NormalizeRows, ReceptiveFields, Tied
from spikedtp.plasticity.dendritic_loss import DendriticLoss
from spikedtp.plasticity.dendritic_state import DendriticState
from spikedtp.plasticity.description import Description
from spikedtp.plasticity.hebb import HebbWeightNorm
from spikedtp.plasticity.mstdp import MSTDP
from spikedtp.plasticity.mstdpet import MSTDPET
from spikedtp.plasticity.oja import Oja
from spikedtp.plasticity.presentation_rows import PresentationRows
from spikedtp.plasticity.registry import BIAS_RULES, RULES, TIMED_RULES, make_bias_rule, make_rule, make_timed_rule
from spikedtp.plasticity.signals import Signals
from spikedtp.plasticity.stdp import STDP
from spikedtp.plasticity.supervised_bcm import SupervisedBCM
from spikedtp.plasticity.temporal_contrast import TemporalContrastHebb
from spikedtp.plasticity.timed import Row, SpikingForm, TimedRule
from spikedtp.plasticity.top_down import TopDownHebb
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
    "Bounds",
    "DendriticLoss",
    "DendriticState",
    "Description",
    "Factors",
    "HebbWeightNorm",
    "LearningRule",
    "LocalBackprop",
    "NoAutapses",
    "NormalizeRows",
    "Oja",
    "PlateauBias",
    "PresentationRows",
    "ReceptiveFields",
    "Row",
    "Signals",
    "SpikingForm",
    "SupervisedBCM",
    "TemporalContrastHebb",
    "Tied",
    "TimedRule",
    "TopDownHebb",
    "TripletSTDP",
    "UrbanczikSenn",
    "make_bias_rule",
    "make_rule",
    "make_timed_rule",
]
