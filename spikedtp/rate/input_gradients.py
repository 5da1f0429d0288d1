"""How the settled activities of a population change with the input: gradients with respect to x."""

from __future__ import annotations

import numpy as np
import torch

from spikedtp.errors import SpikedtpError
from spikedtp.rate.backprop_clone import BACKWARD_STEPS
from spikedtp.rate.network import RateNetwork
from spikedtp.rate.torch_modules import SettlingNetwork

__all__ = ["mean_input_gradients"]

_BATCH = 250  # inputs at a time: their graph of all units is kept


def mean_input_gradients(
    network: RateNetwork, population: str, x: np.ndarray, backward_steps: int | None = None
) -> np.ndarray:
    """Mean over inputs of the gradient of each unit's settled activity with respect to the input.

    Parameters
    ----------
    network : RateNetwork
    population : str
        Not the input.
    x : ndarray, (samples, n_in), float32
    backward_steps : int, optional
        How many of the last settle steps are differentiated; default: those of the circuit, or `BACKWARD_STEPS`.

    Returns
    -------
    ndarray, (n, n_in), float32

    Raises
    ------
    SpikedtpError
        The population does not exist, or is the input.
    """
    circuit = network.circuit
    size = circuit.population(population).size
    if population == circuit.input.name:
        raise SpikedtpError(f"{population} is the input: choose a population that it drives")
    steps = backward_steps or circuit.backward_steps or BACKWARD_STEPS
    module = SettlingNetwork(network, population).requires_grad_(False)
    total = np.zeros((size, x.shape[1]))
    for first in range(0, len(x), _BATCH):
        inputs = torch.from_numpy(np.ascontiguousarray(x[first : first + _BATCH])).requires_grad_()
        settled = module(inputs, backward_steps=steps).sum(dim=0)
        for unit in range(size if settled.requires_grad else 0):  # else nothing comes from the input
            (slope,) = torch.autograd.grad(settled[unit], inputs, retain_graph=True, allow_unused=True)
            if slope is not None:
                total[unit] += slope.sum(dim=0, dtype=torch.float64).numpy()
    return (total / len(x)).astype(np.float32)
