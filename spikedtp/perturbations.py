"""What robustness is measured with: noise on the inputs, and synapses that are lost. Nothing is simulated here."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from numbers import Real
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Projection, bias_key, weight_key
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.parameters import check_whole
from spikedtp.plasticity import NoAutapses, Tied
from spikedtp.plasticity.constraints import Bounds, is_finite
from spikedtp.plasticity.masks import normalised_rows
from spikedtp.rate import RateNetwork

__all__ = ["Lost", "Outside", "pruned", "with_noise"]

#: What becomes of noisy inputs outside [0, 1].
Outside = Literal["keep", "clip"]
#: Which synapses are lost first.
Lost = Literal["smallest", "random"]


def with_noise(x: ArrayLike, sd: float, *, seed: int = 0, outside: Outside = "keep") -> np.ndarray:
    """Inputs with Gaussian noise, independent for each input of each sample.

    Parameters
    ----------
    x : array
        Inputs, of any shape.
    sd : float
        Standard deviation of the noise, in the unit of the inputs. Pixels lie between 0 and 1.
    seed : int
        The same seed draws the same numbers for every `sd`, so that only their size differs along a curve.
    outside : {"keep", "clip"}
        What becomes of values outside [0, 1]. ``"keep"`` leaves them as they are, as EIANN does. A rate network takes
        them; a spiking network refuses them, because no cell fires at a negative rate. ``"clip"`` sets them to 0 or 1,
        which both kinds of network take. Then the noise is no longer Gaussian, and its mean is above 0 where pixels
        are black.

    Returns
    -------
    ndarray, the shape of x, float32

    Raises
    ------
    SpikedtpError
        x is not an array of numbers, `sd` is negative, or an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp.perturbations import with_noise
    >>> x = np.full((1000, 64), 0.5)
    >>> round(float(with_noise(x, 0.2, seed=1).std()), 2)
    0.2
    >>> clipped = with_noise(x, 0.5, seed=1, outside="clip")
    >>> float(clipped.min()), float(clipped.max())
    (0.0, 1.0)
    """
    x = as_numbers("x", x)
    if not _is_number(sd) or sd < 0:
        raise SpikedtpError(f"sd must be a number of at least 0, got {shown(sd)}")
    _check_choice("outside", outside, Outside)
    if outside == "clip" and x.size and not (x.min() >= 0 and x.max() <= 1):
        raise SpikedtpError(
            f"x goes from {x.min():g} to {x.max():g}: outside='clip' is for inputs between 0 and 1, and would lose the "
            "others; keep them (outside='keep'), or scale the inputs"
        )
    noise = np.random.default_rng(check_whole("seed", seed)).standard_normal(x.shape)
    noisy = x + float(sd) * noise
    return (noisy.clip(0, 1) if outside == "clip" else noisy).astype(np.float32)


def pruned(
    network: RateNetwork,
    fraction: float,
    *,
    lost: Lost = "smallest",
    seed: int = 0,
    projections: str | Iterable[str] | None = None,
    renormalise: bool = False,
) -> RateNetwork:
    """A copy of the network without some of its synapses: their weights are 0.

    The fraction is lost in each projection by itself. Tied projections lose what their sources lose. Biases stay.

    Parameters
    ----------
    network : RateNetwork
        It is not changed. `SpikingNetwork` takes the result as it takes any rate network.
    fraction : float
        Between 0 and 1. Pairs of cells that are not connected (a mask, autapses) are no synapses. A synapse of weight
        0 is one: Dale's law leaves many of them, and with ``"smallest"`` they go first.
    lost : {"smallest", "random"}
        Which synapses are lost: those with the smallest absolute weights, equal ones in random order, or any.
    seed : int
        Of the random choice in each projection. With one seed, what is lost at a small fraction is also lost at a
        larger one.
    projections : str or iterable of str, optional
        Which projections lose synapses. The default is all but the tied ones.
    renormalise : bool
        Whether the rows of projections with normalised weights (`NormalizeRows`, or a mask with a `scale`) are scaled
        to their sum again. Without it each cell receives less. Other projections are never scaled.

    Returns
    -------
    RateNetwork
        Its rules begin afresh. If it learns on, lost synapses may grow again; a `Mask` in the circuit prevents that.

    Raises
    ------
    SpikedtpError
        The fraction does not lie between 0 and 1, an option or projection is unknown, a named projection is tied, or
        the bounds of its weights exclude 0.

    Examples
    --------
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.perturbations import pruned
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> fewer = pruned(network, 0.8)
    >>> {name: round(float((fewer.weights[name] == 0).mean()), 2) for name in ("H2E_H1E", "H1E_H2E")}  # the copy too
    {'H2E_H1E': 0.8, 'H1E_H2E': 0.8}
    """
    if not isinstance(network, RateNetwork):
        raise SpikedtpError(
            f"network must be a rate network, as load_rate_network gives it, got {type(network).__name__}"
        )
    if not _is_number(fraction) or not 0 <= fraction <= 1:
        raise SpikedtpError(f"fraction must lie between 0 and 1, got {shown(fraction)}")
    _check_choice("lost", lost, Lost)
    seed = check_whole("seed", seed)
    found = deepcopy(network)
    weights, masks = found.weights, found.masks
    chosen = {p.name for p in _chosen(network, projections)}
    for place, p in enumerate(network.circuit.projections):
        if p.name in chosen:
            rng = np.random.default_rng([seed, place])  # what one projection loses does not depend on others
            rows = normalised_rows(p.constraint) if renormalise else None
            sums = None if rows is None else rows.sums(weights[p.name], recurrent=p.recurrent)
            _lose(weights[p.name], _synapses(p, masks, weights[p.name].shape), float(fraction), lost, rng)
            if rows is not None:
                rows.apply(weights[p.name], recurrent=p.recurrent, sums=sums)
    tied = [(p.name, p.constraint) for p in network.circuit.projections if isinstance(p.constraint, Tied)]
    for name, copy in tied * len(tied):  # copies of copies stand in any order
        if chosen & {copy.source, copy.source2}:
            weights[name] = copy.value(weights)
            chosen.add(name)
    biases = {bias_key(name): bias for name, bias in found.biases.items()}
    found.load_state_dict({weight_key(name): weight for name, weight in weights.items()} | biases)
    return found


def _chosen(network: RateNetwork, names: str | Iterable[str] | None) -> list[Projection]:
    own = [p for p in network.circuit.projections if not isinstance(p.constraint, Tied)]
    if names is None:
        chosen = own
    else:
        chosen = [network.circuit.projection(name) for name in ([names] if isinstance(names, str) else names)]
    for p in chosen:
        if isinstance(p.constraint, Tied):
            raise SpikedtpError(
                f"{p.name} is tied to {p.constraint.source}, and loses what that loses: name its source"
            )
        lower, upper = Bounds(*p.bounds)
        if (lower is not None and lower > 0) or (upper is not None and upper < 0):
            raise SpikedtpError(f"{p.name} cannot lose synapses: its bounds ({lower}, {upper}) exclude a weight of 0")
    return chosen


def _synapses(p: Projection, masks: dict[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Where cells are connected, ``(n_post, n_pre)`` bool."""
    there = masks[p.name].copy() if p.name in masks else np.ones(shape, bool)
    rows = normalised_rows(p.constraint)
    if p.recurrent and (isinstance(p.constraint, NoAutapses) or (rows is not None and not rows.autapses)):
        np.fill_diagonal(there, False)
    return there


def _lose(weight: np.ndarray, there: np.ndarray, fraction: float, lost: Lost, rng: np.random.Generator) -> None:
    places = np.flatnonzero(there)
    drawn = rng.permutation(len(places))
    if lost == "smallest":
        drawn = np.lexsort((drawn, np.abs(weight.ravel()[places])))
    weight.ravel()[places[drawn[: round(fraction * len(places))]]] = 0


def _is_number(value: object) -> bool:
    """Also one of numpy."""
    return isinstance(value, Real) and not isinstance(value, bool) and is_finite(float(value))


def _check_choice(name: str, value: object, choices: object) -> None:
    if value not in get_args(choices):
        raise known_names(name, value, get_args(choices))
