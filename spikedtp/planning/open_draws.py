"""The noise of the open loop, which follows from the replayed rates."""

from __future__ import annotations

import numpy as np

from spikedtp.compare.draws import draw_factors, spike_kernels
from spikedtp.errors import SpikedtpError
from spikedtp.planning.setting import Drawn, Draws
from spikedtp.spiking.open_loop.prepare import Prepared

__all__ = ["OPEN_DRAWS", "drawn_open"]

OPEN_DRAWS = Draws(plan=600, search=240, least=24)


def drawn_open(
    prepared: Prepared, projections: list[str], cells_per_unit: int, *, n_draws: int, seed: int
) -> list[dict[str, Drawn]]:
    """Presentations of every sample, drawn from the rates that are replayed (`draw_factors`).

    Raises
    ------
    SpikedtpError
        The cell or its read-out is not linear in the spikes, so that nothing can be said beforehand.
    """
    kernels = spike_kernels(prepared.spec)
    if kernels is None:
        raise SpikedtpError(
            f"no plan for {type(prepared.spec.cell).__name__}: its read-out is not linear in the spikes, so that its "
            "noise is not known beforehand; simulate it (spikedtp compare)"
        )
    found = []
    for sample in range(prepared.n_samples):
        factors = draw_factors(
            prepared, projections, sample, n_draws, seed, cells_per_unit=cells_per_unit, kernels=kernels
        )
        assert factors is not None  # there are kernels
        by_name = {}
        for name, (clean, noisy) in factors.items():
            learned = prepared.projections[name]
            assert noisy is not None
            expected = np.asarray(clean.dense(learned.weight)).reshape(learned.weight.shape)
            by_name[name] = Drawn(learned, learned.existing(expected), noisy)
        found.append(by_name)
    return found
