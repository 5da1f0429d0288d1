"""Brian2 as if nobody else used it: a network that is built and run inside gives the same numbers for every caller.

Compiler flags (``codegen.cpp``) stay the caller's: they are about his compiler, and name the compiled project.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import brian2
import numpy as np
from brian2.core.names import Nameable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import Device, RuntimeDevice, reset_device

__all__ = ["isolated"]

KINDS = {"cpp_standalone": CPPStandaloneDevice, "runtime": RuntimeDevice}
#: All of Brian2's preferences on which numbers depend, with the values that our results are promised for.
PREFERENCES = {
    "core.default_float_dtype": np.float64,
    "core.default_integer_dtype": np.int32,
    "core.network.default_schedule": ["start", "groups", "thresholds", "synapses", "resets", "end"],
    "codegen.target": "numpy",
    "codegen.string_expression_target": "numpy",
    "codegen.loop_invariant_optimisations": True,
    "codegen.runtime.numpy.discard_units": False,
    "codegen.generators.cpp.flush_denormals": False,
    "devices.cpp_standalone.openmp_threads": 0,
    "legacy.refractory_timing": False,
}


@contextmanager
def isolated(device: str, **options) -> Iterator[Device]:
    """A fresh device of this name, no other objects' names, and our preferences; the caller's again afterwards.

    Brian2 has one device of each kind, which may hold a network that the caller is building. It numbers a name that is
    taken, and the source would be another one for every caller.
    """
    names = Nameable.__instances__()
    others = set(names)
    names.clear()
    try:
        with _our_preferences():
            fresh = KINDS[device]()
            brian2.set_device(fresh, **options)
            try:
                yield fresh
            finally:
                fresh.reinit()  # lets go of all objects, which hold each other
                reset_device()
    finally:
        names.clear()
        names.update(reference for reference in others if reference() is not None)


@contextmanager
def _our_preferences() -> Iterator[None]:
    before = {name: brian2.prefs[name] for name in PREFERENCES}
    try:
        brian2.prefs.update(PREFERENCES)
        yield
    finally:
        brian2.prefs.update(before)
