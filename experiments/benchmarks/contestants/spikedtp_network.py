"""spikedtp itself: the dense projections, Poisson inputs and batches of `spikedtp.spiking`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spikedtp.errors import SpikedtpError

from .cases import Case
from .contestant import Contestant, Run

__all__ = ["contestants"]


def prepare(case: Case, folder: Path) -> Callable[[], Run] | None:
    """Build `case` (one of `cases.py`) in `folder`; what comes back does one repeat.

    A repeat gives ``Run(seconds, wall, case, found=...)``: seconds as the binary reports them, wall time of its
    process, and in `found`

    - `Feedforward`: ``spikes`` (number), ``v_dend``, ``v_soma`` (means over the cells at the end);
    - `Presentations`: ``spikes``, ``output_spikes`` (numbers of all presentations), ``v_soma``, ``v_dend`` (means over
      cells and presentations at the end of each);
    - `PairRule`, `Learning`: ``w`` (n_post, n_pre) at the end; for kind "tied" also ``copy`` (n_pre, n_post).
    """
    raise SpikedtpError("spikedtp's dense projections are not there yet")


def contestants() -> list[Contestant]:
    return [Contestant("spikedtp", "dense projections, rescaled Poisson inputs", prepare, lambda: "not there yet")]
