"""What rules say of themselves: equation, reference, parameters."""

from dataclasses import fields

import pytest
from brian2 import Quantity
from matplotlib.mathtext import MathTextParser

from spikedtp.plasticity import BIAS_RULES, RULES, TIMED_RULES


@pytest.mark.parametrize("rule", [*RULES.values(), *BIAS_RULES.values(), *TIMED_RULES.values()])
def test_every_rule_describes_itself(rule):
    given = {"learning_rate": 0.1, "theta_tau": 3.0, "k": 1.0, "source": "H1E"}
    names = {field.name for field in fields(rule)}
    made = rule(**{name: value for name, value in given.items() if name in names and rule not in TIMED_RULES.values()})
    description = made.describe()
    assert description.name == rule.__name__ and any(year in description.source for year in ("19", "20"))
    assert set(description.parameters) == names
    units = ("tau_", "phi_", "k_plus", "k_minus")
    if rule.__name__ == "Clopath":  # of voltages
        units += ("a_ltd", "a_ltp", "theta_", "u_rest")
    if rule.__name__ == "Burstprop":  # rates of events, a delay
        units += ("e_min", "e_max", "first_rate", "t_axon")
    for name, value in description.parameters.items():
        assert isinstance(value, Quantity) == name.startswith(units)
        assert f"`{name}`" in description._repr_markdown_() and name in str(description)
    assert made._repr_latex_() == description._repr_latex_() == f"$\\displaystyle {description.equation}$"
    plain = description.equation.replace(r"\big|", "|").replace(r"\text", r"\mathrm")
    MathTextParser("agg").parse(f"${plain}$")  # mathematics that can be set
