"""A leaky membrane with adaptation that fires at a rate proportional to its activity. The fragment beside `firing`.

The cell is biased to its threshold, so that it fires at any positive drive. In the mean a spike adds as much adaptation
as the activity that it stands for. A gain makes up for what the leak takes of each interval. Half of a spike's
adaptation and half of the threshold are taken off the drive, because a membrane fires before its mean is reached. Noise
makes the rate smooth near zero, where a membrane without noise is silent up to this offset.
"""

from __future__ import annotations

from brian2 import Equations

from spikedtp.equations.firing import Firing

__all__ = ["adaptive_firing"]

_EQUATIONS = """
    jump = int(unit_rate != 0*Hz)/(abs(unit_rate)*tau_adaptation + int(unit_rate == 0*Hz)) : 1
    gain_membrane = 1 + abs(unit_rate)*threshold_membrane*tau_membrane : 1
    offset = (jump + threshold_membrane)/2 : 1
    drive = gain_membrane*activity*(2*int(unit_rate > 0*Hz) - 1) - offset : 1
    membrane : 1
    adaptation : 1
    dead_steps : 1  # steps of the refractory time that are left
    """
_LEFT = "exp(-dt/tau_membrane)"
#: What the membrane moves by in a step: exact where its conductance is constant, and else an implicit step of Euler's.
_MOVES = {
    False: f"(1 - {_LEFT})*(threshold_membrane + drive - adaptation - membrane)",
    True: "((1 + gain_membrane*opening)*(threshold_membrane - membrane) + drive - adaptation)"
    "/(1 + tau_membrane/dt + gain_membrane*opening)",
}


def adaptive_firing(*, noisy: bool, conductances: bool = False) -> Firing:
    """Spikes of an `activity` at a `unit_rate`, which is negative for cells that fire at negative activities.

    Needs ``threshold_membrane, tau_membrane, tau_adaptation, t_refractory`` and, with noise, ``noise``. With
    conductances the activity is that at the threshold, and `opening` is by how much open synapses raise the
    conductance of the membrane, in units of its leak and of activity. A spike takes `threshold_membrane` off the
    membrane: what exceeds it counts for the next interval.
    """
    drawn = f" + noise*offset*sqrt(1 - {_LEFT}**2)*kick(i, seed_of_kicks)" if noisy else ""
    return Firing(
        Equations(_EQUATIONS) + Equations("seed_of_kicks : integer (shared)" if noisy else ""),
        f"""
        {"seed_of_kicks = int(2147483647*rand())" if noisy else ""}
        adaptation *= exp(-dt/tau_adaptation)
        membrane += int(dead_steps < 0.5)*({_MOVES[conductances]}{drawn})
        dead_steps = clip(dead_steps - 1, 0, inf)
        """,
        "membrane >= threshold_membrane",
        "membrane -= threshold_membrane\nadaptation += jump\ndead_steps = t_refractory/dt",
        {"membrane": "threshold_membrane*rand()"},
    )
