"""Everything private of Brian2 on which this package relies, and what is done where a version of Brian2 lacks it.

Private is a name with an underscore in front, what Brian2 keeps once per process, and the text of the C++ that it
generates. No other module uses such a name (code templates apart, which read Brian2's variables by their names), and
tests/test_brian2_internals.py has a test for each. A new release therefore fails here first. Where it does, and for
every version that is not tested, `fall_back` warns once per process, and Brian2's own ways are used, which are slower.
"""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import brian2
from brian2 import Network, second
from brian2.codegen import cpp_prefs
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet
from brian2.core.variables import Variable, Variables
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.device import Device, get_device
from brian2.synapses.synapses import SynapticPathway
from brian2.units.fundamentalunits import Quantity
from brian2.utils import caching

from spikedtp.errors import SpikedtpError

__all__ = [
    "GENERATOR", "SEED", "STOPPED", "TESTED", "add_pathway", "add_variable", "bytecode_cache", "compiler_flags",
    "count_as_run", "doubts", "end_of_run", "enter", "fall_back", "familiar", "lacking", "new_instances",
    "process_state", "set_process_state", "variables_looked_at_once",
]  # fmt: skip

#: Versions of Brian2 with which the whole test suite passes.
TESTED = ("2.9", "2.10", "2.11")

# --- names in generated C++ -------------------------------------------------------------------------------------------

#: The generator of random numbers, and how it is seeded; Brian2's `seed` would write the number into the source.
GENERATOR = "brian::_random_generators[0]"
SEED = f"{GENERATOR}.seed"
#: Whether `brian2.stop()` or an interrupt has ended a run early.
STOPPED = "Network::_globally_stopped"

# --- what Brian2 keeps once per process -------------------------------------------------------------------------------

_DEVICES: Any = sys.modules[Device.__module__]  # the package has an attribute of the module's name
_STATE: dict[str, Any] = {
    "active_device": _DEVICES,
    "instance_sets": InstanceFollower,  # the objects that there are, from which Brian2 tells which names are taken
    "_globally_running": Network,
    "_globally_stopped": Network,
}


def process_state() -> dict[str, Any]:
    """The active device, the objects that there are, and the stop signals."""
    return {name: getattr(owner, name) for name, owner in _STATE.items() if hasattr(owner, name)}


def set_process_state(state: Mapping[str, Any]) -> None:
    """Set what `process_state` gave, or a part of it."""
    for name, value in state.items():
        setattr(_STATE[name], name, value)


def enter(device: Device, instances: defaultdict) -> None:
    """Make `device` the active one, and `instances` the objects that there are."""
    set_process_state({"active_device": device, "instance_sets": instances})
    if get_device() is not device:
        raise SpikedtpError(
            f"spikedtp cannot use Brian2 {brian2.__version__}, whose active device it cannot set: install another "
            "version of Brian2, or a newer spikedtp"
        )


def new_instances() -> defaultdict:
    """``instance_sets`` without any object: all names are free."""
    return defaultdict(InstanceTrackerSet)


# --- objects ----------------------------------------------------------------------------------------------------------


def count_as_run(network: Network) -> None:
    """Make Brian2 believe that the network has run. It warns when objects vanish that never did."""
    for item in network.objects:
        item._network = network.id


def end_of_run(clock: Any) -> float:
    """When the run that begins will end, in seconds; infinite where Brian2 does not say."""
    return getattr(clock, "_i_end", float("inf")) * clock.dt_


def add_variable(variables: Variables, name: str, variable: Variable, index: str) -> None:
    """Add a variable of another owner under `name`. Unlike `add_reference` this keeps how its owner counts cells."""
    variables._variables[name] = variable
    variables.indices[name] = index


def add_pathway(synapses: Any, code: str, name: str, cells: Any, event: str) -> None:
    """Add code after events of `cells`, a group that stands for the postsynaptic cells and is counted as they are."""
    target, synapses.target = synapses.target, cells
    try:
        pathway = SynapticPathway(synapses, code, "post", name, Quantity(0.0, dim=second.dim), event)
    finally:
        synapses.target = target
    synapses.add_attribute(name)
    setattr(synapses, name, pathway)
    synapses._pathways.append(pathway)
    synapses._synaptic_updaters.append(name)
    synapses.contained_objects.append(pathway)


# --- code generation --------------------------------------------------------------------------------------------------


def compiler_flags() -> dict[tuple[str, str], bool]:
    """(compiler, flag) -> whether it takes it, as Brian2 remembers. Without the name Brian2 tries the flags again."""
    return getattr(cpp_prefs, "_compiler_flag_compatibility", {})


def bytecode_cache(code_object: type, cache: Any) -> Any:
    """Set where Jinja keeps the compiled templates of a class of code objects. Returns the place before."""
    environment = code_object.templater.env  # type: ignore[attr-defined]
    before, environment.bytecode_cache = environment.bytecode_cache, cache
    return before


#: What tells two of Brian2's variables or equations apart -> what stands for it, which takes no time to compare.
_STANDS_FOR: dict[Any, object] = {}


@contextmanager
def variables_looked_at_once() -> Iterator[None]:
    """Inside, variables must not change but for their values. Code generation then takes about half of the time.

    Brian2 remembers the statements of a piece of code together with all variables of its group. Each time it looks it
    up, it would go through every attribute of each variable again.
    """
    original = getattr(caching, "_hashable", None)
    if original is None:
        yield
        return
    seen: dict[int, tuple[object, object]] = {}  # with the object itself: no other one may get its number

    def hashable(thing: Any) -> Any:
        if not isinstance(thing, caching.CacheKey):
            return original(thing)  # what it holds comes here again
        if id(thing) not in seen:
            seen[id(thing)] = (thing, _STANDS_FOR.setdefault(original(thing), object()))
        return seen[id(thing)][1]

    caching._hashable = hashable
    try:
        yield
    finally:
        caching._hashable = original


# --- other versions ---------------------------------------------------------------------------------------------------


def _template(name: str) -> str:
    path = Path(brian2.__file__).parent / "devices" / "cpp_standalone" / "templates" / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


#: What must be there -> whether it is. Without `_network` there are more warnings, and without
#: `_compiler_flag_compatibility` more trials of flags, no more.
RELIED_ON: dict[str, Callable[[], bool]] = {
    "active_device": lambda: hasattr(_DEVICES, "active_device"),
    "instance_sets": lambda: hasattr(InstanceFollower, "instance_sets"),
    "_globally_running": lambda: hasattr(Network, "_globally_running"),
    "_globally_stopped": lambda: hasattr(Network, "_globally_stopped"),
    STOPPED: lambda: "bool Network::_globally_stopped" in _template("network.cpp"),
    GENERATOR: lambda: "_random_generators" in _template("objects.cpp"),
    "_variables": lambda: hasattr(Variables(None), "_variables"),
    "_pathways": lambda: "_pathways" in brian2.Synapses.__init__.__code__.co_names,
    "templater": lambda: hasattr(CPPStandaloneCodeObject.templater.env, "bytecode_cache"),
}


def lacking() -> list[str]:
    """The names of `RELIED_ON` that this version of Brian2 does not have."""
    return [name for name, there in RELIED_ON.items() if not there()]


def doubts() -> str:
    """Why this version of Brian2 is not known well; empty if it is."""
    missing = lacking()
    untested = ".".join(brian2.__version__.split(".")[:2]) not in TESTED
    found = [f"spikedtp is tested with {', '.join(TESTED)}"] if untested else []
    return "; ".join([*found, f"it lacks {', '.join(missing)}"] if missing else found)


_doubts: dict[str, str] = {}
_warned: set[str] = set()


def familiar() -> bool:
    """Whether this version of Brian2 is tested and has all that is relied on. If not, the first call warns."""
    version = brian2.__version__
    if version not in _doubts:
        _doubts[version] = doubts()
    if _doubts[version]:
        fall_back(_doubts[version])
    return not _doubts[version]


def fall_back(reason: str) -> None:
    """Warn, once per process, that something is done in Brian2's own way."""
    version = brian2.__version__
    if version in _warned:
        return
    _warned.add(version)
    warnings.warn(
        f"Brian2 {version} is not known well ({reason}): it simulates in its own ways where spikedtp has faster ones. "
        "`spikedtp check` shows whether results are right",
        stacklevel=3,
    )
