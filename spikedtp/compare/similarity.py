"""How similar two weight changes are: correlation, slope, angle, signs. Where they come from does not matter here."""

from __future__ import annotations

import numpy as np

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.arrays import as_numbers
from spikedtp.errors import SpikedtpError
from spikedtp.parameters import check_whole

__all__ = ["bootstrap_median", "similarity"]


@underflow_is_zero
def similarity(rate: np.ndarray, spiking: np.ndarray) -> dict[str, float]:
    """Compare a spiking ΔW with its rate reference, synapse by synapse.

    Parameters
    ----------
    rate, spiking : (n_post, n_pre)

    Returns
    -------
    dict
        ``pearson_r``; ``slope`` of spiking on rate (least squares with intercept); ``cosine``; ``angle`` in degrees;
        ``sign_agreement``: among the synapses with a rate change, the share whose spiking change has the same sign;
        ``n_synapses``. A quantity that is not defined is NaN, for example where nothing changes.

    Raises
    ------
    SpikedtpError
        The two shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.compare import similarity
    >>> found = similarity(np.array([[1.0, 2.0]]), np.array([[2.0, 4.0]]))
    >>> round(found["cosine"], 6), round(found["slope"], 6), found["sign_agreement"]
    (1.0, 2.0, 1.0)
    """
    x, y = as_numbers("rate", rate, finite=False), as_numbers("spiking", spiking, finite=False)
    if x.shape != y.shape:  # transposed, they would have as many synapses
        raise SpikedtpError(f"similarity: {x.shape} and {y.shape} are not the same synapses")
    x, y = x.ravel(), y.ravel()
    dx, dy = x - x.mean(), y - y.mean()
    xx, yy, xy = dx @ dx, dy @ dy, dx @ dy
    norm = np.sqrt((x @ x) * (y @ y))
    cosine = float(np.clip(x @ y / norm, -1, 1)) if norm > 0 else np.nan
    changed = x != 0
    return {
        "pearson_r": float(xy / np.sqrt(xx * yy)) if xx > 0 and yy > 0 else np.nan,
        "slope": float(xy / xx) if xx > 0 else np.nan,
        "cosine": cosine,
        "angle": float(np.degrees(np.arccos(cosine))),
        "sign_agreement": float(np.mean(np.sign(x[changed]) == np.sign(y[changed]))) if changed.any() else np.nan,
        "n_synapses": x.size,
    }


@underflow_is_zero
def bootstrap_median(
    values: np.ndarray, groups: np.ndarray, *, level: float = 0.95, n_boot: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Median and its percentile interval, from a bootstrap over groups (samples) and not over their repeats.

    Repeats of one sample share the response of the rate network, so they are not independent.

    Parameters
    ----------
    values, groups : (n,)
        The values and the group of each. NaN values are left out.
    level : float
        Confidence level of the interval.
    n_boot : int
        How many times groups are drawn.
    seed : int
        Seed of these draws.

    Returns
    -------
    (median, low, high)

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.compare import bootstrap_median
    >>> values, samples = np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 1, 1])
    >>> tuple(round(value, 3) for value in bootstrap_median(values, samples))
    (0.75, 0.65, 0.85)
    """
    values, groups = np.asarray(values, float), np.asarray(groups)
    if values.ndim != 1 or values.shape != groups.shape:
        raise SpikedtpError(f"bootstrap_median: each of the values {values.shape} needs its group, got {groups.shape}")
    if not 0 < level < 1:
        raise SpikedtpError(f"bootstrap_median: level must lie between 0 and 1, got {level}")
    keep = np.isfinite(values)
    values, groups = values[keep], groups[keep]
    if not len(values):
        return np.nan, np.nan, np.nan
    members = [values[groups == g] for g in np.unique(groups)]
    chosen = np.random.default_rng(check_whole("seed", seed)).integers(len(members), size=(n_boot, len(members)))
    if len({len(member) for member in members}) == 1:
        medians = np.median(np.array(members)[chosen].reshape(n_boot, -1), axis=1)
    else:
        medians = [np.median(np.concatenate([members[k] for k in draw])) for draw in chosen]
    low, high = np.quantile(medians, [(1 - level) / 2, (1 + level) / 2])
    return float(np.median(values)), float(low), float(high)
