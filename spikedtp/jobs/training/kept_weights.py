"""Weights of a training besides its last ones: those along the way, and their mean over the last presentations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.configuration import TrainConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.rate.checkpoints import write_weights

__all__ = ["KeptWeights"]

N_AVERAGED = 50  # states in a mean, at most: more of them are alike
_ALONG, _MEAN = "kept", "mean"


class KeptWeights:
    """What ``keep_at`` and ``average_last`` of a training ask for.

    A mean over many states keeps what every state keeps: bounds, the sums of normalised rows of one sign, and ties to
    one source.

    Attributes
    ----------
    every : int
        Presentations between the states that have to be shown to `see`. The probes are among them.
    """

    def __init__(self, settings: TrainConfiguration, probe_every: int):
        self.settings, self.every = settings, probe_every
        self._along: dict[int, dict[str, np.ndarray]] = {}
        self._sum: dict[str, np.ndarray] = {}
        self._n = 0
        wrong = [n for n in settings.keep_at if n % probe_every or not 0 < n <= settings.samples]
        if wrong:
            raise SpikedtpError(
                f"--keep-at {wrong[0]}: weights are kept at probes, which follow every {probe_every} presentations up "
                f"to {settings.samples}: name one of these, or another --probe-every"
            )
        if settings.average_last > settings.samples:
            raise SpikedtpError(
                f"--average-last {settings.average_last}: there are {settings.samples} presentations in all"
            )
        if settings.average_last:
            wanted = -(-settings.average_last // N_AVERAGED)
            self.every = next((n for n in range(wanted, probe_every) if probe_every % n == 0), probe_every)

    def see(self, done: int, state_dict: Mapping[str, Any]) -> None:
        """The network after `done` presentations."""
        state = {key: np.asarray(value) for key, value in state_dict.items()}
        if done in self.settings.keep_at:
            self._along[done] = {key: value.copy() for key, value in state.items()}
        if done > self.settings.samples - self.settings.average_last:
            for key, value in state.items():
                self._sum[key] = self._sum.get(key, 0.0) + value.astype(np.float64)
            self._n += 1

    def mean(self) -> dict[str, np.ndarray] | None:
        """The mean of the last states, if one is asked for."""
        return {key: (total / self._n).astype(np.float32) for key, total in self._sum.items()} if self._n else None

    def write(self, folder: Path) -> None:
        """``weights_N.pt`` after N presentations."""
        for done, state in self._along.items():
            write_weights(folder / f"weights_{done}.pt", state)

    def arrays(self) -> dict[str, np.ndarray]:
        """For the file of an unfinished run."""
        found = {f"{_ALONG}/{n}/{key}": value for n, state in self._along.items() for key, value in state.items()}
        found |= {f"{_MEAN}/{key}": total for key, total in self._sum.items()}
        return found | ({f"{_MEAN}//n": np.array(self._n)} if self._n else {})

    def take(self, found: dict[str, np.ndarray]) -> None:
        """Those of `arrays` out of `found`."""
        for name in [*found]:
            kind, _, rest = name.partition("/")
            if kind == _ALONG:
                n, _, key = rest.partition("/")
                self._along.setdefault(int(n), {})[key] = found.pop(name)
            elif kind == _MEAN:
                value = found.pop(name)
                if rest == "/n":
                    self._n = int(value.item())
                else:
                    self._sum[rest] = value
