"""Builds the Brian2 network that drives a rule of spike pairs on dense synapses, and keeps the weights of some rows."""

from __future__ import annotations

import numpy as np
from brian2 import Clock, Network

from spikedtp.plasticity import TimedRule
from spikedtp.spiking.built import BuiltNetwork
from spikedtp.spiking.dense_pairs import PairSynapses
from spikedtp.spiking.given_spikes import given_spikes, packed
from spikedtp.spiking.replay_network import SIDES, ReplaySpec
from spikedtp.spiking.runners import keep_rows
from spikedtp.spiking.tables import raster_table

__all__ = ["build_dense_replay", "dense_patterns"]


def build_dense_replay(rule: TimedRule, spec: ReplaySpec) -> BuiltNetwork:
    """Create the network of `spec`, whose form and states play no part, on the active Brian2 device."""
    clock = Clock(spec.dt, name="replay_clock")
    cells = {
        side: given_spikes(n, spec.n_steps, clock=clock, name=f"{side}synaptic")
        for side, n in zip(("post", "pre"), spec.w0.shape, strict=True)
    }
    modulator = "given_modulator(t_in_timesteps, 0)"
    synapses = PairSynapses(
        cells["pre"], cells["post"], rule=rule, modulator=modulator, filled=False, clock=clock, name="projection"
    )
    net = Network(*cells.values(), name="replay_network")
    built = BuiltNetwork(net, clock, spec.n_steps, start=synapses.forget, precision=np.float64)
    for function, values, dtype in (
        ("given_modulator", spec.modulator, np.float64),
        ("kept_place", spec.places(), np.int32),
    ):
        table = f"{function}_table"
        synapses.variables.add_array(table, size=spec.n_steps, dtype=dtype)
        variable = synapses.variables[table]
        synapses.namespace[function] = raster_table(function, variable, 1, spec.n_steps)
        built.constants[f"projection.{table}"] = (variable, values)
    for name, value in synapses.numbers.items():
        built.constants[f"projection.{name}"] = (synapses.variables[name], np.array([value]))
    built.constants["projection.w"] = (synapses.variables["w"], synapses.flat(spec.w0))
    place = "kept_place(t_in_timesteps, 0)"
    synapses.settle(at=f"{place} >= 0")
    built.vectors["w"] = keep_rows(
        synapses, "w", synapses.stop, len(spec.kept), place, name="projection_keep", when="end", order=1, clock=clock
    )
    for side, group in cells.items():
        built.changing[f"{side}synaptic.spikes"] = group.variables["spike_table"]
    net.add(synapses)
    return built


def dense_patterns(spec: ReplaySpec) -> dict[str, np.ndarray]:
    """The values of `BuiltNetwork.changing`, for one presentation."""
    return {f"{side}synaptic.spikes": packed(spec.signals[side]["activity"])[None] for side in SIDES}
