"""Builds the Brian2 network that drives one learning rule with given signals: two groups, a modulator, one projection.

Order of a time step: the modulator and the groups load their signals; spikes of the step before act (lag convention
alone); traces decay; spikes, changes of the modulator and learning events are found; traces jump; synapses; what
follows them in the groups; recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2 import Clock, Equations, Network, NeuronGroup, StateMonitor, Synapses, linked_var
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.groups.group import Group
from brian2.units.fundamentalunits import Quantity, get_dimensions, get_unit
from numpy.typing import DTypeLike

from spikedtp.plasticity import SpikingForm
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.operations import keep_rows
from spikedtp.spiking.parts.streams import Rows, stream_table
from spikedtp.spiking.parts.tables import raster_table
from spikedtp.spiking.rule_replay.given_signals import GivenSignals

__all__ = ["ReplaySpec", "build_replay", "patterns", "places"]

_MODULATOR = """
modulator : 1 (shared)
modulator_before : 1 (shared)
"""
_LINKS = """
modulator : 1 (linked)
modulator_before : 1 (linked)
"""
SIDES = ("pre", "post")
SPIKE = "activity > 0.5"


@dataclass(frozen=True)
class ReplaySpec:
    """What to replay.

    Attributes
    ----------
    form : SpikingForm
    parameters : dict
        The rule's numbers and quantities by name.
    signals : dict
        ``"pre"`` and ``"post"`` -> names of what each group is given; `activity` also makes its spikes.
    n_steps : int
    w0 : (n_post, n_pre)
    dt : Quantity
    record : tuple of str
        States to keep; the weights always are.
    n_kept : int, optional
        How many rows to keep; None: one after every step.
    """

    form: SpikingForm
    parameters: dict[str, float | Quantity]
    signals: dict[str, tuple[str, ...]]
    n_steps: int
    w0: np.ndarray
    dt: Quantity
    record: tuple[str, ...] = ()
    n_kept: int | None = None


@dataclass
class _Building:
    spec: ReplaySpec
    clock: Clock
    modulator: NeuronGroup
    groups: dict[str, NeuronGroup] = field(default_factory=dict)
    synapses: Synapses = field(init=False)
    built: BuiltNetwork = field(init=False)


def build_replay(spec: ReplaySpec) -> BuiltNetwork:
    """Create the network of `spec` on the active Brian2 device."""
    clock = Clock(spec.dt, name="replay_clock")
    parts = _Building(spec, clock, NeuronGroup(1, _MODULATOR, clock=clock, name="modulator", namespace={}))
    for side in SIDES:
        parts.groups[side] = _group(parts, side)
    parts.synapses = _synapses(parts)
    net = Network(parts.modulator, *parts.groups.values(), parts.synapses, name="replay_network")
    parts.built = BuiltNetwork(net, clock, spec.n_steps, start=lambda: _start(parts), precision=np.float64)
    _feed(parts)
    _hold_constants(parts)
    _record(parts)
    for owner in (parts.modulator, *parts.groups.values(), parts.synapses):
        net.add(*owner.contained_objects)
    return parts.built


def _constants(parameters: dict) -> str:
    lines = []
    for name, value in parameters.items():
        dimensions = get_dimensions(value)
        unit = "1" if dimensions.is_dimensionless else repr(get_unit(dimensions))
        lines.append(f"{name} : {unit} (shared, constant)")
    return "\n".join(lines)


def _group(parts: _Building, side: str) -> NeuronGroup:
    spec, form = parts.spec, parts.spec.form
    signals = spec.signals[side]
    events, equations = {}, [getattr(form, side), _constants(spec.parameters), *(f"{name} : 1" for name in signals)]
    if side == "post":
        equations.append(_LINKS)
        if form.on_modulator:
            events["modulator_change"] = "modulator != modulator_before"
    if form.on_learn or getattr(form, f"after_learn_{side}"):
        events["learn"] = "t_in_timesteps >= 0"  # every row is a learning event
    if getattr(form, f"after_{side}_spike"):
        events["after_spike"] = SPIKE  # an event has one piece of code, and that of `spike` runs before the synapses
    spikes = any(getattr(form, code) for code in (f"at_{side}_spike", f"after_{side}_spike", f"on_{side}"))
    group = NeuronGroup(
        len(spec.w0.T if side == "pre" else spec.w0),
        "\n".join(equations),
        threshold=SPIKE if spikes else None,
        reset=getattr(form, f"at_{side}_spike") if spikes else None,
        events=events,
        method="exact",
        clock=parts.clock,
        name=f"{side}synaptic",
        namespace={},
    )
    if side == "post":
        group.modulator = linked_var(parts.modulator, "modulator")
        group.modulator_before = linked_var(parts.modulator, "modulator_before")
    if spikes:
        group.resetter["spike"].when = "before_synapses"
    for event, code in (("after_spike", f"after_{side}_spike"), ("learn", f"after_learn_{side}")):
        if getattr(form, code):
            group.run_on_event(event, getattr(form, code), when="after_synapses")
    return group


def _synapses(parts: _Building) -> Synapses:
    form = parts.spec.form
    on_pre = {"pre": form.on_pre}
    on_post = {"post": form.on_post, "modulator_pathway": form.on_modulator, "learn_pathway": form.on_learn}
    on_pre, on_post = ({name: code for name, code in paths.items() if code} for paths in (on_pre, on_post))
    events = {"pre": "spike", "post": "spike", "modulator_pathway": "modulator_change", "learn_pathway": "learn"}
    readouts = "\n".join(f"now_{name} : 1" for name in _read_from_synapses(parts.spec))
    synapses = Synapses(
        *parts.groups.values(),
        f"w : 1\nw0 : 1 (constant)\n{form.synapse}\n{readouts}",  # parameters: those of the postsynaptic group
        on_pre=on_pre or None,
        on_post=on_post or None,
        on_event={name: events[name] for name in (*on_pre, *on_post)},
        clock=parts.clock,
        name="projection",
        namespace={},
    )
    post, pre = np.indices(parts.spec.w0.shape)
    synapses.connect(i=pre.T.ravel(), j=post.T.ravel())  # explicit, so that a monitor knows how many there are
    if form.lag:
        # before this step's spikes are found and its traces move: both are still those of the step before
        for name in {*on_pre, *on_post} & {"pre", "post"}:
            getattr(synapses, name).when = "start"
    for updater in synapses.summed_updaters.values():
        updater.when, updater.order = "before_synapses", 2  # after the traces have jumped
    return synapses


def _feed(parts: _Building) -> None:
    """The given signals as streams, and the code that loads this step's row first thing."""
    spec = parts.spec
    _stream(parts, parts.modulator, "modulator", 1, "given_modulator_modulator")
    load = "modulator_before = modulator\nmodulator = given_modulator_modulator(t_in_timesteps, 0)"
    parts.modulator.run_regularly(load, when="start", order=-1, clock=parts.clock, name="modulator_load")
    for side, group in parts.groups.items():
        for name in spec.signals[side]:
            _stream(parts, group, name, group.N, f"given_{name}_{group.name}")
        load = "\n".join(f"{name} = given_{name}_{group.name}(t_in_timesteps, i)" for name in spec.signals[side])
        group.run_regularly(load, when="start", order=-1, clock=parts.clock, name=f"{group.name}_load")


def _stream(parts: _Building, owner: Group, name: str, width: int, function: str, dtype: DTypeLike = None) -> None:
    """`function(step, i)` gives the rows of the stream OWNER.NAME."""
    stream = stream_table(
        owner, f"{name}_table", width, parts.spec.n_steps, dtype=dtype, name=f"{owner.name}.{name}", clock=parts.clock
    )
    owner.namespace[function] = raster_table(function, stream.variable, width, stream.held, streamed=True)
    parts.built.streams[f"{owner.name}.{name}"] = stream


def patterns(signals: GivenSignals, kept: np.ndarray | None) -> dict[str, list]:
    """The tables of `BuiltNetwork.streams`, for one presentation; `kept` are the steps after which to keep a row."""
    tables: dict[str, np.ndarray | Rows] = {"modulator.modulator": signals.shared_modulator()}
    for side, names in signals.group_names().items():
        tables |= {f"{side}synaptic.{name}": signals.group_rows(side, name) for name in names}
    if kept is not None:
        tables |= {f"{owner}.place": places(kept) for owner in ("presynaptic", "postsynaptic", "projection")}
    return {name: [table] for name, table in tables.items()}


def places(kept: np.ndarray) -> Rows:
    """(steps,) which of the kept rows, in ascending order, a step fills; -1 for none."""

    def make(start: int, stop: int) -> np.ndarray:
        found = np.full(stop - start, -1, dtype=np.int32)
        first, last = np.searchsorted(kept, (start, stop))
        found[kept[first:last] - start] = np.arange(first, last)
        return found

    return Rows(make)


def _hold_constants(parts: _Building) -> None:
    spec, built = parts.spec, parts.built
    for owner in parts.groups.values():
        for name, value in spec.parameters.items():
            built.constants[f"{owner.name}.{name}"] = (owner.variables[name], np.array([float(value)]))
    # Brian2 runs over (pre, post), post fastest
    built.constants["projection.w0"] = (parts.synapses.variables["w0"], np.ascontiguousarray(spec.w0.T).ravel())


def _start(parts: _Building) -> None:
    """Every state variable to its initial value, whatever ran before."""
    form = parts.spec.form
    places = (
        ("modulator", _MODULATOR, parts.modulator),
        ("pre", form.pre, parts.groups["pre"]),
        ("post", form.post, parts.groups["post"]),
        ("synapse", form.synapse, parts.synapses),
    )
    for place, equations, owner in places:
        for equation in Equations(equations).values():
            if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER):
                owner.state(equation.varname, use_units=False)[:] = 0
        for name, expression in form.initial.items():
            if name.startswith(f"{place}."):
                setattr(owner, name.partition(".")[2], expression)
    parts.synapses.w = "w0"


def _read_from_synapses(spec: ReplaySpec) -> dict[str, str]:
    """What to record of the synapses: name -> expression."""
    states = {name: spec.form.states[name].partition(".") for name in spec.record}
    return {"w": spec.form.weight} | {name: what for name, (place, _, what) in states.items() if place == "synapse"}


def _record(parts: _Building) -> None:
    """Weights and states at the end of a step; what is pending in a synapse is added as it is read."""
    form, spec = parts.spec.form, parts.spec
    readouts = _read_from_synapses(spec)
    parts.synapses.run_regularly(
        "\n".join(f"now_{name} = {expression}" for name, expression in readouts.items()),
        when="end",
        order=-1,
        clock=parts.clock,
        name="projection_readout",
    )
    recorded = {name: f"synapse.now_{name}" for name in readouts}
    recorded |= {name: form.states[name] for name in spec.record if name not in readouts}
    places = {"pre": parts.groups["pre"], "post": parts.groups["post"], "synapse": parts.synapses}
    for place, owner in places.items():
        names = {name: where.partition(".")[2] for name, where in recorded.items() if where.startswith(f"{place}.")}
        if names:
            size = spec.w0.size if place == "synapse" else owner.N
            (_record_all if spec.n_kept is None else _record_kept)(parts, place, owner, names, size)


def _record_all(parts: _Building, place: str, owner: Group, names: dict[str, str], size: int) -> None:
    monitor = StateMonitor(
        owner,
        sorted(set(names.values())),
        record=np.arange(size),
        when="end",
        clock=parts.clock,
        name=f"{place}_record",
    )
    parts.built.traces |= {name: (monitor, variable) for name, variable in names.items()}
    parts.built.net.add(monitor)


def _record_kept(parts: _Building, place: str, owner: Group, names: dict[str, str], size: int) -> None:
    assert parts.spec.n_kept is not None  # else all rows are kept
    function = f"kept_place_{place}"
    _stream(parts, owner, "place", 1, function, dtype=np.int32)
    for name, variable in names.items():
        parts.built.vectors[name] = keep_rows(
            owner,
            variable,
            size,
            parts.spec.n_kept,
            f"{function}(t_in_timesteps, 0)",
            name=f"{owner.name}_keep_{name}",
            when="end",
            clock=parts.clock,
        )
