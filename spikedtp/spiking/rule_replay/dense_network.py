"""Builds the Brian2 network that drives a rule of spike pairs on dense synapses, and keeps the weights of some rows."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, Network

from spikedtp.plasticity import TimedRule
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.parts.given_spikes import packed, streamed_spikes
from spikedtp.spiking.parts.operations import keep_rows
from spikedtp.spiking.parts.streams import Rows, stream_table
from spikedtp.spiking.parts.tables import raster_table
from spikedtp.spiking.rule_replay.given_signals import GivenSignals
from spikedtp.spiking.rule_replay.stock_network import ReplaySpec, places
from spikedtp.spiking.rule_synapses.pairs import PairSynapses

__all__ = ["build_dense_replay", "dense_patterns"]


def build_dense_replay(rule: TimedRule, spec: ReplaySpec) -> BuiltNetwork:
    """Create the network of `spec`, whose form and states play no part, on the active Brian2 device."""
    assert spec.n_kept is not None  # where all rows are kept, Brian2's own synapses serve
    clock = Clock(spec.dt, name="replay_clock")
    cells, streams = {}, {}
    for side, n in zip(("post", "pre"), spec.w0.shape, strict=True):
        name = f"{side}synaptic"
        cells[side], streams[f"{name}.spikes"] = streamed_spikes(n, spec.n_steps, clock=clock, name=name)
    modulator = "given_modulator(t_in_timesteps, 0)"
    synapses = PairSynapses(
        cells["pre"], cells["post"], rule=rule, modulator=modulator, filled=False, clock=clock, name="projection"
    )
    net = Network(*cells.values(), name="replay_network")
    built = BuiltNetwork(net, clock, spec.n_steps, start=synapses.forget, streams=streams, precision=np.float64)
    for function, dtype in (("given_modulator", np.float64), ("kept_place", np.int32)):
        name = f"projection.{function}"
        stream = stream_table(synapses, f"{function}_table", 1, spec.n_steps, dtype=dtype, name=name, clock=clock)
        synapses.namespace[function] = raster_table(function, stream.variable, 1, stream.held, streamed=True)
        built.streams[name] = stream
    for name, value in synapses.numbers.items():
        built.constants[f"projection.{name}"] = (synapses.variables[name], np.array([value]))
    built.constants["projection.w"] = (synapses.variables["w"], synapses.flat(spec.w0))
    place = "kept_place(t_in_timesteps, 0)"
    synapses.settle(at=f"{place} >= 0")
    built.vectors["w"] = keep_rows(
        synapses, "w", synapses.stop, spec.n_kept, place, name="projection_keep", when="end", order=1, clock=clock
    )
    net.add(synapses)
    return built


def dense_patterns(signals: GivenSignals, kept: np.ndarray) -> dict[str, list]:
    """The tables of `BuiltNetwork.streams`, for one presentation; `kept` are the steps after which to keep a row."""
    return {
        "presynaptic.spikes": [Rows(lambda start, stop: packed(signals.pre[start:stop]))],
        "postsynaptic.spikes": [Rows(lambda start, stop: packed(signals.post[start:stop]))],
        "projection.given_modulator": [signals.shared_modulator()],
        "projection.kept_place": [places(kept)],
    }
