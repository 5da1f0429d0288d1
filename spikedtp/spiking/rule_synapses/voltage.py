"""The traces of a postsynaptic voltage, for rules that learn from it: a group of their own for each synapse object.

They are beside the cells, so that any group will do as it is. In each step, after the cells have moved and before
thresholds are checked, the traces are read and then move.
"""

from __future__ import annotations

import numpy as np
from brian2 import NeuronGroup, linked_var

from spikedtp.plasticity.pair_form import VoltageTraces
from spikedtp.plasticity.stock_code import voltage_code
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["EVENT", "VoltageGroup"]

#: What happens to a cell in every step in which its voltage strengthens synapses.
EVENT = "high"


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
