"""A time step of voltages whose conductances change: second order, and stable at any conductance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Compartment", "midpoint_step"]


@dataclass(frozen=True)
class Compartment:
    """What moves the voltage of one compartment, as code.

    Attributes
    ----------
    capacitance : str
    channels : callable
        From the variables of all voltages, by compartment, to pairs of a conductance and its reversal potential.
    current : str
    moves : str
        An expression that is 0 while the voltage is held, and else 1.
    """

    capacitance: str
    channels: Callable[[Mapping[str, str]], list[tuple[str, str]]]
    current: str
    moves: str = ""


def midpoint_step(compartments: Mapping[str, Compartment]) -> str:
    """Code of a time step of the variables ``v_<compartment>``.

    With constant conductances a voltage decays exponentially towards their mean reversal potential. Half a step is
    taken in this way with what holds at its beginning. The whole step then takes all voltages from the middle.
    Conductances and currents should be those of the middle of the step.

    Examples
    --------
    >>> from spikedtp.equations.midpoint import Compartment, midpoint_step
    >>> print(midpoint_step({"soma": Compartment("c", lambda voltages: [("g", "v_rest")], "i")}))
    _g0_middle_soma = g
    _sum_middle_soma = _g0_middle_soma
    _end_middle_soma = (_g0_middle_soma*(v_rest) + i)/_sum_middle_soma
    _middle_soma = _end_middle_soma + (v_soma - _end_middle_soma)*exp(-dt/2*_sum_middle_soma/c)
    _g0_next_soma = g
    _sum_next_soma = _g0_next_soma
    _end_next_soma = (_g0_next_soma*(v_rest) + i)/_sum_next_soma
    _next_soma = _end_next_soma + (v_soma - _end_next_soma)*exp(-dt*_sum_next_soma/c)
    v_soma = _next_soma
    """
    code = []
    now = {name: f"v_{name}" for name in compartments}
    for stage, span in (("middle", "dt/2"), ("next", "dt")):
        then = {name: f"_{stage}_{name}" for name in compartments}
        for name, part in compartments.items():
            channels = part.channels(now)
            g = [f"_g{k}_{stage}_{name}" for k in range(len(channels))]
            total, end, new = f"_sum_{stage}_{name}", f"_end_{stage}_{name}", then[name]
            flows = " + ".join(f"{own}*({reversal})" for own, (_, reversal) in zip(g, channels, strict=True))
            code += [f"{own} = {conductance}" for own, (conductance, _) in zip(g, channels, strict=True)]
            code += [
                f"{total} = {' + '.join(g)}",
                f"{end} = ({flows} + {part.current})/{total}",
                f"{new} = {end} + (v_{name} - {end})*exp(-{span}*{total}/{part.capacitance})",
            ]
            if part.moves:
                code.append(f"{new} = v_{name} + {part.moves}*({new} - v_{name})")
        now = then
    return "\n".join([*code, *(f"v_{name} = {new}" for name, new in now.items())])
