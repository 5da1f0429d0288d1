"""The response of every spiking simulation, in either loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from brian2.units.fundamentalunits import Quantity

from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.neurons import CellModel
from spikedtp.plasticity import BiasRule, Signals
from spikedtp.spiking.engine.batch import RunResults
from spikedtp.spiking.responses.weight_updates import PlasticProjection, WeightUpdates
from spikedtp.summaries import Summarised, counted, shapes

__all__ = ["RECORDABLE", "Response", "check_recordable"]

RECORDABLE = ("spikes", "v_soma", "v_dend", "eligibility")


class Plan(Protocol):
    """What the plan of either loop says about a presentation."""

    @property
    def cell(self) -> CellModel: ...

    @property
    def record(self) -> tuple[str, ...]: ...

    @property
    def n_cells(self) -> int: ...

    @property
    def n_inputs(self) -> int: ...

    @property
    def duration(self) -> Quantity: ...

    @property
    def times(self) -> np.ndarray: ...


@dataclass(kw_only=True, repr=False)
class Response(Summarised, ABC):
    """Result of `simulate`. Arrays are `(n_repeats, ...)`, with a leading sample axis if x was a batch.

    Attributes
    ----------
    loop : {"open", "closed"}
    population : str or None
        The target population. It is None in a closed loop that shows the synapses of every population.
    readout : str
        The name of the read-out: how signals were read.
    n_samples, n_repeats : int
    spec : OpenLoop or ClosedLoop
        The plan of the simulation.
    weight_updates : WeightUpdates
        ΔW by projection: the rules' own changes, without bounds or constraints, in float32.
    bias_updates : dict
        population -> (..., n) float32. The change of each bias that learns, without bounds.
    signals : dict
        projection -> `Signals`, with arrays (samples, n_repeats, n).
    spikes : dict
        population -> bool (..., n_steps, n).
    v_soma, v_dend : dict
        population -> (..., n_steps, n). They are numbers in cells without units, and volts in other cells.
    eligibility : dict
        presynaptic population -> (..., n_steps, n).
    clipped : dict
        Each population whose activity asks for more than the highest rate -> (highest activity, limit).
    times : (n_steps,)
        Time of every step in second.
    timings : dict
        How many seconds each stage took.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate(network, x, target, population="H2E", device="runtime", record=())
    >>> response.loop, response.n_samples, response.n_repeats
    ('open', 1, 1)
    >>> response.signals["H2E_H1E"].plateau.shape  # (samples, repeats, postsynaptic cells)
    (1, 1, 200)
    >>> response.clipped  # no activity asked for more than the highest rate
    {}
    """

    loop: ClassVar[str]

    population: str | None
    spec: Plan
    batched: bool
    n_samples: int
    n_repeats: int
    results: RunResults

    # --- each loop's own ----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def projections(self) -> dict[str, PlasticProjection]:
        """The learned projections as their synapses saw them."""

    @property
    @abstractmethod
    def spikes(self) -> dict[str, np.ndarray]: ...

    @property
    @abstractmethod
    def v_soma(self) -> dict[str, np.ndarray]: ...

    @property
    @abstractmethod
    def v_dend(self) -> dict[str, np.ndarray]: ...

    @property
    @abstractmethod
    def eligibility(self) -> dict[str, np.ndarray]: ...

    @property
    @abstractmethod
    def clipped(self) -> dict[str, tuple[float, float]]: ...

    @abstractmethod
    def _instructed_biases(self) -> dict[str, tuple[BiasRule, np.ndarray]]:
        """population -> the rule by which its bias learns, and its plateaus (samples, repeats, n)."""

    @abstractmethod
    def _recorded(self) -> dict[str, dict[str, int]]:
        """How many columns each array has that was recorded: variable -> population -> n."""

    # --- the same in both ---------------------------------------------------------------------------------------------

    @property
    def weight_updates(self) -> WeightUpdates:
        return WeightUpdates(self.projections, self.batched)

    @property
    def bias_updates(self) -> dict[str, np.ndarray]:
        found = {name: rule.update(plateau, None) for name, (rule, plateau) in self._instructed_biases().items()}
        return {name: np.asarray(change if self.batched else change[0], np.float32) for name, change in found.items()}

    @property
    def signals(self) -> dict[str, Signals]:
        return {name: projection.signals for name, projection in self.projections.items()}

    @property
    def times(self) -> np.ndarray:
        return self.spec.times

    @property
    def in_volt(self) -> bool:
        """Whether the cells have units: then their voltages are in volt."""
        return getattr(self.spec.cell, "v_rest", None) is not None

    @property
    def timings(self) -> dict[str, float]:
        return self.results.timings

    def _headline(self) -> str:
        times = f"{counted(self.n_samples, 'sample')} × {counted(self.n_repeats, 'repeat')}"
        return f"{self.population or 'the whole circuit'} in the {self.loop} loop, {times}"

    def _parts(self) -> dict[str, str]:
        leading = (*((self.n_samples,) if self.batched else ()), self.n_repeats, len(self.times))
        recorded = {
            what: shapes({name: (*leading, n) for name, n in sizes.items()})
            + (", in volt" if self.in_volt and what in ("v_soma", "v_dend") else "")
            for what, sizes in self._recorded().items()
        }
        time = f"{float(self.spec.duration) * 1e3:g} ms in {counted(len(self.times), 'time step')}"
        return {"time": time, "weight_updates": self._shapes_of_updates(), **recorded}

    def _shapes_of_updates(self) -> str:
        return self.weight_updates.shapes()

    def _check_recorded(self, what: str) -> None:
        if what not in self.spec.record:
            kept = ", ".join(self.spec.record) or "nothing"
            raise SpikedtpError(f"{what!r} was not recorded (recorded: {kept}): name it in record=(...)")

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        """(presentations, ...) -> (n_repeats, ...), or (samples, n_repeats, ...)."""
        values = values.reshape(self.n_samples, self.n_repeats, *values.shape[1:])
        return values if self.batched else values[0]

    def _trace(self, what: str) -> np.ndarray:
        self._check_recorded(what)
        return self._shaped(self.results.traces[what])

    def _raster(self, group: str, cells: slice) -> np.ndarray:
        """Spikes of some cells of a Brian2 group, bool (..., n_steps, n)."""
        events, counts = self.results.spikes[group]
        presentation = np.repeat(np.arange(len(counts)), counts)
        mine = (events[:, 1] >= cells.start) & (events[:, 1] < cells.stop)
        raster = np.zeros((len(counts), len(self.times), cells.stop - cells.start), dtype=bool)
        raster[presentation[mine], events[mine, 0], events[mine, 1] - cells.start] = True
        return self._shaped(raster)


def check_recordable(record: Iterable[str], known: tuple[str, ...] = RECORDABLE) -> tuple[str, ...]:
    """The names of what to keep, or an error."""
    if isinstance(record, str) or not isinstance(record, Iterable):
        raise SpikedtpError(f"record must be a tuple of names such as ('spikes',), got {shown(record)}")
    for name in record:
        if name not in known:
            raise known_names("variable to record", name, known)
    return tuple(record)
