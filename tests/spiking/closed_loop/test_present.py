"""`simulate(loop="closed")`: what it selects, what it warns of, and what it refuses."""

import numpy as np
import pytest
from brian2 import Hz, ms
from spiking.closed_loop.short_presentations import closed

from spikedtp.errors import SpikedtpError
from spikedtp.neurons import NudgedCell, PoissonInput, TwoCompartment
from spikedtp.rate import load_rate_network
from spikedtp.spiking import SpikingNetwork, phases_of

LEARNED = {
    "H1E_InputE", "H1E_H1DendI", "H1DendI_H1E", "H1DendI_H1DendI", "H2E_H1E", "H2E_H2DendI", "H2DendI_H2E",
    "H2DendI_H2DendI", "OutputE_H2E",
}  # fmt: skip


def test_one_population_or_all(network, images):
    whole, onto = closed(network, images, population=None, record=()), closed(network, images, record=())
    assert set(whole.weight_updates) == LEARNED and set(onto.weight_updates) == {"H2E_H1E", "H2E_H2DendI"}
    assert set(onto.signals) == set(onto.weight_updates)
    one = closed(network, images, population="all", projections="H1DendI_H1E", record=())
    assert list(one.weight_updates) == ["H1DendI_H1E"]
    for response in (onto, one):
        for name in response.weight_updates:  # what is asked for does not change what happens
            np.testing.assert_array_equal(whole.weight_updates[name], response.weight_updates[name])
            assert whole.weight_updates[name].any()
    x, target = images
    single = closed(network, (x[1], target[1]), first_sample=1, record=("eligibility",))
    np.testing.assert_array_equal(single.weight_updates["H2E_H1E"], onto.weight_updates["H2E_H1E"][1])
    assert single.spikes["H2DendI"].shape == (1, 160, 4 * 30)  # four units fire for each inhibitory cell
    count = single.spikes["H2DendI"][:, 40:100].reshape(1, 60, 30, 4).sum(axis=(1, 3)) / (450e-3 * 60)
    np.testing.assert_allclose(single.eligibility["H2DendI"][:, -1], count, atol=1e-6)
    np.testing.assert_allclose(single.eligibility["H2DendI"][:, -1], single.counted["H2DendI"], atol=1e-6)
    with pytest.raises(SpikedtpError, match=r"'v_soma' was not recorded \(recorded: spikes\)"):
        single.v_soma  # noqa: B018


def test_firing_and_unit_rates(network, images):
    fast = closed(network, images, unit_rates={"H2E": 900 * Hz}, record=("spikes",))
    slow = closed(network, images, record=("spikes",))
    counts = [response.spikes["H2E"][..., 40:100, :].sum() for response in (fast, slow)]
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.15)
    regular = [closed(network, images, cell=NudgedCell(firing="regular"), record=(), seed=s) for s in (3, 4)]
    poisson = [closed(network, images, record=(), seed=s) for s in (3, 4)]
    apart = [np.abs(a.activity["H1E"] - b.activity["H1E"]).mean() for a, b in (regular, poisson)]
    assert apart[0] < 0.3 * apart[1]


def test_clipped_activities_are_named(network, images, caplog):
    closed(network, images, record=())
    assert "ask for more than" not in caplog.text
    closed(network, images, record=(), unit_rates={"H1SomaI": 940 * Hz})
    assert "activities ask for more than 0.95 kHz: H1SomaI (up to" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": "H9E"}, "unknown population 'H9E'"),
        ({"population": "InputE"}, "'InputE' has no inputs: choose one of"),
        ({"projections": ["H1E_InputE"]}, "unknown learned projection 'H1E_InputE': known are H2E_H1E, H2E_H2DendI"),
        ({"readout": "paper"}, "readout has no meaning in the closed loop: leave it out, or use loop='open'"),
        ({"inputs": PoissonInput()}, "inputs has no meaning in the closed loop"),
        ({"input_spikes": {}}, "input_spikes has no meaning"),
        ({"cell": TwoCompartment()}, r"the soma of TwoCompartment cannot be held .*: use phases=Phases\(hold='none'\)"),
        ({"time_per_step": 10 * ms}, "time_per_step = 10. ms and phases both say"),
        ({"dt": 0.5 * ms}, "dt = 0.5 ms and phases.dt = 1. ms differ"),
        ({"phases": "long"}, r"phases must be Phases\(settle=..., ...\), got str"),
        ({"phases": None, "time_per_step": 1.5 * ms}, "must be a whole number of time steps of dt"),
        ({"phases": None, "time_per_step": 20}, "simulate.time_per_step must be a quantity in s"),
        ({"record": ("rate",)}, "unknown variable to record 'rate'"),
        ({"unit_rates": {"H9E": 5 * Hz}}, "unknown population 'H9E'"),
        ({"spikers": 0}, "spikers of H1SomaI must be a whole number of at least 1"),
        ({"n_repeats": 0}, "n_repeats must be a whole number of at least 1"),
        ({"loop": "open"}, "phases has no meaning in the open loop: leave it out, or use loop='closed'"),
        ({"loop": "open", "phases": None, "unit_rates": {}}, "unit_rates has no meaning in the open loop"),
    ],
)
def test_mistakes_get_one_line(network, images, options, message):
    with pytest.raises(SpikedtpError, match=message) as error:
        closed(network, images, **options)
    assert "\n" not in str(error.value)


def test_a_target_is_needed(network, images):
    with pytest.raises(SpikedtpError, match="simulate needs a target"):
        closed(network, (images[0], None))


def test_gradients_have_no_spiking_form(images):
    with pytest.raises(SpikedtpError, match=r"learns by a gradient \(Backprop\)"):
        closed(load_rate_network("digits_backprop_dale"), images, population=None)


def test_inputs_that_ask_for_more_than_the_highest_rate_are_named(small_circuit, caplog):
    network = load_rate_network(small_circuit)
    spiking = SpikingNetwork(network, unit_rates={"InputE": 1200 * Hz}, device="runtime", phases=phases_of(4 * ms))
    for ask in (spiking.predict, spiking.respond, lambda x: spiking.train(x, np.eye(10)[:1], [0])):
        caplog.clear()
        ask(np.full((1, 64), 0.7))
        assert "InputE (up to" not in caplog.text
        ask(np.full((1, 64), 0.9))
        assert "InputE (up to 0.9, clipped at 0.79)" in caplog.text


def test_rates_that_a_time_step_does_not_hold_are_named(network, images, caplog):
    options = dict(population=None, record=())
    closed(network, images, **options)
    assert "come out" not in caplog.text
    crowded = NudgedCell(dead_time=0 * ms, max_rate=1000 * Hz)
    closed(network, images, unit_rate=900 * Hz, unit_rates={"H1SomaI": 900 * Hz}, cell=crowded, **options)
    lines = [record.getMessage() for record in caplog.records if "come out" in record.getMessage()]
    assert any(
        line.startswith("SteadyInput of InputE: 0.9 kHz is asked for, but at dt = 1. ms and dead_time = 0. s only ")
        for line in lines
    )
    assert any(line.startswith("NudgedCell of H1SomaI: ") for line in lines), lines
    assert not any("\n" in line for line in lines)
