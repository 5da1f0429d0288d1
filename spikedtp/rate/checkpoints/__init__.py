"""Weights in files and how they are wrapped: what rate networks are loaded from and saved to.

`reading`, `writing` and `unwrapped` are what the rest of the package uses. The other modules know one thing each.
"""

from spikedtp.rate.checkpoints.reading import Checkpoint, read_checkpoint, read_weights
from spikedtp.rate.checkpoints.state_dicts import unwrapped
from spikedtp.rate.checkpoints.writing import write_weights

__all__ = ["Checkpoint", "read_checkpoint", "read_weights", "unwrapped", "write_weights"]
