"""Consolidations by name, and EIANN's names of rules with a consolidation inside."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from spikedtp.errors import known_names
from spikedtp.plasticity.base import LearningRule
from spikedtp.plasticity.consolidation.base import Consolidation
from spikedtp.plasticity.consolidation.elastic_rate import ElasticRate
from spikedtp.plasticity.consolidation.importance import (
    ElasticWeights,
    ElasticWeightsRate,
    SynapticIntelligence,
    SynapticIntelligenceRate,
)
from spikedtp.plasticity.registry import build, make_rule

__all__ = ["CONSOLIDATIONS", "OF_RULES", "make_consolidated", "make_consolidation"]

CONSOLIDATIONS: dict[str, type[Consolidation]] = {
    kind.__name__: kind
    for kind in (SynapticIntelligence, SynapticIntelligenceRate, ElasticWeights, ElasticWeightsRate, ElasticRate)
}

_SLOWED = {"silr_threshold": "threshold", "silr_width": "width", "silr_min": "least"}
_PATH, _SQUARES = {"si_xi": "damping"}, {"fisher_num_samples": "n_samples"}
_ELASTIC = {f"elr_{name}": name for name in ("threshold", "width", "scale")} | {"elr_min": "least"}
#: EIANN's name -> its name of the rule inside, the consolidation, and what its parameters are called here.
OF_RULES: dict[str, tuple[str, type[Consolidation], dict[str, str]]] = {
    "DTP_SI": ("DTP_CL", SynapticIntelligence, {"si_lambda": "strength"} | _PATH),
    "BTSP_ELR_1": ("BTSP_20", ElasticRate, _ELASTIC),
    "BTSP_ELR_CL": ("BTSP_CL", ElasticRate, _ELASTIC),
    "Backprop_EWC": ("Backprop_CL", ElasticWeights, {"ewc_lambda": "strength"} | _SQUARES),
    "Backprop_SI": ("Backprop_CL", SynapticIntelligence, {"si_lambda": "strength"} | _PATH),
    "Backprop_EWC_LR": ("Backprop_CL", ElasticWeightsRate, _SLOWED | _SQUARES),
    "Backprop_SI_LR": ("Backprop_CL", SynapticIntelligenceRate, _SLOWED | _PATH),
}


def make_consolidation(name: str, /, **kwargs: Any) -> Consolidation:
    """Make the consolidation of this name.

    Raises
    ------
    SpikedtpError
        The name or a parameter is unknown, or a value is not allowed.

    Examples
    --------
    >>> from spikedtp.plasticity import make_consolidation
    >>> make_consolidation("SynapticIntelligence", strength=0.1)
    SynapticIntelligence(strength=0.1, damping=0.001)
    """
    if name not in CONSOLIDATIONS:
        raise known_names("consolidation", name, CONSOLIDATIONS)
    return build(CONSOLIDATIONS[name], name, kwargs)


def make_consolidated(name: str, /, **kwargs: Any) -> tuple[LearningRule, Consolidation | None]:
    """A rule of this name, and the consolidation that is part of it in EIANN.

    Parameters
    ----------
    name : str
        Any name that `make_rule` takes, or one of EIANN's rules with a consolidation, such as ``"DTP_SI"``.
    **kwargs
        Under EIANN's names.

    Examples
    --------
    >>> from spikedtp.plasticity.consolidation import make_consolidated
    >>> rule, kept = make_consolidated("Backprop_EWC", learning_rate=0.2, ewc_lambda=100.0)
    >>> rule, kept
    (Backprop(learning_rate=0.2), ElasticWeights(strength=100.0, n_samples=1000))
    """
    if name not in OF_RULES:
        return make_rule(name, **kwargs), None
    inside, kind, words = OF_RULES[name]
    known = {*words, *(field.name for field in fields(make_rule(inside, learning_rate=0.0)))}
    for key in kwargs:
        if key not in known and key != "stochastic":
            raise known_names(f"parameter of {name}", key, known)
    of_kind = {words[key]: kwargs.pop(key) for key in [*kwargs] if key in words}
    return make_rule(inside, **kwargs), build(kind, name, of_kind)
