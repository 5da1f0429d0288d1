"""Consolidations by name, and EIANN's rules that have one inside."""

from dataclasses import fields

import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import (
    BTSP,
    Backprop,
    DendriticState,
    ElasticRate,
    ElasticWeights,
    ElasticWeightsRate,
    SynapticIntelligence,
    SynapticIntelligenceRate,
    make_consolidation,
    make_rule,
)
from spikedtp.plasticity.consolidation import CONSOLIDATIONS, OF_RULES, make_consolidated

DTP, STEEP = DendriticState(0.1, one_pass=True, relu_gate=True), BTSP(0.1, temporal_discount=0.0, w_max=0.4)


@pytest.mark.parametrize(
    ("name", "options", "rule", "kept"),
    [
        ("DTP_SI", {"relu_gate": True, "si_lambda": 2.0}, DTP, SynapticIntelligence(2.0, 0.001)),
        ("Backprop_SI", {"si_xi": 0.1}, Backprop(0.1), SynapticIntelligence(1.0, 0.1)),
        ("Backprop_EWC", {"fisher_num_samples": 7}, Backprop(0.1), ElasticWeights(1.0, 7)),
        ("Backprop_EWC_LR", {"silr_width": 0.5}, Backprop(0.1), ElasticWeightsRate(1e-4, 0.5, 0.0, 1000)),
        ("Backprop_SI_LR", {"silr_min": 0.1}, Backprop(0.1), SynapticIntelligenceRate(1.0, 1.0, 0.1, 0.001)),
        ("BTSP_ELR_CL", {"w_max": 0.4, "elr_scale": 0.3}, STEEP, ElasticRate(0.0, 0.5, 0.3, 0.01)),
        ("BTSP_ELR_1", {"w_max": 0.4}, STEEP, ElasticRate()),
        ("BTSP_CL", {"w_max": 0.4, "stochastic": False}, STEEP, None),
        ("BTSP_20", {"w_max": 0.4}, STEEP, None),
        ("DTP_CL", {"relu_gate": True}, DTP, None),
        ("Backprop_CL", {}, Backprop(0.1), None),
    ],
)
def test_the_names_of_eiann(name, options, rule, kept):
    assert make_consolidated(name, learning_rate=0.1, **options) == (rule, kept)
    if kept is None:
        assert make_rule(name, learning_rate=0.1, **options) == rule


@pytest.mark.parametrize("name", sorted(CONSOLIDATIONS))
def test_by_name(name):
    kept = make_consolidation(name)
    assert kept == CONSOLIDATIONS[name]() and kept.describe().equation
    for field in fields(kept):
        for bad in (None, "1", True, float("nan"), -0.5, float("inf")):
            with pytest.raises(SpikedtpError, match=f"^{name}: {field.name} must be .*, got "):
                make_consolidation(name, **{field.name: bad})
    with pytest.raises(SpikedtpError, match=f"unknown parameter of {name} 'tau'"):
        make_consolidation(name, tau=1)


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("DTP_SI", {"si_lamda": 1}, "unknown parameter of DTP_SI 'si_lamda': known are .*si_lambda"),
        ("DTP_SI", {"one_pass": False}, "unknown parameter of DTP_CL 'one_pass'"),
        ("Backprop_EWC", {"ewc_lambda": -1}, "ElasticWeights: strength must be a number of at least 0, got -1"),
        ("BTSP_20", {"temporal_discount": 0.1}, "unknown parameter of BTSP_20 'temporal_discount'"),
        ("DTP_SI", {"stochastic": True}, "stochastic must be false"),
    ],
)
def test_mistakes(name, options, line):
    with pytest.raises(SpikedtpError, match=line):
        make_consolidated(name, learning_rate=0.1, **options)


def test_names_are_of_one_kind_only():
    assert not set(OF_RULES) & set(CONSOLIDATIONS)
    with pytest.raises(SpikedtpError, match="unknown consolidation 'EWC'"):
        make_consolidation("EWC")


@pytest.mark.parametrize("rule", [Backprop(0.1), BTSP(0.1), DTP])
def test_elastic_rates_are_for_btsp_without_the_last_sample(rule):
    with pytest.raises(SpikedtpError, match=r"ElasticRate measures .*temporal_discount 0"):
        ElasticRate().check_rule(rule)
