"""Parameters of AMPA, GABA-A and NMDA synapses, which a cell inherits, and what can be wrong with them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from brian2 import mmolar, ms, mV
from brian2.units.fundamentalunits import Quantity

from spikedtp.equations.receptors import Receptor
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.neurons.base import CellModel
from spikedtp.parameters import parameter

__all__ = ["EXCITE", "Receptors", "receptor_variable"]

logger = logging.getLogger(__name__)

#: Kinds of synapses; the first two excite.
KINDS = ("ampa", "nmda", "gaba")
EXCITE = ("ampa", "nmda")


@dataclass(frozen=True)
class Receptors(CellModel):
    """Base of cells with conductance synapses in siemens.

    A synapse adds its weight to the variable ``<receptor>_<compartment>``, such as ``ampa_soma``. The weight is the
    conductance at the peak of the response to one spike. `equations.receptors.Receptor` has the time course. The
    conductance of NMDA is then multiplied by ``B(V) = 1/(1 + magnesium/3.57 mM exp(-0.062 V/mV))``.

    Parameters
    ----------
    v_ampa, v_gaba, v_nmda : Quantity (volt)
        Reversal potentials.
    tau_ampa, tau_gaba, tau_nmda : Quantity (second)
        Time constants of the decay.
    tau_rise_ampa, tau_rise_gaba, tau_rise_nmda : Quantity (second)
        Time constants of the rise. With 0 ms the conductance jumps.
    magnesium : Quantity (molar)
        Its concentration outside of the cell, which blocks NMDA. With 0 there is no block.

    References
    ----------
    Jahr & Stevens 1990, J. Neurosci. 10:3178, for the block; Wang 1999, J. Neurosci. 19:9587, for the time constants of
    NMDA.

    Examples
    --------
    A cell of one's own:

    >>> from dataclasses import dataclass
    >>> from brian2 import Equations, ms, mV, nS, pF
    >>> from spikedtp.neurons import Declaration, Receptors
    >>> from spikedtp.parameters import parameter
    >>> @dataclass(frozen=True)
    ... class Leaky(Receptors):
    ...     c: object = parameter(100 * pF, above=0 * pF)
    ...     g_leak: object = parameter(10 * nS, above=0 * nS)
    ...     v_rest: object = parameter(-70 * mV)
    ...
    ...     receptors = {"soma": ("ampa", "gaba")}
    ...
    ...     def declaration(self):
    ...         kinds = self.of("soma")
    ...         flows = " + ".join(f"{k.conductance('v_soma')}*(v_{k.name} - v_soma)" for k in kinds)
    ...         return Declaration(
    ...             equations=sum((k.equations for k in kinds), Equations("v_soma : volt")),
    ...             threshold="v_soma > -50*mV",
    ...             reset="v_soma = v_rest",
    ...             update=f"v_soma += dt/c*(g_leak*(v_rest - v_soma) + {flows})" + self.step("dt"),
    ...             initial={"v_soma": "v_rest"},
    ...         )
    >>> Leaky().declaration().equations["ampa_soma"].unit
    siemens
    """

    v_ampa: Quantity = parameter(0 * mV)
    v_gaba: Quantity = parameter(-80 * mV)
    v_nmda: Quantity = parameter(0 * mV)
    tau_ampa: Quantity = parameter(5 * ms, above=0 * ms)
    tau_gaba: Quantity = parameter(10 * ms, above=0 * ms)
    tau_nmda: Quantity = parameter(100 * ms, above=0 * ms)
    tau_rise_ampa: Quantity = parameter(0 * ms, least=0 * ms)
    tau_rise_gaba: Quantity = parameter(0 * ms, least=0 * ms)
    tau_rise_nmda: Quantity = parameter(2 * ms, least=0 * ms)
    magnesium: Quantity = parameter(1 * mmolar, least=0 * mmolar)

    #: compartment -> kinds of its synapses
    receptors: ClassVar[Mapping[str, tuple[str, ...]]] = {"soma": ("ampa", "gaba"), "dend": ("ampa", "gaba", "nmda")}

    def __post_init__(self) -> None:
        super().__post_init__()
        for compartment, kinds in self.receptors.items():
            for kind in kinds:
                if kind not in KINDS:
                    raise known_names(f"receptor of {type(self).__name__}", kind, KINDS)
                if kind == "nmda" and compartment != "dend":
                    raise SpikedtpError(
                        f"{type(self).__name__}: NMDA is for dendrites, and {compartment!r} is none: put it on "
                        "'dend', or use AMPA"
                    )
        self._check_sides()

    def _check_sides(self) -> None:
        """Excitation must be able to reach the threshold, and inhibition must not."""
        parameters = self.quantities()
        threshold, rest = parameters.get("v_threshold"), parameters.get("v_rest")
        for kind in {kind for kinds in self.receptors.values() for kind in kinds}:
            reversal, name = parameters[f"v_{kind}"], f"{type(self).__name__}.v_{kind}"
            if threshold is None:
                continue
            if kind in EXCITE and not reversal > threshold:
                raise SpikedtpError(
                    f"{name} = {reversal} must be above v_threshold = {threshold}, or its synapses do not excite"
                )
            if kind not in EXCITE and not reversal < threshold:
                raise SpikedtpError(
                    f"{name} = {reversal} must be below v_threshold = {threshold}, or its synapses excite"
                )
            if kind not in EXCITE and rest is not None and reversal > rest:
                logger.warning("%s = %s is above v_rest = %s: at rest its synapses depolarise", name, reversal, rest)

    @property
    def never_negative(self) -> tuple[str, ...]:
        known = self.declaration().equations
        variables = (kind.arrives for name in self.receptors for kind in self.of(name))
        return tuple(name for name in variables if name in known)

    def of(self, compartment: str) -> tuple[Receptor, ...]:
        """Code of the synapses of a compartment."""
        parameters = self.quantities()
        return tuple(
            Receptor(kind, compartment, rises=bool(parameters[f"tau_rise_{kind}"] > 0 * ms), blocked=kind == "nmda")
            for kind in self.receptors.get(compartment, ())
        )

    def step(self, span: str) -> str:
        """Code of all synapses for a time `span` without spikes."""
        return "\n" + "\n".join(kind.step(span) for name in self.receptors for kind in self.of(name)) + "\n"


def receptor_variable(cell: CellModel, receptor: str, compartment: str = "dend") -> str:
    """The variable of a cell to which the synapses of a receptor add their weights in siemens.

    Parameters
    ----------
    cell : CellModel
    receptor : {"ampa", "gaba", "nmda"}
    compartment : {"soma", "dend"}

    Raises
    ------
    SpikedtpError
        The cell has no such synapses.

    Examples
    --------
    >>> from spikedtp.neurons import AdaptiveLIF, receptor_variable
    >>> receptor_variable(AdaptiveLIF(), "nmda")
    'nmda_dend'
    """
    if receptor not in KINDS:
        raise known_names("receptor", receptor, KINDS)
    name, known = f"{receptor}_{compartment}", set(cell.declaration().equations)
    if name in known:
        return name
    if not any(variable.endswith("_dend") for variable in known) and compartment == "dend":
        raise SpikedtpError(
            f"{type(cell).__name__} has no dendrite, so {receptor.upper()} cannot be on it: use AdaptiveLIF or "
            "NMDAPlateau"
        )
    raise SpikedtpError(
        f"{type(cell).__name__} has no {receptor.upper()} synapses on {compartment!r}: it has "
        f"{', '.join(sorted(v for v in known if v.partition('_')[0] in KINDS)) or 'no conductances in siemens'}"
    )
