"""Learning rules, one file each, the signals they see and the constraints on weights."""

from spikedtp.plasticity.backprop import Backprop, BackpropBias, LocalBackprop
from spikedtp.plasticity.base import BiasRule, Factors, LearningRule
from spikedtp.plasticity.bias import PlateauBias
from spikedtp.plasticity.btsp import BTSP
from spikedtp.plasticity.constraints import Bounds, NoAutapses, NormalizeRows, ReceptiveFields, Tied
from spikedtp.plasticity.dendritic_loss import DendriticLoss
from spikedtp.plasticity.dendritic_state import DendriticState
from spikedtp.plasticity.hebb import HebbWeightNorm
from spikedtp.plasticity.oja import Oja
from spikedtp.plasticity.registry import BIAS_RULES, RULES, make_bias_rule, make_rule
from spikedtp.plasticity.signals import Signals
from spikedtp.plasticity.supervised_bcm import SupervisedBCM
from spikedtp.plasticity.temporal_contrast import TemporalContrastHebb
from spikedtp.plasticity.top_down import TopDownHebb

LDS = DendriticState  # the name of the rule in the paper: learning from the dendritic state

__all__ = [
    "BIAS_RULES",
    "BTSP",
    "LDS",
    "RULES",
    "Backprop",
    "BackpropBias",
    "BiasRule",
    "Bounds",
    "DendriticLoss",
    "DendriticState",
    "Factors",
    "HebbWeightNorm",
    "LearningRule",
    "LocalBackprop",
    "NoAutapses",
    "NormalizeRows",
    "Oja",
    "PlateauBias",
    "ReceptiveFields",
    "Signals",
    "SupervisedBCM",
    "TemporalContrastHebb",
    "Tied",
    "TopDownHebb",
    "make_bias_rule",
    "make_rule",
]
