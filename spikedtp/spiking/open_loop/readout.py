"""How a continuous, noisy presentation becomes the few numbers that a learning rule sees.

Every read-out is linear in time. For each phase it has a weight for each time step of the state (voltage or trace) and
of the drive (the synaptic current or the spikes themselves). `paper` is that of Figure 3: the filtered state in the
last millisecond. `best` averages the drive, which has no memory of the phase before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from spikedtp.errors import known_names
from spikedtp.spiking.open_loop.timeline import Timeline

__all__ = ["PHASES", "READOUTS", "SIGNALS", "Kernels", "Readout", "readout_named"]

SIGNALS = ("dendrite", "soma", "trace")
PHASES = ("settled", "nudged")
KINDS = ("state", "drive")


@dataclass(frozen=True)
class Kernels:
    """Weights of the time steps, `weights[signal, phase, kind]`, each `(n_steps,)`; missing ones are 0."""

    n_steps: int
    weights: dict[tuple[str, str, str], np.ndarray]

    def rows(self, signals: tuple[str, ...]) -> np.ndarray:
        """Stacked in the order of `row`: `(len(signals) * 4, n_steps)`."""
        zero = np.zeros(self.n_steps)
        return np.array([self.weights.get((s, p, k), zero) for s in signals for p in PHASES for k in KINDS])


def row(signals: tuple[str, ...], signal: str, phase: str, kind: str) -> int:
    """The row of a kernel in `Kernels.rows(signals)`."""
    return (signals.index(signal) * len(PHASES) + PHASES.index(phase)) * len(KINDS) + KINDS.index(kind)


@dataclass(frozen=True)
class Readout:
    """A named way to read a presentation.

    Attributes
    ----------
    kernels : callable
        ``Timeline -> Kernels``.
    calibrated : bool
        Whether signals are divided by what an activity of 1 gives, so that they come in the rate network's units, and
        whether rules see them clipped as in the rate network. False is Figure 3's: ΔW = lr · gate · V_dend ⊗ ET.
    """

    name: str
    kernels: Callable[[Timeline], Kernels]
    calibrated: bool


def _last_step(timeline: Timeline) -> Kernels:
    """The state at the last time step of each phase."""
    weights = {}
    for phase, end in (("settled", timeline.settled_end), ("nudged", timeline.n_steps)):
        kernel = np.zeros(timeline.n_steps)
        kernel[end - 1] = 1
        for signal in SIGNALS:
            weights[signal, phase, "state"] = kernel
    return Kernels(timeline.n_steps, weights)


def ramp(timeline: Timeline, start: float, stop: float, first: float) -> np.ndarray:
    """Weights that rise linearly from `first` to 1 between two rate steps, scaled to a sum of 1."""
    begin = min(max(timeline.step_of(start), 0), timeline.n_steps - 1)
    end = min(max(timeline.step_of(stop), begin + 1), timeline.n_steps)
    kernel = np.zeros(timeline.n_steps)
    kernel[begin:end] = np.linspace(first, 1, end - begin)
    return kernel / kernel.sum()


def _drive_means(timeline: Timeline, *, contrast: bool = False) -> Kernels:
    """Means of the drive. The windows were chosen on training images (docs/readout.md has the measurements).

    A dendrite or soma is read over the last third of the sensory phase, and from the onset of the nudge to the end. A
    presynaptic trace is read over longer windows: the second half of the sensory phase, and the whole presentation. It
    is the noisiest part of ΔW, because each cell has only its own spikes, and a nudge changes it little. With
    `contrast` it is read only over the supervised phase, for rules that compare it with the sensory phase. Windows of
    the nudge begin when the slowest input has arrived.
    """
    sensory, end, wait = timeline.sensory_points, timeline.n_points, timeline.wait
    windows = {
        ("dendrite", "settled"): (2 / 3 * (sensory - 0.5), sensory - 1, 0.5),
        ("soma", "settled"): (2 / 3 * (sensory - 0.5), sensory - 1, 0.5),
        ("trace", "settled"): (1 / 2 * (sensory - 0.5), sensory - 1, 0.5),
        ("dendrite", "nudged"): (sensory - 0.25 + wait, end, 0.8),
        ("soma", "nudged"): (sensory - 0.25 + wait, end, 0.8),
        ("trace", "nudged"): (sensory - 0.25 + wait, end, 0.8) if contrast else (wait, end, 0.5),
    }
    return Kernels(timeline.n_steps, {(*key, "drive"): ramp(timeline, *window) for key, window in windows.items()})


READOUTS = {
    "paper": Readout("paper", _last_step, calibrated=False),
    "best": Readout("best", _drive_means, calibrated=True),
}


def readout_named(readout: str | Readout, *, contrasting: bool = False) -> Readout:
    """A read-out by name, or one that the caller made. `contrasting` is for rules that compare the two phases."""
    if isinstance(readout, Readout):
        return readout
    if readout == "best" and contrasting:
        return Readout("best", partial(_drive_means, contrast=True), calibrated=True)
    if not isinstance(readout, str) or readout not in READOUTS:
        raise known_names("readout", readout, READOUTS)
    return READOUTS[readout]
