"""A circuit that is written and read again is the same circuit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import yaml
from circuit.any_circuits import circuits
from hypothesis import HealthCheck, given, settings

from spikedtp.circuit import Circuit, Population, Projection, read_circuit, shipped_names
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import BTSP, Bounds, DendriticState, Factors, LearningRule, Mask, TopDownHebb, register_rule


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_circuit_comes_back(name, tmp_path):
    circuit = read_circuit(name)
    text = circuit.to_yaml(tmp_path / "copy.yaml")
    assert (tmp_path / "copy.yaml").read_text(encoding="utf-8") == text
    assert read_circuit(tmp_path / "copy.yaml") == circuit
    assert "projection_order" not in text  # EIANN's schema has none


def test_every_published_circuit_comes_back(reference, tmp_path):
    n = 0
    for path in sorted((reference / "eiann").rglob("*.yaml")):
        try:
            circuit = read_circuit(path)
        except SpikedtpError:
            continue  # rules that are not known here
        circuit.to_yaml(tmp_path / "copy.yaml")
        assert read_circuit(tmp_path / "copy.yaml") == circuit, path.name
        n += 1
    assert n >= 35


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuits())
def test_any_circuit_comes_back(tmp_path, circuit):
    circuit.to_yaml(tmp_path / "drawn.yaml")
    assert read_circuit(tmp_path / "drawn.yaml") == circuit


def layers(*projections, n=3, **fields):
    return Circuit((Population("Input", "E", n), Population("Output", "E", n)), projections, **fields)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (DendriticState(0.1), "BP_like_2L"),
        (DendriticState(0.1, one_pass=True), "BP_like_2E"),
        (DendriticState(0.1, top_layer_only=True), "Top_Layer_BP_like_2L"),
        (TopDownHebb(0.1), "Top_Down_Hebbian_Temporal_Contrast_1"),
    ],
)
def test_rules_have_eianns_names(rule, name):
    text = layers(Projection("OutputE", "InputE", rule=rule)).to_yaml()
    written = yaml.safe_load(text)["projection_config"]["Output"]["E"]["Input"]["E"]
    assert written["learning_rule"] == name
    assert not {"one_pass", "top_layer_only"} & set(written["learning_rule_kwargs"])  # which EIANN does not know


def test_a_bound_is_not_taken_for_the_rules_own(tmp_path):
    """Files give BTSP the projection's upper bound where they say nothing."""
    for w_max in (BTSP.w_max, 3.0):
        rule = BTSP(0.1, w_max=w_max)
        circuit = layers(Projection("OutputE", "InputE", bounds=Bounds(0, 7.0), rule=rule), name="c")
        circuit.to_yaml(tmp_path / "c.yaml")
        assert read_circuit(tmp_path / "c.yaml").projections[0].rule == rule


def test_masks_stand_in_files(tmp_path):
    drawn, given = Mask.random(3, 3, 0.5, seed=2, scale=1.5), Mask(np.eye(3))
    for mask, kwargs in (
        (drawn, {"probability": 0.5, "seed": 2, "autapses": True, "scale": 1.5}),
        (given, {"rows": ["80", "40", "20"]}),
    ):
        circuit = layers(Projection("OutputE", "InputE", constraint=mask), name="c")
        written = yaml.safe_load(circuit.to_yaml(tmp_path / "c.yaml"))["projection_config"]["Output"]["E"]["Input"]["E"]
        assert written["weight_constraint"] == "mask" and written["weight_constraint_kwargs"] == kwargs
        assert read_circuit(tmp_path / "c.yaml") == circuit
    with pytest.raises(SpikedtpError, match="circuit c: its file would have more than 262144 characters"):
        layers(Projection("OutputE", "InputE", constraint=Mask(np.eye(1500))), n=1500, name="c").to_yaml()


def test_any_order_of_projections_is_kept(tmp_path):
    populations = (Population("Input", "E", 2), Population("H", "E", 2), Population("Output", "E", 2))
    forward = (Projection("OutputE", "HE"), Projection("HE", "InputE"), Projection("OutputE", "InputE"))
    Circuit(populations, forward).to_yaml(tmp_path / "c.yaml")
    assert [p.name for p in read_circuit(tmp_path / "c.yaml").projections] == [p.name for p in forward]
    text = (tmp_path / "c.yaml").read_text().replace("OutputE_HE", "OutputE_H9E")
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(SpikedtpError, match="projection_order: must list every projection once: OutputE_HE"):
        read_circuit(tmp_path / "c.yaml")


@dataclass(frozen=True)
class Odd(LearningRule):
    table: object = None

    def factors(self, signals, state):
        return Factors(((self.learning_rate * signals.post_settled, signals.pre_settled),))


def test_what_a_file_cannot_say_is_refused(tmp_path):
    circuit = layers(Projection("OutputE", "InputE", rule=Odd(0.1)), name="c")
    with pytest.raises(SpikedtpError, match=r"projection OutputE_InputE: the rule Odd has no name in files: reg"):
        circuit.to_yaml(tmp_path / "c.yaml")
    register_rule(Odd)
    circuit.to_yaml(tmp_path / "c.yaml")
    assert read_circuit(tmp_path / "c.yaml") == circuit
    (tmp_path / "c.yaml").unlink()
    for table in (np.eye(2), {"a": 1}, 3j):
        with pytest.raises(SpikedtpError, match=r"OutputE_InputE: Odd.table = .* cannot be written to a file"):
            replace(circuit, projections=(Projection("OutputE", "InputE", rule=Odd(0.1, table)),)).to_yaml(
                tmp_path / "c.yaml"
            )
    with pytest.raises(SpikedtpError, match="has no projections"):
        layers(name="c").to_yaml(tmp_path / "c.yaml")
    assert not list(tmp_path.iterdir())
    with pytest.raises(SpikedtpError, match="cannot be written: No such file"):
        layers(Projection("OutputE", "InputE"), name="c").to_yaml(tmp_path / "nowhere" / "c.yaml")


def test_numbers_of_numpy_are_numbers(tmp_path):
    rule = DendriticState(np.float64(0.1))
    circuit = layers(Projection("OutputE", "InputE", rule=rule, weight_init_args=(np.float32(2),)), n=np.int64(3))
    replace(circuit, name="c").to_yaml(tmp_path / "c.yaml")
    assert read_circuit(tmp_path / "c.yaml") == replace(circuit, name="c")
