"""From a rate network and samples to what the open loop runs: the plan, what is replayed, and how it is read.

Nothing is simulated here. `present` runs it; what is expected of it needs no run (`compare.noise`, `planning`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from brian2 import Hz, ms
from brian2.units.fundamentalunits import Quantity
from numpy.typing import ArrayLike

from spikedtp.arrays import as_numbers
from spikedtp.circuit import Circuit, Projection, inputs_of, learned_rules, plateau_of, sees_nudge
from spikedtp.circuit.network import RateNetworkLike, RateResponseLike, masks_of
from spikedtp.errors import SpikedtpError
from spikedtp.locks import held
from spikedtp.neurons import CellModel, PoissonInput, TwoCompartment
from spikedtp.neurons.check import PULSE, declared
from spikedtp.parameters import check_quantity
from spikedtp.spiking.open_loop.build import check_cells
from spikedtp.spiking.open_loop.plan import Driven, OpenLoop, Source
from spikedtp.spiking.open_loop.readout import Readout, readout_named
from spikedtp.spiking.open_loop.signal_reader import SignalReader
from spikedtp.spiking.open_loop.timeline import Timeline
from spikedtp.spiking.responses.weight_updates import LearnedProjection

__all__ = ["Prepared", "prepare_open", "replayed_points"]

Model = TypeVar("Model", bound=CellModel)

#: In rate steps: with one more along R an activity has arrived when the second half of the sensory phase is read.
MOST_DELAY = 4


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Presentations in the open loop, before anything has spiked.

    Attributes
    ----------
    readout : Readout
    spec : OpenLoop
    batched : bool
        Whether the samples came with an axis of their own.
    readers : dict
        projection -> the reader of its signals.
    projections : dict
        projection -> the synapses that learn.
    replayed : (samples, n_points, n_inputs) or None
        The activities that the inputs replay. It is None if spikes are given.
    """

    readout: Readout
    spec: OpenLoop
    batched: bool
    readers: dict[str, SignalReader]
    projections: dict[str, LearnedProjection]
    replayed: np.ndarray | None
    n_samples: int


def prepare_open(
    network: RateNetworkLike,
    x: ArrayLike,
    target: ArrayLike,
    *,
    population: str,
    projections: list[str] | str | None = None,
    readout: str | Readout = "best",
    unit_rate: Quantity = 450 * Hz,
    time_per_step: Quantity = 20 * ms,
    dt: Quantity = 1 * ms,
    cell: CellModel | None = None,
    inputs: PoissonInput | None = None,
    on_off: bool = False,
    record: tuple[str, ...] = (),
    replay: bool = True,
) -> Prepared:
    """All that `simulate_open` needs to know of its arguments, which are the same here.

    Parameters
    ----------
    replay : bool
        Whether the inputs replay activities. Otherwise their spikes are given, and activities may have any sign.

    Raises
    ------
    SpikedtpError
        Something is wrong that the caller can mend. One line says what.
    """
    check_quantity("simulate", "unit_rate", unit_rate, 450 * Hz, above=0 * Hz)
    found = inputs_of(network.circuit, population)
    check_activation(network.circuit, population)
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

    replayed = None
    if replay:
        points = [s.split(_carried(replayed_points(rate, s.population, timeline, x), s)) for s in sources]
        replayed = np.concatenate(points, axis=-1)

    arriving = bias * float(unit_rate * dt) if bias.any() else None  # as from a cell of activity 1 without noise
    spec = OpenLoop(population, cell, poisson, sources, timeline, readout.kernels(timeline), arriving, record)
    check_cells(spec)
    _check_pulse(cell)
    described = network.circuit.population(population)
    plateau = plateau_of(network.circuit, described)
    if plateau is not None and not readout.calibrated:
        plateau = replace(plateau, relu_gate=True)  # Figure 3 gates all of them
    plastic, readers = {}, {}
    for source in sources:
        if source.projection in learned:
            readers[source.projection] = SignalReader(
                source=source,
                cells=spec.slices()[source.projection],
                plateau=plateau,
                settled=rate.activity[population][:, rate.forward_steps - 1],
                target=target if described == network.circuit.output else None,
                gain=_gain(spec.driven, unit_rate) if readout.calibrated else 1.0,
                trace_gain=_gain(poisson, unit_rate) if readout.calibrated else 1.0,
                clipped=readout.calibrated,
                signed=described.signed,
                sees_nudge=sees_nudge(network.circuit, network.circuit.projection(source.projection)),
            )
            plastic[source.projection] = LearnedProjection(
                learned[source.projection],
                source.weight,
                rule_state[source.projection],
                linear=not readout.calibrated,
                exists=masks.get(source.projection),
            )
    return Prepared(
        readout=readout, spec=spec, batched=batched, readers=readers, projections=plastic, replayed=replayed,
        n_samples=len(x),
    )  # fmt: skip


def check_activation(circuit: Circuit, population: str) -> None:
    """`SpikedtpError` where no membrane has the activation of a population."""
    if circuit.population(population).activation == "srelu":
        raise SpikedtpError(f"{circuit.name}: {population} is srelu, which has no spiking form: take a relu population")


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
    signed = {p.name for p in circuit.populations if on_off and (p == circuit.input or p.signed)}
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
