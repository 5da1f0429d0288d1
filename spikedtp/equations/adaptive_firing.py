"""A leaky membrane with adaptation that fires at a rate proportional to its drive. The fragment beside `firing`.

The cell is biased to its threshold, so that it fires at any positive drive. In the mean a spike adds as much adaptation
as the drive that it stands for. A gain makes up for what the leak takes of each interval, and half of a spike's
adaptation and half of the threshold are taken off the drive, because a membrane fires before its mean is reached.
Noise makes the rate smooth near zero, where a membrane without noise is silent up to this offset.
"""

from __future__ import annotations

from brian2 import Equations

from spikedtp.equations.firing import Firing

__all__ = ["adaptive_firing"]


def adaptive_firing(noisy: bool) -> Firing:
    """Spikes of an `activity` at a `unit_rate`, which is negative for cells that fire at negative activities.

    Needs ``threshold_membrane, tau_membrane, tau_adaptation, t_refractory`` and, with noise, ``noise``. A spike takes
    `threshold_membrane` off the membrane: what exceeds it counts for the next interval.
    """
    left = "exp(-dt/tau_membrane)"
    drawn = f" + noise*offset*sqrt(1 - {left}**2)*kick(i, seed_of_kicks)" if noisy else ""
    return Firing(
        Equations(
            """
            jump = 1/(abs(unit_rate)*tau_adaptation) : 1
            gain_membrane = 1 + abs(unit_rate)*threshold_membrane*tau_membrane : 1
            offset = (jump + threshold_membrane)/2 : 1
            drive = gain_membrane*activity*(2*int(unit_rate > 0*Hz) - 1) - offset : 1
            membrane : 1
            adaptation : 1
            dead_steps : 1  # steps of the refractory time that are left
            """
        )
        + Equations("seed_of_kicks : integer (shared)" if noisy else ""),
        f"""
        {"seed_of_kicks = int(2147483647*rand())" if noisy else ""}
        adaptation *= exp(-dt/tau_adaptation)
        membrane += int(dead_steps <= 0)*((1 - {left})*(threshold_membrane + drive - adaptation - membrane){drawn})
        dead_steps = clip(dead_steps - 1, 0, inf)
        """,
        "membrane >= threshold_membrane",
        "membrane -= threshold_membrane\nadaptation += jump\ndead_steps = t_refractory/dt",
        {"membrane": "threshold_membrane*rand()"},
    )
