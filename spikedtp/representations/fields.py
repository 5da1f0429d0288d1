"""Receptive fields of units, and how much structure there is in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import convolve

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.arrays import as_numbers, as_samples
from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole
from spikedtp.rate import RateNetwork
from spikedtp.rate.input_gradients import mean_input_gradients
from spikedtp.representations.patterns import activities, row_scaled

__all__ = ["activity_weighted_inputs", "maximally_activating_fields", "morans_i"]

_SILENT = 1e-4  # added to the sum of activities, as in EIANN: the field of a silent unit is 0


@underflow_is_zero
def morans_i(image: ArrayLike, *, reach: int = 1) -> np.ndarray | float:
    """Moran's I of an image: near 1 where neighbours are alike, near 0 in noise, negative where they alternate.

    I = (N / W) Σᵢⱼ dᵢ dⱼ / Σ d², over each pixel i and its neighbours j, for the deviations d from the mean of the N
    pixels. Outside the image d is 0, and each pixel counts with all its neighbours: W is 8 N for a reach of 1.

    Parameters
    ----------
    image : (rows, columns) or (..., rows, columns)
        Receptive fields, for example, as images. The paper shows the absolute value of their Moran's I.
    reach : int
        Neighbours are the pixels of a square that reaches so far in each direction.

    Returns
    -------
    float, or ndarray (...)
        NaN for an image in which all pixels are equal.

    Raises
    ------
    SpikedtpError
        The image has fewer than two dimensions or no pixel, or `reach` is no whole number of at least 1.

    Notes
    -----
    Moran 1950, Biometrika 37:17.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.representations import morans_i
    >>> board = np.indices((8, 8)).sum(axis=0) % 2
    >>> round(morans_i(board), 4), round(morans_i(np.tile(np.arange(8), (8, 1))), 4)
    (-0.0547, 0.6484)
    """
    found = as_numbers("image", image)
    if found.ndim < 2 or not found.size:
        raise SpikedtpError(f"image must be (rows, columns) or (..., rows, columns), got {found.shape}")
    reach = check_whole("reach", reach, least=1)
    side = 2 * reach + 1
    pixels = row_scaled(found.reshape(*found.shape[:-2], -1))
    mean = np.where(np.ptp(pixels, axis=-1) > 0, pixels.mean(axis=-1), pixels[..., 0])[..., None]
    deviation = (pixels - mean).reshape(found.shape)
    kernel = np.ones((1,) * (found.ndim - 2) + (side, side))
    neighbours = convolve(deviation, kernel, mode="constant") - deviation
    both, own = (part.sum(axis=(-2, -1)) for part in (deviation * neighbours, deviation**2))
    value = np.divide(both, own * (side**2 - 1), out=np.full(own.shape, np.nan), where=own > 0)
    return float(value) if value.ndim == 0 else value


def activity_weighted_inputs(A: ArrayLike, X: ArrayLike) -> np.ndarray:
    """The mean input of each unit, weighted by its activity. It can be had from spike counts, too.

    Parameters
    ----------
    A : (patterns, units)
        Activities or spike counts.
    X : (patterns, n_in)
        The inputs of these patterns.

    Returns
    -------
    ndarray, (units, n_in)
        Xᵀ A / (Σ a + 1e-4): 0 for a silent unit.

    Raises
    ------
    SpikedtpError
        A or X is not of this form, or they have different numbers of patterns.

    Examples
    --------
    >>> from spikedtp.representations import activity_weighted_inputs
    >>> activity_weighted_inputs([[3, 0], [1, 0]], [[1.0, 0.0], [0.0, 1.0]]).round(3).tolist()
    [[0.75, 0.25], [0.0, 0.0]]
    """
    A = activities(A)
    X = as_numbers("X", X, None)
    if X.ndim != 2 or len(X) != len(A):
        raise SpikedtpError(f"X must be ({len(A)}, n_in), one input for each pattern, got {X.shape}")
    return A.T @ X / (A.sum(axis=0) + _SILENT)[:, None]


def maximally_activating_fields(
    network: RateNetwork,
    population: str,
    x: ArrayLike,
    *,
    start: ArrayLike | None = None,
    backward_steps: int | None = None,
) -> np.ndarray:
    """What each unit would have more of in its input: the gradient of its settled activity, averaged over inputs.

    A network that learned in spikes is asked through a rate network with its weights (``network.load_state_dict``).

    Parameters
    ----------
    network : RateNetwork
    population : str
        The units; not the input.
    x : (samples, n_in)
        Inputs around which gradients are taken; the paper takes 1,000 test images.
    start : (units, n_in), optional
        EIANN starts from weak noise and counts it as one more gradient. Without it the mean is that of the gradients.
    backward_steps : int, optional
        How many of the last settle steps are differentiated. By default as many as the circuit says, or 3 if it says 0.

    Returns
    -------
    ndarray, (units, n_in), float32
        0 for a unit that is silent for every input.

    Raises
    ------
    SpikedtpError
        The population does not exist or is the input, or sizes are wrong.

    Examples
    --------
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.datasets import load
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.representations import maximally_activating_fields, morans_i
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> fields = maximally_activating_fields(network, "OutputE", load("digits").test_x[:50])
    >>> fields.shape, morans_i(fields.reshape(10, 8, 8)).shape
    ((10, 64), (10,))
    """
    n_in = network.circuit.input.size
    x = np.atleast_2d(as_samples("x", x, n_in, np.float32, cells=network.circuit.input.name))
    if not len(x):
        raise SpikedtpError("x is an empty batch: there must be at least one input")
    if backward_steps is not None:
        backward_steps = check_whole("backward_steps", backward_steps, least=1)
    fields = mean_input_gradients(network, population, x, backward_steps)
    if start is None:
        return fields
    noise = as_numbers("start", start, np.float32)
    if noise.shape != fields.shape:
        raise SpikedtpError(f"start must be {fields.shape}, one input for each unit, got {noise.shape}")
    return (fields * len(x) + noise) / (len(x) + 1)
