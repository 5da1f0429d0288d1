"""A leaky membrane with adaptation that fires at a rate proportional to its activity. The fragment beside `firing`.

The cell is biased to its threshold, so that it fires at any positive drive. In the mean a spike adds as much adaptation
as the activity that it stands for. A gain makes up for what the leak takes of each interval. A part of a spike's
adaptation and of the threshold is taken off the drive, because a membrane fires before its mean is reached. Noise makes
the rate smooth near zero, where a membrane without noise is silent up to this offset.
"""

from __future__ import annotations

from brian2 import Equations

from spikedtp.equations.firing import Firing

__all__ = ["ADAPTIVE_FIRING", "GAIN", "OFFSET", "adaptive_firing"]

#: What is taken off the drive, as a part of a spike's adaptation and the threshold together. This and the gains were
#: fitted with the usual noise and steps of 1 ms: mean rates then are right to some per cent from an activity of .05 on.
OFFSET = 0.325
#: Synapses open conductances -> how much larger the gain is than what the leak takes.
GAIN = {False: 1.03, True: 1.0}

_EQUATIONS = """
    jump = int(unit_rate != 0*Hz)/(abs(unit_rate)*tau_adaptation + int(unit_rate == 0*Hz)) : 1
    gain_membrane = {gain}*(1 + abs(unit_rate)*threshold_membrane*tau_membrane) : 1
    offset = {offset}*(jump + threshold_membrane) : 1
    drive = gain_membrane*activity*(2*int(unit_rate > 0*Hz) - 1) - offset : 1
    membrane : 1
    adaptation : 1
    dead_steps : 1  # steps of the refractory time that are left
    """
_LEFT = "exp(-dt/tau_membrane)"
_KICK = f"noise*offset*sqrt(1 - {_LEFT}**2)*kick(i, seed_of_kicks)"


def adaptive_firing(*, noisy: bool, conductances: bool = False) -> Firing:
    """Spikes of an `activity` at a `unit_rate`, which is negative for cells that fire at negative activities.

    Needs ``threshold_membrane, tau_membrane, tau_adaptation, t_refractory`` and, with noise, ``noise``. A spike takes
    `threshold_membrane` off the membrane: what exceeds it counts for the next interval.

    With conductances the activity is that at the threshold, and `opening` is by how much open synapses raise the
    conductance of the membrane, in units of its leak and of activity. Open synapses draw the membrane to its threshold.
    White noise would then make it fire at any activity, and noise as a current with the correlation time of the
    membrane would leave cells with few open synapses silent near zero. So there are both, in the shares with which the
    membrane's noise, times its conductance, has one size and one correlation time, whatever is open.
    """
    equations = Equations(_EQUATIONS.format(gain=GAIN[conductances], offset=OFFSET))
    if noisy:
        equations += Equations("seed_of_kicks : integer (shared)")
    if noisy and conductances:
        equations += Equations("background : 1")
    moves = _with_conductances(noisy) if conductances else _with_currents(noisy)
    before_threshold = f"""
        adaptation *= exp(-dt/tau_adaptation)
        dead_steps = clip(dead_steps - 1, 0, inf)
        {moves}
        """
    return Firing(
        equations,
        ("seed_of_kicks = int(2147483647*rand())" if noisy else "") + before_threshold,
        "membrane >= threshold_membrane and dead_steps < 0.5",  # a membrane that is still above it must wait, too
        "membrane -= threshold_membrane\nadaptation += jump\ndead_steps = t_refractory/dt + 1",
        {"membrane": "threshold_membrane*rand()"},
    )


def _with_currents(noisy: bool) -> str:
    """An exact step."""
    moved = f"(1 - {_LEFT})*(threshold_membrane + drive - adaptation - membrane)"
    return f"membrane += int(dead_steps < 0.5)*({moved}{f' + {_KICK}' if noisy else ''})"


def _with_conductances(noisy: bool) -> str:
    """An implicit step of Euler's. The white noise is what `background` has gained since the last step."""
    code, noise = "leak_now = 1 + gain_membrane*opening", ""
    if noisy:
        code += f"\nbackground_before = background\nbackground = {_LEFT}*background + {_KICK}"
        noise = "background + (background - background_before)*tau_membrane/dt/leak_now + "
    pull = f"leak_now*(threshold_membrane - membrane) + {noise}drive - adaptation"
    return f"{code}\nmembrane += int(dead_steps < 0.5)*({pull})/(leak_now + tau_membrane/dt)"


#: Whether there is noise, whether synapses open conductances -> how such a cell fires.
ADAPTIVE_FIRING = {
    (noisy, opens): adaptive_firing(noisy=noisy, conductances=opens)
    for noisy in (False, True)
    for opens in (False, True)
}
