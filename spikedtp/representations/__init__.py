"""How a population represents patterns: measures of activities or spike counts, and receptive fields.

A is always ``(patterns, units)``, from rate networks or from spikes. Nothing is simulated here.
"""

from spikedtp.representations.classes import ClassSimilarity, class_averages, similarity_by_class, unit_labels
from spikedtp.representations.fields import activity_weighted_inputs, maximally_activating_fields, morans_i
from spikedtp.representations.similarity import dimensionality, discriminability, similarity
from spikedtp.representations.sparseness import selectivity, sparsity

__all__ = [
    "ClassSimilarity",
    "activity_weighted_inputs",
    "class_averages",
    "dimensionality",
    "discriminability",
    "maximally_activating_fields",
    "morans_i",
    "selectivity",
    "similarity",
    "similarity_by_class",
    "sparsity",
    "unit_labels",
]
