"""Some presentations of a task, each kept with equal probability (reservoir sampling)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

__all__ = ["Reservoir", "Seen"]


class Seen(NamedTuple):
    """A presentation that is kept: ``(n_in,)`` and ``(n_out,)``."""

    x: np.ndarray
    target: np.ndarray


class Reservoir:
    """At most `size` of the presentations since it was last emptied. Its draws are EIANN's for a network seed of 0."""

    def __init__(self, size: int):
        self.size, self.n_seen = size, 0
        self.kept: list[Seen] = []
        self._generator = torch.Generator().manual_seed(0)

    def see(self, x: np.ndarray, target: np.ndarray) -> None:
        if self.n_seen < self.size:
            self.kept.append(Seen(x.copy(), target.copy()))
        else:
            place = int(torch.randint(0, self.n_seen + 1, (1,), generator=self._generator).item())
            if place < self.size:
                self.kept[place] = Seen(x.copy(), target.copy())
        self.n_seen += 1

    def empty(self) -> list[Seen]:
        """What was kept. The next task begins."""
        kept, self.kept, self.n_seen = self.kept, [], 0
        return kept

    def __getstate__(self) -> dict[str, Any]:
        """A generator cannot be copied, but its state can."""
        return self.__dict__ | {"kept": list(self.kept), "_generator": self._generator.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._generator = torch.Generator()
        self._generator.set_state(state["_generator"])
