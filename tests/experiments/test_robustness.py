"""robustness.py: what it asks, what it keeps, and what it refuses."""

import importlib.util
import json
import sys

import numpy as np
import pandas as pd
import pytest
from scripts import EXPERIMENTS, run_script

from spikedtp import load_rate_network
from spikedtp.perturbations import pruned, with_noise

SCRIPT = EXPERIMENTS / "robustness.py"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        spec = importlib.util.spec_from_file_location("robustness_script", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        sys.modules["robustness_script"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXPERIMENTS))
    return module


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("robustness") / "out"
    words = ("--quick", "--answered", "rate", "--models", "5J,backprop", "--samples", 20, "--images", 10)
    done = run_script("robustness", *words, "--out", out)
    assert done.returncode == 0, done.stderr
    return out, words


def test_accuracies_are_those_of_perturbed_networks(script, results):
    out, _ = results
    table = pd.read_csv(out / "robustness.csv")
    assert table.groupby("model").size().eq(4 * 3).all() and set(table["model"]) == {
        "digits_dtp",
        "digits_backprop_dale",
    }
    (folder,) = (out / "trained").glob("digits_dtp-*")
    net = script.from_results(folder, 10)
    network = load_rate_network("digits_dtp", folder / "weights.pt")
    np.testing.assert_array_equal(net.network.weights["H2E_H1E"], network.weights["H2E_H1E"])
    of_dtp = table[table["model"] == "digits_dtp"].set_index(["perturbation", "variant", "level"])["accuracy"]
    noisy = with_noise(net.x, 2.0, seed=0, outside="clip")
    assert of_dtp["noise", "clip", 2.0] == (network.predict(noisy) == net.y).mean()
    fewer = pruned(network, 0.5, lost="random", seed=0)
    assert of_dtp["pruning", "random", 0.5] == (fewer.predict(net.x) == net.y).mean()
    assert (out / "robustness.png").stat().st_size > 5000


def test_it_goes_on_where_it_was_and_asks_given_networks(results, tmp_path):
    out, words = results
    made = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    before = (out / "robustness.csv").read_bytes()
    assert run_script("robustness", *words, "--out", out).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()} == made
    assert (out / "robustness.csv").read_bytes() == before
    first, second = sorted((out / "trained").iterdir())
    given = ["--weights", first, "--weights", second / "weights.pt"]
    assert run_script("robustness", *words, *given, "--out", tmp_path / "given").returncode == 0
    again = pd.read_csv(tmp_path / "given" / "robustness.csv")
    columns = ["model", "perturbation", "variant", "answered", "level"]
    pd.testing.assert_frame_equal(
        again.sort_values(columns, ignore_index=True),
        pd.read_csv(out / "robustness.csv").sort_values(columns, ignore_index=True),
    )


@pytest.mark.parametrize("seed", range(5))
def test_half_way_is_where_a_falling_line_crosses(script, seed):
    rng = np.random.default_rng(seed)
    level, slope, top = np.linspace(0, 2, 11), rng.uniform(0.3, 0.6), rng.uniform(0.8, 1)
    means = pd.DataFrame({"level": level, "mean": np.maximum(top - slope * level, 0.1)})
    means = means.assign(model="m", perturbation="noise", variant="clip", answered="rate")
    found = script.half_way(means, 0.1)
    assert found["m.noise.clip.rate.at 0"] == top
    assert found["m.noise.clip.rate.half way at"] == pytest.approx((top - (top + 0.1) / 2) / slope, abs=0.02)
    assert "m.noise.clip.rate.half way at" not in script.half_way(means.assign(mean=top), 0.1)


def test_a_network_of_gradients_answers_without_its_rules(script):
    network = load_rate_network("digits_backprop_dale", seed=1)
    x = np.random.default_rng(0).random((20, 64))
    same = script.without_gradients(network)
    np.testing.assert_array_equal(same.predict(x), network.predict(x))
    assert all(p.rule is None for p in same.circuit.projections)
    assert script.without_gradients(load_rate_network("digits_dtp")).circuit.projection("H2E_H1E").rule is not None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--models", "5J,BCM"], "unknown model 'BCM'"),
        (["--answered", "both"], "unknown answer 'both'"),
        (["--data", "spirals"], "--data spirals: digits or mnist:DIR"),
        (["--weights", "."], "not a results folder of 'spikedtp train'"),
    ],
)
def test_mistakes(tmp_path, words, line):
    done = run_script("robustness", *words, "--out", tmp_path / "out")
    assert done.returncode == 2 and line in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_in_spikes(tmp_path):
    words = ("--quick", "--models", "5J,backprop", "--answered", "spikes", "--images", 3, "--levels", 2)
    done = run_script("robustness", *words, "--device", "runtime", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "robustness.csv")
    assert set(table["answered"]) == {"spikes"} and len(table) == 2 * 3 * 2
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert 0 <= summary["digits_backprop_dale.noise.clip.spikes.at 0"] <= 1
