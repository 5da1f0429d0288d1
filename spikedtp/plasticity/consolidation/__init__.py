"""How synapses keep what they learned in earlier tasks: declarations that wrap a learning rule, whatever this rule is.

A circuit names the rule of a projection and, beside it, its consolidation. The equations of the rule stay as they are.
"""

from spikedtp.plasticity.consolidation.base import Consolidation, Step, SynapseForm, importance_state
from spikedtp.plasticity.consolidation.elastic_rate import ElasticRate
from spikedtp.plasticity.consolidation.importance import (
    ElasticWeights,
    ElasticWeightsRate,
    SynapticIntelligence,
    SynapticIntelligenceRate,
)
from spikedtp.plasticity.consolidation.names import CONSOLIDATIONS, OF_RULES, make_consolidated, make_consolidation

__all__ = [
    "CONSOLIDATIONS",
    "OF_RULES",
    "Consolidation",
    "ElasticRate",
    "ElasticWeights",
    "ElasticWeightsRate",
    "Step",
    "SynapseForm",
    "SynapticIntelligence",
    "SynapticIntelligenceRate",
    "importance_state",
    "make_consolidated",
    "make_consolidation",
]
