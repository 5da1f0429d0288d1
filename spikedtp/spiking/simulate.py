"""`simulate`: a population in spikes, its inputs replayed from the rate network; or the whole circuit, closed loop."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

import numpy as np
from brian2 import Hz, ms

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Circuit, Projection, plateau_of, sees_nudge
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.locks import held
from spikedtp.neurons import CellModel, PoissonInput, SpikeTrainInput, TwoCompartment
from spikedtp.neurons.rates import check_rates
from spikedtp.parameters import check_quantity, check_whole
from spikedtp.plasticity import LearningRule
from spikedtp.spiking.closed_loop import Phases
from spikedtp.spiking.closed_response import ClosedResponse
from spikedtp.spiking.devices import check_device
from spikedtp.spiking.network import build
from spikedtp.spiking.open_loop import RECORDABLE, OpenLoop, Source
from spikedtp.spiking.readout import Readout, find_readout
from spikedtp.spiking.response import PlasticProjection, SpikingResponse
from spikedtp.spiking.run import run_on
from spikedtp.spiking.run_data import RunInputs
from spikedtp.spiking.seeds import presentation_seeds
from spikedtp.spiking.signals import SignalReader
from spikedtp.spiking.simulate_closed import refuse_unused, simulate_closed
from spikedtp.spiking.timeline import Timeline

logger = logging.getLogger(__name__)

__all__ = ["replayed_points", "simulate"]


def simulate(
    network,
    x,
    target,
    *,
    population: str | None,
    projections: list[str] | str | None = None,
    loop: str = "open",
    device: str = "cpp_standalone",
    seed: int = 0,
    readout: str | Readout = "best",
    unit_rate=450 * Hz,
    time_per_step=20 * ms,
    dt=1 * ms,
    n_repeats: int = 1,
    cell: CellModel | None = None,
    inputs: PoissonInput | None = None,
    input_spikes: dict[str, np.ndarray] | None = None,
    phases: Phases | None = None,
    unit_rates: dict | None = None,
    spikers: int | dict | None = None,
    on_off: bool = False,
    record: tuple[str, ...] = RECORDABLE,
    first_sample: int = 0,
    n_processes: int = 1,
    progress=None,
) -> SpikingResponse | ClosedResponse:
    """Run a rate network's circuit in spikes and let the learned synapses of one population compute their ΔW.

    Parameters
    ----------
    network : RateNetwork
        Weights and circuit, and the activities that the presynaptic populations replay.
    x : (n_in,) or (samples, n_in)
        Inputs in [0, 1]; of any sign with `on_off`.
    target : (n_out,) or (samples, n_out)
        One-hot targets.
    population : str or None
        The target population, e.g. ``"H2E"``. Closed loop: None or ``"all"`` for the synapses of every population.
    projections : list of str, or str, optional
        Whose ΔW to compute; default the population's learned ones.
    loop : {"open", "closed"}
        Open: the population alone spikes, and presynaptic activities are replayed from the rate network. Closed: every
        population spikes from its own membrane; only `x` and `target` come from outside (docs/closed_loop.md).
    device : {"cpp_standalone", "runtime"}
    seed : int
        Every presentation (sample, repeat) has its own generator, seeded from this and its indices.
    readout : {"best", "paper"} or Readout
        Of the open loop. The closed one reads in the windows of its phases.
    unit_rate : Quantity (Hz)
        Firing rate of activity 1. Closed loop: that of excitatory cells and inputs; inhibitory cells have a quarter.
    time_per_step : Quantity (second)
        Duration of one step of the rate network. The closed loop settles for 25 of them (the last 10 are read) and is
        nudged for 10 (the first 3 are not read).
    dt : Quantity (second)
    n_repeats : int
        Presentations of each sample.
    cell : CellModel, optional
        The spiking cell; default `TwoCompartment`, the linear model of Figure 3. Closed loop: `NudgedCell`.
    inputs : PoissonInput, optional
        How activities become spikes (open loop).
    input_spikes : dict, optional
        Given spikes instead (open loop), presynaptic population -> bool (n_steps, n), also with leading (repeats,) or
        (samples, repeats) axes; for every presynaptic population, off cells (`on_off`) under ``POPULATION_off``.
    phases : Phases, optional
        Closed loop: when things happen in a presentation, instead of `time_per_step`.
    unit_rates : dict, optional
        Closed loop: population -> Quantity (Hz), where it is not to follow from `unit_rate`.
    spikers : int or dict, optional
        Closed loop: how many units fire for each inhibitory cell, or population -> number; default as `SpikingNetwork`.
    on_off : bool
        Open loop: an on and an off cell for each cell of the input and of linear presynaptic populations, whose
        activities may be negative. They fire at the positive and the negative part, and their weights have opposite
        signs. False: negative activities are refused, since no firing rate is negative.
    record : tuple of str
        What to keep at every time step: any of ``spikes, v_soma, v_dend, eligibility``. An empty tuple keeps the
        read-outs alone, which are small.
    first_sample : int
        Index of the first sample in its data set: part of a batch, run alone, then has the same spikes.
    n_processes : int
        Among how many processes of the compiled binary the presentations are split; the results are the same bytes.
    progress : callable, optional
        Called with the number of presentations done.

    Returns
    -------
    SpikingResponse or ClosedResponse

    Raises
    ------
    SpikedtpError
        For anything that a caller can mend, in one line.
    """
    _check_options(loop, device, record, n_repeats, seed, first_sample)
    check_quantity("simulate", "unit_rate", unit_rate, 450 * Hz, above=0 * Hz)
    if loop == "closed":
        unused = {"readout": None if readout == "best" else readout, "inputs": inputs, "input_spikes": input_spikes}
        unused |= {"on_off": on_off or None}
        refuse_unused(loop, unused)
        every = population in (None, "all")
        found = network.circuit.projections if every else _inputs(network.circuit, population)
        return simulate_closed(
            network, x, target, population=None if every else population,
            learned=tuple(_learned(found, projections)), device=device, unit_rate=unit_rate, unit_rates=unit_rates,
            spikers=spikers, time_per_step=time_per_step, dt=dt, phases=phases, cell=cell, record=record, seed=seed,
            n_repeats=n_repeats, first_sample=first_sample, n_processes=n_processes, progress=progress,
        )  # fmt: skip
    refuse_unused(loop, {"phases": phases, "unit_rates": unit_rates, "spikers": spikers})
    timeline = Timeline(time_per_step=time_per_step, dt=dt)
    cell = _with_rate(cell or TwoCompartment(), unit_rate)
    poisson = _with_rate(inputs or PoissonInput(), unit_rate)
    for model in (cell, poisson):
        model.check_time_step(dt)

    learned = _learned(_inputs(network.circuit, population), projections)
    readout = find_readout(readout, contrast=any(rule.contrasts for rule in learned.values()))
    x, target = (as_numbers(name, values, np.float32) for name, values in (("x", x), ("target", target)))
    batched = x.ndim == 2
    x, target = np.atleast_2d(x), np.atleast_2d(target)
    if not len(x):
        raise SpikedtpError("x is an empty batch: simulate needs at least one sample")
    with held(network):
        sources = _sources(network, population, on_off)
        rate = network.present(x, target, nudge_populations="all")
        bias = network.biases[population]
        rule_state = {name: network.rule_state[name] for name in learned}

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
    spec = OpenLoop(population, cell, model, sources, timeline, readout.kernels(timeline), arriving, tuple(record))
    results = run_on(device, partial(build, spec), data, progress, n_processes)

    vectors = {name: values.reshape(*shape, -1) for name, values in results.vectors.items()}
    described = network.circuit.population(population)
    plateau = plateau_of(network.circuit, described)
    if plateau is not None and not readout.calibrated:
        plateau = replace(plateau, relu_gate=True)  # Figure 3 gates all of them
    plastic = {}
    for source in sources:
        if source.projection in learned:
            reader = SignalReader(
                source=source,
                cells=spec.slices()[source.projection],
                plateau=plateau,
                settled=rate.activity[population][:, rate.forward_steps - 1],
                target=target if described == network.circuit.output else None,
                gain=_gain(cell, unit_rate) if readout.calibrated else 1.0,
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
                reader,
            )
    response = SpikingResponse(population, readout.name, spec, plastic, batched, *shape, results, replayed)
    _warn_of_clipping(response)
    for name, activity in response.highest.items():
        check_rates(poisson, activity * unit_rate, dt, timeline.duration, of=name)
    return response


def replayed_points(rate, population: str, timeline: Timeline, x: np.ndarray) -> np.ndarray:
    """The activities around the nudge, `(samples, n_points, n)`: the last settle steps, then the nudge steps.

    A phase that is shorter than wanted is held: at its first step before the nudge, at its last one after it (a
    one-pass nudge is a single step, and is shown for the whole supervised phase).
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


# --- pieces of simulate -----------------------------------------------------------------------------------------------


def _check_options(loop: str, device: str, record, n_repeats: int, seed: int, first_sample: int) -> None:
    if loop not in ("open", "closed"):
        raise known_names("loop", loop, ("open", "closed"))
    check_device(device)
    for name in record:
        if name not in RECORDABLE:
            raise known_names("variable to record", name, RECORDABLE)
    check_whole("n_repeats", n_repeats, least=1)
    check_whole("seed", seed)
    check_whole("first_sample", first_sample)


def _with_rate(model: CellModel, unit_rate) -> CellModel:
    return replace(model, unit_rate=unit_rate) if "unit_rate" in model.quantities() else model


def _gain(model: CellModel, unit_rate) -> float:
    """What an activity of 1, at the unit rate, gives in a read-out of the drive."""
    return float(model.weight_scale * unit_rate * model.spike_width)


def _sources(network, population: str, on_off: bool) -> tuple[Source, ...]:
    """The population's inputs, those onto the soma first."""
    circuit, weights = network.circuit, network.weights
    for p in circuit.inputs(population):
        if p.compartment != "dend" and p.update_phase == "B":
            raise SpikedtpError(f"{circuit.name}: {p.name} drives a soma in the nudge phase alone: no spiking form yet")
    signed = {p.name for p in circuit.populations if on_off and (p == circuit.input or p.activation != "relu")}
    made = (
        Source(p.name, p.pre, p.compartment, p.direction == "R", weights[p.name], p.pre in signed)
        for p in _inputs(circuit, population)
    )
    return tuple(sorted(made, key=lambda source: source.compartment, reverse=True))


def _inputs(circuit: Circuit, population: str) -> tuple[Projection, ...]:
    circuit.population(population)
    found = circuit.inputs(population)
    if not found:
        targets = sorted({p.post for p in circuit.projections})
        raise SpikedtpError(f"population {population!r} has no inputs: choose one of {', '.join(targets)}")
    return found


def _learned(found: tuple[Projection, ...], wanted: list[str] | str | None) -> dict[str, LearningRule]:
    rules = {p.name: p.rule for p in found if p.rule is not None}
    if wanted is None:
        wanted = [name for name, rule in rules.items() if not rule.needs_gradient]
    elif isinstance(wanted, str):
        wanted = [wanted]
    for name in wanted:
        if name not in rules:
            raise known_names("learned projection", name, rules)
        if rules[name].needs_gradient:
            raise SpikedtpError(
                f"{name} learns by a gradient ({type(rules[name]).__name__}), which has no spiking form"
            )
    return {name: rules[name] for name in wanted}


def _carried(activity: np.ndarray, source: Source) -> np.ndarray:
    """Activities of a source, if its cells can fire at them."""
    if not source.on_off and activity.min() < 0:
        raise SpikedtpError(
            f"activities of {source.population} are negative (down to {activity.min():.3g}), and no firing rate is: "
            "let on and off cells carry them (on_off=True, --on-off), or scale the inputs to [0, 1]"
        )
    return activity


def _warn_of_clipping(response: SpikingResponse) -> None:
    """Name the populations whose activity asks for more than the dead time allows."""
    clipped = response.clipped
    if clipped:
        listed = ", ".join(f"{population} (up to {highest:.2g})" for population, (highest, _) in clipped.items())
        limit, max_rate = next(iter(clipped.values()))[1], response.spec.inputs.max_rate
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
            raster = as_numbers(f"input_spikes[{name!r}]", given[name], None)
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
