"""What no published array covers, against a second, plain implementation of the definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml

from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import train_online
from spikedtp.spiking.open_loop.timeline import Timeline

EXC, INH = [0, None], [None, 0]


def soma(bounds, **more):
    return {"weight_init": "half_kaiming", "weight_bounds": bounds, "learning_rule": None, **more}


def config(rule="BP_like_2L", rule_kwargs=None, **more):
    """A small circuit with everything the phases must keep apart.

    Inhibition within a layer with F and R, a somatic projection of the nudge phase alone, feedback to a soma, biases,
    a linear population and a copy of a copy's source.
    """
    learned = {"learning_rule": rule, "learning_rule_kwargs": {"learning_rate": 0.05, **(rule_kwargs or {})}}
    dend = {"compartment": "dend", "update_phase": "B"}
    return {
        "layer_config": {
            "Input": {"E": {"size": 7}},
            "H1": {
                "E": {"size": 11, "activation": "relu", "include_bias": True},
                "SomaI": {"size": 4, "activation": "relu"},
                "DendI": {"size": 3, "activation": "linear", "include_bias": True},
            },
            "H2": {"E": {"size": 9, "activation": "relu"}, "DendI": {"size": 5, "activation": "relu"}},
            "Output": {"E": {"size": 3, "activation": "relu"}, "SomaI": {"size": 2, "activation": "relu"}},
        },
        "projection_config": {
            "H1": {
                "E": {
                    "Input": {"E": soma(EXC, **learned)},
                    "H1": {"SomaI": soma(INH, direction="R"), "DendI": soma(INH, direction="R", **dend)},
                    "H2": {"E": soma(EXC, **dend), "DendI": soma(INH, direction="R", update_phase="B")},
                },
                "SomaI": {"H1": {"E": soma(EXC)}, "H2": {"E": soma(EXC, direction="R", update_phase="A")}},
                "DendI": {"H1": {"E": soma(EXC, direction="R"), "DendI": soma(INH, direction="F")}},
            },
            "H2": {
                "E": {
                    "H1": {"E": soma(EXC, **learned)},
                    "H2": {"DendI": soma(INH, direction="R", **dend)},
                    "Output": {"E": soma(EXC, **dend)},
                },
                "DendI": {"H2": {"E": soma(EXC, direction="R")}, "Input": {"E": soma(EXC, update_phase="B")}},
            },
            "Output": {
                "E": {"H2": {"E": soma(EXC, **learned)}, "Output": {"SomaI": soma(INH, direction="R")}},
                "SomaI": {"Output": {"E": soma(EXC, direction="R", update_phase="A")}},
            },
        },
        "training_kwargs": {"tau": 2.5, "forward_steps": 6, "backward_steps": 2, **more},
    }


@pytest.fixture
def network_of(tmp_path):
    def make(values, seed=3):
        path = tmp_path / "circuit.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return load_rate_network(path, seed=seed)

    return make


def sample(network, seed=0, n=None):
    rng = np.random.default_rng(seed)
    shape = () if n is None else (n,)
    x = rng.random((*shape, network.circuit.input.size), dtype=np.float32)
    return x, rng.random((*shape, network.circuit.output.size), dtype=np.float32)


CASES = {
    "equilibrated": ("BP_like_2L", {"relu_gate": True}, "equilibrated", "training"),
    "everyone": ("BP_like_2L", {}, "equilibrated", "all"),
    "one pass": ("BP_like_2E", {}, "one-pass", "training"),
    "the largest only": ("BP_like_2L", {"max_pop_fraction": 0.25}, "equilibrated", "training"),
    "negative gate": ("BTSP_19", {"neg_rate_th": 0.05, "relu_gate": False}, "equilibrated", "training"),
}


@pytest.mark.parametrize("case", CASES)
def test_phases_follow_their_definition(case, network_of, slow_circuit):
    rule, kwargs, kind, mode = CASES[case]
    network = network_of(config(rule, kwargs))
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    x, target = sample(network)
    response = network.present(x, target, nudge_populations=mode)
    slow.settle(x)
    slow.nudge(target, kind, everyone=mode == "all")
    assert response.nudge_steps == (1 if kind == "one-pass" else 6)
    for name, activity in response.activity.items():
        expected = np.array([step[name] for step in slow.history])
        np.testing.assert_allclose(activity, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert set(response.plateau) == {"H1E", "H2E", "OutputE"}
    for name, plateau in response.plateau.items():
        np.testing.assert_allclose(plateau, slow.plateau[name], rtol=1e-5, atol=1e-6, err_msg=name)
        assert np.abs(plateau).max() > 0.01
    for projection, signals in response.signals.items():
        p = network.circuit.projection(projection)

        def pick(now, before, p=p):
            return now if p.direction == "F" else before

        for found, expected in (
            (signals.pre_settled, pick(slow.settled, slow.settled_before)[p.pre]),
            (signals.pre_settled_previous, slow.settled_before[p.pre]),
            (signals.pre_nudged, pick(slow.now, slow.before)[p.pre]),
            (signals.post_settled, slow.settled[p.post]),
            (signals.post_nudged, slow.now[p.post]),
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=projection)
    if case == "the largest only":
        assert [(np.sum(v > 0) <= 3, np.sum(v < 0) <= 3) for k, v in response.plateau.items() if k != "OutputE"] == [
            (True, True)
        ] * 2


def test_top_layer_alone(network_of, slow_circuit):
    values = config(None)
    values["projection_config"]["Output"]["E"]["H2"]["E"] = soma(
        EXC, learning_rule="Top_Layer_BP_like_2L", learning_rule_kwargs={"learning_rate": 0.1, "relu_gate": True}
    )
    for post, layer, cell in (("H1", "Input", "E"), ("H2", "H1", "E")):
        values["projection_config"][post]["E"][layer][cell]["learning_rule"] = "Hebb_WeightNorm_4"
        values["projection_config"][post]["E"][layer][cell]["learning_rule_kwargs"] = {"learning_rate": 0.1}
    network = network_of(values)
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    x, target = sample(network)
    response = network.present(x, target)
    slow.settle(x)
    slow.nudge(target, "output-only")
    for name, activity in response.activity.items():
        expected = np.array([step[name] for step in slow.history])
        np.testing.assert_allclose(activity, expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert not np.allclose(response.activity["OutputE"][5], response.activity["OutputE"][-1])
    np.testing.assert_array_equal(response.activity["H2E"][5], response.activity["H2E"][-1])
    clip = lambda a: np.clip(a, 0, 1)  # noqa: E731
    np.testing.assert_allclose(
        response.updates("OutputE_H2E"), 0.1 * np.outer(slow.plateau["OutputE"], clip(slow.now["H2E"])), atol=1e-6
    )
    np.testing.assert_allclose(
        response.updates("H2E_H1E"), 0.1 * np.outer(clip(slow.now["H2E"]), clip(slow.now["H1E"])), atol=1e-6
    )


def test_a_batch_is_its_samples(network_of):
    network = network_of(config())
    x, target = sample(network, n=4)
    batch = network.present(x, target)
    for index in range(4):
        one = network.present(x[index], target[index])
        for name in one.activity:
            np.testing.assert_allclose(batch.activity[name][index], one.activity[name], rtol=1e-5, atol=1e-6)
        for name in one.dendritic_state:
            np.testing.assert_allclose(
                batch.dendritic_state[name][index], one.dendritic_state[name], rtol=1e-5, atol=1e-5
            )
        for name in one.learned:
            np.testing.assert_allclose(batch.updates(name)[index], one.updates(name), rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(batch.updates(name, index), one.updates(name), rtol=1e-5, atol=1e-7)
            if one.notebook_update(name) is not None:
                found = batch.notebook_update(name, index)
                np.testing.assert_allclose(found, one.notebook_update(name), rtol=1e-5, atol=1e-6)
    assert one.notebook_update("OutputE_H2E") is None
    settled = network.present(x)
    np.testing.assert_array_equal(network.predict(x), settled.activity["OutputE"][:, -1].argmax(axis=1))


@pytest.mark.parametrize("n_steps", [6, 14])
def test_notebook_update_is_its_formula(network_of, slow_circuit, n_steps):
    network = network_of(config("BP_like_2L", {"relu_gate": True}, forward_steps=n_steps))
    x, target = sample(network)
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    slow.settle(x)
    slow.nudge(target, "equilibrated", everyone=True)
    steps = slow.history[: n_steps + Timeline().supervised_points]  # what the spiking network replays, or all there are
    end, last = steps[-1], steps[-2]
    w = slow.w
    dendrite = w["H2E_OutputE"] @ end["OutputE"] + w["H2E_H2DendI"] @ last["H2DendI"]
    gate = slow.settled["H2E"] > 0
    expected = 0.05 * np.outer(gate * dendrite, end["H1E"])
    for mode in ("training", "all"):
        found = network.present(x, target, nudge_populations=mode).notebook_update("H2E_H1E")
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_copy_of_two_sources_with_a_sign(network_of, slow_circuit):
    values = config()
    tied = {"source": "H2.E.H1.E", "source2": "H2.Extra.H1.E", "sign": -1, "scale": 0.5, "transpose": True}
    values["layer_config"]["H1"]["Extra"] = {"size": 9, "activation": "relu"}
    values["layer_config"]["H2"]["Extra"] = {"size": 9, "activation": "relu"}
    table = values["projection_config"]
    table["H2"]["Extra"] = {"H1": {"E": soma(EXC)}}
    table["H1"]["E"]["H2"]["Extra"] = {
        "weight_init": "scaled_kaiming",
        "weight_constraint": "clone_weight",
        "weight_constraint_kwargs": tied,
        "direction": "R",
        "learning_rule": None,
    }
    network = network_of(values)
    x, target = sample(network)
    before = network.weights
    slow = slow_circuit(network.circuit, before, network.biases)
    slow.settle(x)
    np.testing.assert_allclose(network.present(x).activity["H1E"][-1], slow.now["H1E"], rtol=1e-5, atol=1e-6)
    network.train_step(x, target)
    after = network.weights
    assert not np.array_equal(after["H2E_H1E"], before["H2E_H1E"])
    for weights in (before, after):
        expected = -0.5 * (weights["H2E_H1E"] * weights["H2Extra_H1E"]).T
        np.testing.assert_allclose(weights["H1E_H2Extra"], expected, rtol=1e-6)


def test_loaded_copies_keep_their_values_until_the_first_step(network_of, slow_circuit):
    values = config()
    values["projection_config"]["H2"]["E"]["Output"]["E"] |= {
        "weight_constraint": "clone_weight",
        "weight_constraint_kwargs": {"source": "Output.E.H2.E", "transpose": True, "scale": 2.0},
    }
    network = network_of(values)
    key = "module_dict.H2E_OutputE.weight"
    state = network.state_dict()
    np.testing.assert_allclose(network.weights["H2E_OutputE"], 2 * network.weights["OutputE_H2E"].T, rtol=1e-6)
    state[key] = state[key] * 3
    network.load_state_dict(state)
    np.testing.assert_array_equal(network.state_dict()[key].numpy(), state[key].numpy())
    x, target = sample(network)
    slow = slow_circuit(network.circuit, network.weights, network.biases)
    slow.settle(x)
    slow.nudge(target, "equilibrated")
    np.testing.assert_allclose(network.present(x, target).plateau["H2E"], slow.plateau["H2E"], rtol=1e-5, atol=1e-6)
    network.weight_updates(x, target)
    np.testing.assert_array_equal(network.state_dict()[key].numpy(), state[key].numpy())
    network.train_step(x, target)
    np.testing.assert_allclose(network.weights["H2E_OutputE"], 2 * network.weights["OutputE_H2E"].T, rtol=1e-6)


def test_backprop_is_the_numerical_gradient(network_of, slow_circuit):
    values = config("Backprop", {"learning_rate": 1.0}, backward_steps=6)
    network = network_of(values)
    x, target = sample(network, seed=5)

    def loss(weights):
        slow = slow_circuit(network.circuit, weights, network.biases)
        slow.settle(x)
        return np.mean((slow.now["OutputE"] - target) ** 2)

    changes = network.weight_updates(x, target, constrained=False)
    base, step, compared = network.weights, 1e-6, 0
    for name in ("H1E_InputE", "H2E_H1E", "OutputE_H2E"):
        scale = np.abs(changes[name]).max()
        assert scale > 0
        for index in np.random.default_rng(1).integers(0, base[name].size, 6):
            up, down = ({k: v.astype(np.float64) for k, v in base.items()} for _ in range(2))
            up[name].flat[index] += step
            down[name].flat[index] -= step
            slope = (loss(up) - loss(down)) / (2 * step)
            assert abs(changes[name].flat[index] + slope) < 1e-3 * scale
            compared += slope != 0
    assert compared > 5


def test_only_the_last_steps_are_differentiated(network_of, slow_circuit):
    one = network_of(config("Backprop", {"learning_rate": 1.0}, backward_steps=1))
    x, target = sample(one, seed=5)
    slow = slow_circuit(one.circuit, one.weights, one.biases)
    slow.settle(x)
    error = 2 * (slow.now["OutputE"] - target) / 3 * (slow.state["OutputE"] > 0)
    expected = -np.outer(error, slow.now["H2E"]) / 2.5
    np.testing.assert_allclose(one.weight_updates(x, target, constrained=False)["OutputE_H2E"], expected, atol=1e-6)
    all_steps = network_of(config("Backprop", {"learning_rate": 1.0}, backward_steps=6))
    change = all_steps.weight_updates(x, target, constrained=False)["OutputE_H2E"]
    assert np.abs(change - expected).max() > 0.05 * np.abs(expected).max()


def test_initial_weights_by_the_description(network_of):
    """A second implementation of the drawing order: every Linear first, then each population's weights and bias."""
    values = config()
    values["projection_config"]["H1"]["DendI"]["H1"]["DendI"] |= {"weight_constraint": "no_autapses"}
    values["layer_config"]["H1"]["E"] |= {"bias_init": "uniform_", "bias_init_args": [-0.5, 0.25]}
    network = network_of(values, seed=11)
    table, sizes = values["projection_config"], {}
    for layer, cells in values["layer_config"].items():
        sizes |= {layer + cell: kwargs["size"] for cell, kwargs in cells.items()}
    order = [
        (post + cell, pre + pre_cell, kwargs)
        for post, cells in table.items()
        for cell, inputs in cells.items()
        for pre, pre_cells in inputs.items()
        for pre_cell, kwargs in pre_cells.items()
    ]
    state = torch.get_rng_state()
    torch.manual_seed(11)
    for post, pre, _ in order:
        torch.nn.Linear(sizes[pre], sizes[post], bias=False)
    for layer, cells in values["layer_config"].items():
        for cell, kwargs in cells.items():
            population = layer + cell
            fan_in = 0
            for post, pre, projection in order:
                if post != population:
                    continue
                fan_in += sizes[pre]
                limit = 1 / np.sqrt(sizes[pre])
                excitatory = projection["weight_bounds"] == EXC
                drawn = torch.empty(sizes[post], sizes[pre])
                drawn.uniform_(0, limit) if excitatory else drawn.uniform_(-limit, 0)
                if "weight_constraint" in projection:
                    drawn.fill_diagonal_(0)
                assert torch.equal(drawn, network.state_dict()[f"module_dict.{post}_{pre}.weight"])
            if kwargs.get("include_bias"):
                drawn = torch.empty(sizes[population])
                drawn.uniform_(-0.5, 0.25) if "bias_init" in kwargs else drawn.uniform_(-(fan_in**-0.5), fan_in**-0.5)
                assert torch.equal(drawn, network.state_dict()[f"parameter_dict.{population}_bias"])
            elif layer != "Input":
                assert not network.state_dict()[f"parameter_dict.{population}_bias"].any()
    torch.set_rng_state(state)


def test_receptive_fields(network_of):
    values = config("Backprop", {"learning_rate": 0.5})
    values["layer_config"]["Input"]["E"]["size"] = 36
    values["projection_config"]["H1"]["E"]["Input"]["E"] |= {
        "weight_constraint": "receptive_field_mask",
        "weight_constraint_kwargs": {"receptive_field_size": 3, "apply_weight_norm": True, "scale": 2.0},
    }
    network = network_of(values, seed=4)
    x, target = sample(network)

    def check():
        for row in network.weights["H1E_InputE"].reshape(11, 6, 6):
            rows, columns = np.nonzero(row)
            assert np.ptp(rows) <= 2 and np.ptp(columns) <= 2
            np.testing.assert_allclose(row.sum(), 2.0, rtol=1e-5)

    check()
    first = network.weights["H1E_InputE"]
    for _ in range(3):
        network.train_step(x, target)
    check()
    assert not np.array_equal(first, network.weights["H1E_InputE"])
    assert len({tuple(np.nonzero(row)[0]) for row in first}) > 1


def test_weight_updates_leave_the_network_alone(network_of):
    network = network_of(config("BTSP_19", {}))
    x, target = sample(network, n=2)
    network.train_step(x[0], target[0])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    memory = {name: {k: v.copy() for k, v in s.items()} for name, s in network.rule_state.items()}
    assert memory["H1E_InputE"]["past_pre"].any()
    changes = network.weight_updates(x, target)
    network.weight_updates(x, target, constrained=False)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for name, state in network.rule_state.items():
        for key, value in state.items():
            np.testing.assert_array_equal(value, memory[name][key])
    assert changes["H1E_InputE"].shape == (2, 11, 7)
    network.train_step(x[1], target[1])
    for name, change in changes.items():
        after = network.weights[name]
        old = before[f"module_dict.{name}.weight"].numpy()
        np.testing.assert_array_equal(after - old, change[1], err_msg=name)


def test_unconstrained_changes_are_the_rules_own(network_of):
    """Where neither bounds nor constraints bite, both kinds of change agree; where bounds bite they do not."""
    network = network_of(config("BP_like_2L", {"learning_rate": 1e-4}))
    x, target = sample(network)
    free, bound = (network.weight_updates(x, target, constrained=c)["H2E_H1E"] for c in (False, True))
    weight = network.weights["H2E_H1E"]
    inside = weight + free > 0
    np.testing.assert_allclose(bound[inside], free[inside], atol=1e-7)
    strong = network_of(config("BP_like_2E", {"learning_rate": 10.0}))
    weight = strong.weights["OutputE_H2E"]
    free, bound = (strong.weight_updates(x, 0 * target, constrained=c)["OutputE_H2E"] for c in (False, True))
    clipped = weight + free < 0
    assert clipped.any()
    np.testing.assert_allclose(bound[clipped], -weight[clipped], atol=1e-7)


@pytest.mark.parametrize(
    ("x", "target", "words"),
    [
        (np.zeros(6), None, "x must be"),
        (np.zeros((2, 3, 7)), None, "x must be"),
        (np.zeros(7), np.zeros(4), "target must be"),
        (np.zeros((2, 7)), np.zeros(3), "same number of samples"),
        (np.full(7, np.nan), None, "NaN"),
        ("image", None, "array of numbers"),
    ],
)
def test_wrong_samples(x, target, words, network_of):
    with pytest.raises(SpikedtpError, match=words):
        network_of(config()).present(x, target)


def test_wrong_calls(network_of):
    network = network_of(config())
    x, target = sample(network, n=2)
    with pytest.raises(SpikedtpError, match="nudge_populations"):
        network.present(x, target, nudge_populations="some")
    with pytest.raises(SpikedtpError, match="one sample"):
        network.train_step(x, target)
    with pytest.raises(SpikedtpError, match="target"):
        network.train_step(x[0], None)
    with pytest.raises(SpikedtpError, match="without a target"):
        network.present(x).updates("H2E_H1E")
    with pytest.raises(SpikedtpError, match="has no learning rule"):
        network.present(x, target).updates("H1E_H1SomaI")
    with pytest.raises(SpikedtpError, match=r"there is no sample 2: the response has 2 samples"):
        network.present(x, target).updates("H2E_H1E", 2)
    for wrong, words in ({"seed": -1}, "seed must be a whole number"), ({"weights": 3}, "weights must be a file"):
        with pytest.raises(SpikedtpError, match=words):
            load_rate_network(network.circuit, **wrong)
    with pytest.raises(SpikedtpError, match="2 inputs and 1 targets"):
        next(iter(train_online(network, x, target[:1], n_samples=1, data_seed=0)))
    with pytest.raises(SpikedtpError, match="unknown projection"):
        network.present(x, target).updates("H9E_H1E")
    with pytest.raises(SpikedtpError, match="backward_steps"):
        network_of(config("Backprop", {}, backward_steps=0))
    values = config()
    values["projection_config"]["H2"]["E"]["H1"]["E"]["learning_rule"] = "BP_like_2E"
    with pytest.raises(SpikedtpError, match="different nudge phases"):
        network_of(values)
    values = config()
    del values["projection_config"]["H2"]["E"]["H2"]
    del values["projection_config"]["H2"]["E"]["Output"]
    with pytest.raises(SpikedtpError, match="no dendritic input"):
        network_of(values)


def test_weight_changes_by_name(network_of):
    """All learned ones, also of tensors; a gradient's batch is its samples."""
    for rule in ("BP_like_2L", "Backprop"):
        network = network_of(config(rule), seed=4)
        x, target = sample(network, n=2)
        response = network.present(torch.from_numpy(x), torch.from_numpy(target).requires_grad_())
        changes = response.weight_updates
        assert set(changes) == {"H1E_InputE", "H2E_H1E", "OutputE_H2E"} and len(changes) == 3
        for name, change in changes.items():
            np.testing.assert_allclose(change[1], network.present(x[1], target[1]).updates(name), rtol=1e-5, atol=1e-7)
        assert all(change.any(axis=(1, 2)).all() for change in changes.values())
        with pytest.raises(KeyError):
            changes["H1E_H1SomaI"]


LEARNED = {"learning_rule_kwargs": {"learning_rate": 0.1}}


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        (("projection_config", "H1", "SomaI", "H1", "E"), {"learning_rule": "DendriticLoss", **LEARNED},
         "H1SomaI_H1E learns by DendriticLoss but H1SomaI has no dendrite"),
        (("layer_config", "H1", "SomaI"),
         {"include_bias": True, "bias_learning_rule": "PlateauBias",
          "bias_learning_rule_kwargs": {"learning_rate": 0.1}}, "bias of H1SomaI learns from plateaus that it never"),
        (("projection_config", "H1", "SomaI", "H1", "E"),
         {"learning_rule": "LocalBackprop", "learning_rule_kwargs": {"learning_rate": 0.1, "source": "H1.SomaI"}},
         "its source H1SomaI has no dendritic input"),
        (("projection_config", "H1", "SomaI", "H1", "E"), {"weight_init_args": [1, 2]},
         r"projection H1SomaI_H1E: weight_init: half_kaiming takes one argument, the scale, got \(1, 2\)"),
        (("projection_config", "H1", "SomaI", "H1", "E"), {"weight_init": "uniform_", "weight_init_args": [1, 2, 3, 4]},
         "uniform_ does not take the arguments"),
    ],
)  # fmt: skip
def test_rules_and_weights_that_do_not_fit(path, change, words, network_of):
    values = config()
    place = values
    for key in path:
        place = place[key]
    place.update(change)
    with pytest.raises(SpikedtpError, match=words):
        network_of(values)


def test_state_dicts_are_checked(network_of):
    network = network_of(config())
    good = network.state_dict()
    key = "module_dict.H2E_H1E.weight"

    def broken(**change):
        return {**good, **change}

    for values, words in (
        ({k: v for k, v in good.items() if k != key}, "misses module_dict.H2E_H1E.weight"),
        (broken(**{"module_dict.H3E_H1E.weight": good[key]}), "unexpected module_dict.H3E_H1E.weight"),
        (broken(**{key: good[key].T}), r"shape \(11, 9\)"),
        (broken(**{key: good[key] * float("nan")}), "NaN"),
        (broken(**{key: -good[key]}), "Dale"),
        (broken(**{key: "words"}), "not an array|must hold numbers"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            network.load_state_dict(values)
    np.testing.assert_array_equal(network.weights["H2E_H1E"], good[key].numpy())
    again = load_rate_network(network.circuit, good, seed=99)
    assert all(torch.equal(value, good[name]) for name, value in again.state_dict().items())
