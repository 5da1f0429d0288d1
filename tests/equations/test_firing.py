"""From rates to spikes: every train of every kind of firing against its law in continuous time, spike for spike."""

import numpy as np
import pytest
from brian2 import Clock, Hz, Network, NeuronGroup, SpikeMonitor, StateMonitor, TimedArray, ms

from spikedtp.equations.firing import FIRING, STEADY_FIRING
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.runtime import run_runtime
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS

STEPS, MAX_RATE = 1200, 800.0
#: Hz; the first is below 0, the last above the highest rate
CONSTANT = np.array([-300.0, 0.0, 3.0, 40.0, 155.0, 480.0, 799.0, 3000.0])


def fire(kind, rates, *, dt=1.0, dead_time=1.0, tau_lif=20.0, seed=0):
    """Cells asked for `rates`, (steps, n) in Hz; times in ms -> raster (steps, n), state at the end of each step."""
    firing = kind(rate="asked(t, i)")
    state = "membrane" if "membrane" in firing.initial else "remaining"

    def build():
        clock = Clock(dt * ms, name="firing_clock")
        numbers = {"max_rate": MAX_RATE * Hz, "dead_time": dead_time * ms, "tau_lif": tau_lif * ms}
        cells = NeuronGroup(
            rates.shape[1],
            firing.equations,
            threshold=firing.threshold,
            reset=firing.reset,
            clock=clock,
            name="firing_cells",
            namespace=RANDOM_NUMBERS | numbers | {"asked": TimedArray(rates * Hz, dt=dt * ms, name="asked")},
        )
        cells.run_regularly(firing.before_threshold, when="before_thresholds", clock=clock, name="firing_hazard")
        spikes = SpikeMonitor(cells, name="firing_spikes")
        trace = StateMonitor(cells, state, record=True, when="end", clock=clock, name="firing_trace")
        net = Network(cells, *cells.contained_objects, spikes, trace, name="firing_network")

        def start():
            for name, expression in firing.initial.items():
                setattr(cells, name, expression)

        traces = {"state": (trace, state)}
        return BuiltNetwork(
            net, clock, len(rates), start, spikes={"cells": spikes}, traces=traces, precision=np.float64
        )

    results = run_runtime(build, RunInputs({}, [], [seed]))
    raster = np.zeros(rates.shape, bool)
    raster[tuple(results.spikes["cells"][0].T)] = True
    return raster, results.traces["state"][0]


def constant():
    return np.tile(CONSTANT, (STEPS, 1))


def changing(n=8, every=7):
    """Rates that jump, from below 0 to above the highest."""
    return np.repeat(np.random.default_rng(2).uniform(-300, 1200, (STEPS // every + 1, n)), every, axis=0)[:STEPS]


def clipped(rates):
    return rates.clip(0, MAX_RATE) * 1e-3  # per ms


def spikes_by_rescaling(hazard, draws, dead):
    """Steps of the spikes of a cell: each where its draw has been used up by the hazard (1 per step) of its free time.

    A spike at time t stands in step ceil(t) - 1, counted from 0, or in the next one that has none: a step holds one
    spike. Then the cell is dead for `dead` steps, from t on.
    """
    found, free_from = [], 0.0
    for draw in draws:
        step = int(free_from)
        while step < len(hazard):
            begin = max(free_from, step)
            if hazard[step] * (step + 1 - begin) >= draw:
                break
            draw -= hazard[step] * (step + 1 - begin)
            step += 1
        else:
            return found
        found.append(max(step, found[-1] + 1) if found else step)
        free_from = begin + draw / hazard[step] + dead
    raise AssertionError("too few draws")


@pytest.mark.parametrize(
    ("rates", "dt", "dead"), [(changing(), 1.0, 1.0), (changing(), 0.5, 1.2), (constant(), 1.0, 0.4)]
)
def test_poisson_spikes_use_up_exponential_draws_in_free_time(rates, dt, dead):
    raster, remaining = fire(FIRING["poisson"], rates, dt=dt, dead_time=dead)
    rate = clipped(rates)
    hazard = rate / (1 - rate * dead).clip(1e-3) * dt
    assert raster.sum() > 1500
    for cell in range(rates.shape[1]):
        spikes = np.flatnonzero(raster[:, cell])
        # the first draw is what is left after step 0 (without a spike) and what that step has used
        first = remaining[0, cell] + hazard[0, cell]
        if len(spikes) == 0 or spikes[0] == 0:
            assert hazard[:, cell].sum() < first or spikes[0] == 0
            continue
        draws = [first, *remaining[spikes, cell]]
        assert spikes_by_rescaling(hazard[:, cell], draws, dead / dt) == spikes.tolist()


@pytest.mark.parametrize("dead", [0.0, 0.4, 1.0, 1.2])
def test_steady_poisson_gives_the_same_spikes(dead):
    rates = constant()[:, CONSTANT < 600]
    wanted, _ = fire(FIRING["poisson"], rates, dead_time=dead, seed=4)
    found, _ = fire(STEADY_FIRING["poisson"], rates, dead_time=dead, seed=4)
    assert wanted.sum() > 500
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("tau", [20.0, 3.0])
def test_steady_lif_gives_the_same_spikes(tau):
    rates = np.concatenate([CONSTANT, np.array([0.98, 1.02, 1.1, 2.0]) * 50 / tau])
    rates = np.tile(np.repeat(rates, 20), (STEPS, 1))
    wanted, _ = fire(FIRING["lif"], rates, tau_lif=tau, seed=4)
    found, _ = fire(STEADY_FIRING["lif"], rates, tau_lif=tau, seed=4)
    assert wanted.sum() > 30000
    np.testing.assert_array_equal(found, wanted)


def test_regular_spikes_count_the_integral_of_the_rate():
    for rates in (changing(), constant()):
        raster, remaining = fire(FIRING["regular"], rates)
        integral = np.cumsum(clipped(rates), axis=0)
        phase = remaining[0] + integral[0] - raster[0]
        assert ((phase >= 0) & (phase < 1)).all() and np.ptp(phase) > 0.1
        np.testing.assert_array_equal(np.cumsum(raster, axis=0), np.floor(integral - phase + 1 + 1e-9).clip(0))


@pytest.mark.parametrize(("tau", "least"), [(20.0, 0.0515), (80.0, 0.2)])
def test_lif_intervals_are_those_of_the_rate(tau, least):
    """A constant drive D = 1/(1 - e^(-1/(r τ))) takes a unit from 0 to 1 in 1/r; up to r τ = 1/20 it stands still."""
    rates = np.tile(
        [-300.0, 48 / tau, 50 / tau, 1e3 * least / tau, 1.5e3 * least / tau, 40.0, 155.0, 480.0, 3000.0], (STEPS, 1)
    )
    raster, membrane = fire(FIRING["lif"], rates, tau_lif=tau)
    rate = clipped(rates)[0]
    assert not raster[:, :3].any() and (membrane[0, :3] > 0).all()
    np.testing.assert_array_equal(membrane[:, :3], np.broadcast_to(membrane[0, :3], (STEPS, 3)))
    target = 1 / (1 - np.exp(-1 / (rate[3:] * tau)))
    for cell, (r, drive) in enumerate(zip(rate[3:], target, strict=True), 3):
        spikes = np.flatnonzero(raster[:, cell])
        # from the membrane at a spike: how long ago it was at the reset
        since = tau * np.log(drive / (drive - membrane[spikes[0], cell]))
        times = spikes[0] + 1 - since + np.arange(len(spikes) + 1) / r
        np.testing.assert_array_equal(np.ceil(times[1:-1] - 1e-4) - 1, spikes[1:])
        assert 0 <= since < 1 and times[-1] > STEPS - 1
    # and on the way to the first spike it obeys its equation
    step = membrane[1:, 5:] - (target[2:] + (membrane[:-1, 5:] - target[2:]) * np.exp(-1 / tau))
    assert np.abs(step[~raster[1:, 5:]]).max() < 1e-12


def test_lif_waits_where_it_was_while_nothing_is_asked_for():
    rates = np.full((STEPS, 3), 100.0)
    rates[5:700] = -1.0
    raster, membrane = fire(FIRING["lif"], rates)
    assert not raster[5:700].any() and raster[700:].any(axis=0).all()
    np.testing.assert_array_equal(membrane[5:700], np.broadcast_to(membrane[4], (695, 3)))
