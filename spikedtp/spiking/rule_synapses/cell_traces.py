"""Traces of cells of any group, for synapses: they jump when a cell fires and decay at the end of every time step.

A trace that each synapse keeps for itself costs as many updates as a cell has synapses. These cost one.
"""

from __future__ import annotations

from brian2 import NeuronGroup, Synapses
from brian2.groups.group import CodeRunner

from spikedtp.plasticity.pair_form import PairTrace
from spikedtp.spiking.synapses.ends import Cells

__all__ = ["add_cell_traces"]


def add_cell_traces(
    synapses: Synapses, side: str, cells: Cells, traces: dict[str, tuple[PairTrace, int]], *, nearest: bool, when: str,
    last: int,
) -> None:  # fmt: skip
    """Give `synapses` variables that are traces of their cells at one end.

    Parameters
    ----------
    synapses : Synapses
    side : {"pre", "post"}
    cells : Cells
    traces : dict
        Name of the variable -> its trace, and the order in the slot `when` in which it jumps.
    nearest : bool
        Whether a spike sets a trace instead of adding to it.
    when : str
    last : int
        The order in which the traces decay, after everybody has read them. The step that passes then is the present
        one, whatever the time step of the next run.
    """
    group = cells.group
    # equations do not take names with an underscore, which those of the synapses' own variables have
    bare = {name: name.lstrip("_") for name in traces}
    decay = "d{0}/dt = -{0}/({1!r}*second) : 1"
    held = NeuronGroup(
        len(group),
        "\n".join(decay.format(bare[name], float(trace.tau)) for name, (trace, _) in traces.items()),
        method="exact",
        clock=group.clock,
        namespace={},
        name=f"{synapses.name}_{side}_traces",
    )
    held.state_updater.when, held.state_updater.order = when, last
    held.variables.add_reference("_spikespace", group, "_spikespace")
    for name, (trace, order) in traces.items():
        held.contained_objects.append(
            CodeRunner(
                held,
                "reset",
                code=f"{bare[name]} {'=' if nearest else '+='} {float(trace.jump)!r}",
                needed_variables=["_spikespace"],
                template_kwds={"eventspace_variable": held.variables["_spikespace"]},
                clock=held.clock,
                when=when,
                order=order,
                name=f"{synapses.name}{name}_jump",
            )
        )
        synapses.variables.add_reference(name, held, bare[name], index=f"_{side}synaptic_idx")
    synapses.contained_objects.append(held)
