"""The base of every cell and input model. Each model is one frozen dataclass in a file beside this one."""

from __future__ import annotations

from typing import Any

from spikedtp.neurons.declaration import Declaration, DeclaredModel
from spikedtp.neurons.group import CellGroup, cell_group

__all__ = ["CellModel", "Declaration"]


class CellModel(DeclaredModel):
    """Base class of all cell and input models: a declared model from which a Brian2 group can be made.

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

    def group(self, n: int, **options: Any) -> CellGroup:
        """Make `n` cells for a Brian2 network of your own. In each step they do the same as in spikedtp's networks.

        Parameters are shared constants of the group and have the values of the model. States have their initial values,
        and random initial values are drawn at once. Any synapses that add to `input_soma` or `input_dend` in the slot
        "synapses" reach the cells: their spikes are integrated in the step in which they arrive, and then cleared.

        Parameters
        ----------
        n : int
        equations : str or Equations
            More variables of the group: those that a network must give to the cell, or that synapses read from it.
        namespace : dict
            Functions and constants that the declaration uses.
        options
            Options of Brian2's `NeuronGroup`: ``name``, ``clock``, ``dt``, ``method``, ``dtype``, ``events`` and so on.

        Returns
        -------
        CellGroup
            A `brian2.NeuronGroup`.

        Raises
        ------
        SpikedtpError
            An option is one that the cell itself decides, the declaration uses a name that nothing defines, or the
            time step does not suit the cell.

        Examples
        --------
        >>> from brian2 import Network, SpikeMonitor, Synapses, ms, prefs
        >>> from spikedtp.neurons import LIF, PoissonInput
        >>> target, prefs.codegen.target = prefs.codegen.target, "numpy"  # compiling would take longer than running
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
