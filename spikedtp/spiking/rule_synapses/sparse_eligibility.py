"""The eligibility trace of sparse synapses in closed form: a synapse is only touched when one of its cells fires.

In every step z <- z q + dz and w <- w + rate r z dt, with q = e^(-dt/tau_e). Let L = q^age, where the age counts steps,
and C the sum of r L dt over all steps so far. Both are numbers that all synapses share. A synapse keeps Z = z/L, which
only changes with dz, and the value of C up to which its weight is known. Its weight then is

    w + rate Z (C - C known)

Bounds are exact as well. Between its events z keeps its sign, and so does a reward, so that the weight moves in one
direction and clipping it once equals clipping it in every step. When the reward changes its sign, all synapses are
brought up to date. So they are at the end of a run, and before L is so small that digits are lost; then L is 1 again.
"""

from __future__ import annotations

import numpy as np
from brian2 import Synapses
from brian2.units.fundamentalunits import Quantity

from spikedtp.spiking.parts.operations import run_when

__all__ = ["EQUATIONS", "LazyEligibility"]

#: What a synapse has, and what all share. `z` is the trace in 1/ms, written when all synapses are brought up to date.
EQUATIONS = """
z : 1
z_grown : 1
reward_known : 1
z_left : 1 (shared)
step_before : second (shared)
reward_sum : 1 (shared)
reward_sign : 1 (shared)
final_step : integer (shared)
"""


class LazyEligibility:
    """Code for the parts of a time step.

    Parameters
    ----------
    tau_e : Quantity (second)
    learning_rate : str
        With the sign of multiplication, or nothing for 1.
    clip : str
        A line that brings the weight within its bounds, or nothing.
    modulator : str
        The reward, an expression that all synapses share.

    Attributes
    ----------
    catch_up : str
        Brings the weight of a synapse to the end of the step before.
    pair : str
        With ``{}`` for a pair term: what it does to the trace, after `catch_up`.
    """

    def __init__(self, tau_e: Quantity, learning_rate: str, clip: str, modulator: str):
        self.tau_e, self.modulator, self.bounded = f"({float(tau_e)!r}*second)", f"({modulator})", bool(clip)
        self.catch_up = f"w += {learning_rate}z_grown*(reward_sum - reward_known){clip}\nreward_known = reward_sum\n"
        self.finish = f"{self.catch_up}z = z_grown*z_left"
        self.pair = f"z_grown += ({{}})*ms/({self.tau_e}*z_left)"

    def add_to(self, synapses: Synapses, *, when: str, first: int, last: int) -> None:
        """Add what happens before order `first` and after order `last` of the slot `when`."""
        name, reward = synapses.name, self.modulator
        least = float(np.finfo(synapses.variables["z_left"].dtype).eps ** 0.25)  # so a quarter of all digits is lost

        def for_all(task: str, condition: str, code: str, order: int) -> None:
            runner = run_when(synapses, condition, code, name=f"{name}_{task}", when=when, order=order)
            synapses.contained_objects.append(runner)

        def shared(task: str, code: str, order: int) -> None:
            synapses.run_regularly(code, when=when, order=order, clock=synapses.clock, name=f"{name}_{task}")

        synapses.variables.add_auxiliary_variable("_reward", dtype=np.float64, scalar=True)
        # L is 0 before the first step of all
        for_all("renew", f"z_left < {least}", f"{self.catch_up}z_grown = z_grown*z_left\nreward_known = 0", first - 2)
        shared(
            "age",
            f"reward_sum = reward_sum*int(z_left >= {least})\n"
            f"z_left = (z_left*int(z_left >= {least}) + int(z_left < {least}))"
            f"*clip(exp(-step_before/{self.tau_e}), 1e-30, 1)\n"
            "step_before = dt",
            first - 1,
        )
        if self.bounded:
            for_all("turn", f"{reward}*reward_sign < 0", self.catch_up, last + 1)
        shared(
            "reward",
            f"_reward = {reward}\n"
            "reward_sum += _reward*z_left*dt/ms\n"
            "reward_sign = reward_sign*int(_reward == 0) + int(_reward > 0) - int(_reward < 0)",
            last + 2,
        )
        for_all("finish", "final_step < 0 or t_in_timesteps == final_step", self.finish, last + 3)

    def settle(self, synapses: Synapses, at: str, when: str, order: int) -> None:
        """Bring all weights up to date in steps where `at` is true."""
        runner = run_when(synapses, at, self.finish, name=f"{synapses.name}_settle*", when=when, order=order)
        synapses.contained_objects.append(runner)

    @staticmethod
    def before_run(synapses: Synapses, steps: float) -> None:
        """Say after how many steps from time 0 the run ends; infinity, if unknown: then all is done in every step."""
        synapses.variables["final_step"].set_value(int(steps) - 1 if np.isfinite(steps) else -1)
