"""The sound-localisation task: spikes of two ears' auditory-nerve fibres, classes of interaural phase difference.

As in the COMOB project's notebooks (2023): https://comob-project.github.io/snn-sound-localization.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikedtp.errors import SpikedtpError

__all__ = ["N_CLASSES", "N_FIBRES", "N_STEPS", "SoundSamples", "absolute_error", "class_centres", "draw_samples"]

N_FIBRES, N_STEPS, N_CLASSES = 100, 100, 12  # fibres per ear; steps of 1 ms
FREQUENCY, MAX_RATE, DT = 20.0, 600.0, 1e-3  # Hz, Hz, s
RANGE = np.pi / 2


@dataclass(frozen=True)
class SoundSamples:
    """Samples of the task.

    Attributes
    ----------
    spikes : (samples, N_STEPS, 2 * N_FIBRES) bool
        The first ear's fibres come first.
    ipd : (samples,)
        Interaural phase difference in radian, from -π/2 to π/2.
    label : (samples,) int
    """

    spikes: np.ndarray
    ipd: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def without(self, fibres: np.ndarray) -> SoundSamples:
        """The same with these input fibres silent (indices or a mask)."""
        spikes = self.spikes.copy()
        spikes[:, :, fibres] = False
        return SoundSamples(spikes, self.ipd, self.label)


def spike_probability(ipd: np.ndarray, offset: float) -> np.ndarray:
    """Probability of a spike in each step, ``(samples, N_STEPS, 2 * N_FIBRES)``, for a tone that starts at `offset`.

    Both ears hear a 20 Hz modulation of phase φ; each fibre delays it by 0 to π/2, the second ear also by the ipd;
    p = 600 Hz · dt · (½ (1 + sin θ))².
    """
    phase = 2 * np.pi * (FREQUENCY * DT * np.arange(N_STEPS) + offset)
    delays = np.linspace(0, np.pi / 2, N_FIBRES)
    first = np.broadcast_to(phase[:, None] + delays, (len(ipd), N_STEPS, N_FIBRES))
    second = phase[:, None] + delays + np.asarray(ipd)[:, None, None]
    return MAX_RATE * DT * (0.5 * (1 + np.sin(np.concatenate([first, second], axis=2)))) ** 2


def draw_samples(n: int, rng: np.random.Generator) -> SoundSamples:
    """`n` random samples. All share one starting phase of the tone, as in the notebook: two draws differ by more than
    their number of samples suggests.

    Raises
    ------
    SpikedtpError
        `n` is not a positive whole number.
    """
    if not isinstance(n, (int, np.integer)) or n < 1:
        raise SpikedtpError(f"draw_samples: n must be a whole number of at least 1, got {n!r}")
    ipd, offset = rng.uniform(-RANGE, RANGE, n), rng.random()
    spikes = np.empty((n, N_STEPS, 2 * N_FIBRES), dtype=bool)
    for start in range(0, n, 256):  # probabilities are eight times as large as spikes
        part = spike_probability(ipd[start : start + 256], offset)
        spikes[start : start + 256] = rng.random(part.shape, dtype=np.float32) < part
    return SoundSamples(spikes, ipd, classes(ipd))


def classes(ipd: np.ndarray) -> np.ndarray:
    """The class of each phase difference: equal parts of the range, in rising order."""
    return np.clip(((np.asarray(ipd) + RANGE) * (N_CLASSES / (2 * RANGE))).astype(int), 0, N_CLASSES - 1)


def class_centres() -> np.ndarray:
    """Phase difference in the middle of each class, in radian."""
    return (np.arange(N_CLASSES) + 0.5) / N_CLASSES * 2 * RANGE - RANGE


def absolute_error(ipd: np.ndarray, predicted: np.ndarray) -> float:
    """Mean distance in degrees between a phase difference and the centre of the class that was predicted."""
    return float(np.degrees(np.abs(np.asarray(ipd) - class_centres()[predicted])).mean())
