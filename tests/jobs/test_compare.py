"""The main job, whole: what it writes, the same bytes for the same seed, and the one line that a mistake leaves."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from spikedtp.cli import main
from spikedtp.compare import compare_updates, similarity
from spikedtp.datasets import load
from spikedtp.models import weights_file
from spikedtp.rate import load_rate_network
from spikedtp.spiking import simulate

WORDS = "compare --samples 2 --repeats 2 --seed 3 --device runtime".split()
COLUMNS = (
    "projection sample repeat reference pearson_r slope cosine angle sign_agreement n_synapses noise_ceiling "
    "noiseless_cosine noise_low"
).split()


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "deep" / "out"
    assert main([*WORDS, "--out", str(folder)]) == 0
    return folder


def test_files(out):
    figures = {"figure3", "dendritic_state", "eligibility", "similarity_H2E_H1E", "similarity_H2E_H2DendI"}
    expected = {"config.yaml", "summary.json", "manifest.json", "comparison.csv", "medians.csv"}
    expected |= {f"{name}.{ending}" for name in figures for ending in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == expected


def test_table_and_summary_agree(out):
    table, summary = pd.read_csv(out / "comparison.csv"), json.loads((out / "summary.json").read_text())
    assert list(table) == COLUMNS
    assert len(table) == 2 * 2 * 3  # samples x repeats x (H1E with two references, DendI with the rule's alone)
    assert not any(isinstance(value, (dict, list)) for value in summary.values())
    for (projection, reference), group in table.groupby(["projection", "reference"]):
        assert summary[f"{projection}.{reference}.cosine.median"] == pytest.approx(group["cosine"].median())
    assert table.loc[table["projection"] == "H2E_H1E", "cosine"].median() > 0.5


def test_a_row_is_what_the_library_gives(out):
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    images = load("digits", parts=("test",))
    x, target = images.test_x[:2], images.test_t[:2]
    spiking = simulate(
        network, x, target, population="H2E", device="runtime", seed=3, n_repeats=2, projections=["H2E_H1E"], record=()
    )
    expected = similarity(
        network.weight_updates(x[1], target[1], constrained=False)["H2E_H1E"], spiking.weight_updates["H2E_H1E"][1, 1]
    )
    table = pd.read_csv(out / "comparison.csv").set_index(["projection", "sample", "repeat", "reference"])
    assert table.loc[("H2E_H1E", 1, 1, "rule"), "cosine"] == pytest.approx(expected["cosine"], rel=1e-5)
    # and without learned projections the table is empty, with the same columns
    soma = simulate(network, x, target, population="H2SomaI", device="runtime", record=())
    assert list(compare_updates(network.present(x, target), soma)) == COLUMNS


def test_the_same_seed_gives_the_same_bytes(out, tmp_path):
    assert main([*WORDS, "--out", str(tmp_path / "again")]) == 0
    for path in out.iterdir():
        if path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


@pytest.fixture
def mnist(tmp_path):
    """One blank test image of 28 x 28 pixels."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    header = np.array([0x803, 1, 28, 28], ">i4").tobytes()
    (folder / "t10k-images-idx3-ubyte").write_bytes(header + bytes(784))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(np.array([0x801, 1], ">i4").tobytes() + bytes(1))
    return f"mnist:{folder}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--population", "H9E"], "unknown population 'H9E': known are H1DendI, H1E"),
        (["--population", "InputE"], "'InputE' has no learned projection"),
        (["--population", "H2SomaI"], "'H2SomaI' has no learned projection.*choose one of H1DendI, H1E"),
        (["--data", "mnist", "--samples", "1"], "has 784 inputs, InputE of the circuit 64 cells: fit the circuit"),
        (["--dt", "5"], "rate x dt is too large"),
        (["--dt", "30"], "time_per_step = 20. ms is shorter than dt = 30. ms"),
        (["--unit-rate", "-1"], "--unit-rate: should be greater than 0, got '-1'"),
        (["--set", "rules.H2E_H1E.tau=1"], "unknown parameter in rules.H2E_H1E of DendriticState 'tau'"),
        (["--set", "rules.H2E_H2SomaI=BTSP"], "rules.H2E_H2SomaI: needs learning_rate, since the circuit has no rule"),
        (["--samples", "100000"], "--samples must be between 1 and the 599 test samples"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments, message, mnist, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    arguments = [mnist if word == "mnist" else word for word in arguments]
    assert main(["compare", "--samples", "1", "--device", "runtime", *arguments, "--out", "new/out"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and re.fullmatch(r"spikedtp: error: [^\n\r]+\n", err), err
    assert re.search(message, err)
    assert sorted(tmp_path.rglob("*")) == before
