"""The weight changes of the rate network, with which those in spikes are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from spikedtp.compare.updates import REFERENCES
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.rate import RateNetwork, RateResponse

__all__ = ["Reference"]


@dataclass(frozen=True)
class Reference:
    """Of a rate network, for given samples."""

    network: RateNetwork
    x: Any
    target: Any
    against: str  # a reference of `compare_updates`

    def __post_init__(self) -> None:
        known = [*REFERENCES, *REFERENCES.values()]
        if self.against not in known:
            raise known_names("reference", self.against, known)

    @property
    def _of_the_rule(self) -> bool:
        return REFERENCES.get(self.against, self.against) == "rule"

    @cached_property
    def rate(self) -> RateResponse:
        return self.network.present(np.atleast_2d(self.x), np.atleast_2d(self.target))

    def of(self, projection: str, sample: int) -> np.ndarray | None:
        """ΔW, `(n_post, n_pre)`; None if this projection has no such reference."""
        if self._of_the_rule:
            return self.rate.updates(projection, sample)
        return self.rate.notebook_update(projection, sample)

    def known(self, projections: list[str]) -> list[str]:
        """Those of the projections that have the reference."""
        if self._of_the_rule:
            return projections
        found = [name for name in projections if self.of(name, 0) is not None]
        if not found:
            raise SpikedtpError(f"no projection of this plan has the reference {self.against!r}: leave it out")
        return found
