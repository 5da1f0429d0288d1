"""The code of a network on the runtime device, kept from one run to the next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from brian2 import Network
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner

__all__ = ["KeptCode"]


class KeptCode:
    """Lets each run of a network use the code of the run before. Brian2 would generate all of it again.

    Between runs, values may change, but not the objects, their equations or the time step. The code has the arrays
    themselves, so that it sees new values, but of constants that all cells share it has a copy.
    """

    def __init__(self, network: Network):
        self._network = network
        self._ready: set[str] = set()
        self._constants: dict[tuple[str, str], Any] = {}
        for item in network.sorted_objects:
            if isinstance(item, CodeRunner):
                item.create_code_objects = partial(self._create, item.name, item.create_code_objects)

    def before_run(self) -> None:
        """Call it before each run, when all values are set."""
        constants = {
            (item.name, name): variable.get_value().item()
            for item in self._network.sorted_objects
            for name, variable in getattr(item, "variables", {}).items()
            if isinstance(variable, ArrayVariable) and variable.scalar and variable.constant
        }
        if constants != self._constants:
            self._ready.clear()
            self._constants = constants

    def _create(self, name: str, create: Callable[[Any], None], run_namespace: Any) -> None:
        if name not in self._ready:
            create(run_namespace)
            self._ready.add(name)
