"""Training with probes: curves, the figure, the script."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from figures import rule_diagrams
from learning_curves import ANGLE_KINDS, LearningCurves, learning_curves
from matplotlib.figure import Figure
from matplotlib.text import Text
from rate.digits_circuits import FORWARD
from scripts import run_script

from spikedtp.circuit import read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import HebbWeightNorm
from spikedtp.rate import load_rate_network
from spikedtp.rate.backprop_clone import (
    backprop_circuit,
)
from spikedtp.rate.online import sample_order


def test_the_hebb_circuit_is_the_published_one(reference):
    name = "20241105_EIANN_2_hidden_mnist_Top_Layer_Supervised_Hebb_WeightNorm_config_7_complete_optimized.yaml"
    published = read_circuit(reference / "eiann" / "configs" / name)
    assert replace(read_circuit("mnist_hebb_weight_norm"), name="") == replace(published, name="")


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
    return run_script("learning_rules", *arguments)


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
