"""A circular track with place cells, what a running animal makes of it, and the ramps that weights make of it.

Numbers of Milstein et al. 2021 (eLife 10:e73046): 187 cm, 200 place cells, fields of 90 cm, ramps in bins of 1.87 cm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from brian2 import ms, second
from brian2.units.fundamentalunits import Quantity

from spikedtp.plasticity import plateau_gate

__all__ = ["Field", "Session", "Track"]

PLATEAU = 300 * ms


class Field(NamedTuple):
    """A place field as a ramp shows it: its peak (mV), where it is (cm), its width at half of it (cm), its minimum."""

    peak: float
    place: float
    width: float
    lowest: float


class Session(NamedTuple):
    """Laps at one speed: rates (n_inputs, n_steps) in units of the peak rate, the gate (n_steps,), and the places."""

    rates: np.ndarray
    gate: np.ndarray
    place: np.ndarray
    dt: Quantity


@dataclass(frozen=True)
class Track:
    """The track. Lengths in cm, rates in Hz.

    The scale of ramps is such that a cosine bump of ΔW, 108 cm wide and 1.5 high, makes a ramp of 6 mV.
    """

    length: float = 187.0
    n_inputs: int = 200
    n_bins: int = 100
    field_width: float = 90.0
    peak_rate: float = 40.0
    fine: float = 0.1  # cm, where fields are measured

    @cached_property
    def peaks(self) -> np.ndarray:
        """Where the inputs fire most."""
        return (np.arange(self.n_inputs) + 0.5) * self.length / self.n_inputs

    @cached_property
    def bins(self) -> np.ndarray:
        """Middles of the bins."""
        return (np.arange(self.n_bins) + 0.5) * self.length / self.n_bins

    @property
    def spread(self) -> float:
        """Fields are e^(-(distance/spread)²)."""
        return self.field_width / (3 * 2**0.5)

    def rates(self, place: np.ndarray) -> np.ndarray:
        """(n_inputs, n) in units of the peak rate."""
        away = np.asarray(place) % self.length - self.peaks[:, None]
        return sum(np.exp(-(((away + around) / self.spread) ** 2)) for around in (-self.length, 0.0, self.length))

    def session(self, speed: float, laps: int, plateau: float, dt: Quantity = 10 * ms) -> Session:
        """One lap without a plateau, `laps` with one that begins at `plateau` cm, and one more without."""
        lap = self.length / speed
        time = np.arange(0, (laps + 2) * lap, float(dt / second))
        onsets = (np.arange(1, laps + 1) * self.length + plateau) / speed
        gate = plateau_gate(onsets * second, len(time), dt, PLATEAU)
        return Session(self.rates(time * speed), gate, time * speed % self.length, dt)

    def distance(self, place: np.ndarray | float, of: float) -> np.ndarray:
        """The shorter way from `of` to `place`, negative if `place` is passed before."""
        return (np.asarray(place) - of + self.length / 2) % self.length - self.length / 2

    # --- ramps --------------------------------------------------------------------------------------------------------

    def bump(self, middle: float, height: float = 1.5, base: float = 108.0) -> np.ndarray:
        """ΔW (n_inputs,) of a place field: a cosine with a base of `base` cm."""
        away = self.distance(self.peaks, middle)
        return np.where(abs(away) < base / 2, height / 2 * (1 + np.cos(2 * np.pi * away / base)), 0.0)

    @cached_property
    def scale(self) -> float:
        """mV per Hz of input through a weight of 1."""
        return 6.0 / (self.peak_rate * self.rates(self.bins).T @ self.bump(self.length / 2)).max()

    def ramp(self, w: np.ndarray) -> np.ndarray:
        """The membrane potential (mV) in each bin: (..., n_inputs) to (..., n_bins). Weights of 1 make none."""
        return self.scale * self.peak_rate * (np.asarray(w) - 1) @ self.rates(self.bins)

    def at(self, ramp: np.ndarray, place: float | np.ndarray) -> np.ndarray:
        """A ramp (n_bins,) between its bins."""
        return np.interp(place, self.bins, ramp, period=self.length)

    def field(self, ramp: np.ndarray) -> Field:
        """The place field of a ramp (n_bins,)."""
        x = np.arange(0, self.length, self.fine)
        values = self.at(ramp, x)
        above = (values >= values.max() / 2).sum() * self.fine
        return Field(float(values.max()), float(x[values.argmax()]), float(above), float(values.min()))
