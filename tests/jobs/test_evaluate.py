"""A trained network is evaluated in spikes."""

import json

import numpy as np
import pytest

from spikedtp import datasets, load_rate_network
from spikedtp.cli import main
from spikedtp.configuration import EvaluateConfiguration
from spikedtp.models import weights_file
from spikedtp.perturbations import pruned, with_noise


def test_evaluate_in_spikes(tmp_path, capsys):
    arguments = ["evaluate", "--mode", "spiking", "--samples", "12", "--settle", "300", "--device", "runtime"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["mode"] == "spiking" and summary["accuracy"] >= 10 / 12
    assert main([*arguments, "--read", "400", "--out", str(tmp_path / "other")]) == 2
    assert "Phases.read = 0.4 s is longer than settle" in capsys.readouterr().err


def test_noise_and_lost_synapses_are_those_of_the_library(tmp_path):
    arguments = ["evaluate", "--noise", "0.6", "--prune", "0.5", "--lost", "random", "--renormalise", "--seed", "3"]
    assert main([*arguments, "--outside", "clip", "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    data = datasets.load("digits", parts=("test",))
    network = pruned(
        load_rate_network("digits_dtp", weights_file("digits_dtp")), 0.5, lost="random", seed=3, renormalise=True
    )
    right = network.predict(with_noise(data.test_x, 0.6, seed=3, outside="clip")) == data.test_y
    assert summary["accuracy"] == right.mean() < 0.9
    again = ["evaluate", "--config", str(tmp_path / "out" / "config.yaml"), "--out", str(tmp_path / "again")]
    assert main(again) == 0
    for name in ("summary.json", "config.yaml", "confusion.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_without_them_nothing_is_written_of_them():
    saved = EvaluateConfiguration().saved()
    assert not {"noise", "outside", "prune", "lost", "renormalise"} & set(saved)


def test_noisy_inputs_in_spikes(tmp_path, capsys):
    arguments = ["evaluate", "--mode", "spiking", "--samples", "4", "--settle", "300", "--device", "runtime"]
    assert main([*arguments, "--noise", "0.2", "--out", str(tmp_path / "out")]) == 2
    assert "no cell fires at a negative rate: clip them with --outside clip" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert (
        main([*arguments, "--noise", "0.2", "--outside", "clip", "--prune", "0.2", "--out", str(tmp_path / "out")]) == 0
    )
    table = np.genfromtxt(tmp_path / "out" / "confusion.csv", delimiter=",", skip_header=1)
    assert table[:, -1].sum() == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--noise", "-1"], "noise"), (["--prune", "1.5"], "prune"), (["--lost", "largest"], "lost")],
)
def test_mistakes_about_perturbations(tmp_path, capsys, words, said):
    assert main(["evaluate", *words, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
