"""Rate against spiking weight changes: similarity, statistics, and what Poisson noise allows."""

from spikedtp.compare.biases import compare_biases
from spikedtp.compare.noise import expected_update, noise_ceiling
from spikedtp.compare.repeats import repeat_ceiling
from spikedtp.compare.shortfall import shortfall
from spikedtp.compare.similarity import bootstrap_median, similarity
from spikedtp.compare.updates import compare_updates, summarise

__all__ = [
    "bootstrap_median",
    "compare_biases",
    "compare_updates",
    "expected_update",
    "noise_ceiling",
    "repeat_ceiling",
    "shortfall",
    "similarity",
    "summarise",
]
