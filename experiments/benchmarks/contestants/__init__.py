"""The contestants of the hot-loop benchmarks: one file each, all doing the cases of `cases.py`."""

from . import hand_written, nest_network, spikedtp_network, stock_brian2, torch_loop
from .contestant import Contestant, Run

__all__ = ["Contestant", "Run", "all_contestants"]


def all_contestants() -> list[Contestant]:
    """In the order of tables and figures."""
    modules = (hand_written, spikedtp_network, stock_brian2, nest_network, torch_loop)
    return [contestant for module in modules for contestant in module.contestants()]
