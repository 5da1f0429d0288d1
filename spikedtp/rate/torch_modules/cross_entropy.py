"""Targets that make the error of the output that of a softmax with cross entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError, shown
from spikedtp.plasticity.constraints import is_finite

__all__ = ["checked_scale", "cross_entropy_target"]


def cross_entropy_target(activity: Any, target: Any, *, output_scale: float = 1.0) -> np.ndarray:
    r"""The target of which the error is that of a classifier that was trained with cross entropy.

    The output of a rate network is nudged by target - activity. With ``activity + one_hot - softmax(logits)`` this is
    minus the gradient of the cross entropy with respect to the logits. It lies between -1 and 1, so that nothing is
    clipped.

    Parameters
    ----------
    activity : (n_out,) or (samples, n_out)
        The settled activity of a linear output: `output_scale` times the logits.
    target : (n_out,) or (samples, n_out)
        One-hot.
    output_scale : float
        As it was given to `from_torch`.

    Returns
    -------
    ndarray, float64, of the shape of `activity`

    Raises
    ------
    SpikedtpError
        Shapes differ, numbers are not finite, or the scale is not above 0.

    References
    ----------
    Bridle 1990, in Neurocomputing (NATO ASI F68), for softmax with cross entropy.

    Examples
    --------
    >>> from spikedtp import cross_entropy_target
    >>> cross_entropy_target([2.0, 2.0], [1, 0]).tolist()  # both classes have the probability 1/2
    [2.5, 1.5]
    """
    now, wanted = as_numbers("activity", activity), as_numbers("target", target)
    if now.shape != wanted.shape or not now.ndim:
        raise SpikedtpError(f"activity {now.shape} and target {wanted.shape} must have one shape, (samples, n_out)")
    return now + wanted - softmax(now / checked_scale(output_scale), axis=-1)


def checked_scale(output_scale: Any) -> float:
    """The factor on the output of a network that was made of a torch module."""
    if not is_finite(output_scale) or output_scale <= 0:
        raise SpikedtpError(f"output_scale must be a number above 0, got {shown(output_scale)}")
    return float(output_scale)
