"""Units that fire in the quickest way: against their equations spelt out unit by unit, and against plain groups."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from brian2 import Clock, Equations, Hz, Network, SpikeMonitor, StateMonitor, TimedArray, ms
from spiking.closed_loop.short_presentations import SHORT, spiking

from spikedtp.equations.adaptive_firing import adaptive_firing
from spikedtp.equations.firing import FIRING, LEAST_LIF_RATE, STEADY_FIRING
from spikedtp.neurons import Declaration, MembraneCell, MembraneUnit, NudgedCell, Spiker
from spikedtp.neurons.group import INPUTS, make_group
from spikedtp.spiking.closed_loop import build
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.parts.code_objects import code_object_class
from spikedtp.spiking.parts.lif_units import DRIVE
from spikedtp.spiking.parts.operations import give_to_units
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.spiking.parts.units import make_units

STEPS, DT, TAU, MAX_RATE = 400, 1.0, 20.0, 0.8  # ms, kHz
#: (first unit, last + 1, units of a cell): cells of four, of three and of one; the others never fire
BLOCKS = [(0, 44, 4), (44, 56, 3), (56, 130, 1), (131, 140, 1)]
N = 145
#: What a rounded drive can do to a membrane: a reset divides by drive - 1, which is exp(-20) at the least rate.
ROUNDING = np.finfo(float).eps * math.exp(1 / LEAST_LIF_RATE)


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


def fire(device, kind, asked, *, make, more="", push="", seed=7):
    """Spikes `(steps, n)`, the state in the end of each step, and how often each unit says that it fired."""
    asked_for = "asked(t, i)" + (" + push*(other + asked(t, i))" if push else "")
    firing = kind(rate=asked_for)
    declaration = Declaration(
        equations=firing.equations,
        threshold=firing.threshold,
        reset=firing.reset,
        before_threshold=firing.before_threshold,
        initial=firing.initial,
    )
    model = Spiker(firing="lif", max_rate=1e3 * MAX_RATE * Hz, tau_lif=TAU * ms)
    state = "membrane" if "membrane" in firing.initial else "remaining"

    def built():
        clock = Clock(DT * ms, name="lif_clock")
        units = make(
            model, N, declaration=declaration, slots=INPUTS, more=f"count : 1\n{more}", at_spike="count += 1",
            clock=clock, name="lif_units", codeobj_class=code_object_class(),
            namespace=RANDOM_NUMBERS | {"asked": TimedArray(1e3 * asked * Hz, dt=DT * ms, name="asked")},
        )  # fmt: skip
        monitor = SpikeMonitor(units, name="lif_spikes")
        trace = StateMonitor(units, state, record=True, when="end", clock=clock, name="lif_trace")
        net = Network(units, *units.contained_objects, monitor, trace, name="lif_network")

        def start():
            for name, value in model.quantities().items():
                setattr(units, name, value)
            for name, expression in firing.initial.items():
                setattr(units, name, expression)
            units.count = 0
            if push:
                units.other = 3 * Hz

        return BuiltNetwork(
            net, clock, STEPS, start, spikes={"units": monitor}, traces={"state": (trace, state)},
            vectors={"count": units.variables["count"]}, precision=np.float64,
        )  # fmt: skip

    results = run_on(device, built, RunInputs({}, [0], [seed]))
    spikes = np.zeros((STEPS, N), bool)
    spikes[tuple(results.spikes["units"][0].T)] = True
    return spikes, results.traces["state"][0], results.vectors["count"][0]


def test_units_fire_as_their_equations_say(device):
    asked = rates()
    make = partial(make_units, n_steps=STEPS, blocks=BLOCKS)
    spikes, membranes, counts = fire(device, FIRING["lif"], asked, make=make)
    wanted, wanted_membranes = unit_by_unit(asked, membranes[0])
    assert wanted.any(axis=0).mean() > 0.5 and 0 < membranes[0].min() and membranes[0].max() < 1
    np.testing.assert_array_equal(spikes, wanted)
    np.testing.assert_allclose(membranes, wanted_membranes, rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(counts, wanted.sum(axis=0))


def test_what_a_push_of_0_multiplies_is_not_missed(device):
    """A push that is 0, then 1, then 0 again."""
    pushed = np.zeros(STEPS)
    pushed[100:250] = 1
    asked = rates()
    make = partial(make_units, n_steps=STEPS, blocks=BLOCKS, push="push")
    more = "push = int(t_in_timesteps >= 100 and t_in_timesteps < 250) : 1 (shared)\nother : Hz"
    spikes, membranes, _ = fire(device, FIRING["lif"], asked, make=make, more=more, push="push")
    wanted, _ = unit_by_unit(asked + pushed[:, None] * (0.003 + asked), membranes[0])
    assert not np.array_equal(wanted, unit_by_unit(asked, membranes[0])[0])
    np.testing.assert_array_equal(spikes, wanted)


@pytest.mark.parametrize("push", ["", "push"])
def test_units_that_nobody_hears_wait_while_there_is_a_push(device, push):
    """As if they were asked for nothing then; with or without a rate that the push changes. The others go on."""
    pushed = np.zeros(STEPS)
    pushed[100:250] = 1
    asked, unheard = rates(), [BLOCKS[0], BLOCKS[2]]
    make = partial(make_units, n_steps=STEPS, blocks=BLOCKS, push="push", unheard=unheard)
    more = "push = int(t_in_timesteps >= 100 and t_in_timesteps < 250) : 1 (shared)\nother : Hz"
    spikes, membranes, _ = fire(device, FIRING["lif"], asked, make=make, more=more, push=push)
    wanted_rates = asked + pushed[:, None] * (0.003 + asked) * (push != "")
    for start, stop, _ in unheard:
        wanted_rates[100:250, start:stop] = 0
    wanted, wanted_membranes = unit_by_unit(wanted_rates, membranes[0])
    heard = slice(*BLOCKS[1][:2])
    assert wanted[100:250, heard].any() and all(wanted[250:, start:stop].any() for start, stop, _ in unheard)
    np.testing.assert_array_equal(spikes, wanted)
    np.testing.assert_allclose(membranes, wanted_membranes, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("kind", ["regular", "lif"])
def test_a_steady_rate_gives_the_spikes_of_plain_groups(device, kind):
    """Spikes that are known at the start of a presentation: on either side of the least rate, up to the highest."""
    edges = np.array([-0.1, 0, 0.98, 1.02, 1.1, 20, 1e3]) * LEAST_LIF_RATE / TAU
    asked = np.tile(np.concatenate([edges, np.random.default_rng(3).uniform(0, 0.3, N - len(edges))]), (STEPS, 1))
    spikes, _, counts = fire(device, STEADY_FIRING[kind], asked, make=partial(make_units, n_steps=STEPS))
    wanted, _, _ = fire(device, FIRING[kind], asked, make=make_group)
    assert wanted.sum() > 5000
    np.testing.assert_array_equal(spikes, wanted)
    np.testing.assert_array_equal(counts, wanted.sum(axis=0))


def test_the_drive_has_no_exponential():
    paces = np.geomspace(LEAST_LIF_RATE, 1e4, 100000)
    numerator, denominator = (np.polyval(coefficients, 4 * paces**2) for coefficients in DRIVE)
    exact = -1 / np.expm1(-1 / paces)
    np.testing.assert_allclose(0.5 + numerator / (4 * paces * denominator), exact, rtol=2e-15)


RATES = (100.0, -40.0, 25.0, 0.0)  # Hz, of the blocks


def move(device, make, *, noisy, conductances, push=""):
    """Spikes `(steps, n)` and membranes of units with adaptation at the end of each step."""
    firing = adaptive_firing(noisy=noisy, conductances=conductances)
    rng, whose = np.random.default_rng(2), np.arange(N)
    for start, stop, per_cell in BLOCKS:
        whose[start:stop] -= np.arange(stop - start) % per_cell
    shown, opened = (np.repeat(rng.uniform(least, 1.2, (STEPS // 8, N)), 8, axis=0)[:, whose] for least in (-0.3, 0))
    shown[:, slice(*BLOCKS[1][:2])] *= -1  # its rate is below 0
    given = "activity = shown(t, i)" + (" + push*(other + shown(t, i))" if push else "") + " : 1\n"
    given += "opening = opened(t, i) : 1\nunit_rate : Hz (constant)\n"
    declaration = Declaration(
        equations=Equations(given) + firing.equations,
        threshold=firing.threshold,
        reset=firing.reset,
        before_threshold=firing.before_threshold,
        initial=firing.initial,
    )
    model = MembraneUnit(noise=0.5 if noisy else 0.0)
    names = {name: TimedArray(values, dt=DT * ms, name=name) for name, values in (("shown", shown), ("opened", opened))}
    rates = np.zeros(N)
    for (start, stop, _), rate in zip(BLOCKS, RATES, strict=True):
        rates[start:stop] = rate

    def built():
        clock = Clock(DT * ms, name="adaptive_clock")
        units = make(
            model, N, declaration=declaration, slots=INPUTS, clock=clock, name="adaptive_units",
            more="push = int(t_in_timesteps >= 100 and t_in_timesteps < 250) : 1 (shared)\nother : 1",
            codeobj_class=code_object_class(), namespace=RANDOM_NUMBERS | names,
        )  # fmt: skip
        monitor = SpikeMonitor(units, name="adaptive_spikes")
        trace = StateMonitor(units, "membrane", record=True, when="end", clock=clock, name="adaptive_trace")
        net = Network(units, *units.contained_objects, monitor, trace, name="adaptive_network")

        def start():
            for name, value in model.quantities().items():
                setattr(units, name, value)
            units.membrane, units.adaptation, units.dead_steps = "threshold_membrane*rand()", 0, 0
            units.unit_rate, units.other = rates * Hz, 0.2
            if noisy and conductances:
                units.background = 0

        return BuiltNetwork(
            net, clock, STEPS, start, spikes={"units": monitor}, traces={"state": (trace, "membrane")}, vectors={},
            precision=np.float64,
        )  # fmt: skip

    results = run_on(device, built, RunInputs({}, [0], [3]))
    spikes = np.zeros((STEPS, N), bool)
    spikes[tuple(results.spikes["units"][0].T)] = True
    return spikes, results.traces["state"][0]


@pytest.mark.parametrize("push", ["", "push"])
@pytest.mark.parametrize(("noisy", "conductances"), [(False, False), (True, False), (False, True), (True, True)])
def test_membranes_with_adaptation_move_as_in_plain_groups(device, noisy, conductances, push):
    """Each block has its own unit rate, one of them below 0 and one 0."""
    options = {"noisy": noisy, "conductances": conductances, "push": push}
    make = partial(make_units, n_steps=STEPS, blocks=BLOCKS, push=push)
    firing = [(start, stop) for start, stop, _ in BLOCKS]
    spikes, membranes = move(device, make, **options)
    wanted, wanted_membranes = move(device, partial(make_group, firing=firing), **options)
    of_blocks = [wanted[:, start:stop].sum() for start, stop in firing]
    assert min(of_blocks[:3]) > 10
    for start, stop in firing:
        np.testing.assert_array_equal(spikes[:, start:stop], wanted[:, start:stop])
        np.testing.assert_allclose(membranes[:, start:stop], wanted_membranes[:, start:stop], rtol=0, atol=1e-12)


def plain(model, n, *, n_steps, blocks=(), push="", unheard=(), **options):
    """`make_group`, whatever might be quicker."""
    return make_group(model, n, **options)


LATCHED = replace(SHORT, latch=True, hold="none", silent=0.01)


@pytest.mark.parametrize(
    ("cell", "phases"),
    [
        (NudgedCell(firing="lif"), SHORT),
        (MembraneCell(), LATCHED),
        (MembraneCell(synapses="conductances"), LATCHED),
    ],
)
def test_a_closed_loop_learns_the_same_as_with_plain_groups(device, cell, phases, monkeypatch, tmp_path):
    """Of cells, and units that fire for cells: the same spikes, so the same weights."""

    def learn():
        network = spiking(device=device, cell=cell, phases=phases, unit_rate=200 * Hz)
        rng = np.random.default_rng(0)
        x, target = rng.random((3, network.circuit.input.size)), np.eye(network.circuit.output.size)[:3]
        network.train(x, target, np.arange(3), seed=2)
        response = network.respond(x, target, record=("spikes",), seed=4)
        spikes = {name: steps_and_cells for name, (steps_and_cells, _) in response.results.spikes.items()}
        spec = network._spec()  # a plain cell for which others fire may fire, too, and nobody hears it
        own = [
            range(*spec.slices()[p.name].indices(spec.n_cells)) for p in spec.populations if p.name not in spec.spikers
        ]
        spikes["cells"] = spikes["cells"][np.isin(spikes["cells"][:, 1], np.concatenate(own))]
        return network.weights, spikes

    weights, spikes = learn()
    monkeypatch.setattr(build, "make_units", plain)
    to_all = partial(give_to_units, to_first=False)  # plain units each want to be told
    monkeypatch.setattr(build, "give_to_units", lambda *given, to_first, **options: to_all(*given, **options))
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))  # where no compiled network of the quick form is kept
    plain_weights, plain_spikes = learn()
    assert {group: len(found) > 100 for group, found in spikes.items()} == {
        "inputs": True, "cells": True, "spikers": True,
    }  # fmt: skip
    for name, found in weights.items():
        np.testing.assert_array_equal(found, plain_weights[name])
    for name, found in spikes.items():
        np.testing.assert_array_equal(found, plain_spikes[name])
