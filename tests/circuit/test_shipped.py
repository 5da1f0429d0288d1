"""The shipped circuits: each loads, and each MNIST circuit has the published constants, all of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from circuit.both_forms import LONG

from spikedtp.circuit import circuit_path, read_circuit, shipped_names
from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network

PUBLISHED = {
    "mnist_dtp_one_pass": "20241009_EIANN_2_hidden_mnist_BP_like_config_5J_complete_optimized",
    "mnist_dtp_equilibrated": "20240516_EIANN_2_hidden_mnist_BP_like_config_2L_complete_optimized",
    "mnist_dtp_learned_top_down": "20241120_EIANN_2_hidden_mnist_BP_like_config_5J_learn_TD_HTCWN_2_complete_optimized",
    "mnist_btsp": "20241212_EIANN_2_hidden_mnist_BTSP_config_5L_complete_optimized",
    "mnist_supervised_bcm": "20240723_EIANN_2_hidden_mnist_Supervised_BCM_config_4_complete_optimized",
    "mnist_temporal_contrast": "20241125_EIANN_2_hidden_mnist_Hebb_Temp_Contrast_config_2_complete_optimized",
    "mnist_backprop_dale": "20231129_EIANN_2_hidden_mnist_bpDale_relu_SGD_config_G_complete_optimized",
    "mnist_backprop": "20231129_EIANN_2_hidden_mnist_van_bp_relu_SGD_config_G_complete_optimized",
    "spirals_dtp": "20250108_EIANN_2_hidden_spiral_DTP_fixed_SomaI_learned_bias_config_complete_optimized",
}
RULES = {
    "digits_dtp": "DendriticState",
    "mnist_dtp_one_pass": "DendriticState",
    "mnist_dtp_equilibrated": "DendriticState",
    "mnist_dtp_learned_top_down": "DendriticState",
    "digits_dtp_learned_top_down": "DendriticState",
    "mnist_btsp": "BTSP",
    "mnist_supervised_bcm": "SupervisedBCM",
    "mnist_temporal_contrast": "TemporalContrastHebb",
    "mnist_backprop_dale": "Backprop",
    "mnist_backprop": "Backprop",
}
NO_INHIBITION = {"mnist_backprop"}


def test_all_are_there():
    assert set(RULES) <= set(shipped_names())


@pytest.mark.parametrize("name", RULES)
def test_loads(name):
    circuit = read_circuit(name)
    assert circuit.name == name
    side = 8 if name.startswith("digits") else 28
    assert circuit.input.size == side * side and circuit.output.name == "OutputE" and circuit.output.size == 10
    feedforward = [circuit.projection(p) for p in ("H1E_InputE", "H2E_H1E", "OutputE_H2E")]
    assert [type(p.rule).__name__ for p in feedforward] == [RULES[name]] * 3


@pytest.mark.parametrize("name", RULES)
def test_dales_law(name):
    """The sign of every projection follows from its presynaptic cell type."""
    circuit = read_circuit(name)
    for projection in circuit.projections:
        bounds = projection.bounds
        if name in NO_INHIBITION:
            assert (bounds.lower, bounds.upper) == (None, None)
        elif circuit.population(projection.pre).cell == "E":
            assert bounds.lower == 0, projection.name
        else:
            assert bounds.upper == 0 and bounds.lower is None, projection.name


@pytest.mark.parametrize("name", PUBLISHED)
def test_equals_the_published_circuit(name, reference):
    ours = read_circuit(name)
    published = read_circuit(reference / "eiann" / "configs" / f"{PUBLISHED[name]}.yaml")
    assert [p.name for p in ours.projections] == [p.name for p in published.projections]  # weights are drawn in order
    parts = zip(ours.populations + ours.projections, published.populations + published.projections, strict=True)
    for mine, theirs in parts:
        assert mine == theirs
    assert dataclasses.replace(ours, name="") == dataclasses.replace(published, name="")


def test_digits_is_the_one_pass_circuit_made_smaller():
    """In form; its sizes and constants are its own (digits_dtp.md)."""
    small, large = read_circuit("digits_dtp"), read_circuit("mnist_dtp_one_pass")
    assert [p.name for p in small.projections] == [p.name for p in large.projections]
    for mine, theirs in zip(small.projections, large.projections, strict=True):
        assert (mine.compartment, mine.direction, mine.update_phase) == (
            theirs.compartment,
            theirs.direction,
            theirs.update_phase,
        )
        assert type(mine.rule) is type(theirs.rule) and type(mine.constraint) is type(theirs.constraint)
    assert [p.name for p in small.populations] == [p.name for p in large.populations]
    assert (small.input.size, small.output.size) == (64, 10)


@pytest.mark.parametrize("name", RULES)
def test_a_person_can_read_it(name):
    lines = Path(circuit_path(name)).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and any("Galloni" in line and "45:117159" in line for line in lines[:12])
    assert max(map(len, lines)) <= 120 and len(lines) < 120


def test_paths_and_names(tmp_path, monkeypatch):
    assert {"mnist_dtp_one_pass", "mnist_dtp_equilibrated", "digits_dtp"} <= set(shipped_names())
    assert circuit_path("digits_dtp") == circuit_path("digits_dtp.yaml")
    assert read_circuit("digits_dtp").input.size == 64
    for wrong, words in (
        ("no_such_model", r"no such file, nor a shipped model of this name \(shipped: .*digits_dtp"),
        (tmp_path, "is a folder"),
        (3, "path or the name"),
        (tmp_path / "digits_dtp", "no such file"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            circuit_path(wrong)
    mine = tmp_path / "digits_dtp.yaml"
    mine.write_text(LONG)
    monkeypatch.chdir(tmp_path)
    assert circuit_path("digits_dtp.yaml").resolve() == mine  # a file at hand comes before a shipped one
    assert circuit_path("digits_dtp").resolve() != mine
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SpikedtpError, match="not a YAML text file"):
        read_circuit(binary)


def test_every_shipped_circuit_loads():
    for name in shipped_names():
        assert load_rate_network(name).circuit.name == name
