"""The traces of a postsynaptic voltage, for rules that learn from it: a group of their own, one for each synapse object.

They are beside the cells, so that any group will do as it is. In each step, after the cells have moved and before
thresholds are checked, the traces are read and then move.
"""

from __future__ import annotations

import numpy as np
from brian2 import NeuronGroup, linked_var, mV
from brian2.core.variables import ArrayVariable

from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity.pair_form import VoltageTraces
from spikedtp.plasticity.stock_code import voltage_code
from spikedtp.spiking.synapses.checks import unit_of
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["EVENT", "VoltageGroup", "check_voltage"]

#: What happens to a cell in every step in which its voltage strengthens synapses.
EVENT = "high"


def check_voltage(post: Cells, name: str) -> None:
    """Raise unless `name` is a variable of the postsynaptic cells in volt, one for each cell.

    Raises
    ------
    SpikedtpError
    """
    variables = post.group.variables
    known = [key for key, found in variables.items() if isinstance(found, ArrayVariable) and found.dim is mV.dim]
    if name in variables and variables[name].dim is not mV.dim:
        raise SpikedtpError(
            f"{post.owner}: the voltage {name!r} of {post.group.name!r} must be in volt, as the thresholds of the rule "
            f"are, but it is in {unit_of(variables[name].dim)}: give the name of another variable as voltage="
        )
    if name not in known:
        raise SpikedtpError(f"{post.owner}: {known_names(f'voltage of {post.group.name!r}', name, known)}: give its name "
                            "as voltage=")  # fmt: skip


class VoltageGroup(NeuronGroup):
    """``ltd``, ``ltp`` and the traces of `VoltageTraces` for every cell of the whole postsynaptic group.

    Parameters
    ----------
    post : Cells
    voltage : str
        The variable that is u.
    form : VoltageTraces
    name : str
    """

    def __init__(self, post: Cells, voltage: str, form: VoltageTraces, name: str):
        code = voltage_code(form, "u")
        self._rest, self._traces = form.u_rest, list(code.post_start)
        super().__init__(
            len(post.group),
            f"u : volt (linked)\n{code.post_model}",
            events=code.events,
            clock=post.group.clock,
            dtype=dict.fromkeys(["ltd", "ltp", *self._traces], np.float64),
            name=name,
            namespace={},
        )
        self.u = linked_var(post.group, voltage)
        self.forget()
        self.run_regularly(code.post_step, when="thresholds", order=-2, name=f"{name}_traces")
        self.set_event_schedule(EVENT, when="thresholds", order=-1)

    def forget(self) -> None:
        """Set the traces to rest, where they begin."""
        for trace in self._traces:
            setattr(self, trace, self._rest)
