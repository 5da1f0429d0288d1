"""From a circuit and weights to a network: which kinds of weights there are, and the newest circuit files."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from rate.small_circuit import config

from spikedtp.circuit import read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e5m2])
def test_mappings_of_tensors_of_any_precision(network_of, dtype):
    network = network_of(config())
    state = {key: value.to(dtype) for key, value in network.state_dict().items()}
    for weights in (state, MappingProxyType(state), {"model": state}):
        found = load_rate_network(network.circuit, weights).state_dict()
        assert all(torch.equal(found[key], value.float()) for key, value in state.items())


def test_mappings_of_arrays(network_of, tmp_path):
    network = network_of(config())
    state = network.state_dict()
    np.savez(tmp_path / "w.npz", **{key: value.numpy() for key, value in state.items()})
    with np.load(tmp_path / "w.npz") as archive:
        for weights in (archive, {key: value.tolist() for key, value in state.items()}):
            found = load_rate_network(network.circuit, weights).state_dict()
            assert all(torch.equal(found[key], value) for key, value in state.items())


def test_arrays_of_types_that_numpy_lacks(network_of):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    network = network_of(config())
    state = {key: value.numpy().astype(ml_dtypes.bfloat16) for key, value in network.state_dict().items()}
    found = load_rate_network(network.circuit, state).state_dict()
    assert all(np.array_equal(found[key].numpy(), value.astype(np.float32)) for key, value in state.items())


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (3, "weights must be a file, a state dict or None, got int"),
        (torch.nn.Linear(2, 3), r"got Linear: give its .state_dict\(\)"),
        ([("a", 1)], "got list"),
        ({}, "misses module_dict"),
    ],
)
def test_what_holds_no_weights(network_of, weights, words):
    with pytest.raises(SpikedtpError, match=words):
        load_rate_network(network_of(config()).circuit, weights)


# -- the newest circuit files of EIANN (github.com/Milstein-Lab/EIANN, 2025-09 to 2026-10), unchanged ------------------

NEWEST = zipfile.ZipFile(Path(__file__).parent.parent / "golden" / "eiann_2026.zip")
REFUSED = {  # networks of reinforcement learning, which keep their state between samples
    "20260428_EIANN_2_hidden_treadmill_RL_van_bp_relu_SGD_config_G.yaml": "H1E_H1E transmits activities of the step",
    "EIANN_2_hidden_treadmill_RL_eprop_relu_SGD_config.yaml": "Eprop learns over the steps of an episode",
}
CONSOLIDATED = {"EWC_config": "ElasticWeights", "EWC_relu": "ElasticWeights", "_SI_config": "SynapticIntelligence",
                "SI_relu": "SynapticIntelligence", "EWC_LR": "ElasticWeightsRate", "SI_LR": "SynapticIntelligenceRate",
                "ELR_config": "ElasticRate"}  # fmt: skip


def smaller(text):
    """The file with at most 20 cells in each population but the input; everything else as it is."""

    def size(found):
        return found[0] if found[1] in ("784", "3072") else f"size: {min(int(found[1]), 20)}"

    return re.sub(r"size: (\d+)$", size, text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", NEWEST.namelist())
def test_the_newest_files_load_present_and_train(tmp_path, name):
    path = tmp_path / name
    path.write_text(smaller(NEWEST.read(name).decode()))
    if name in REFUSED:
        with pytest.raises(SpikedtpError, match=REFUSED[name]) as caught:
            load_rate_network(path)
        assert "\n" not in str(caught.value)
        return
    network = load_rate_network(path, seed=66049)
    circuit = network.circuit
    of_names = {kind for part, kind in CONSOLIDATED.items() if part in name}
    assert {type(p.consolidation).__name__ for p in circuit.projections if p.consolidation} == of_names
    # untrained inhibition silences the output, and then nothing would learn
    network.load_state_dict({n: 0 * w if n.endswith("SomaI") else w for n, w in network.weights.items()})
    rng = np.random.default_rng(0)
    x, target = rng.random(circuit.input.size), np.eye(circuit.output.size)[0]
    before = network.weights
    assert np.isfinite(network.present(x, target).activity["OutputE"]).all()
    for _ in range(2):
        network.train_step(x, target)
        network.end_task()
    changed = {p.name for p in circuit.projections if (network.weights[p.name] != before[p.name]).any()}
    assert {p.name for p in circuit.projections if p.rule is not None and p.post == "OutputE"} <= changed
    again = tmp_path / "again.yaml"
    circuit.to_yaml(again)
    assert read_circuit(again) == circuit
