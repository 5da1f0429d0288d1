"""Drives the package's cells with known rates or spikes: `spikedtp.simulate` on a circuit of two layers."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms

from spikedtp import load_rate_network, simulate
from spikedtp.circuit import Circuit, Population, Projection

__all__ = ["drive"]

POINTS = 21  # rate steps of a presentation


def drive(weights, *, rates=None, spikes=None, compartment="soma", duration, dt, unit_rate=450 * Hz, **options):
    """Input cells onto cells that read nothing else.

    Parameters
    ----------
    weights : (n_post, n_pre)
    rates : (n_pre,)
        In units of `unit_rate`, constant in time.
    spikes : (n_steps, n_pre) bool
        Instead of rates.
    compartment : {"soma", "dend"}
    duration, dt : float
        In ms.

    Returns
    -------
    SpikingResponse
        Populations ``InputE`` and ``OutputE``.
    """
    weights = np.asarray(weights, dtype=np.float32)
    n_post, n_pre = weights.shape
    populations = (Population("Input", "E", n_pre), Population("Output", "E", n_post))
    circuit = Circuit(populations, (Projection("OutputE", "InputE", compartment=compartment),))
    network = load_rate_network(circuit)
    network.load_state_dict(network.state_dict() | {"module_dict.OutputE_InputE.weight": weights})
    x = np.zeros(n_pre) if rates is None else rates
    given = None if spikes is None else {"InputE": spikes}
    return simulate(
        network,
        x,
        np.zeros(n_post),
        population="OutputE",
        input_spikes=given,
        unit_rate=unit_rate,
        time_per_step=duration / POINTS * ms,
        dt=dt * ms,
        readout="paper",
        **options,
    )
