"""The circular track in spikes: Poisson place cells onto the soma of a two-compartment cell that learns by BTSP.

A volley from a teacher reaches the dendrite where a plateau is wanted. The plateau itself is the dendrite's own, and so
is the instructive trace that the synapses learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor, ms, mV, second
from circular_track import Track

from spikedtp.neurons import TwoCompartmentPlateau
from spikedtp.neurons.group import INPUTS, Slots, make_group
from spikedtp.plasticity import BidirectionalBTSP
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.engine.seeds import presentation_seeds
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.synapses import BTSPSynapses, DenseSynapses

__all__ = ["CELL", "SpikingLaps", "laps_in_spikes"]

DT = 1 * ms
CELL = TwoCompartmentPlateau(v_threshold=-65 * mV)
#: Of the teacher's synapse: enough for a plateau within one step.
VOLLEY = 6.0


class SpikingLaps(NamedTuple):
    """What the trials of one session gave.

    Attributes
    ----------
    w : (conditions, trials, n_inputs)
        At the end.
    spikes : (conditions, trials, laps, n_bins)
        Firing rate of the cell, Hz.
    v_soma, instructive, plateau : (conditions, trials, steps)
        mV; and the trace and the gate.
    """

    w: np.ndarray
    spikes: np.ndarray
    v_soma: np.ndarray
    instructive: np.ndarray
    plateau: np.ndarray


def laps_in_spikes(
    track: Track, rule: BidirectionalBTSP, w0: Sequence[np.ndarray], *, speed: float, laps: int, plateau: float,
    trials: int, device: str, seed: int, update: str = "per_lap",
) -> SpikingLaps:  # fmt: skip
    """The laps of `Track.session`, for each of some initial weights (n_inputs,), in as many trials."""
    build = partial(_build, track, rule, speed, laps, plateau, update)
    seeds = presentation_seeds(seed, len(w0), trials)
    starts = np.repeat(np.arange(len(w0)), trials)
    data = RunInputs({"w0": np.stack(w0)[:, :, None].reshape(len(w0), -1)}, starts, seeds)
    results = run_on(device, build, data)
    shape, n_steps = (len(w0), trials), _n_steps(track, speed, laps)
    events, counts = results.spikes["cell"]
    place = events[:, 0] * float(DT / second) * speed
    trial = np.repeat(np.arange(len(seeds)), counts)
    bins = (place / track.length * track.n_bins).astype(int)
    found = np.zeros((len(seeds), (laps + 2) * track.n_bins))
    np.add.at(found, (trial, np.minimum(bins, found.shape[1] - 1)), 1.0)
    rates = found * track.n_bins * speed / track.length
    traces = {name: results.traces[name].reshape(*shape, n_steps) for name in ("v_soma", "instructive", "plateau")}
    return SpikingLaps(
        results.vectors["w"].reshape(*shape, track.n_inputs), rates.reshape(*shape, laps + 2, track.n_bins),
        traces["v_soma"] * 1e3, traces["instructive"], traces["plateau"],
    )  # fmt: skip


def _n_steps(track: Track, speed: float, laps: int) -> int:
    return int(np.ceil((laps + 2) * track.length / speed / float(DT / second)))


def _build(track: Track, rule: BidirectionalBTSP, speed: float, laps: int, plateau: float, update: str) -> BuiltNetwork:
    """One trial; weights at its start are given."""
    clock = Clock(DT, name="track_clock")
    models = {"inputs": rule.presynaptic_cells(), "cell": CELL}
    inputs = make_group(
        models["inputs"], track.n_inputs, slots=INPUTS, more="centre : 1 (constant)", clock=clock, name="inputs",
        namespace=dict(RANDOM_NUMBERS),
    )  # fmt: skip
    length = track.length
    field = " + ".join(f"exp(-((away + {around})/{track.spread!r})**2)" for around in (-length, 0.0, length))
    inputs.run_regularly(
        f"place = {speed}*t/second\naway = place - {length}*floor(place/{length}) - centre\nactivity = {field}",
        when="start", clock=clock, name="inputs_place",
    )  # fmt: skip
    cell = make_group(
        CELL, 1, slots=Slots.of(CELL.declaration()), more=rule.instructive_equations("plateau"), clock=clock,
        name="cell",
    )  # fmt: skip

    n_steps, gain = _n_steps(track, speed, laps), _gain(track)
    # as numbers of steps: of two places on the track, rounding may take neither for the one where the plateau begins
    onsets = [round((k * length + plateau) / speed / float(DT / second)) for k in range(1, laps + 1)]

    def in_steps(steps: Sequence[int]) -> str:
        return " or ".join(f"t_in_timesteps == {step}" for step in steps)

    threshold = in_steps(onsets)
    teacher = NeuronGroup(1, "idle : 1", threshold=threshold, reset="", clock=clock, name="teacher", namespace={})
    volley = DenseSynapses(teacher, cell, "input_dend", clock=clock, name="volley")

    end_of_lap = in_steps([*onsets[1:], n_steps - 1])
    forward = BTSPSynapses(
        inputs, cell, "input_soma", rule=rule, gain=gain, laps=end_of_lap if update == "per_lap" else None, clock=clock,
        name="forward",
    )  # fmt: skip
    # trials follow one another, and a table that does not change is loaded once
    forward.variables.add_array("w0", size=forward.stop, dtype=np.float64)
    forward.learn("w = w0", at="t_in_timesteps == 0", when="start")
    # inhibition as strong as the excitation of weights of 1
    arriving = gain * track.peak_rate * float(track.rates(track.bins).sum(axis=0).mean()) * float(DT / second)
    cell.run_regularly(f"input_soma -= {arriving!r}", when="synapses", clock=clock, name="cell_balance")

    net = Network(inputs, cell, teacher, volley, forward, name="track_network")

    def start() -> None:
        start_cells(inputs, models["inputs"].declaration())
        start_cells(cell, CELL.declaration())

    built = BuiltNetwork(net, clock, n_steps, start=start, precision=np.float64)
    for group in (inputs, cell):
        for name, value in models[group.name].quantities().items():
            built.constants[f"{group.name}.{name}"] = (group.variables[name], np.array([float(value)]))
    built.constants["inputs.centre"] = (inputs.variables["centre"], track.peaks)
    built.constants["volley.w"] = (volley.variables["w"], volley.flat(VOLLEY))
    built.changing["w0"], built.vectors["w"] = (forward.variables[name] for name in ("w0", "w"))
    built.spikes["cell"] = SpikeMonitor(cell, name="cell_spikes")
    traces = ("v_soma", "instructive", "plateau")
    monitor = StateMonitor(cell, traces, record=True, when="end", clock=clock, name="cell_traces")
    built.traces = {name: (monitor, name) for name in traces}
    net.add(
        built.spikes["cell"], monitor, *(each for group in (inputs, cell, teacher) for each in group.contained_objects)
    )
    net.add(*volley.contained_objects, *forward.contained_objects)
    return built


def _gain(track: Track) -> float:
    """What makes the soma's ramp, below the threshold, that of `Track.ramp`."""
    into_soma = CELL.g_soma + CELL.g_coupling * CELL.g_dend / (CELL.g_coupling + CELL.g_dend)
    per_drive = CELL.g_soma * CELL.unit_voltage / into_soma  # steady depolarisation
    return float(track.scale * mV / (per_drive * CELL.weight_scale * CELL.spike_width / second))
