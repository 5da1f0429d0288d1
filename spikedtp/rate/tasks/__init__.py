"""What a rate network keeps of earlier tasks: consolidations of its projections, and samples to be shown again."""

from spikedtp.rate.tasks.consolidations import Consolidations
from spikedtp.rate.tasks.reservoir import Reservoir, Seen

__all__ = ["Consolidations", "Reservoir", "Seen"]
