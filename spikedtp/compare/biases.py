"""`compare_biases`: the changes of biases that learn, in rate and in spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.compare.repeats import ceiling_of
from spikedtp.compare.similarity import similarity
from spikedtp.errors import SpikedtpError
from spikedtp.spiking import Response

if TYPE_CHECKING:
    from spikedtp.rate import RateResponse

__all__ = ["compare_biases"]

MEASURES = ("pearson_r", "slope", "cosine", "angle", "sign_agreement")
COLUMNS = ("population", "sample", "repeat", *MEASURES, "n_cells", "noise_ceiling")


@underflow_is_zero
def compare_biases(rate: RateResponse, spiking: Response) -> pd.DataFrame:
    """Compare every change of a bias in spikes with that of the rate network, cell by cell, without bounds.

    Parameters
    ----------
    rate : RateResponse
        The response to the same samples, with targets.
    spiking : Response

    Returns
    -------
    pandas.DataFrame
        One row per population, sample and repeat, with the measures of `similarity` and

        - ``n_cells``: the cells of the population;
        - ``noise_ceiling``: the cosine that noise alone would leave, measured from the repeats (`repeat_ceiling`). It
          is NaN with fewer than two repeats in which the bias changes.

        The table is empty where no bias learns.

    Raises
    ------
    SpikedtpError
        The two sides differ in samples or populations, or a response had no target.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network, simulate
    >>> from spikedtp.compare import compare_biases
    >>> network = load_rate_network("spirals_dtp", seed=1)
    >>> x, target = np.array([0.5, 0.2]), np.eye(4)[3]
    >>> spiking = simulate(network, x, target, population="H2E", n_repeats=3, device="runtime", record=())
    >>> table = compare_biases(network.present(x, target), spiking)
    >>> table[["population", "sample", "repeat", "n_cells"]].values.tolist()
    [['H2E', 0, 0, 32], ['H2E', 0, 1, 32], ['H2E', 0, 2, 32]]
    """
    n = 1 if rate.n_samples is None else rate.n_samples
    if n != spiking.n_samples:
        raise SpikedtpError(
            f"the rate response has {n} sample(s), the spiking one {spiking.n_samples}: compare the same samples"
        )
    wanted, found, rows = rate.bias_updates, spiking.bias_updates, []
    for population, changes in found.items():
        if population not in wanted or wanted[population].shape[-1] != changes.shape[-1]:
            raise SpikedtpError(f"the bias of {population} is not that of the same circuit in the rate response")
        repeats = changes.reshape(n, spiking.n_repeats, -1)
        references = wanted[population].reshape(n, -1)
        for sample, (reference, each) in enumerate(zip(references, repeats, strict=True)):
            ceiling = ceiling_of(each.__iter__)
            for repeat, change in enumerate(each):
                measures = similarity(reference, change)
                row = {"population": population, "sample": sample, "repeat": repeat, "noise_ceiling": ceiling}
                rows.append(row | {"n_cells": measures.pop("n_synapses")} | measures)
    return pd.DataFrame(rows, columns=COLUMNS)
