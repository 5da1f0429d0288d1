"""Bad input to `simulate`: one clear line that says what, where and how to mend it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import Equations, Hz, ms
from spiking.figure3_samples import TARGET, X

from spikedtp.errors import SpikedtpError
from spikedtp.models import weights_file
from spikedtp.neurons import NudgedCell, TwoCompartment
from spikedtp.rate import load_rate_network
from spikedtp.spiking import simulate

TRAIN = {s: np.zeros((420, n)) for s, n in (("H1E", 500), ("H2SomaI", 50), ("H2DendI", 50), ("OutputE", 10))}
CASES = {
    "population": (dict(population="H9E"), r"unknown population 'H9E': known are .*H2E"),
    "input population": (dict(population="InputE"), r"population 'InputE' has no inputs: choose one of H2E"),
    "projection": (dict(projections=["H2E_X"]), r"unknown learned projection 'H2E_X': known are H2E_H1E"),
    "not learned": (dict(projections=["H2E_OutputE"]), r"unknown learned projection"),
    "device": (dict(device="gpu"), r"unknown device 'gpu': known are cpp_standalone, runtime"),
    "loop": (dict(loop="half"), r"unknown loop 'half'"),
    "readout": (dict(readout="nice"), r"unknown readout 'nice': known are best, paper"),
    "record": (dict(record=("v",)), r"unknown variable to record 'v'"),
    "class for a cell": (dict(cell=TwoCompartment), r"must be a cell such as"),
    "name for a cell": (dict(cell="TwoCompartment"), r"must be a cell such as"),
    "name for inputs": (
        dict(inputs="PoissonInput"),
        r"inputs of the open loop must be a PoissonInput or left out",
    ),
    "loop in a list": (dict(loop=["open"]), r"unknown loop .*'open'"),
    "readout in a list": (dict(readout=["best"]), r"unknown readout .*'best'"),
    "record nothing": (dict(record=None), r"record must be a tuple of names"),
    "record a name": (dict(record="spikes"), r"record must be a tuple of names"),
    "number for projections": (dict(projections=3), r"projections must be names such as"),
    "no population": (dict(population=None), r"unknown population"),
    "rates in a list": (dict(loop="closed", population=None, unit_rates=[3 * Hz]), r"unit_rates must be a dict"),
    "no number of spikers": (
        dict(loop="closed", population=None, spikers={"H2SomaI": np.nan}),
        r"spikers of H2SomaI must be a whole number of at least 1, got nan",
    ),
    "repeats": (dict(n_repeats=0), r"n_repeats must be a whole number of at least 1, got 0"),
    "seed": (dict(seed=-1), r"seed must be a whole number of at least 0, got -1"),
    "rate without unit": (dict(unit_rate=450), r"simulate.unit_rate must be a quantity in Hz"),
    "negative rate": (dict(unit_rate=-1 * Hz), r"simulate.unit_rate must be above 0. Hz"),
    "dt without unit": (dict(dt=1), r"Timeline.dt must be a quantity in s"),
    "rate x dt": (dict(dt=2 * ms), r"rate x dt is too large: .* use dt of at most 1. ms"),
    "time constant below dt": (dict(cell=TwoCompartment(tau_dend=0.5 * ms)), r"tau_dend = 0.5 ms must be longer than"),
    "step below dt": (dict(time_per_step=0.5 * ms), r"time_per_step = 0.5 ms is shorter than dt = 1. ms"),
    "step no multiple of dt": (dict(dt=0.7 * ms), r"time_per_step = 20. ms must be a whole number of time steps"),
    "spikes missing": (
        dict(input_spikes={k: v for k, v in TRAIN.items() if k != "H1E"}),
        r"input_spikes has no spikes of H1E, which H2E_H1E needs",
    ),
    "spikes of the wrong shape": (dict(input_spikes=TRAIN | {"H1E": np.zeros((419, 500))}), r"must hold 0 or 1 in"),
    "spikes not 0 or 1": (dict(input_spikes=TRAIN | {"H1E": np.full((420, 500), 0.5)}), r"must hold 0 or 1 in"),
    "too many repeats given": (
        dict(input_spikes=TRAIN | {"H1E": np.zeros((3, 420, 500))}),
        r"leading axes \(3,\) do not fit \(samples, repeats\) = \(1, 1\)",
    ),
}


@pytest.mark.parametrize("options,message", CASES.values(), ids=CASES)
def test_one_clear_line(figure3, options, message):
    network, _, _ = figure3
    with pytest.raises(SpikedtpError, match=message) as error:
        simulate(network, X, TARGET, **({"population": "H2E", "device": "runtime"} | options))
    assert "\n" not in str(error.value)


def test_clipped_rates_are_named(figure3, caplog):
    network, _, _ = figure3
    options = dict(population="H2E", device="runtime", record=())
    simulate(network, X, TARGET, **options)  # OutputE reaches 1.32, below 1000/450
    assert "clipped" not in caplog.text
    simulate(network, X, TARGET, unit_rate=1000 * Hz, **options)
    assert "activities above 1 are clipped at 1. kHz: OutputE (up to 1.3)" in caplog.text


def test_an_empty_batch(figure3):
    network, _, _ = figure3
    with pytest.raises(SpikedtpError, match="x is an empty batch"):
        simulate(network, X[None][:0], TARGET[None][:0], population="H2E", device="runtime")


@pytest.mark.parametrize("compiler", ["no-such-compiler", "", " "])
def test_the_compiled_device_without_a_compiler(figure3, compiler, monkeypatch):
    network, _, _ = figure3
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(SpikedtpError, match=r"needs a C\+\+ compiler .* use the slower device 'runtime'"):
        simulate(network, X, TARGET, population="H2E", device="cpp_standalone")


@dataclass(frozen=True)
class Unscaled(NudgedCell):
    """It can be read, but says nowhere how a spike drives it."""

    def declaration(self):
        found = super().declaration()
        more = Equations(
            """
            drive_soma = input_soma : 1
            drive_dend = input_dend : 1
            nudging = 0 : 1
            acting = 0 : 1
            running = 1 : 1
            """
        )
        return replace(found, equations=found.equations + more)


def test_a_cell_without_a_pulse_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr("spikedtp.spiking.open_loop.present.run_on", lambda *_: pytest.fail("was run"))
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    with pytest.raises(SpikedtpError, match=r"Unscaled lacks weight_scale, spike_width, which say how a spike drives"):
        simulate(network, np.zeros(64), np.eye(10)[0], population="H2E", cell=Unscaled(), device="runtime")
