"""A private state of Brian2 for spikedtp. Outside, the state is the one that the caller has made.

Brian2 keeps some state once per process: the active device, the names that are taken, some preferences and the stop
signal. numpy does so with its global generator and its error handling. A caller may be in the middle of a script with
objects on either device that have run or will still run. Only one thread at a time is inside.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from brian2 import prefs
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import Device, RuntimeDevice

from spikedtp.brian2_internals import enter, new_instances, process_state, set_process_state
from spikedtp.locks import Lock

__all__ = ["PrivateBrian2", "harmless_warnings"]

KINDS = {"cpp_standalone": CPPStandaloneDevice, "runtime": RuntimeDevice}
#: All of Brian2's preferences on which numbers depend, with the values that our results are promised for.
#: Compiler flags (``codegen.cpp``) stay the caller's: they are about his compiler, and name the compiled project.
PREFERENCES = {
    "core.default_float_dtype": np.float64,
    "core.default_integer_dtype": np.int32,
    "core.network.default_schedule": ["start", "groups", "thresholds", "synapses", "resets", "end"],
    # it would take a keyboard interrupt as a wish to end one presentation early
    "core.stop_on_keyboard_interrupt": False,
    "codegen.target": "numpy",
    "codegen.string_expression_target": "numpy",
    "codegen.loop_invariant_optimisations": True,
    "codegen.runtime.numpy.discard_units": False,
    "codegen.generators.cpp.flush_denormals": False,
    "devices.cpp_standalone.openmp_threads": 0,
    "legacy.refractory_timing": False,
}

_ALONE = Lock()


class PrivateBrian2:
    """A device of its own without the names of other objects. It can be entered as often as needed.

    Brian2 adds a number to a name that is taken. Without this class the generated source would therefore be different
    for every caller. The device that Brian2 knows by its name is the caller's.
    """

    def __init__(self, device: str):
        self._device: Device = KINDS[device]()
        self._instances = new_instances()

    @contextmanager
    def inside(self) -> Iterator[Device]:
        """No code of the caller may run inside, such as a function that is called with the progress."""
        quiet = np.errstate(divide="ignore", invalid="ignore", under="ignore", over="warn")
        with _ALONE, quiet, harmless_warnings():
            state, preferences = process_state(), {name: prefs[name] for name in PREFERENCES}
            numbers = np.random.get_state()  # noqa: NPY002
            try:
                enter(self._device, self._instances)
                prefs.update(PREFERENCES)
                if self._device.defaultclock is None:
                    self._device.activate(build_on_run=False)
                yield self._device
            finally:
                set_process_state(state)
                prefs.update(preferences)
                np.random.set_state(numbers)  # noqa: NPY002


@contextmanager
def harmless_warnings() -> Iterator[None]:
    """Ignore warnings that libraries address to their own authors, if the caller has turned warnings into errors.

    Otherwise the filters are not changed: they belong to the whole process, and a change shows old warnings again.
    """
    if not any(action == "error" for action, *_ in warnings.filters):
        yield
        return
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning, SyntaxWarning):
            warnings.simplefilter("ignore", kind)
        yield
