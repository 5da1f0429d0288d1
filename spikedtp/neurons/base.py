"""The base of every cell and input model. One model = one frozen dataclass = one file beside this one."""

from __future__ import annotations

from spikedtp.neurons.declaration import Declaration, DeclaredModel
from spikedtp.neurons.group import CellGroup, cell_group

__all__ = ["CellModel", "Declaration"]


class CellModel(DeclaredModel):
    """Base of the frozen dataclasses in this folder: a declared model that can be made into a Brian2 group.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from brian2 import Equations, ms, second
    >>> from spikedtp.neurons import CellModel, Declaration
    >>> from spikedtp.parameters import parameter
    >>> @dataclass(frozen=True)
    ... class Integrator(CellModel):
    ...     tau: second = parameter(10 * ms, above=0 * ms)
    ...
    ...     def declaration(self):
    ...         equations = Equations("dv_soma/dt = -v_soma/tau : 1")
    ...         return Declaration(equations=equations, threshold="v_soma > 1", reset="v_soma = 0")
    >>> Integrator(tau=5 * ms)
    Integrator(tau=5. * msecond)
    """

    def group(self, n: int, **options) -> CellGroup:
        """`n` cells for a Brian2 network of one's own; they do what they do in this package's networks, step by step.

        Parameters are shared constants of the group, set to the model's values; states begin at their initial values,
        random ones drawn at once. Spikes that arrive in a step, by any synapses that add to `input_soma` or
        `input_dend` in the slot "synapses", are integrated in that step, and then cleared.

        Parameters
        ----------
        n : int
        equations : str or Equations
            More variables of the group: what a network must give to the cell, or what synapses read of it.
        namespace : dict
            Functions and constants that the declaration uses.
        options
            Of Brian2's `NeuronGroup`: ``name``, ``clock``, ``dt``, ``method``, ``dtype``, ``events`` and so on.

        Returns
        -------
        CellGroup
            A `brian2.NeuronGroup`.

        Raises
        ------
        SpikedtpError
            Options that the cell itself decides, a declaration that uses what nothing defines, a time step that the
            cell does not carry.

        Examples
        --------
        >>> from brian2 import Network, SpikeMonitor, Synapses, ms, prefs
        >>> from spikedtp.neurons import LIF, PoissonInput
        >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # so small that compiling takes longer
        >>> inputs = PoissonInput().group(20, dt=1 * ms, name="doc_inputs")
        >>> inputs.activity = 0.5
        >>> cells = LIF(t_refractory=2 * ms).group(3, dt=1 * ms, name="doc_cells")
        >>> synapses = Synapses(inputs, cells, on_pre="input_soma_post += 0.1", dt=1 * ms)
        >>> synapses.connect()
        >>> spikes = SpikeMonitor(cells)
        >>> Network(inputs, cells, synapses, spikes).run(200 * ms)
        >>> prefs.codegen.target = target
        >>> bool(spikes.num_spikes > 30)
        True
        """
        return cell_group(self, n, **options)
