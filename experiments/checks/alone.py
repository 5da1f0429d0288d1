"""Cells by themselves under given input, without a circuit: what a physiologist does with an electrode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from brian2 import Network, NetworkOperation, SpikeMonitor, StateMonitor, ms, seed

from spikedtp.neurons import CellModel
from spikedtp.private_brian2 import PrivateBrian2

__all__ = ["alone"]


def alone(
    cell: CellModel,
    n: int = 1,
    *,
    dt: float,
    duration: float,
    given: Mapping[str, Any] | None = None,
    kicks: Mapping[str, tuple[Sequence[float], Any]] | None = None,
    record: Sequence[str] = ("v_soma", "v_dend"),
    every: float | None = None,
    draw: int = 0,
) -> dict[str, Any]:
    """Run `n` cells of a model with numpy.

    Parameters
    ----------
    dt, duration : float
        In ms.
    given : mapping
        Variables or parameters and what they are set to before the run.
    kicks : mapping
        Variable -> (times in ms, what a spike adds to it then, in SI units, one or (n,)). A variable is kicked in the
        slot "synapses" of the step that begins at that time.
    record : sequence of str
        What is recorded at the end of steps.
    every : float, optional
        In ms, how often; by default in every step.
    draw : int
        Seed.

    Returns
    -------
    dict
        ``"t"`` in ms, at which a recorded value holds; each variable (n, n_times) in SI units; ``"spikes"``, one array
        of times in ms for each cell.
    """
    with PrivateBrian2("runtime").inside():
        seed(draw)
        cells = cell.group(n, dt=dt * ms, name="alone")
        for variable, values in (given or {}).items():
            cells.state(variable, use_units=False)[:] = np.asarray(values, dtype=float)
        net = Network(cells)
        for variable, (times, size) in (kicks or {}).items():
            net.add(_kicker(cells, variable, np.round(np.asarray(times) / dt).astype(int), size, dt))
        fired = SpikeMonitor(cells, name="alone_spikes")
        # at the end of a step a voltage is that of the next one's beginning
        seen = StateMonitor(cells, list(record), record=True, dt=(every or dt) * ms, when="end", name="alone_seen")
        net.add(fired, seen)
        net.run(duration * ms, namespace={})
        trains = fired.spike_trains()
        return {
            "t": np.asarray(seen.t / ms) + dt,
            **{name: np.array(getattr(seen, f"{name}_")) for name in record},
            "spikes": [np.asarray(trains[k] / ms) for k in range(n)],
        }


def _kicker(cells: Any, variable: str, steps: np.ndarray, size: Any, dt: float) -> NetworkOperation:
    counts = dict(zip(*np.unique(steps, return_counts=True), strict=True))

    def kick() -> None:
        if count := counts.get(int(cells.clock.timestep[:].item()), 0):
            values = cells.state(variable, use_units=False)
            values[:] = values[:] + count * np.asarray(size)

    return NetworkOperation(kick, when="synapses", dt=dt * ms, name=f"kick_{variable}")
