"""The rate that comes out where a time step holds one spike: the law against simulation, and who is told of it."""

from __future__ import annotations

import logging

import brian2
import numpy as np
import pytest
from brian2 import Hz, Network, SpikeMonitor, ms, prefs
from hypothesis import given, settings
from hypothesis import strategies as st

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import (
    LIF,
    NudgedCell,
    PoissonInput,
    Spiker,
    SteadyInput,
    TwoCompartment,
    TwoCompartmentLIF,
)
from spikedtp.neurons.rates import check_rates, rate_that_comes_out

CELLS = 1500


@pytest.fixture(autouse=True)
def numpy_target():
    """Brian2's numpy target, and its generator as it was."""
    target, state = prefs.codegen.target, np.random.get_state()  # noqa: NPY002
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = target
    np.random.set_state(state)  # noqa: NPY002


def spikes_of(model, rate, dt, duration, seed):
    """Spikes of each of many cells that are asked for a constant rate."""
    brian2.seed(seed)
    group = model.group(CELLS, dt=dt)
    group.activity = float(rate / model.unit_rate)
    counted = SpikeMonitor(group, record=False)
    Network(group, counted).run(duration)
    return np.asarray(counted.count)


def crossings(rate, dead_time, duration, seed):
    """Spikes of a renewal process in continuous time that begins free: what would come out without steps."""
    hazard, n = rate / np.clip(1 - rate * dead_time, 1e-3, 1), int(rate * duration + 8 * np.sqrt(rate * duration) + 20)
    intervals = np.random.default_rng(seed).exponential(1 / hazard, (CELLS, n))
    intervals[:, 1:] += dead_time
    return (intervals.cumsum(axis=1) <= duration).sum(axis=1)


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from([PoissonInput, SteadyInput]),
    load=st.floats(0.2, 0.999),
    dead=st.floats(0, 1.2),
    dt=st.sampled_from([0.5, 1.0, 2.0]),
    n_steps=st.integers(40, 500),
    seed=st.integers(0, 9),
)
def test_the_law_of_poisson_firing(kind, load, dead, dt, n_steps, seed):
    """`load` is rate times dt; `dead` is in steps, too."""
    rate = min(load, 0.98 / max(dead, 1e-9)) / dt  # per ms
    model = kind(unit_rate=400 * Hz, max_rate=1e3 * rate * Hz, dead_time=dead * dt * ms)
    duration = n_steps * dt * ms
    counts = spikes_of(model, 1e3 * rate * Hz, dt * ms, duration, seed)
    law = rate_that_comes_out(model, 1e3 * rate * Hz, dt * ms, duration)
    without = crossings(rate, dead * dt, n_steps * dt, seed)
    # beginning free gives up to half a spike more, with steps and without
    lost, expected = without.mean() - counts.mean(), (1e3 * rate - float(law / Hz)) * 1e-3 * n_steps * dt
    error = np.hypot(without.std(), counts.std()) / np.sqrt(CELLS)
    assert lost == pytest.approx(expected, abs=4.5 * error + 0.04 * expected + 0.02)


def test_the_example_of_this_law():
    """990 Hz without dead time in 0.4 s: a queue of 13 spikes never comes; with the default dead time nothing waits."""
    counts = spikes_of(PoissonInput(dead_time=0 * ms), 990 * Hz, 1 * ms, 400 * ms, 3)
    assert counts.mean() / 0.4 == pytest.approx(956.8, abs=1)
    assert float(rate_that_comes_out(PoissonInput(dead_time=0 * ms), 990 * Hz, 1 * ms, 400 * ms) / Hz) == pytest.approx(
        956.8, abs=0.1
    )
    for rate in (1, 450, 900, 990):
        assert float(rate_that_comes_out(PoissonInput(), rate * Hz, 1 * ms, 400 * ms) / Hz) == pytest.approx(rate)


@settings(max_examples=15, deadline=None)
@given(
    firing=st.sampled_from(["regular", "lif"]), rate=st.floats(0.5, 900), tau=st.floats(2, 40),
    dt=st.sampled_from([0.5, 1.0]),
)  # fmt: skip
def test_the_law_of_the_other_firings(firing, rate, tau, dt):
    model = SteadyInput(firing=firing, tau_lif=tau * ms)
    counts = spikes_of(model, rate * Hz, dt * ms, 400 * ms, 1)
    law = float(rate_that_comes_out(model, rate * Hz, dt * ms, 400 * ms) / Hz)
    assert law in (0, rate) and np.abs(counts - 0.4 * law).max() <= 1 + 1e-9
    assert (law == 0) == (firing == "lif" and rate <= 50 / tau)


# --- who is told -----------------------------------------------------------------------------------------------------

MODELS = [PoissonInput, TwoCompartment, NudgedCell, SteadyInput, Spiker]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("firing", ["poisson", "regular", "lif"])
def test_more_than_one_spike_per_step_is_refused(model, firing):
    options = {} if model in (PoissonInput, TwoCompartment) else {"firing": firing}
    fine = model(**options)
    fine.check_time_step(1 * ms)
    with pytest.raises(SpikedtpError, match=rf"rate x dt is too large: {model.__name__}.max_rate = .* at dt = 2. ms"):
        fine.check_time_step(2 * ms)
    model(max_rate=500 * Hz, **options).check_time_step(2 * ms)
    model(max_rate=1 / (0.7 * ms), dead_time=0.5 * ms, **options).check_time_step(0.7 * ms)  # within rounding


@pytest.mark.parametrize(
    "model", [*(model() for model in MODELS), NudgedCell(firing="lif"), NudgedCell(firing="regular", dead_time=0 * ms)]
)
def test_defaults_do_not_warn(model, caplog):
    for duration in (100, 420, 2000):
        check_rates(model, 950 * Hz, 1 * ms, duration * ms)
    model.check_time_step(1 * ms)
    assert not caplog.records


@settings(max_examples=40, deadline=None)
@given(rate=st.floats(50, 1000), dead=st.floats(0, 1.0), dt=st.sampled_from([0.5, 1.0]), n=st.integers(50, 500))
def test_a_warning_says_what_comes_out(rate, dead, dt, n):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("spikedtp.neurons.rates")
    logger.addHandler(handler)
    try:
        model = PoissonInput(dead_time=dead * ms)
        check_rates(model, rate * Hz, dt * ms, n * ms, of="H1E")
    finally:
        logger.removeHandler(handler)
    found = rate_that_comes_out(model, rate * Hz, dt * ms, n * ms)
    assert len(records) == (float(found / Hz) < 0.995 * rate)
    for record in records:
        line = record.getMessage()
        assert "\n" not in line
        for part in ("PoissonInput of H1E", f"{rate * Hz}", f"dt = {dt * ms}", f"dead_time = {dead * ms}", f"{found}"):
            assert part in line


def test_short_units_are_silent_at_low_rates(caplog):
    check_rates(SteadyInput(firing="lif", tau_lif=2 * ms), 400 * Hz, 1 * ms, 400 * ms)
    assert "SteadyInput: cells are silent at rates up to 25. Hz with tau_lif = 2. ms" in caplog.text
    counts = spikes_of(SteadyInput(firing="lif", tau_lif=2 * ms), 24 * Hz, 1 * ms, 1000 * ms, 0)
    assert not counts.any()


def test_cells_that_do_not_fire_at_a_rate_are_left_in_peace(caplog):
    for model in (LIF(), TwoCompartmentLIF()):
        check_rates(model, 5000 * Hz, 1 * ms, 400 * ms)
    assert not caplog.records
