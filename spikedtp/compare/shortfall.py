"""Where spiking weight changes differ from those of the rate network by more than noise, and what may be the cause."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spikedtp.compare.similarity import bootstrap_median
from spikedtp.compare.updates import OF_THE_RULE
from spikedtp.spiking import Response

__all__ = ["shortfall"]

#: With fewer samples a bootstrap over them says little: then the spread of single presentations decides.
FEW_SAMPLES = 6


def shortfall(table: pd.DataFrame, spiking: Response) -> str:
    """One line that names the projections whose median cosine is not explained by noise alone. It may be empty.

    A projection is named if the bootstrap interval of its median lies below the median noise ceiling. With fewer than
    six samples it is named if the median lies below `noise_low`, which noise alone rarely does.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_updates`. Only its rows with the reference ``rule`` are used.
    spiking : Response
        The response that was compared. It tells which activities were clipped.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import compare_updates, load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[0]
    >>> spiking = simulate(network, x, target, population="H1E", device="runtime", record=())
    >>> shortfall(compare_updates(network.present(x, target), spiking), spiking)
    ''
    """
    rows = table[table.reference.isin(OF_THE_RULE) & table.noise_ceiling.notna() & table.cosine.notna()]
    named = []
    for projection, found in rows.groupby("projection", sort=False):
        cosine, _, high = bootstrap_median(found.cosine, found["sample"])
        ceiling, low = found.noise_ceiling.median(), found.noise_low.median()
        if (high < ceiling) if found["sample"].nunique() >= FEW_SAMPLES else (cosine < low):
            without_noise = found.noiseless_cosine.median()
            rest = f", without any {without_noise:.3f}" if np.isfinite(without_noise) else ""
            named.append(f"{projection} {cosine:.3f} (noise alone {ceiling:.3f}{rest})")
    if not named:
        return ""
    clipped = [f"{name} (up to {highest:.2g}, limit {limit:.2g})" for name, (highest, limit) in spiking.clipped.items()]
    cause = f"activities were clipped: {', '.join(clipped)}; the rest is" if clipped else "this is"
    return f"below the noise ceiling: {', '.join(named)}; {cause} systematic error (docs/limits.md)"
