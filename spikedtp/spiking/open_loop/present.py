"""The open loop: one population spikes, and its inputs are replayed from the rate network."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Projection, inputs_of, learned_rules, plateau_of, sees_nudge
from spikedtp.circuit.network import RateNetworkLike, RateResponseLike, masks_of
from spikedtp.errors import SpikedtpError
from spikedtp.events import SpikeTrains
from spikedtp.locks import held
from spikedtp.neurons import CellModel, PoissonInput, SpikeTrainInput, TwoCompartment
from spikedtp.neurons.check import PULSE, declared
from spikedtp.neurons.rates import check_rates
from spikedtp.parameters import check_quantity
from spikedtp.spiking.engine.batch import Progress, RunInputs
from spikedtp.spiking.engine.devices import check_device
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.engine.seeds import check_presentations, presentation_seeds
from spikedtp.spiking.open_loop.build import build, check_cells
from spikedtp.spiking.open_loop.plan import Driven, OpenLoop, Source
from spikedtp.spiking.open_loop.readout import Readout, readout_named
from spikedtp.spiking.open_loop.response import SpikingResponse
from spikedtp.spiking.open_loop.signal_reader import SignalReader
from spikedtp.spiking.open_loop.timeline import Timeline
from spikedtp.spiking.responses.response import RECORDABLE, check_recordable
from spikedtp.spiking.responses.weight_updates import PlasticProjection

Model = TypeVar("Model", bound=CellModel)

logger = logging.getLogger(__name__)

#: In rate steps: with one more along R an activity has arrived when the second half of the sensory phase is read.
MOST_DELAY = 4

__all__ = ["replayed_points", "simulate_open"]


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
        ``POPULATION_off``.
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
    check_quantity("simulate", "unit_rate", unit_rate, 450 * Hz, above=0 * Hz)
    found = inputs_of(network.circuit, population)
    timeline = Timeline(time_per_step=time_per_step, dt=dt, wait=_longest_delay(found))
    cell, inputs = cell or TwoCompartment(), inputs or PoissonInput()
    declared(cell, "the cell of the open loop")
    if not isinstance(inputs, PoissonInput):
        raise SpikedtpError(f"inputs of the open loop must be a PoissonInput or left out, got {type(inputs).__name__}")
    cell, poisson = _with_rate(cell, unit_rate), _with_rate(inputs, unit_rate)
    for model in (cell, poisson):
        model.check_time_step(dt)

    learned = learned_rules(found, projections)
    readout = readout_named(readout, contrasting=any(rule.contrasts for rule in learned.values()))
    x, target = (as_numbers(name, values, np.float32) for name, values in (("x", x), ("target", target)))
    batched = x.ndim == 2
    x, target = np.atleast_2d(x), np.atleast_2d(target)
    if not len(x):
        raise SpikedtpError("x is an empty batch: simulate needs at least one sample")
    with held(network):
        sources = _sources(network, population, found, on_off)
        rate = network.present(x, target, nudge_populations="all")
        bias = network.biases[population]
        rule_state = {name: network.rule_state[name] for name in learned}
        masks = masks_of(network)

    shape = (len(x), n_repeats)
    seeds = presentation_seeds(seed, *shape, first_sample)
    if input_spikes is None:
        model = poisson
        points = [s.split(_carried(replayed_points(rate, s.population, timeline, x), s)) for s in sources]
        replayed = np.concatenate(points, axis=-1)
        data = RunInputs({"replay": replayed}, np.repeat(np.arange(len(x)), n_repeats), seeds)
    else:
        model = SpikeTrainInput.like(poisson)
        spikes = _given_spikes(input_spikes, sources, timeline, shape)
        data, replayed = RunInputs({"replay": spikes}, np.arange(len(spikes)), seeds), None

    arriving = bias * float(unit_rate * dt) if bias.any() else None  # as from a cell of activity 1 without noise
    spec = OpenLoop(population, cell, model, sources, timeline, readout.kernels(timeline), arriving, record)
    check_cells(spec)
    _check_pulse(cell)
    results = run_on(device, partial(build, spec), data, progress, n_processes)

    vectors = {name: values.reshape(*shape, -1) for name, values in results.vectors.items()}
    described = network.circuit.population(population)
    plateau = plateau_of(network.circuit, described)
    if plateau is not None and not readout.calibrated:
        plateau = replace(plateau, relu_gate=True)  # Figure 3 gates all of them
    plastic, readers = {}, {}
    for source in sources:
        if source.projection in learned:
            reader = readers[source.projection] = SignalReader(
                source=source,
                cells=spec.slices()[source.projection],
                plateau=plateau,
                settled=rate.activity[population][:, rate.forward_steps - 1],
                target=target if described == network.circuit.output else None,
                gain=_gain(spec.driven, unit_rate) if readout.calibrated else 1.0,
                trace_gain=_gain(poisson, unit_rate) if readout.calibrated else 1.0,
                clipped=readout.calibrated,
                signed=described.activation != "relu",
                sees_nudge=sees_nudge(network.circuit, network.circuit.projection(source.projection)),
            )
            plastic[source.projection] = PlasticProjection(
                learned[source.projection],
                source.weight,
                rule_state[source.projection],
                reader.signals(vectors),
                linear=not readout.calibrated,
                exists=masks.get(source.projection),
            )
    response = SpikingResponse(
        population=population, readout=readout.name, spec=spec, batched=batched, n_samples=len(x), n_repeats=n_repeats,
        results=results, readers=readers, plastic=plastic, replayed=replayed,
    )  # fmt: skip
    _warn_of_clipping(response)
    for name, activity in response.highest.items():
        check_rates(poisson, activity * unit_rate, dt, timeline.duration, of=name)
    return response


def replayed_points(rate: RateResponseLike, population: str, timeline: Timeline, x: np.ndarray) -> np.ndarray:
    """The activities around the nudge, `(samples, n_points, n)`: the last settle steps, then the nudge steps.

    If a phase has fewer steps than are shown, one step is repeated: the first one of the settle phase, the last one of
    the nudge phase. A one-pass nudge has a single step, which is shown for the whole supervised phase.
    """
    if population not in rate.activity:  # the input is the same at every step
        return np.repeat(x[:, None, :], timeline.n_points, axis=1)
    activity, onset = rate.activity[population], rate.forward_steps
    index = np.concatenate(
        [
            np.clip(np.arange(onset - timeline.sensory_points, onset), 0, onset - 1),
            np.clip(np.arange(onset, onset + timeline.supervised_points), onset, activity.shape[1] - 1),
        ]
    )
    return activity[:, index]


# --- pieces of simulate_open ------------------------------------------------------------------------------------------


def _with_rate(model: Model, unit_rate: Quantity) -> Model:
    return replace(model, unit_rate=unit_rate) if "unit_rate" in model.quantities() else model


def _longest_delay(inputs: tuple[Projection, ...]) -> int:
    """In rate steps. What is read before the nudge begins must have arrived."""
    for p in inputs:
        if p.delay > MOST_DELAY:
            raise SpikedtpError(
                f"{p.name}: delay = {p.delay} is too long for the open loop, which shows few rate steps before the "
                f"nudge: it may be at most {MOST_DELAY}, or use loop='closed' (--loop closed)"
            )
    return max(p.delay for p in inputs)


def _check_pulse(cell: CellModel) -> None:
    """What is read of a cell is divided by what an activity of 1 gives: it must be known before anything is run."""
    missing = [name for name in PULSE if not hasattr(cell, name)]
    if missing:
        raise SpikedtpError(
            f"the cells of the open loop: {type(cell).__name__} lacks {', '.join(missing)}, which say how a spike "
            "drives it: make them parameters, as TwoCompartment() has them"
        )


def _gain(model: Driven, unit_rate: Quantity) -> float:
    """What an activity of 1, at the unit rate, gives in a read-out of the drive."""
    return float(model.weight_scale * unit_rate * model.spike_width)


def _sources(
    network: RateNetworkLike, population: str, inputs: tuple[Projection, ...], on_off: bool
) -> tuple[Source, ...]:
    """The population's inputs, those onto the soma first."""
    circuit, weights = network.circuit, network.weights
    for p in inputs:
        if p.compartment != "dend" and p.update_phase == "B":
            raise SpikedtpError(f"{circuit.name}: {p.name} drives a soma in the nudge phase alone: no spiking form yet")
    signed = {p.name for p in circuit.populations if on_off and (p == circuit.input or p.activation != "relu")}
    made = (Source(p.name, p.pre, p.compartment, p.lag, weights[p.name], p.pre in signed) for p in inputs)
    return tuple(sorted(made, key=lambda source: source.compartment, reverse=True))


def _carried(activity: np.ndarray, source: Source) -> np.ndarray:
    """Activities of a source, if its cells can fire at them."""
    if not source.on_off and activity.min() < 0:
        raise SpikedtpError(
            f"activities of {source.population} are negative (down to {activity.min():.3g}), and a firing rate cannot "
            "be: let on and off cells carry them (on_off=True, --on-off), or scale the inputs to [0, 1]"
        )
    return activity


def _warn_of_clipping(response: SpikingResponse) -> None:
    """Name the populations whose activity asks for more than the dead time allows."""
    clipped = response.clipped
    if clipped:
        listed = ", ".join(f"{population} (up to {highest:.2g})" for population, (highest, _) in clipped.items())
        limit, max_rate = next(iter(clipped.values()))[1], response.spec.replaying.max_rate
        logger.warning(
            "activities above %.3g are clipped at %s: %s; a lower unit_rate avoids it", limit, max_rate, listed
        )


def _given_spikes(given: dict, sources: tuple[Source, ...], timeline: Timeline, shape: tuple[int, int]) -> np.ndarray:
    """Rasters of all inputs side by side, `(samples * repeats, n_steps, n_inputs)`."""
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
