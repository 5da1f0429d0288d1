"""The rate network against EIANN, from the small extracts in tests/golden (``make_eiann_goldens.py`` made them)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikedtp.rate import load_rate_network
from spikedtp.rate.state import weight_key

TRAJECTORIES = {  # name: tolerance, of each array's largest value
    "mnist_backprop_dale": 1e-4,
    "mnist_dtp_one_pass": 1e-4,
    "eiann_local_backprop": 1e-4,
    "eiann_spiral": 1e-4,
    "eiann_btsp_top_down": 1e-3,  # activities reach 140: float32 rounding grows
}


@pytest.fixture(scope="module")
def golden_folder():
    return Path(__file__).parents[1] / "golden"


def assert_close(found, expected, tolerance=1e-5, floor=0.0):
    """Within `tolerance` of the largest expected value (plus `floor`), and not because nothing happened."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max() + floor


@pytest.fixture(scope="module", params=["dtp_equilibrated", "dtp_one_pass"])
def trained(request, golden_folder):
    """EIANN's trained network for one image: weights from black pixels are left at their initial values."""
    with np.load(golden_folder / f"eiann_{request.param}.npz") as arrays:
        golden = dict(arrays)
    network = load_rate_network(f"mnist_{request.param}", seed=66049)
    weights = network.weights
    for key, planes in golden.items():
        if key.startswith("planes/"):
            name = key.removeprefix("planes/")
            values = np.ascontiguousarray(planes.T).view("<f4").ravel()
            if name == "H1E_InputE":
                weights[name][:, golden["x"] > 0] = values.reshape(500, -1)
            else:
                weights[name] = values.reshape(weights[name].shape)
    for projection in network.circuit.projections:
        if hasattr(projection.constraint, "value"):
            weights[projection.name] = projection.constraint.value(weights)
    network.load_state_dict({weight_key(name): weight for name, weight in weights.items()})
    return request.param, network, golden


def group(golden, prefix):
    return {key.removeprefix(prefix): value for key, value in golden.items() if key.startswith(prefix)}


def test_settle_phase_is_eianns(trained):
    _, network, golden = trained
    response = network.present(golden["x"])
    expected = group(golden, "forward_activity/")
    assert set(expected) == {p.name for p in network.circuit.populations[1:]}
    for name, activity in expected.items():
        assert_close(response.activity[name][golden["steps"]], activity)
    for name, dendrite in group(golden, "forward_dendritic_state/").items():
        assert_close(response.dendritic_state[name][-1], dendrite)


def test_nudge_phase_is_eianns(trained):
    name, network, golden = trained
    response = network.present(golden["x"], golden["target"])
    steps = golden["steps"] if name == "dtp_equilibrated" else [0]
    assert response.nudge_steps == (15 if name == "dtp_equilibrated" else 1)
    for population, activity in group(golden, "train/backward_activity/").items():
        assert_close(response.activity[population][response.forward_steps :][steps], activity)
    for population, dendrite in group(golden, "train/backward_dendritic_state_clamped/").items():
        assert_close(response.nudge_dendritic_state[population][steps], dendrite)
    plateaus = group(golden, "train/plateau/")
    assert set(plateaus) == set(response.plateau) == {"H1E", "H2E", "OutputE"}
    for population, plateau in plateaus.items():
        assert_close(response.plateau[population], plateau)


def test_notebook_dynamics_are_eianns(trained):
    name, network, golden = trained
    if name != "dtp_equilibrated":
        pytest.skip("an equilibrated nudge phase alone has a second way to run")
    response = network.present(golden["x"], golden["target"], nudge_populations="all")
    for population, activity in group(golden, "dyn/backward_activity/").items():
        assert_close(response.activity[population][15:][golden["steps"]], activity)
    assert_close(
        response.nudge_dendritic_state["H2E"][golden["steps"]], golden["dyn/backward_dendritic_state_clamped/H2E"]
    )
    for population, dendrite in group(golden, "notebook_dendritic_dynamics/").items():
        assert_close(response.dendritic_state[population][golden["notebook_steps"]], dendrite)
    # and training's dynamics are not these: by a quarter at step 9 of the nudge in H2E
    training = network.present(golden["x"], golden["target"])
    gap = np.abs(training.dendritic_state["H2E"][24] - response.dendritic_state["H2E"][24]).max()
    assert gap > 0.02 * np.abs(response.dendritic_state["H2E"][24]).max()


def test_notebook_weight_change_is_that_of_figure3(trained, golden):
    name, network, extract = trained
    if name != "dtp_equilibrated":
        pytest.skip("Figure 3 was made with the equilibrated circuit")
    change = network.present(extract["x"], extract["target"]).notebook_update("H2E_H1E")
    for unit, expected in zip((68, 444), golden("figure3")["rate_dW"], strict=True):  # the units that the figure shows
        assert_close(change[unit], expected)


def test_weight_changes_are_eianns(trained):
    _, network, golden = trained
    before = network.weights
    changes = network.weight_updates(golden["x"], golden["target"])
    expected = group(golden, "dW/")
    assert len(expected) == 9
    for name, change in expected.items():
        # both sides subtract float32 weights that were scaled in float32: they can differ by the weights' own rounding
        floor = 4 * np.finfo(np.float32).eps * np.abs(before[name]).max()
        found = changes[name].ravel()[golden[f"dW_index/{name}"]]
        assert np.abs(found - change).max() <= 1e-5 * golden[f"dW_max/{name}"] + floor, name
    for name, weight in network.weights.items():
        np.testing.assert_array_equal(weight, before[name])


@pytest.fixture(scope="module")
def trajectories(golden_folder):
    with np.load(golden_folder / "eiann_trajectories.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_twenty_online_steps_are_eianns(name, trajectories, golden_folder):
    golden = group(trajectories, f"{name}/")
    x = golden["x"] if "x" in golden else trajectories["images"] / np.float32(255)
    circuit = golden_folder / f"{name}.yaml" if name.startswith("eiann_") else name
    network = load_rate_network(circuit, seed=123)
    initial = {key: value.numpy().ravel() for key, value in network.state_dict().items()}
    for sample in range(20):
        network.train_step(x[sample], golden["t"][sample])
    state = {key: value.numpy().ravel() for key, value in network.state_dict().items()}
    assert list(state) == list(group(golden, "idx/"))
    moved = fixed = 0
    for key, values in state.items():
        index, expected = golden[f"idx/{key}"], golden[f"val/{key}"]
        assert_close(values[index], expected, TRAJECTORIES[name])
        size = golden[f"abs/{key}"]
        assert abs(values.sum(dtype=np.float64) - golden[f"sum/{key}"]) <= TRAJECTORIES[name] * size
        if np.array_equal(values, initial[key]):
            fixed += 1
            # what never learns is still what was drawn: the same bits
            np.testing.assert_array_equal(values[index], expected)
        else:
            moved += 1
    assert moved >= 3 and fixed >= 3
    outputs = network.present(x[20:30]).activity["OutputE"][:, -1]
    assert_close(outputs, golden["out"], TRAJECTORIES[name])
