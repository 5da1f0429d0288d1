"""Ornstein-Uhlenbeck noise: a mean, a standard deviation and a correlation time. Each step is exact."""

from __future__ import annotations

__all__ = ["noise_step", "stationary"]


def noise_step(noise: str, mean: str, sd: str, tau: str) -> str:
    """Code of a time step of a variable with the given mean and standard deviation.

    Its autocovariance is ``sd**2 exp(-lag/tau)`` at every lag of whole steps, whatever the time step. With a `tau` far
    below dt it is white noise of density ``sd**2 dt``.
    """
    left = f"exp(-dt/{tau})"
    return f"{noise} = {mean} + ({noise} - {mean})*{left} + {sd}*sqrt(1 - {left}**2)*randn()"


def stationary(mean: str, sd: str) -> str:
    """A draw from its stationary distribution, for the start."""
    return f"{mean} + {sd}*randn()"
