"""The open loop: one population spikes, and its inputs are replayed from the rate network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Population
from spikedtp.circuit.network import RateNetworkLike
from spikedtp.errors import SpikedtpError, known_names, shown
from spikedtp.events import SpikeTrains
from spikedtp.neurons import CellModel, PoissonInput, SpikeTrainInput
from spikedtp.neurons.rates import check_rates
from spikedtp.plasticity import BiasRule
from spikedtp.spiking.engine.batch import Progress, RunInputs
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.engine.seeds import check_presentations, presentation_seeds
from spikedtp.spiking.open_loop.build import build, check_cells
from spikedtp.spiking.open_loop.plan import Source
from spikedtp.spiking.open_loop.prepare import prepare_open
from spikedtp.spiking.open_loop.readout import Readout
from spikedtp.spiking.open_loop.response import SpikingResponse
from spikedtp.spiking.open_loop.timeline import Timeline
from spikedtp.spiking.responses.response import RECORDABLE, check_recordable
from spikedtp.spiking.responses.weight_updates import PlasticProjection

logger = logging.getLogger(__name__)

__all__ = ["simulate_open"]


def simulate_open(
    network: RateNetworkLike,
    x: ArrayLike,
    target: ArrayLike,
    *,
    population: str,
    projections: list[str] | str | None = None,
    device: str = "cpp_standalone",
    seed: int = 0,
    readout: str | Readout = "best",
    unit_rate: Quantity = 450 * Hz,
    time_per_step: Quantity = 20 * ms,
    dt: Quantity = 1 * ms,
    n_repeats: int = 1,
    cell: CellModel | None = None,
    inputs: PoissonInput | None = None,
    input_spikes: dict[str, np.ndarray | SpikeTrains] | None = None,
    on_off: bool = False,
    record: tuple[str, ...] = RECORDABLE,
    first_sample: int = 0,
    n_processes: int = 1,
    progress: Progress | None = None,
) -> SpikingResponse:
    """`simulate` in the open loop: one population spikes, and its inputs replay the rate network's activities.

    Parameters
    ----------
    network, x, target, projections, device, seed, n_repeats, record, first_sample, n_processes, progress
        As in `simulate`. With `on_off` inputs may have any sign.
    population : str
        The target population, e.g. ``"H2E"``.
    readout : {"best", "paper"} or Readout
        How the recorded signals become the numbers that a rule sees (docs/readout.md).
    unit_rate : Quantity (Hz)
        Firing rate of activity 1.
    time_per_step : Quantity (second)
        Duration of one step of the rate network.
    dt : Quantity (second)
    cell : CellModel, optional
        The spiking cell. The default is `TwoCompartment`, the linear model of Figure 3.
    inputs : PoissonInput, optional
        The input cells, which turn activities into spikes.
    input_spikes : dict, optional
        Spikes that are given instead of replayed activities: presynaptic population -> bool (n_steps, n), also with
        leading (repeats,) or (samples, repeats) axes, or `SpikeTrains` as long as a presentation, in one sequence or
        with a trial for each repeat. Every presynaptic population needs an entry. Off cells (`on_off`) are under
        ``POPULATION_off``. Spikes of `population` itself are not used, so the spikes of a response can be given as
        they are; other names are refused.
    on_off : bool
        Whether an on cell and an off cell stand for each cell of the input and of linear presynaptic populations, whose
        activities may be negative. The two fire at the positive and the negative part, and their weights have opposite
        signs. Without them negative activities are refused, since no firing rate is negative.

    Returns
    -------
    SpikingResponse

    Raises
    ------
    SpikedtpError
        Something is wrong that the caller can mend. One line says what.

    Examples
    --------
    >>> import numpy as np
    >>> from spikedtp import load_rate_network
    >>> from spikedtp.models import weights_file
    >>> from spikedtp.spiking import simulate_open
    >>> network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    >>> x, target = np.full(64, 0.2), np.eye(10)[3]
    >>> response = simulate_open(network, x, target, population="H2E", readout="paper", device="runtime", record=())
    >>> sorted(response.weight_updates)
    ['H2E_H1E', 'H2E_H2DendI']
    """
    check_device(device)
    record = check_recordable(record)
    check_presentations(n_repeats, seed, first_sample)
    prepared = prepare_open(
        network, x, target, population=population, projections=projections, readout=readout, unit_rate=unit_rate,
        time_per_step=time_per_step, dt=dt, cell=cell, inputs=inputs, on_off=on_off, record=record,
        replay=input_spikes is None,
    )  # fmt: skip
    spec, replayed = prepared.spec, prepared.replayed
    shape = (prepared.n_samples, n_repeats)
    seeds = presentation_seeds(seed, *shape, first_sample)
    if replayed is not None:
        data = RunInputs({"replay": replayed}, np.repeat(np.arange(shape[0]), n_repeats), seeds)
    else:
        assert input_spikes is not None
        spec = replace(spec, inputs=SpikeTrainInput.like(spec.replaying))
        spikes = _given_spikes(input_spikes, population, spec.sources, spec.timeline, shape)
        data = RunInputs({"replay": spikes}, np.arange(len(spikes)), seeds)
    check_cells(spec)
    results = run_on(device, partial(build, spec), data, progress, n_processes)

    vectors = {name: values.reshape(*shape, -1) for name, values in results.vectors.items()}
    plastic = {
        name: PlasticProjection(**vars(learned), signals=prepared.readers[name].signals(vectors))
        for name, learned in prepared.projections.items()
    }
    response = SpikingResponse(
        population=population, readout=prepared.readout.name, spec=spec, batched=prepared.batched, n_samples=shape[0],
        n_repeats=n_repeats, results=results, readers=prepared.readers, plastic=plastic, replayed=replayed,
        bias_rule=_bias_rule(network.circuit.population(population), learned=bool(plastic)),
    )  # fmt: skip
    _warn_of_clipping(response)
    for name, activity in response.highest.items():
        check_rates(spec.replaying, activity * unit_rate, dt, spec.duration, of=name)
    return response


# --- pieces of simulate_open ------------------------------------------------------------------------------------------


def _bias_rule(population: Population, *, learned: bool) -> BiasRule | None:
    """The rule of the bias, if it has a spiking form and there are signals."""
    rule = population.bias_rule
    return None if rule is None or rule.spiking_form() is None or not learned else rule


def _warn_of_clipping(response: SpikingResponse) -> None:
    """Name the populations whose activity asks for more than the dead time allows."""
    clipped = response.clipped
    if clipped:
        listed = ", ".join(f"{population} (up to {highest:.2g})" for population, (highest, _) in clipped.items())
        limit, max_rate = next(iter(clipped.values()))[1], response.spec.replaying.max_rate
        logger.warning(
            "activities above %.3g are clipped at %s: %s; a lower unit_rate avoids it", limit, max_rate, listed
        )


def _given_spikes(
    given: Mapping[str, ArrayLike | SpikeTrains],
    population: str,
    sources: tuple[Source, ...],
    timeline: Timeline,
    shape: tuple[int, int],
) -> np.ndarray:
    """Rasters of all inputs side by side, `(samples * repeats, n_steps, n_inputs)`."""
    if not isinstance(given, Mapping):
        raise SpikedtpError(f"input_spikes must be a dict, presynaptic population -> spikes, got {shown(given)}")
    known = {name for source in sources for name in source.groups}
    if unknown := [name for name in given if name not in known and name != population]:
        raise known_names("presynaptic population in input_spikes", unknown[0], known)
    rasters = []
    for source in sources:
        for name, cells in source.groups.items():
            if name not in given:
                raise SpikedtpError(f"input_spikes has no spikes of {name}, which {source.projection} needs")
            raster = as_numbers(f"input_spikes[{name!r}]", _in_steps(name, given[name], timeline), None)
            wanted = (timeline.n_steps, cells.stop - cells.start)
            if raster.shape[-2:] != wanted or raster.ndim > 4 or not np.isin(raster, (0, 1)).all():
                raise SpikedtpError(
                    f"input_spikes[{name!r}] must hold 0 or 1 in (..., n_steps, n) = (..., {wanted[0]}, "
                    f"{wanted[1]}), got {raster.shape}"
                )
            try:
                rasters.append(np.broadcast_to(raster.astype(bool), (*shape, *wanted)))
            except ValueError:
                raise SpikedtpError(
                    f"input_spikes[{name!r}]: leading axes {raster.shape[:-2]} do not fit (samples, repeats) = {shape}"
                ) from None
    return np.concatenate(rasters, axis=-1).reshape(shape[0] * shape[1], timeline.n_steps, -1)


def _in_steps(name: str, spikes: ArrayLike | SpikeTrains, timeline: Timeline) -> ArrayLike:
    """Spike trains in the time steps of a presentation; those whose end nobody has said end with it."""
    if not isinstance(spikes, SpikeTrains):
        return spikes
    try:
        known = spikes if spikes.stop is not None else replace(spikes, stop=spikes.start + timeline.duration)
        return known.raster(timeline.dt)
    except SpikedtpError as error:
        raise SpikedtpError(f"input_spikes[{name!r}]: {error}") from None
