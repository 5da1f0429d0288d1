"""`compare_updates`: the tidy table of rate against spiking weight changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spikedtp.arithmetic import underflow_is_zero
from spikedtp.compare.noise import expected_update, noise_cosines
from spikedtp.compare.similarity import bootstrap_median, similarity
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.spiking import Response

if TYPE_CHECKING:
    from spikedtp.rate import RateResponse

__all__ = ["compare_updates", "summarise"]

#: What a spiking ΔW can be compared with: name -> the name that earlier versions had, which is still accepted.
REFERENCES = {"figure3": "notebook", "trained": "rule"}
#: The step against the gradient of the output's error; it has one name only.
BACKPROP = "backprop"
#: Both names of what the rule itself changes.
OF_THE_RULE = ("trained", REFERENCES["trained"])
MEASURES = ("pearson_r", "slope", "cosine", "angle", "sign_agreement", "noise_ceiling", "noiseless_cosine")
COLUMNS = ("projection", "sample", "repeat", "reference", *MEASURES[:5], "n_synapses", *MEASURES[5:], "noise_low")
#: Noise alone puts one presentation in twenty below `noise_low`.
LOW = 0.05


@underflow_is_zero
def compare_updates(
    rate: RateResponse | Mapping[str, np.ndarray],
    spiking: Response,
    *,
    average: int = 1,
    references: Sequence[str] = tuple(REFERENCES.values()),
) -> pd.DataFrame:
    """Compare every spiking ΔW with that of the rate network, synapse by synapse, without bounds or constraints.

    In sparse projections only the synapses that exist count.

    Parameters
    ----------
    rate : RateResponse or dict
        The response to the same samples, with targets. A dict gives the references themselves, projection -> (n_post,
        n_pre), for all samples or with a leading sample axis. They stand for what the trained rule changes.
    spiking : Response
    average : int
        How many repeats are averaged before their mean ΔW is compared. ``repeat`` then counts these means. Repeats that
        are left over are not used.
    references : sequence of str
        What to compare with. ``"trained"``, also called ``"rule"``, is what the rule itself changes. ``"figure3"``,
        also called ``"notebook"``, is Figure 3's lr · gate · d(end) ⊗ a_pre(end), for projections onto cells with a
        dendrite. ``"backprop"`` is a step against the gradient of the output's mean squared error, for projections on
        which the somas of the output depend (`RateResponse.backprop_update`).

    Returns
    -------
    pandas.DataFrame
        One row per projection, sample, repeat and reference, with the columns of `similarity`, and

        - ``reference``: the one of `references` that the row is about;
        - ``noise_ceiling``: the cosine that Poisson noise alone would leave (see `noise_ceiling`). If repeats are
          averaged, 1/`average` of the noise power counts. It is predicted in the open loop and measured from the
          repeats in the closed loop, where it is NaN for a single repeat;
        - ``noiseless_cosine``: the cosine that would remain without noise, at the expected rates; NaN in the closed
          loop;
        - ``noise_low``: the cosine below which noise alone would bring one presentation in twenty.

    Raises
    ------
    SpikedtpError
        The two sides differ in samples or shapes, `rate` had no target, or there are fewer repeats than `average`.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import compare_updates, load_rate_network, simulate
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", n_repeats=2, device="runtime", record=())
    >>> table = compare_updates(network.present(x, target), spiking)
    >>> sorted(table["projection"].unique()), sorted(table["reference"].unique())
    (['H2E_H1E', 'H2E_H2DendI'], ['notebook', 'rule'])
    >>> bool((table["cosine"] <= 1).all())
    True
    """
    if not isinstance(spiking, Response):
        raise SpikedtpError(f"compare_updates needs a SpikingResponse from simulate, got {type(spiking).__name__}")
    if not (isinstance(rate, Mapping) or hasattr(rate, "updates")):
        raise SpikedtpError(
            f"compare_updates needs a RateResponse or a dict of weight changes as reference, got {type(rate).__name__}"
        )
    _check_samples(rate, spiking)
    if not 1 <= average <= spiking.n_repeats:
        raise SpikedtpError(f"average must be between 1 and the {spiking.n_repeats} repeats, got {average}")
    references = _checked_names(references)
    rows = []
    for projection, plastic in spiking.projections.items():
        ceilings = [_quantiles(noise_cosines(spiking, projection, sample)) for sample in range(spiking.n_samples)]
        for sample in range(spiking.n_samples):
            means = [
                _mean_update(spiking, projection, sample, range(first, first + average))
                for first in range(0, spiking.n_repeats - average + 1, average)
            ]
            noiseless = expected_update(spiking, projection, sample)
            exists = slice(None) if plastic.exists is None else plastic.exists
            for reference, expected in _references(rate, projection, sample, spiking, references).items():
                limit = np.nan if noiseless is None else similarity(expected[exists], noiseless[exists])["cosine"]
                for repeat, mean in enumerate(means):
                    rows.append(
                        {
                            "projection": projection,
                            "sample": sample,
                            "repeat": repeat,
                            "reference": reference,
                            **similarity(expected[exists], mean[exists]),
                            "noise_ceiling": _averaged_ceiling(ceilings[sample][0], average),
                            "noiseless_cosine": limit,
                            "noise_low": _averaged_ceiling(ceilings[sample][1], average),
                        }
                    )
    return pd.DataFrame(rows, columns=COLUMNS)


def _mean_update(spiking: Response, projection: str, sample: int, repeats: range) -> np.ndarray:
    found = [spiking.weight_updates.of(projection, sample, repeat) for repeat in repeats]
    return found[0] if len(found) == 1 else np.mean(found, axis=0)


def _quantiles(cosines: np.ndarray) -> tuple[float, float]:
    """The median, and the value below which a cosine rarely falls."""
    if not np.isfinite(cosines).any():
        return np.nan, np.nan
    return float(np.nanmedian(cosines)), float(np.nanquantile(cosines, LOW))


def _averaged_ceiling(ceiling: float, n: int) -> float:
    """The ceiling of a mean: cos = signal / sqrt(signal² + noise²), and n repeats leave 1/n of the noise power."""
    return ceiling / np.sqrt(ceiling**2 + (1 - ceiling**2) / n) if n > 1 else ceiling


def _check_samples(rate: RateResponse | Mapping[str, np.ndarray], spiking: Response) -> None:
    """A single presentation must not stand for a batch, nor a longer batch for a shorter one."""
    if isinstance(rate, Mapping):
        counts = {len(change) for change in rate.values() if np.ndim(change) == 3}
    else:
        counts = {1 if rate.n_samples is None else rate.n_samples}
    for count in counts - {spiking.n_samples}:
        raise SpikedtpError(
            f"the rate weight changes are of {count} sample(s), the spiking ones of {spiking.n_samples}: compare "
            "responses to the same samples"
        )


def _checked_names(references: Sequence[str]) -> tuple[str, ...]:
    known = {*REFERENCES, *REFERENCES.values(), BACKPROP}
    if references is None or not isinstance(references, (str, Sequence)):
        raise SpikedtpError(f"references must be names of {', '.join(sorted(known))}, got {shown(references)}")
    names = (references,) if isinstance(references, str) else tuple(references)
    for name in names:
        if name not in known:
            raise known_names("reference", name, known)
    if not names or len({REFERENCES.get(name, name) for name in names}) < len(names):
        raise SpikedtpError(f"references must name each reference once, got {', '.join(names) or 'none'}")
    return names


def _references(
    rate: RateResponse | Mapping[str, np.ndarray], projection: str, sample: int, spiking: Response, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Those of the wanted references that there are, under the names that were asked for."""
    found: dict[str, np.ndarray | None]
    if isinstance(rate, Mapping):
        if projection not in rate:
            raise known_names("projection in the rate weight changes", projection, rate)
        if not set(OF_THE_RULE) & set(names):
            raise SpikedtpError("weight changes that are given as a dict stand for the reference 'trained': ask for it")
        given = np.asarray(rate[projection])
        given = given[sample] if given.ndim == 3 else given
        found = {"rule": given}
    else:
        index = None if rate.n_samples is None else sample
        found = {
            "notebook": rate.notebook_update(projection, index),
            "rule": rate.updates(projection, index),
        }
        if BACKPROP in names:
            found[BACKPROP] = rate.backprop_update(projection, index)
    wanted = spiking.projections[projection].weight.shape
    references = {name: found.get(REFERENCES.get(name, name)) for name in names}
    for name, reference in references.items():
        if reference is not None and np.shape(reference) != wanted:
            raise SpikedtpError(
                f"the {name} ΔW of {projection} has shape {np.shape(reference)}, the spiking one {wanted}: "
                "compare responses of the same circuit to the same samples"
            )
    return {name: reference for name, reference in references.items() if reference is not None}


@underflow_is_zero
def summarise(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Median with bootstrap interval, mean and standard deviation of each measure.

    Parameters
    ----------
    table : pandas.DataFrame
        From `compare_updates`.
    level : float
        Confidence level of the intervals, which come from a bootstrap over samples.

    Returns
    -------
    pandas.DataFrame
        One row per projection, reference and measure, with the columns ``median, low, high, mean, sd, n``.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import compare_updates, load_rate_network, simulate
    >>> from spikedtp.compare import summarise
    >>> from spikedtp.models import weights_file
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> spiking = simulate(network, x, target, population="H2E", n_repeats=2, device="runtime", record=())
    >>> medians = summarise(compare_updates(network.present(x, target), spiking))
    >>> medians.columns.tolist()
    ['projection', 'reference', 'measure', 'median', 'low', 'high', 'mean', 'sd', 'n']
    """
    rows = []
    for (projection, reference), group in table.groupby(["projection", "reference"], sort=True):
        for measure in MEASURES:
            median, low, high = bootstrap_median(group[measure], group["sample"], level=level)
            rows.append(
                {
                    "projection": projection,
                    "reference": reference,
                    "measure": measure,
                    "median": median,
                    "low": low,
                    "high": high,
                    "mean": group[measure].mean(),
                    "sd": group[measure].std(),
                    "n": int(group[measure].notna().sum()),
                }
            )
    return pd.DataFrame(rows)
