"""Synaptic conductances in siemens: how spikes open them, their time course, and the block of NMDA by magnesium.

`conductances.py` has the simpler ones in units of a leak, in the order of operations of published simulations.
"""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Equations

__all__ = ["Receptor"]

#: Jahr & Stevens 1990, J. Neurosci. 10:3178: the share of NMDA conductance that magnesium leaves open.
OPEN_SHARE = "1/(1 + magnesium/(3.57*mmolar)*exp(-0.062*({voltage})/mV))"


@dataclass(frozen=True)
class Receptor:
    """Code of one kind of synapse on one compartment.

    A spike of weight w is added to the variable `arrives`. An exponential conductance jumps by w and decays with
    `tau_<name>`. One that rises as well follows ``exp(-t/tau) - exp(-t/tau_rise)`` and reaches w at its peak, as in
    NEST's `iaf_cond_beta`. With equal time constants it is the alpha function. Both are exact for any time step.

    The code needs the parameters ``v_<name>`` (reversal potential), ``tau_<name>``, ``tau_rise_<name>`` of one that
    rises, and ``magnesium`` of one that is blocked.

    Attributes
    ----------
    name : str
        Such as ``"ampa"``.
    compartment : str
    rises : bool
    blocked : bool
        Whether magnesium blocks it.

    Examples
    --------
    >>> from spikedtp.equations.receptors import Receptor
    >>> ampa = Receptor("ampa", "soma")
    >>> ampa.arrives, ampa.conductance("v_soma"), ampa.step("dt")
    ('ampa_soma', 'ampa_soma', 'ampa_soma *= exp(-(dt)/tau_ampa)')
    """

    name: str
    compartment: str
    rises: bool = False
    blocked: bool = False

    @property
    def arrives(self) -> str:
        """The variable to which spikes add, in siemens."""
        return f"{self.name}_{self.compartment}"

    @property
    def opened(self) -> str:
        """The variable that holds the conductance, before any block."""
        return f"g_{self.arrives}" if self.rises else self.arrives

    @property
    def equations(self) -> Equations:
        return Equations("\n".join(f"{name} : siemens" for name in dict.fromkeys((self.arrives, self.opened))))

    def conductance(self, voltage: str) -> str:
        """Expression of what is open at a voltage."""
        return f"{self.opened}*{OPEN_SHARE.format(voltage=voltage)}" if self.blocked else self.opened

    @property
    def _peak(self) -> str:
        """Factor that makes the peak of a rising conductance w, with its dimension 1/time."""
        # exprel(x) = (e^x - 1)/x, which is 1 where both time constants are equal
        return f"exp(1/exprel(log(tau_{self.name}/tau_rise_{self.name})))/tau_rise_{self.name}"

    @property
    def area(self) -> str:
        """Expression of the time for which a conductance w would stay open to pass as much as a spike of weight w."""
        return f"({self._peak}*tau_rise_{self.name}*tau_{self.name})" if self.rises else f"tau_{self.name}"

    def step(self, span: str) -> str:
        """Code for a time `span` without spikes."""
        tau, rise = f"tau_{self.name}", f"tau_rise_{self.name}"
        if not self.rises:
            return f"{self.arrives} *= exp(-({span})/{tau})"
        passed = f"({span})*exp(-({span})/{tau})*exprel(({span})/{tau} - ({span})/{rise})"
        return (
            f"{self.opened} = {self.opened}*exp(-({span})/{tau}) + {self.arrives}*{self._peak}*{passed}\n"
            f"{self.arrives} *= exp(-({span})/{rise})"
        )
