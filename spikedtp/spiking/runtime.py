"""Runs a network on Brian2's runtime device with the numpy target: no compiler, for notebooks and small things."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager

import brian2
import numpy as np

from spikedtp.spiking.built import BuiltNetwork
from spikedtp.spiking.run_data import RunInputs, RunResults

__all__ = ["run_runtime"]


@contextmanager
def _numpy_target():
    """Brian2's numpy target, with numpy's global generator (which that target draws from) left as it was."""
    target, state = brian2.prefs.codegen.target, np.random.get_state()  # noqa: NPY002
    brian2.prefs.codegen.target = "numpy"
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            yield
    finally:
        brian2.prefs.codegen.target = target
        np.random.set_state(state)  # noqa: NPY002


def run_runtime(build: Callable[[], BuiltNetwork], data: RunInputs, progress=None) -> RunResults:
    """Build a network and run every presentation of `data`; see `RunInputs` and `RunResults`."""
    started = time.perf_counter()
    with _numpy_target():
        built = build()
        for variable, values in built.constants.values():
            stored = variable.get_value()
            if stored.shape != values.shape:
                raise AssertionError(f"{variable.name} holds {stored.shape} values, not {values.shape}")
            stored[:] = values
        built.net.store()
        results = _Collector(built)
        for k in range(len(data)):
            lasting = [(variable, np.array(variable.get_value())) for variable in built.lasting.values()]
            built.net.restore()
            for variable, values in lasting:
                variable.get_value()[:] = values
            brian2.seed(int(data.seeds[k]))
            for name, variable in built.changing.items():
                variable.get_value()[:] = data.patterns[name][data.pattern[k]].ravel()
            built.start()
            built.net.run(built.duration, namespace={})
            results.collect()
            if progress is not None:
                progress(k + 1)
    return results.finish(time.perf_counter() - started)


class _Collector:
    """Copies what each presentation left behind."""

    def __init__(self, built: BuiltNetwork):
        self.built = built
        self.vectors = {name: [] for name in built.vectors}
        self.events = {name: [] for name in built.spikes}
        self.traces = {name: [] for name in built.traces}

    def collect(self) -> None:
        for name, variable in self.built.vectors.items():
            self.vectors[name].append(np.array(variable.get_value(), dtype=self.built.precision))
        for name, monitor in self.built.spikes.items():
            step = np.round(np.asarray(monitor.t_) / self.built.clock.dt_).astype(np.int32)
            self.events[name].append(np.stack([step, np.asarray(monitor.i_, dtype=np.int32)], axis=1))
        for name, (monitor, variable) in self.built.traces.items():
            # a copy: in the monitor's own precision the next presentation would overwrite it
            values = np.array(getattr(monitor, variable + "_"), dtype=self.built.precision)
            self.traces[name].append(values.T)

    def finish(self, seconds: float) -> RunResults:
        return RunResults(
            vectors={name: np.array(rows) for name, rows in self.vectors.items()},
            spikes={
                name: (np.concatenate(rows), np.array([len(r) for r in rows])) for name, rows in self.events.items()
            },
            traces={name: np.array(rows) for name, rows in self.traces.items()},
            timings={"run": seconds},
        )
