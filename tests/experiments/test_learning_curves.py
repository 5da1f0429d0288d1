"""Training with probes: the backprop clone against finite differences, angles, curves, the figure, the script."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figures import rule_diagrams
from learning_curves import ANGLE_KINDS, LearningCurves, learning_curves
from matplotlib.figure import Figure
from matplotlib.text import Text

from spikedtp.circuit import read_circuit
from spikedtp.datasets import load
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import Backprop, HebbWeightNorm
from spikedtp.rate import load_rate_network
from spikedtp.rate.backprop_clone import (
    BackpropClone,
    angle,
    backprop_circuit,
    feedback_projections,
    forward_projections,
    joined_angles,
)
from spikedtp.rate.online import sample_order, train_online

SCRIPT = Path(__file__).parents[2] / "experiments" / "learning_rules.py"
FORWARD = ["H1E_InputE", "H2E_H1E", "OutputE_H2E"]
DIGITS = ("backprop_dale", "btsp", "dtp", "hebb_weight_norm", "supervised_bcm", "temporal_contrast")


@pytest.fixture(scope="module")
def images():
    return load("digits")


def trained(images, circuit="digits_temporal_contrast", n=60):
    network = load_rate_network(circuit, seed=3)
    for _ in train_online(network, images.train_x, images.train_t, n_samples=n, data_seed=0):
        pass
    return network


# -- the clone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIGITS)
def test_clone_keeps_everything_but_the_rules(name):
    circuit = read_circuit(f"digits_{name}")
    clone = backprop_circuit(circuit)
    assert clone.backward_steps == 3
    for before, after in zip(circuit.projections, clone.projections, strict=True):
        rule = None if before.rule is None else Backprop(before.rule.learning_rate)
        assert after == replace(before, rule=rule)
    assert sorted(p.name for p in forward_projections(circuit)) == FORWARD
    assert backprop_circuit(replace(circuit, backward_steps=7)).backward_steps == 7


def test_the_hebb_circuit_is_the_published_one(reference):
    name = "20241105_EIANN_2_hidden_mnist_Top_Layer_Supervised_Hebb_WeightNorm_config_7_complete_optimized.yaml"
    published = read_circuit(reference / "eiann" / "configs" / name)
    assert replace(read_circuit("mnist_hebb_weight_norm"), name="") == replace(published, name="")


def test_feedback_projections():
    assert feedback_projections(read_circuit("digits_dtp")) == {"H2E_H1E": "H1E_H2E", "OutputE_H2E": "H2E_OutputE"}
    assert feedback_projections(read_circuit("digits_backprop_dale")) == {}


def loss(network, x, target):
    output = network.present(x).activity["OutputE"][:, -1]
    return float(np.mean((output.astype(np.float64) - target) ** 2))


def test_gradients_are_the_slopes_of_the_mean_loss(images):
    """Through all settle steps, so that nothing is a constant: against central differences of the whole network."""
    network = trained(images)
    circuit = replace(network.circuit, backward_steps=network.circuit.forward_steps)
    clone = BackpropClone(circuit)
    clone.load(network.weights, network.biases)
    x, target = images.train_x[:8], images.train_t[:8]
    slopes = clone.gradients(x, target)
    free = replace(circuit, projections=tuple(replace(p, constraint=None) for p in circuit.projections))
    weights = network.weights
    for name in FORWARD:
        assert slopes[name].shape == weights[name].shape and np.abs(slopes[name]).max() > 1e-6
        direction = slopes[name] / np.linalg.norm(slopes[name])  # the steepest: rounding matters least
        found = []
        for side in (1, -1):
            moved = load_rate_network(free)
            state = network.state_dict()
            # Dale's law is for stored weights: a negative one is none here, the clone's own bounds are not in play
            state[f"module_dict.{name}.weight"] = np.maximum(weights[name] + side * 0.02 * direction, 0)
            moved.load_state_dict(state)
            step = np.asarray(state[f"module_dict.{name}.weight"]) - weights[name]
            found.append((loss(moved, x, target), float((step * slopes[name]).sum())))
        (up, expected_up), (down, expected_down) = found
        assert up - down == pytest.approx(expected_up - expected_down, rel=0.05), name


def test_mean_loss_is_the_mean_over_samples(images):
    network = trained(images)
    clone = BackpropClone(network.circuit)
    clone.load(network.weights, network.biases)
    x, target = images.train_x[:5], images.train_t[:5]
    each = [clone.gradients(x[k : k + 1], target[k : k + 1]) for k in range(5)]
    for name, slope in clone.gradients(x, target).items():
        wanted = np.mean([one[name] for one in each], axis=0)
        np.testing.assert_allclose(slope, wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["backprop_dale", "hebb_weight_norm"])
def test_a_step_is_what_an_online_step_of_the_clone_does(images, name):
    network = trained(images, f"digits_{name}")
    clone = BackpropClone(network.circuit)
    clone.load(network.weights, network.biases)
    x, target = images.train_x[0], images.train_t[0]
    steps = clone.step(clone.gradients(x[None], target[None]))
    whole = load_rate_network(clone.circuit, network.state_dict())
    wanted = whole.weight_updates(x, target)
    for key in FORWARD:
        np.testing.assert_allclose(steps[key], wanted[key], atol=2e-6)
        assert (network.weights[key] + steps[key] >= -1e-9).all()


# -- angles -----------------------------------------------------------------------------------------------------------


def test_angle():
    a = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert angle(a, 3 * a) == pytest.approx(0, abs=1e-5) and angle(a, -a) == pytest.approx(180)
    assert angle(a, a.T[::-1]) == pytest.approx(90)
    assert np.isnan(angle(a, 0 * a))


def test_joined_angles_give_each_projection_the_same_say():
    a = {"p": np.ones((2, 2)), "q": 1e-6 * np.ones((50, 50))}
    b = {"p": 7 * np.ones((2, 2)), "q": -np.ones((50, 50))}
    found = joined_angles(a, b)
    assert found["p"] == pytest.approx(0, abs=1e-5) and found["q"] == pytest.approx(180)
    assert found["all"] == pytest.approx(90)  # one for, one against
    assert joined_angles({}, {}) == {}


# -- curves -----------------------------------------------------------------------------------------------------------


def test_probes_see_the_training_and_leave_it_alone(images):
    curves = learning_curves("digits_dtp", images, n_samples=60, seed=3, interval=20, bin_size=10, n_single=2)
    network = load_rate_network("digits_dtp", seed=3)
    order = sample_order(len(images.train_x), 60, 3)
    seen = {"H1E": [], "H2E": []}
    for sample in order:
        x, target = images.train_x[sample], images.train_t[sample]
        settled = network.present(x).dendritic_state
        for name in seen:
            seen[name].append(np.abs(settled[name][-1]).mean())
        network.train_step(x, target)
    assert curves.steps.tolist() == [0, 20, 40, 60] and curves.bins.tolist() == [10, 20, 30, 40, 50, 60]
    for name, values in seen.items():
        np.testing.assert_allclose(curves.dendritic_state[name], np.reshape(values, (6, 10)).mean(axis=1), rtol=1e-4)
    assert curves.accuracy[-1] == (network.predict(images.test_x) == images.test_y).mean()
    for kind in ANGLE_KINDS:
        assert set(FORWARD[1:]) | {"all"} <= {name for k, name in curves.angles if k == kind}
    assert np.nanmax(curves.angles["feedback", "all"]) < 0.1  # top-down weights are copies
    assert np.isnan(curves.angles["accumulated", "all"][0]) and (curves.angles["accumulated", "all"][1:] < 100).all()


def test_the_accumulated_angle_is_that_of_the_interval(images):
    """From the definition: weights at both ends, one step of the clone from the first, all samples between."""
    curves = learning_curves("digits_temporal_contrast", images, n_samples=40, seed=1, interval=20, n_single=0)
    network = load_rate_network("digits_temporal_contrast", seed=1)
    order = sample_order(len(images.train_x), 40, 1)
    stored = []
    for k, sample in enumerate(order):
        if k % 20 == 0:
            stored.append(network.weights)
            state = network.state_dict()
        network.train_step(images.train_x[sample], images.train_t[sample])
    changed = [network.weights[name] - stored[1][name] for name in FORWARD]
    backprop = load_rate_network(backprop_circuit(network.circuit), state)
    x, target = images.train_x[order[20:]], images.train_t[order[20:]]
    mean = {k: v.mean(axis=0) for k, v in backprop.weight_updates(x, target, constrained=False).items()}
    unit = [
        np.concatenate([np.ravel(part) / np.linalg.norm(part) for part in parts])
        for parts in (changed, [mean[name] for name in FORWARD])
    ]
    wanted = np.degrees(np.arccos(unit[0] @ unit[1] / 3))
    assert curves.angles["gradient", "all"][2] == pytest.approx(wanted, abs=0.1)
    assert 5 < abs(wanted) < 120
    assert ("single", "all") not in curves.angles


def test_backprop_is_at_no_angle_to_itself(images):
    curves = learning_curves("digits_backprop_dale", images, n_samples=40, seed=0, interval=20)
    assert np.nanmax(curves.angles["single", "all"]) < 0.1
    assert curves.dendritic_state == {} and not [k for k in curves.angles if k[0] == "feedback"]


def test_round_trip_and_table(images):
    curves = learning_curves("digits_dtp", images, n_samples=40, seed=0, interval=20, bin_size=20)
    again = LearningCurves.from_arrays(curves.arrays())
    table = curves.table()
    assert again.table().equals(table)
    assert list(table.columns) == ["measure", "name", "step", "value"] and table["value"].notna().all()
    assert set(table["measure"]) == {"accuracy", "dendritic_state", *(f"angle_{kind}" for kind in ANGLE_KINDS)}


@pytest.mark.parametrize("name", ["n_samples", "interval", "bin_size"])
def test_mistakes(images, name):
    with pytest.raises(SpikedtpError, match=f"{name} must be at least 1, got 0"):
        learning_curves("digits_dtp", images, **{"n_samples": 10, "seed": 0, name: 0})


# -- diagrams and figures ---------------------------------------------------------------------------------------------


def drawn(model):
    ax = rule_diagrams.diagram(Figure().subplots(), model)
    lines = [line for line in ax.get_lines() if line.get_gid() == f"diagram-{model}"]
    return [line.get_xdata() for line in lines], [line.get_ydata() for line in lines]


def test_diagrams_show_the_published_curves():
    x, y = drawn("LDS")
    for delta, change, pre in zip(x, y, (0.25, 0.5, 1), strict=True):
        np.testing.assert_allclose(change, delta * pre, atol=1e-12)
    _, y = drawn("BTSP")
    for change, w in zip(y, (0, 0.5, 1), strict=True):  # q(.1) and q(1) are 1: a tenth of the trace, all of the decay
        np.testing.assert_allclose(change, [(2 - w) * 0.1 - w, 2 - 2 * w, (2 - w) * 0.1 - w], atol=1e-6)
    x, y = drawn("Hebb + WN")
    np.testing.assert_allclose(y[1], 0.5 * x[1])
    x, y = drawn("BCM")
    for post, change, theta in zip(x, y, (0.5, 0.8), strict=True):
        np.testing.assert_allclose(change, post * (post - theta), atol=1e-12)
    x, y = drawn("TCH")
    np.testing.assert_allclose(y[2], x[2], atol=1e-12)
    with pytest.raises(SpikedtpError, match="unknown rule diagram 'STDP'"):
        drawn("STDP")


def test_figures(images):
    tables = [
        learning_curves(f"digits_{circuit}", images, n_samples=40, seed=seed, interval=20, bin_size=20).table()
        .assign(model=model, seed=seed)
        for model, circuit in (("LDS", "dtp"), ("backprop", "backprop_dale"))
        for seed in (0, 1)
    ]  # fmt: skip
    table = pd.concat(tables)
    for figure, n_panels in ((rule_diagrams.rules_figure(table), 9), (rule_diagrams.angles_figure(table), 8)):
        letters = {text.get_text() for text in figure.findobj(Text) if text.get_gid() == "panel-letter"}
        assert letters == set("abcdefghi"[:n_panels])
        assert all(ax.get_ylabel() or ax.lines for ax in figure.get_axes())
    ax = rule_diagrams.learning_panel(Figure().subplots(), table, "accuracy")
    (line,) = (line for line in ax.get_lines() if line.get_gid() == "curve-LDS")
    wanted = table.query("model == 'LDS' and measure == 'accuracy'").groupby("step")["value"].mean()
    np.testing.assert_allclose(line.get_ydata(), 100 * wanted)
    with pytest.raises(SpikedtpError, match="no accuracy of H9E in this table"):
        rule_diagrams.learning_panel(Figure().subplots(), table, "accuracy", "H9E")


def test_rule_change_is_the_rules_own():
    rule = HebbWeightNorm(0.5, sign=-1, forward_only=True)
    found = rule_diagrams.rule_change(rule, pre=np.array([[1.0], [2.0]]), post=np.array([3.0, 4.0, 5.0]))
    np.testing.assert_allclose(found, [[-1.5, -2, -2.5], [-3, -4, -5]])


# -- the script -------------------------------------------------------------------------------------------------------


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.slow
def test_script_resumes_and_gives_the_same_bytes(tmp_path):
    out = tmp_path / "out"
    done = run("--out", out, "--quick")
    assert done.returncode == 0, done.stderr
    names = ["learning_rules.png", "learning_rules.svg", "angles.png", "angles.svg", "learning_curves.csv", "final.csv"]
    names += ["summary.json", "manifest.json"]
    first = {name: (out / name).read_bytes() for name in names}
    assert len(list((out / "runs").glob("*.npz"))) == 12
    summary = json.loads(first["summary.json"])
    assert 0 < summary["LDS.accuracy.mean"] <= 1 and summary["backprop.angle_single.mean"] < 0.1
    whole = out / "runs" / "digits_dtp_seed0.npz"
    changed = {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}
    kept = whole.read_bytes()
    whole.write_bytes(kept[: len(kept) // 2])  # as if interrupted
    (out / "runs" / "digits_btsp_seed1.json").unlink()
    done = run("--out", out, "--quick")
    assert done.returncode == 0, done.stderr
    again = {path for path, when in changed.items() if path.stat().st_mtime_ns != when}
    assert {path.stem for path in again} == {"digits_dtp_seed0", "digits_btsp_seed1"}
    for name in set(names) - {"manifest.json"}:
        assert (out / name).read_bytes() == first[name], name
    assert not list(out.rglob("*.partial"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "cifar"), "cifar"),
        pytest.param(("--schedule", "never"), "never", marks=pytest.mark.slow),
        pytest.param(("--samples", "5"), "--samples", marks=pytest.mark.slow),
    ],
)
def test_script_names_mistakes(tmp_path, arguments, words):
    done = run("--out", tmp_path / "out", "--quick", *arguments)
    assert done.returncode == 2 and words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()
