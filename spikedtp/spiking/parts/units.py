"""Cells that fire at a rate, made in the quickest way that gives their spikes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from brian2 import NeuronGroup

from spikedtp.equations.adaptive_firing import ADAPTIVE_FIRING
from spikedtp.equations.firing import FIRING, STEADY_FIRING, Firing
from spikedtp.neurons import Declaration
from spikedtp.neurons.declaration import DeclaredModel
from spikedtp.neurons.group import make_group
from spikedtp.spiking.parts.adaptive_units import move_membranes
from spikedtp.spiking.parts.given_spikes import regular_spikes
from spikedtp.spiking.parts.lif_units import find_lif_spikes

__all__ = ["ADAPTIVE", "make_units"]

LIF = FIRING["lif"](rate="0*Hz")
#: What comes before thresholds -> whether there is noise, whether synapses are conductances.
ADAPTIVE = {firing.before_threshold: kind for kind, firing in ADAPTIVE_FIRING.items()}
REGULAR = STEADY_FIRING["regular"](rate="0*Hz")


def make_units(
    model: DeclaredModel,
    n: int,
    *,
    declaration: Declaration | None = None,
    n_steps: int,
    firing: Sequence[tuple[int, int]] = (),
    blocks: Sequence[tuple[int, int, int]] = (),
    push: str = "",
    unheard: Collection[tuple[int, int, int]] = (),
    **options: Any,
) -> NeuronGroup:
    """`make_group` for a network whose presentations take `n_steps`.

    Integrate-and-fire units find their spikes by `find_lif_spikes`, membranes with adaptation move by `move_membranes`,
    and cells that fire regularly know at the start of a presentation when they will. The spikes are those of
    `make_group`, but for rounding.

    Parameters
    ----------
    firing : sequence of (start, stop)
        Which cells can fire, as in `make_group`.
    blocks : sequence of (start, stop, per_cell)
        Or which units can fire, and how many neighbours of them fire for one cell. Those of a block, and cells of a
        span in `firing`, have one unit rate.
    push : str
        As in `find_lif_spikes`.
    unheard : collection of (start, stop, per_cell)
        Those of the blocks whose spikes are of no use while `push` is not 0. Integrate-and-fire units are silent then.
        Units that draw random numbers as they fire go on, so that other units draw the same ones.
    options
        As in `make_group`.
    """
    declaration = declaration or model.declaration()
    told = replace(declaration, before_threshold="", threshold="False", reset="")
    if _fires_as(declaration, LIF):
        group = make_group(model, n, declaration=told, **options)
        find_lif_spikes(group, blocks or [(*span, 1) for span in firing or [(0, n)]], push, unheard)
    elif _fires_as(declaration, REGULAR):
        group = make_group(model, n, declaration=told, **options)
        regular_spikes(group, "remaining/passing", "1/passing", at="t_in_timesteps == 0", n_steps=n_steps)
    elif declaration.before_threshold in ADAPTIVE:
        group = make_group(model, n, declaration=replace(declaration, before_threshold=""), **options)
        noisy, conductances = ADAPTIVE[declaration.before_threshold]
        blocks = blocks or [(*span, 1) for span in firing or [(0, n)]]
        move_membranes(group, blocks, push, noisy=noisy, conductances=conductances)
    else:
        group = make_group(model, n, declaration=declaration, firing=firing, **options)
    return group


def _fires_as(declaration: Declaration, firing: Firing) -> bool:
    """Whether it has this firing, and spikes do nothing else."""
    own = (declaration.before_threshold, declaration.threshold, declaration.reset)
    return own == (firing.before_threshold, firing.threshold, firing.reset) and not declaration.refractory
