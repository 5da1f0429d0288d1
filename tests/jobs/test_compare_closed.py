"""`spikedtp compare --loop closed`: files, numbers, the same bytes, and its own settings."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from brian2 import Hz, ms

from spikedtp.cli import main
from spikedtp.compare import compare_updates, repeat_ceiling, similarity
from spikedtp.datasets import load
from spikedtp.models import weights_file
from spikedtp.neurons import NudgedCell
from spikedtp.rate import load_rate_network
from spikedtp.spiking import Phases, simulate

WORDS = (
    "compare --loop closed --samples 3 --repeats 2 --seed 3 --device runtime --time-per-step 10 "
    "--set phases.read=80*ms --set cell.firing=regular"
).split()
PHASES = Phases(settle=250 * ms, read=80 * ms, nudge=100 * ms, wait=30 * ms)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "out"
    assert main([*WORDS, "--out", str(folder)]) == 0
    return folder


def test_files(out):
    figures = {"phases", "weight_changes", "activities", "similarity_H2E_H1E", "similarity_H2E_H2DendI"}
    expected = {"config.yaml", "summary.json", "manifest.json", "comparison.csv", "medians.csv"}
    expected |= {f"{name}.{ending}" for name in figures for ending in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == expected


def test_rows_are_what_the_library_gives(out):
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    images = load("digits", parts=("test",))
    x, target = images.test_x[:3], images.test_t[:3]
    spiking = simulate(
        network, x, target, population="H2E", loop="closed", device="runtime", seed=3, n_repeats=2, record=(),
        phases=PHASES, cell=NudgedCell(firing="regular"),
    )  # fmt: skip
    table = pd.read_csv(out / "comparison.csv").set_index(["projection", "sample", "repeat", "reference"])
    change = spiking.weight_updates["H2E_H1E"][1, 1]
    expected = similarity(network.weight_updates(x[1], target[1], constrained=False)["H2E_H1E"], change)
    row = table.loc[("H2E_H1E", 1, 1, "rule")]
    assert row["cosine"] == pytest.approx(expected["cosine"], rel=1e-5)
    assert row["noise_ceiling"] == pytest.approx(repeat_ceiling(spiking, "H2E_H1E", 1), rel=1e-6)
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["loop"], summary["population"], summary["n_cells"]) == ("closed", "H2E", 540)
    assert summary["duration_ms"] == pytest.approx(350)
    assert summary["spiking_accuracy_of_these_samples"] == pytest.approx(
        np.mean(spiking.activity["OutputE"].argmax(axis=-1) == images.test_y[:3, None])
    )
    rows = table.xs(("H2E_H2DendI", "rule"), level=("projection", "reference"))
    assert summary["H2E_H2DendI.rule.cosine.median"] == pytest.approx(rows["cosine"].median())
    assert summary["H2E_H1E.rule.noiseless_cosine.median"] is None


def test_its_configuration_gives_the_same_bytes(out, tmp_path):
    assert main(["compare", "--config", str(out / "config.yaml"), "--out", str(tmp_path / "again")]) == 0
    for path in out.iterdir():
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_its_rates_and_spikers_reach_the_network(out, tmp_path):
    words = [*WORDS, "--spikers", "2", "--set", "unit_rates.H2E=200", "--out", str(tmp_path / "other")]
    assert main(words) == 0
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    images = load("digits", parts=("test",))
    spiking = simulate(
        network, images.test_x[:3], images.test_t[:3], population="H2E", loop="closed", device="runtime", seed=3,
        n_repeats=2, record=(), phases=PHASES, cell=NudgedCell(firing="regular"), spikers=2,
        unit_rates={"H2E": 200 * Hz},
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "other" / "comparison.csv")
    expected = compare_updates(network.present(images.test_x[:3], images.test_t[:3]), spiking)
    np.testing.assert_allclose(table["cosine"], expected["cosine"], rtol=1e-6)
    assert not np.allclose(table["cosine"], pd.read_csv(out / "comparison.csv")["cosine"], rtol=1e-3)


def test_the_whole_circuit(tmp_path):
    words = "compare --loop closed --population all --samples 1 --device runtime --time-per-step 4".split()
    assert main([*words, "--out", str(tmp_path / "all")]) == 0
    table = pd.read_csv(tmp_path / "all" / "comparison.csv")
    assert table["projection"].nunique() == 9 and table["noise_ceiling"].isna().all()
    assert json.loads((tmp_path / "all" / "summary.json").read_text())["population"] == "all"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loop", "open", "--population", "all"], "population 'all'"),
        (["--loop", "open"], "phases: these settings are for the closed loop"),
        (["--population", "H2SomaI"], "'H2SomaI' has no learned projection.*OutputE, all"),
        (["--set", "phases.wait=300*ms"], "Phases.wait = 300. ms must be shorter than nudge"),
        (["--set", "phases.length=3*ms"], "unknown parameter in phases of Phases 'length': known are .*hold.*, nudge"),
        (["--set", "phases.dt=2*ms"], "phases.dt: set dt itself"),
        (["--set", "cell.firing=never"], "unknown firing 'never': known are lif, poisson, regular"),
        (["--set", "cell.name=LIF"], "unknown cell 'LIF': known are AdaptiveLIF, .*, NudgedCell, TwoCompartment"),
        (["--set", "inputs.tau_eligibility=3*ms"], "inputs: these settings are for the open loop"),
        (["--readout", "paper"], "readout has no meaning in the closed loop"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "compare --loop closed --samples 1 --device runtime --set phases.settle=300*ms".split()
    assert main([*words, *arguments, "--out", "new/out"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and re.fullmatch(r"spikedtp: error: [^\n\r]+\n", err), err
    assert re.search(message, err)
    assert not list(tmp_path.iterdir())


def test_biases_that_learn_have_a_table_of_their_own(tmp_path):
    trained, out = tmp_path / "trained", tmp_path / "out"
    spirals = ["--circuit", "spirals_dtp", "--data", "spirals"]
    assert main(["train", *spirals, "--samples", "60", "--probe-every", "60", "--out", str(trained)]) == 0
    words = "--on-off --population OutputE --samples 2 --repeats 2 --device runtime --time-per-step 4 --dt 1".split()
    weights = ["--weights", str(trained / "weights.pt")]
    assert main(["compare", "--loop", "closed", *spirals, *weights, *words, "--out", str(out)]) == 0
    table, summary = pd.read_csv(out / "bias_comparison.csv"), json.loads((out / "summary.json").read_text())
    assert table.groupby("population").size().to_dict() == {"OutputE": 4}
    for population, rows in table.groupby("population"):
        assert summary[f"{population}_bias.cosine.median"] == pytest.approx(rows["cosine"].median(), rel=1e-5)
