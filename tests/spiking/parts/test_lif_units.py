"""Leaky integrate-and-fire units for less: against the equations, unit by unit, and against the plain group."""

import math

import numpy as np
from brian2 import Clock, Hz, Network, SpikeMonitor, StateMonitor, TimedArray, ms
from spiking.closed_loop.short_presentations import spiking

from spikedtp.equations.firing import FIRING, LEAST_LIF_RATE
from spikedtp.neurons import Declaration, NudgedCell, Spiker
from spikedtp.neurons.group import INPUTS
from spikedtp.spiking.closed_loop import build
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.parts.lif_units import are_lif_units, make_lif_units
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS

STEPS, DT, TAU, MAX_RATE = 400, 1.0, 20.0, 0.8  # ms, kHz
#: (first unit, last + 1, units of a cell): cells of four, of three and of one; the others never fire
BLOCKS = [(0, 44, 4), (44, 56, 3), (56, 130, 1), (131, 140, 1)]
N = 145


def rates():
    """In kHz for each step and unit, the same for the units of a cell: each kind that a unit may be asked for."""
    rng, whose = np.random.default_rng(5), np.arange(N)
    for start, stop, per_cell in BLOCKS:
        whose[start:stop] -= (np.arange(stop - start)) % per_cell
    least = LEAST_LIF_RATE / TAU
    kinds = [
        rng.uniform(-0.3, 1.2, (STEPS, N)),  # from below 0 to above the highest, anew in each step
        np.repeat(rng.uniform(-0.02, 0.2, (STEPS // 8, N)), 8, axis=0),
        rng.uniform(0, 2 * least, (STEPS, N)),  # on both sides of the least
        np.full((STEPS, N), 1.02 * least),
        np.full((STEPS, N), 0.98 * least),
        np.broadcast_to(rng.uniform(0, 0.1, N), (STEPS, N)),
        np.zeros((STEPS, N)),
    ]
    asked = np.stack(kinds)[rng.integers(len(kinds), size=N), :, np.arange(N)].T[:, whose]
    asked[0] = 0  # so that the membranes after this step are those at the start
    return asked


def unit_by_unit(asked, start):
    """Spikes and membranes after each step, one number after the other."""
    spikes, membranes = np.zeros((STEPS, N), bool), np.tile(start, (STEPS, 1))
    for unit in (u for first, last, _ in BLOCKS for u in range(first, last)):
        v = start[unit]
        for step in range(STEPS):
            rate = min(max(asked[step, unit], 0.0), MAX_RATE)
            if rate * TAU > LEAST_LIF_RATE:
                drive = 1 / (1 - math.exp(-1 / (rate * TAU)))
                v = drive + (v - drive) * math.exp(-DT / TAU)
                if v >= 1:
                    spikes[step, unit], v = True, drive * (v - 1) / (drive - 1)
            membranes[step, unit] = v
    return spikes, membranes


def test_units_fire_as_their_equations_say(device):
    asked = rates()
    firing = FIRING["lif"](rate="asked(t, i)")
    declaration = Declaration(
        equations=firing.equations,
        threshold=firing.threshold,
        reset=firing.reset,
        before_threshold=firing.before_threshold,
        initial=firing.initial,
    )
    model = Spiker(firing="lif", max_rate=1e3 * MAX_RATE * Hz, tau_lif=TAU * ms)

    def built():
        clock = Clock(DT * ms, name="lif_clock")
        units = make_lif_units(
            model, N, declaration=declaration, blocks=BLOCKS, slots=INPUTS, more="count : 1", at_spike="count += 1",
            clock=clock, name="lif_units",
            namespace=RANDOM_NUMBERS | {"asked": TimedArray(1e3 * asked * Hz, dt=DT * ms, name="asked")},
        )  # fmt: skip
        monitor = SpikeMonitor(units, name="lif_spikes")
        trace = StateMonitor(units, "membrane", record=True, when="end", clock=clock, name="lif_trace")
        net = Network(units, *units.contained_objects, monitor, trace, name="lif_network")

        def start():
            for name, value in model.quantities().items():
                setattr(units, name, value)
            units.membrane = "rand()"
            units.count = 0

        return BuiltNetwork(
            net, clock, STEPS, start, spikes={"units": monitor}, traces={"membrane": (trace, "membrane")},
            vectors={"count": units.variables["count"]}, precision=np.float64,
        )  # fmt: skip

    results = run_on(device, built, RunInputs({}, [0], [7]))
    membranes = results.traces["membrane"][0]
    spikes = np.zeros((STEPS, N), bool)
    spikes[tuple(results.spikes["units"][0].T)] = True
    wanted, wanted_membranes = unit_by_unit(asked, membranes[0])
    assert wanted.any(axis=0).mean() > 0.5 and 0 < membranes[0].min() and membranes[0].max() < 1
    np.testing.assert_array_equal(spikes, wanted)
    np.testing.assert_allclose(membranes, wanted_membranes, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(results.vectors["count"][0], wanted.sum(axis=0))


def test_which_cells_are_lif_units():
    assert are_lif_units(NudgedCell(firing="lif").declaration()) and are_lif_units(Spiker(firing="lif").declaration())
    for firing in ("poisson", "regular"):
        assert not are_lif_units(NudgedCell(firing=firing).declaration())


def test_a_closed_loop_learns_the_same_as_with_plain_groups(device, monkeypatch):
    """Of cells, and units that fire for cells: the same spikes, so the same weights."""

    def learn():
        network = spiking(device=device, cell=NudgedCell(firing="lif"), unit_rate=200 * Hz)
        rng = np.random.default_rng(0)
        x, target = rng.random((3, network.circuit.input.size)), np.eye(network.circuit.output.size)[:3]
        network.train(x, target, np.arange(3), seed=2)
        response = network.respond(x, target, record=("spikes",), seed=4)
        return network.weights, response.results.spikes

    weights, spikes = learn()
    monkeypatch.setattr(build, "are_lif_units", lambda declaration: False)
    plain_weights, plain_spikes = learn()
    assert {group: found[1].sum() > 100 for group, found in spikes.items()} == {
        "inputs": True, "cells": True, "spikers": True,
    }  # fmt: skip
    for name, found in weights.items():
        np.testing.assert_array_equal(found, plain_weights[name])
    for name, found in spikes.items():
        for ours, theirs in zip(found, plain_spikes[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)
