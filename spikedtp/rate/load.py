"""From a circuit and weights to a rate network: `load_rate_network`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikedtp.circuit import Circuit, read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.rate.checkpoints import read_weights, unwrapped
from spikedtp.rate.initial_weights import draw_parameters
from spikedtp.rate.network import RateNetwork

__all__ = ["load_rate_network"]


def load_rate_network(
    circuit: str | Path | Circuit, weights: str | Path | Mapping[str, Any] | None = None, *, seed: int = 0
) -> RateNetwork:
    """Make a rate network from a circuit and, if given, trained weights.

    Parameters
    ----------
    circuit : path, str or Circuit
        A YAML file in EIANN's schema, a shipped model's name, or a circuit that was read before.
    weights : path, mapping or None
        A file, or a mapping of arrays or tensors of any floating-point type. None gives fresh weights.

        A file may be a torch checkpoint (``.pt``, ``.pth``, ``.ckpt``), safetensors, an ``.npz`` or a pickle of such a
        mapping, an EIANN ``.pkl`` or another pickled module, or a TorchScript archive. No code in it is run. Keys are
        EIANN's (``module_dict.H2E_H1E.weight`` ``(n_post, n_pre)``, ``parameter_dict.H2E_bias`` ``(n,)``), or the names
        of projections alone (``H2E_H1E``). They may lie inside a training program's checkpoint (``state_dict``,
        ``model_state_dict``, ``model``, Lightning's), and begin with what wrappers of modules put before them
        (``module.``, ``_orig_mod.``, ``net.``). Biases that are left out are 0.
    seed : int
        Seed of the fresh weights. They equal EIANN's for the same seed, bit for bit.

    Raises
    ------
    SpikedtpError
        Something is wrong with the file, the weights or the seed, or there are weights of two networks.

    Examples
    --------
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.models import weights_file
    >>> trained = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> fresh = load_rate_network("digits_dtp", seed=1)
    >>> trained.weights["H2E_H1E"].shape
    (200, 200)
    >>> checkpoint = {"epoch": 3, "model": {f"module.{key}": value for key, value in trained.state_dict().items()}}
    >>> again = load_rate_network("digits_dtp", checkpoint)
    >>> bool((again.weights["H2E_H1E"] == trained.weights["H2E_H1E"]).all())
    True
    """
    if not isinstance(circuit, Circuit):
        circuit = read_circuit(circuit)
    if isinstance(weights, str | os.PathLike):
        weights = read_weights(weights)
    elif isinstance(weights, Mapping):
        weights = unwrapped(weights)
    elif weights is not None:
        hint = ": give its .state_dict()" if hasattr(weights, "state_dict") else ""
        raise SpikedtpError(f"weights must be a file, a state dict or None, got {type(weights).__name__}{hint}")
    network = RateNetwork(circuit, draw_parameters(circuit, seed))
    if weights is not None:
        network.load_state_dict(weights)
    return network
