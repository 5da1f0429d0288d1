"""The value of a group of one cell, such as a concentration of dopamine, as a function that any code may call."""

from __future__ import annotations

from brian2 import Function, Unit, get_device
from brian2.core.variables import ArrayVariable
from brian2.groups.group import Group

from spikedtp.errors import SpikedtpError, known_names, shown

__all__ = ["shared_value"]


def shared_value(group: Group, variable: str) -> Function:
    """A function without arguments that gives the present value of a variable of which a group has one.

    Brian2's synapses cannot read a third group, and what all of them share must be the same for all cells. With this
    function a reward that is decided inside the run, or any other signal, can modulate them.

    Parameters
    ----------
    group : NeuronGroup or other group
        Of one cell; or `variable` is shared by its cells.
    variable : str

    Returns
    -------
    Function
        For the `namespace` of what calls it.

    Raises
    ------
    SpikedtpError
        There is no such variable, or the group has several values of it, or it is computed from others.

    Examples
    --------
    >>> from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, Synapses, ms, prefs
    >>> from spikedtp.synapses import shared_value
    >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
    >>> dopamine = NeuronGroup(1, "dd/dt = -d/(200*ms) : 1", method="exact", dt=1 * ms, name="doc_dopamine")
    >>> dopamine.d = 0.5
    >>> inputs = SpikeGeneratorGroup(1, [0], [100] * ms, dt=1 * ms, name="doc_shared_inputs")
    >>> synapses = Synapses(inputs, inputs, "w : 1", on_pre="w += dopamine()", clock=inputs.clock, name="doc_shared",
    ...                     namespace={"dopamine": shared_value(dopamine, "d")})
    >>> synapses.connect()
    >>> Network(dopamine, inputs, synapses).run(150 * ms)
    >>> prefs.codegen.target = target
    >>> round(float(synapses.w[0]), 4)  # 0.5 e^(-101/200)
    0.3018
    """
    if not isinstance(group, Group):
        raise SpikedtpError(f"shared_value: group must be a group of Brian2, got {shown(group)}")
    found = {name: var for name, var in group.variables.items() if isinstance(var, ArrayVariable) and var.size == 1}
    if variable not in group.variables:
        raise known_names(f"variable of {group.name!r}", variable, [name for name in found if not name.startswith("_")])
    if variable not in found:
        raise SpikedtpError(
            f"shared_value: {variable!r} of {group.name!r} must be one number, as in a group of one cell or with "
            "(shared), and no subexpression"
        )
    array = found[variable]

    def value() -> float:
        return array.get_value()[0]

    device, name = get_device(), f"_{group.name}_{variable}_value"
    where = f"brian::{device.get_array_name(array)}" if hasattr(device, "project_dir") else "unused"
    function = Function(
        value, arg_units=[], return_unit=Unit(1.0, dim=array.dim), arg_types=[], return_type="float", stateless=True
    )
    function.implementations.add_implementation("numpy", value)
    function.implementations.add_implementation(
        "cpp", f"static inline double {name}() {{ return {where}[0]; }}", name=name
    )
    return function
