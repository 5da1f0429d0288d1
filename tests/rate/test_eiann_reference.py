"""The rate network against EIANN's full arrays and all published circuits. Skipped where the arrays are not at hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spikedtp.rate import load_rate_network

pytestmark = pytest.mark.slow

SETS = ("dtp_equilibrated", "dtp_one_pass", "btsp", "supervised_bcm", "temporal_contrast")
WITH_NOTEBOOK = ("dtp_equilibrated", "temporal_contrast")
N_CIRCUITS = 34


def assert_close(found, expected, tolerance=1e-5, floor=0.0):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max() + floor


@pytest.fixture(scope="module", params=SETS)
def trained(request, reference):
    folder = reference / "eiann" / request.param
    with np.load(folder / "dynamics.npz") as arrays:
        golden = {key: arrays[key] for key in arrays.files}
    weights = torch.load(folder / "weights.pt", weights_only=True)
    network = load_rate_network(next(folder.glob("*.yaml")), weights)
    for name, state in network.rule_state.items():
        post, pre = name.split("_")
        if "theta" in state:
            network.rule_state[name] = {"theta": golden[f"before_theta/{post}"]}
        if "past_pre" in state:
            network.rule_state[name] = {
                "past_pre": golden[f"before_past_activity/{pre}"],
                "past_plateau": golden[f"before_past_plateau/{post}"],
            }
    with np.load(folder / "full_dW_sample0.npz") as arrays:
        full = {key.removeprefix("dW/"): arrays[key] for key in arrays.files}
    return request.param, network, golden, full


@pytest.mark.parametrize("mode", ["training", "all"])
def test_presentation(trained, mode):
    name, network, golden, _ = trained
    kind = {"training": "train", "all": "dyn"}[mode]
    if mode == "all" and name not in WITH_NOTEBOOK:
        pytest.skip("these arrays hold training's dynamics alone")
    response = network.present(golden["x"], golden["target"], nudge_populations=mode)
    compared = 0
    for key, expected in golden.items():
        head, _, population = key.rpartition("/")
        if head == "forward_activity":
            found = response.activity[population][:, :15]
        elif head == "forward_dendritic_state":
            found = response.dendritic_state[population][:, 14]
        elif head == f"{kind}/backward_activity":
            found = response.activity[population][:, 15:]
        elif head == f"{kind}/backward_dendritic_state_clamped":
            found = response.nudge_dendritic_state[population]
        elif head == f"{kind}/plateau":
            found = response.plateau[population]
        elif head == "notebook_dendritic_dynamics" and mode == "all":
            found = response.dendritic_state[population]
        else:
            continue
        assert_close(found, expected)
        compared += 1
    assert compared >= 23


def test_weight_changes(trained):
    _, network, golden, full = trained
    before = network.weights
    for sample in range(len(golden["x"])):
        changes = network.weight_updates(golden["x"][sample], golden["target"][sample])
        for name, change in changes.items():
            floor = 4 * np.finfo(np.float32).eps * np.abs(before[name]).max()
            expected = golden[f"train/dW_sub/{name}"][sample]
            assert_close(change.ravel()[golden[f"sub_idx/{name}"]], expected, floor=floor)
            if sample == 0 and name in full:
                assert_close(change, full[name], floor=floor)
    assert len(full) == 9


def test_rules_remember(trained):
    name, network, golden, _ = trained
    remembered = {"btsp": ("past_plateau", "after_past_plateau"), "supervised_bcm": ("theta", "after_theta")}
    if name not in remembered:
        pytest.skip("a rule without memory")
    key, golden_key = remembered[name]
    held, state = dict(network.rule_state), network.state_dict()
    network.train_step(golden["x"][0], golden["target"][0])
    for population in ("H1E", "H2E", "OutputE"):
        projection = next(n for n, s in network.rule_state.items() if n.startswith(population) and key in s)
        assert_close(network.rule_state[projection][key], golden[f"train/{golden_key}/{population}"][0])
    network.load_state_dict(state)
    network.rule_state = held


def test_all_published_circuits(reference):
    """Every published circuit loads, presents, trains two steps, and changes what it should."""
    files = sorted((reference / "eiann" / "configs").glob("*.yaml"))
    assert len(files) == N_CIRCUITS
    rng = np.random.default_rng(0)
    for path in files:
        network = load_rate_network(path, seed=1)
        circuit = network.circuit
        x = rng.random((2, circuit.input.size), dtype=np.float32)
        target = np.eye(circuit.output.size, dtype=np.float32)[:2]
        before = network.weights
        response = network.present(x, target)
        for projection in response.learned:
            assert np.isfinite(response.updates(projection)).all(), (path.name, projection)
        for sample in range(2):
            network.train_step(x[sample], target[sample])
        after = network.weights
        changed = {name for name in before if not np.array_equal(before[name], after[name])}
        tied = {p.name for p in circuit.projections if hasattr(p.constraint, "source")}
        assert changed and changed <= set(response.learned) | tied, path.name
        for p in circuit.projections:
            if p.bounds[0] == 0:
                assert (after[p.name] >= 0).all(), (path.name, p.name)
            if p.bounds[1] == 0:
                assert (after[p.name] <= 0).all(), (path.name, p.name)
        assert network.predict(x).shape == (2,)


@pytest.mark.parametrize("shipped", SETS)
def test_short_form_is_the_same_circuit(shipped, reference):
    """The shipped circuits (short form) are EIANN's (long form), and draw the same weights."""
    long = load_rate_network(next((reference / "eiann" / shipped).glob("*.yaml")), seed=7)
    short = load_rate_network(f"mnist_{shipped}", seed=7)
    assert short.circuit.populations == long.circuit.populations
    assert short.circuit.projections == long.circuit.projections
    for name, weight in long.weights.items():
        np.testing.assert_array_equal(short.weights[name], weight)
