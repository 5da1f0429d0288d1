"""`spikedtp info`: what it finds, against the files themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from spikedtp.circuit import read_circuit
from spikedtp.cli import main
from spikedtp.datasets import load
from spikedtp.models import weights_file
from spikedtp.rate import load_rate_network
from spikedtp.rate.checkpoints import read_weights, write_weights


def info(capsys, *words) -> dict:
    capsys.readouterr()
    assert main(["info", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_shipped_circuit_with_its_weights(capsys):
    found, network = info(capsys, "digits_dtp"), load_rate_network("digits_dtp", weights_file("digits_dtp"))
    assert {p["name"]: p["size"] for p in found["populations"]} == {p.name: p.size for p in network.circuit.populations}
    assert {p["name"]: (p["n_post"], p["n_pre"]) for p in found["projections"]} == {
        name: weight.shape for name, weight in network.weights.items()
    }
    assert found["n_synapses"] == sum(weight.size for weight in network.weights.values()) == 158_620
    assert found["rules"] == ["DendriticLoss", "DendriticState", "HebbWeightNorm"] and found["dale_violations"] == 0
    (one,) = (p for p in found["projections"] if p["name"] == "H2E_H1E")
    weight = network.weights["H2E_H1E"]
    assert one["mean"] == pytest.approx(weight.mean()) and one["min"] == weight.min() and one["max"] == weight.max()
    # what the network itself gets right, counted again
    images = load("digits", parts=("test",))
    assert found["accuracy"] == np.mean(network.predict(images.test_x) == images.test_y)
    assert (one["rule"], one["learning_rate"], one["sign"]) == ("DendriticState", 0.03, "excitatory")


def test_what_is_known_is_printed(capsys, small_circuit, tmp_path):
    """Accuracy and signs with weights, rules with a circuit; sizes always."""
    write_weights(tmp_path / "w.pt", read_weights(weights_file("digits_dtp")))
    for words, known in (
        (["digits_dtp"], {"weights:", "test accuracy", "weights of the wrong sign", "learning rules:"}),
        ([str(small_circuit)], {"learning rules:"}),
        ([str(tmp_path / "w.pt")], {"weights:"}),
    ):
        assert main(["info", *words]) == 0
        printed = capsys.readouterr().out.partition("\n\n")[0].splitlines()
        found = {start for line in printed[2:] for start in known if line.startswith(start)}
        assert found == known and len(printed) == 2 + len(known)


def test_weights_that_belong_elsewhere(capsys, tmp_path):
    state = dict(read_weights(weights_file("digits_dtp")))
    write_weights(tmp_path / "few.pt", {k: v for k, v in state.items() if "H2E_H1E" not in k})
    write_weights(tmp_path / "flat.pt", {"module_dict.H2E_H1E.weight": torch.ones(3)})
    (tmp_path / "few.yaml").write_text(read_text("digits_dtp"))  # found beside the weights
    for file, words in (
        ("few.pt", "have no module_dict.H2E_H1E.weight"),
        ("flat.pt", r"are (3,), not (n_post, n_pre)"),
    ):
        assert main(["info", str(tmp_path / file)]) == 2
        assert words in capsys.readouterr().err


def test_dale_violations_are_counted(capsys, tmp_path):
    state = {name: value.clone() for name, value in read_weights(weights_file("digits_dtp")).items()}
    state["module_dict.H2E_H1E.weight"][3, :5] = -0.1  # excitatory: 5 of the wrong sign
    state["module_dict.H1E_H1SomaI.weight"][:2, 7] = 0.2  # inhibitory: 2
    write_weights(tmp_path / "w.pt", state)
    found = info(capsys, tmp_path / "w.pt", "--circuit", "digits_dtp")
    assert found["dale_violations"] == 7
    assert {p["name"]: p["dale_violations"] for p in found["projections"] if p["dale_violations"]} == {
        "H2E_H1E": 5, "H1E_H1SomaI": 2
    }  # fmt: skip
    assert main(["info", str(tmp_path / "w.pt"), "--circuit", "digits_dtp"]) == 0
    assert "weights of the wrong sign (Dale's law): 7: H1E_H1SomaI 2, H2E_H1E 5\n" in capsys.readouterr().out


def test_a_checkpoint_alone_tells_sizes(capsys, tmp_path):
    write_weights(tmp_path / "w.pt", read_weights(weights_file("digits_dtp")))
    found = info(capsys, tmp_path / "w.pt")
    sizes = {p.name: p.size for p in read_circuit("digits_dtp").populations}
    assert {p["name"]: p["size"] for p in found["populations"]} == sizes
    assert found["circuit"] is None and found["dale_violations"] is None and found["n_synapses"] == 158_620


def test_a_training_run_tells_circuit_and_accuracy(capsys, tmp_path):
    circuit = tmp_path / "mine.yaml"
    circuit.write_text(read_text("digits_hebb_weight_norm").replace("H2", "Hidden"))
    words = ["train", "--circuit", str(circuit), "--samples", "5", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    found = info(capsys, tmp_path / "out" / "weights.pt")
    assert found["circuit"] == "mine" and "HiddenE" in {p["name"] for p in found["populations"]}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["accuracy"] == summary["test_accuracy"]


def read_text(name: str) -> str:
    from spikedtp.circuit import circuit_path

    return circuit_path(name).read_text()


def test_weights_of_another_circuit(capsys, tmp_path):
    words = ["info", str(weights_file("digits_dtp")), "--circuit", "mnist_dtp_one_pass"]
    assert main(words) == 2
    assert "H1E_InputE: the weights are (200, 64), the circuit wants (500, 784)" in capsys.readouterr().err


def test_how_the_weights_lie_in_their_file(capsys, tmp_path):
    state = {f"module.{key}": value.half() for key, value in read_weights(weights_file("digits_dtp")).items()}
    path = tmp_path / "run.ckpt"
    torch.save({"epoch": 3, "state_dict": state, "optimizer_states": []}, path)
    found = info(capsys, path, "--circuit", "digits_dtp")
    assert found["checkpoint"] == {
        "format": "torch file", "place": "state_dict", "prefix": "module.", "number_types": ["float16"],
        "beside": ["epoch", "optimizer_states"],
    }  # fmt: skip
    assert found["n_synapses"] == 158_620 and info(capsys, path)["n_synapses"] == 158_620
    assert main(["info", str(path)]) == 0
    where = "state dict at 'state_dict'; keys begin with 'module.'; beside it epoch, optimizer_states"
    assert f"weights: {path} (torch file; float16; {where})\n" in capsys.readouterr().out


def test_names_of_projections_and_of_nothing_known(capsys, tmp_path):
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    short = network.weights | {f"{name}_bias": bias for name, bias in network.biases.items()}
    np.savez(tmp_path / "short.npz", **short)
    np.savez(tmp_path / "other.npz", **{f"fc{n}.weight": np.ones((2, 3)) for n in range(10)}, fc_gain=np.ones(3))
    for words in ([], ["--circuit", "digits_dtp"]):
        found = info(capsys, tmp_path / "short.npz", *words)
        assert found["n_synapses"] == 158_620 and not found.get("others")
    found = info(capsys, tmp_path / "short.npz")
    assert {p["name"] for p in found["populations"] if p["bias"]} == set(network.biases)
    found = info(capsys, tmp_path / "other.npz")
    assert not found["projections"] and len(found["others"]) == 11 and found["others"][-1]["shape"] == [3]
    assert main(["info", str(tmp_path / "other.npz")]) == 0
    printed = capsys.readouterr().out
    assert "neither a projection nor a bias: fc0.weight (2, 3)\n" in printed and "and 3 more of these\n" in printed


def test_what_cannot_be_described_is_named(capsys, tmp_path):
    torch.save({"model": {"w": torch.ones(2)}, "ema": {"w": torch.ones(2)}}, tmp_path / "two.pt")
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 40)
    for file, words in (("two.pt", "2 networks, 'model', 'ema'"), ("net.onnx", "is an ONNX model, which is not read")):
        assert main(["info", str(tmp_path / file)]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".pt", ".safetensors", ".npz"])
def test_the_command_line_takes_all_formats(capsys, tmp_path, ending):
    network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
    network.save(tmp_path / f"w{ending}")
    words = ["evaluate", "--weights", str(tmp_path / f"w{ending}"), "--samples", "50", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    images = load("digits", parts=("test",))
    right = float(np.mean(network.predict(images.test_x[:50]) == images.test_y[:50]))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert right in [value for value in summary.values() if isinstance(value, float)]
