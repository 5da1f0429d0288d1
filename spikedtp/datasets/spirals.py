"""``spirals``: noisy points on spiral arms in the plane, the second task of the paper. torch draws the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spikedtp.datasets.dataset import Dataset, assembled
from spikedtp.errors import known_names
from spikedtp.parameters import check_whole

__all__ = ["load_spirals", "spiral_points"]

# points of each arm, and seed of the noise, as EIANN's loaders have them
TRAIN, VALIDATION, TEST = (1400, 0), (300, 1), (300, 2)


def spiral_points(
    arm_size: int, *, n_arms: int = 4, sigma: float = 0.16, seed: int = 0, offset: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Points on spiral arms that all begin at the origin, make half a turn (for four arms), and end at a radius of 1.

    For t from 0 to 1 the points of arm k are t · (sin φ, cos φ) + `offset`, where φ = 2π / n_arms · (2 t + k). To the
    sine and to the cosine noise is added, normal with standard deviation `sigma`: it grows with the radius.

    Parameters
    ----------
    arm_size : int
        Points of each arm.
    n_arms : int
        Arms, which are the classes.
    sigma : float
    seed : int
        Seed of the noise.
    offset : float
        2 makes inputs positive.

    Returns
    -------
    x : ndarray, (n_arms * arm_size, 2), float32
        Arm by arm, from the origin outwards.
    y : ndarray, (n_arms * arm_size,), int64
        The arm of each point.

    Notes
    -----
    The points are EIANN's, bit for bit where torch computes with the same instructions of the processor (AVX2).

    Examples
    --------
    >>> from spikedtp.datasets import spiral_points
    >>> x, y = spiral_points(100, seed=1)
    >>> x.shape, x[0].tolist(), y[[0, 100, 399]].tolist()
    ((400, 2), [0.0, 0.0], [0, 1, 3])
    """
    import torch  # slow to import; numpy cannot draw these numbers

    arm_size, n_arms = check_whole("arm_size", arm_size, least=1), check_whole("n_arms", n_arms, least=1)
    generator = torch.Generator().manual_seed(check_whole("seed", seed))
    t = torch.linspace(0, 1, arm_size)
    arms = []
    for arm in range(n_arms):
        angle = (2 * math.pi / n_arms) * (2 * t + arm)
        sine, cosine = (
            t * (turn(angle) + sigma * torch.randn(arm_size, generator=generator)) + offset
            for turn in (torch.sin, torch.cos)
        )
        arms.append(torch.stack([sine, cosine], dim=1))
    return torch.cat(arms).numpy(), np.repeat(np.arange(n_arms), arm_size)


def load_spirals(argument: str, parts: Sequence[str]) -> Dataset:
    """Four arms of 1,400 points to train and 300 to test; ``spirals:validation`` has 300 others to test."""
    if argument not in ("", "validation"):
        raise known_names("part of the spirals", argument, ("validation",))
    sizes = {"train": TRAIN, "test": VALIDATION if argument else TEST}
    halves = {part: spiral_points(sizes[part][0], seed=sizes[part][1]) for part in parts}
    name = f"spirals:{argument}" if argument else "spirals"
    return assembled(name, None, halves, at_least=4)
