"""parity.py: how answers are read, what the summary says, and a quick run of the whole."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from brian2 import Hz
from scripts import EXPERIMENTS, run_script

from spikedtp.circuit import read_circuit
from spikedtp.configuration import TrainConfiguration
from spikedtp.models import weights_file
from spikedtp.rate import load_rate_network
from spikedtp.spiking import SpikingNetwork


@pytest.fixture(scope="module")
def part():
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        yield importlib.import_module("gaps.answering")
    finally:
        sys.path.remove(str(EXPERIMENTS))


def test_answers_of_one_presentation_and_of_several(part):
    circuit, rng = read_circuit("digits_dtp"), np.random.default_rng(0)
    signal = np.eye(10)[rng.integers(0, 10, 200)]
    voltage = signal[:, None] + rng.normal(0, 1, (200, 8, 10))
    counted = voltage + rng.normal(0, 1, voltage.shape)
    response = SimpleNamespace(activity={"OutputE": voltage}, counted={"OutputE": counted})
    found = {name: (n, answers) for name, n, answers in part.ways_of_reading(response, circuit, averaged=True)}
    right = {name: (answers == signal.argmax(1)[:, None]).mean() for name, (_, answers) in found.items()}
    assert [answers.shape[1] for _, answers in found.values()] == [8, 8, 4, 2, 1]
    np.testing.assert_array_equal(found["mean voltage of 2 presentations"][1][:, 1], voltage[:, 2:4].mean(1).argmax(-1))
    assert right["spike counts"] < right["mean voltage"] < right["mean voltage of 2 presentations"]
    assert right["mean voltage of 2 presentations"] < right["mean voltage of 8 presentations"]
    assert len(list(part.ways_of_reading(response, circuit, averaged=False))) == 1


def test_ways_of_presenting_are_what_they_are_called(part):
    found = part.settings_of(read_circuit("digits_dtp"), quick=False)
    assert found["read 800 of 1100 ms"] == {"settle": 1100, "read": 800}
    assert set(found["16 units for each SomaI cell"]["spikers"]) == {"H1SomaI", "H2SomaI", "OutputSomaI"}
    assert set(found["16 units for each interneuron"]["spikers"]) == {
        "H1SomaI", "H2SomaI", "OutputSomaI", "H1DendI", "H2DendI",
    }  # fmt: skip
    assert list(part.settings_of(read_circuit("digits_dtp"), quick=True)) == list(found)[:2]


def test_ways_of_learning_are_what_they_are_called(part):
    of_training, circuit = importlib.import_module("gaps.training"), read_circuit("digits_dtp")
    found = of_training.settings_of(circuit, quick=False)
    assert len({str(settings) for settings in found.values()}) == len(found)
    for settings in found.values():
        TrainConfiguration(mode="spiking", **settings)
    more = found["regular spikes at 150 Hz, three times the units"]
    assert yaml.safe_load(importlib.import_module("full_mnist").SPIKES) == more  # what the experiment takes
    rate = load_rate_network(circuit, weights_file("digits_dtp"))
    network = SpikingNetwork(
        rate, spikers=more["spikers"], unit_rate=more["unit_rate"] * Hz, device="runtime",
        unit_rates={name: rate * Hz for name, rate in more["unit_rates"].items()},
    )  # fmt: skip
    usual = SpikingNetwork(rate, unit_rate=more["unit_rate"] * Hz, device="runtime")
    assert network.spec.spikers["OutputE"] == 16
    for population in circuit.populations[1:]:
        if population == circuit.output:
            continue
        own, other = (n.spec.spikers.get(population.name, 1) for n in (network, usual))
        assert own == 3 * other


def test_differences_are_paired_by_network(part):
    rows = [
        {"learned": "rate", "seed": seed, "presented": "a", "read": "b", "rate": rate, "spikes": rate - lost,
         "agreement": 0.9, "cpu_ms": 2.0}
        for seed, (rate, lost) in enumerate([(0.8, 0.01), (0.9, 0.02), (0.7, 0.03)])
    ]  # fmt: skip
    (row,) = part.answering_summary(pd.DataFrame(rows)).itertuples()
    assert row.difference == pytest.approx(-2) and row.seeds == 3
    assert row.high - row.difference == pytest.approx(4.302653 / 3**0.5, rel=1e-5)  # Student's t, 2 degrees


def test_networks_that_learned_in_spikes_are_paired_with_their_twins(part):
    of_training = importlib.import_module("gaps.training")
    rows = [
        {"seed": seed, "schedule": schedule, "learned": learned, "weights": weights, "ms_per_sample": 2.0,
         "rate": 0.9 - 0.1 * seed - lost, "spikes": 0.89 - 0.1 * seed - lost if lost else np.nan}
        for seed in range(3)
        for schedule in ("anneal", "linear")
        for learned, lost in (("in rate", 0.0), ("a", 0.02 if schedule == "anneal" else 0.01))
        for weights in of_training.ENDS
    ]  # fmt: skip
    table = of_training.training_summary(pd.DataFrame(rows).sample(frac=1, random_state=0))
    assert len(table) == 2 * 2 and (table["seeds"] == 3).all()
    found = table.set_index(["schedule", "weights"])
    np.testing.assert_allclose(found["twin"], 0.8)
    for schedule, lost in (("anneal", 2), ("linear", 1)):
        np.testing.assert_allclose(found.loc[schedule][["rate", "rate_low", "rate_high"]], -lost)
        np.testing.assert_allclose(found.loc[schedule]["spikes"], -lost - 1)


def test_mistakes(tmp_path):
    done = run_script("parity", "--only", "answering,all", "--out", tmp_path / "out")
    assert done.returncode == 2 and "unknown part 'all'" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_quick(tmp_path):
    words = ("--quick", "--device", "runtime", "--samples", 2, "--validation", 10)
    done = run_script("parity", *words, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "answering.csv")
    assert table.groupby(["learned", "presented"]).ngroups == 4
    assert (table["cpu_ms"] > 0).all() and table["agreement"].between(0, 1).all()
    trained = pd.read_csv(tmp_path / "out" / "training.csv")
    assert list(trained["learned"]) == ["in rate"] * 2 + ["4 units for each interneuron"] * 2
    assert trained["spikes"].isna().tolist() == [True, True, False, False]
