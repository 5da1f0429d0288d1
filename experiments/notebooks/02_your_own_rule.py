# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Write your own plasticity rule
#
# A rule is a frozen dataclass with an equation, in two forms: *rate* (arithmetic on arrays) and *spiking* (Brian2 code
# of a synapse). Here: the dendritic state rule with **multiplicative depression** (the weight dependence of van Rossum,
# Bi & Turrigiano 2000, J. Neurosci. 20:8812). A positive plateau strengthens all synapses alike, a negative one
# weakens a synapse in proportion to its weight, so that small steps never carry it across 0:
#
# $$\Delta W_{ij} = \eta\, c_j \left[P_i^+ - P_i^-\, W_{ij}/w_0\right]$$
#
# with plateau $P = P^+ - P^-$ of the postsynaptic cell and activity $c_j$ of the presynaptic one.

# %%
from dataclasses import dataclass
from typing import ClassVar

from spikedtp.plasticity import Factors, LearningRule, Plateau, SpikingForm


@dataclass(frozen=True)
class MultiplicativeDepression(LearningRule):
    """Dendritic state rule that weakens synapses in proportion to their weight."""

    w_0: float = 0.02  # at this weight, plateaus of both signs have steps of one size

    equation: ClassVar[str] = r"\Delta W = \eta\,[P^+ \otimes c - P^- \otimes c\; W / w_0]"
    reference: ClassVar[str] = "after van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812"
    nudge: ClassVar[str] = "one-pass"  # plateaus come from one top-down sweep, as in the circuit below
    modulated: ClassVar[str] = "plateau"  # what the modulator of `replay` stands for
    uses_weight: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        self.check_number("w_0", low=0, above=True)

    def factors(self, signals, state):
        """Rate form: ΔW = Σ post ⊗ pre (gain) - W · Σ post ⊗ pre (decay)."""
        step = self.learning_rate * signals.pre_settled.clip(0, 1)
        up, down = signals.plateau.clip(0, None), (-signals.plateau).clip(0, None)
        return Factors(gain=((up, step),), decay=((down / self.w_0, step),))

    def plateau_form(self):
        """No plateau in a cell that was silent before."""
        return Plateau(relu_gate=True)

    def spiking_form(self):
        """Code that every synapse runs when the cell learns; `_pre` and `_post` name the cell of a signal."""
        return SpikingForm(
            on_learn="w += learning_rate*clip(pre_settled_pre, 0, 1)"
            "*(clip(plateau_post, 0, inf) - clip(-plateau_post, 0, inf)*w/w_0)"
        )


rule = MultiplicativeDepression(learning_rate=0.03)
rule.describe()

# %% [markdown]
# ## The two forms agree
#
# `replay` drives a rule with given signals: each row is a presentation, the modulator is the plateau.

# %%
import matplotlib.pyplot as plt
import numpy as np

from spikedtp import replay

rng = np.random.default_rng(0)
pre, post = rng.random((60, 4)), rng.random((60, 3))
plateau = rng.normal(0.0, 0.1, size=(60, 3))
rate_form = replay(rule, pre, post, 0.05, modulator=plateau, form="rate")
spiking_form = replay(rule, pre, post, 0.05, modulator=plateau, form="spiking", device="runtime")
difference = np.abs(rate_form.w - spiking_form.w).max()
print(f"largest difference {difference:.1e}, weights from {rate_form.w.min():.3f} to {rate_form.w.max():.3f}")

plt.plot(rate_form.w.reshape(61, -1))
plt.axhline(0, color="black", linestyle=":")
plt.xlabel("presentation")
plt.ylabel("weight")
plt.show()

# %% [markdown]
# ## In the circuit
#
# `with_rules` puts the rule where another one was. The trained weights stay; `simulate` reads the signals of the rule
# out of spikes and voltages, and `compare_updates` compares with what the rate network would have done.

# %%
import pandas as pd

from spikedtp import compare_updates, load_rate_network, simulate
from spikedtp.circuit import read_circuit
from spikedtp.datasets import load
from spikedtp.models import weights_file

circuit = read_circuit("digits_dtp")
images = load("digits", parts=["test"])
x, target = images.test_x[:3], images.test_t[:3]
medians = {}
for name, learned_by in (("DendriticState", circuit.projection("H2E_H1E").rule), ("MultiplicativeDepression", rule)):
    network = load_rate_network(circuit.with_rules({"H2E_H1E": learned_by}), weights_file("digits_dtp"))
    spiking = simulate(network, x, target, population="H2E", projections="H2E_H1E", n_repeats=5, seed=1, record=())
    table = compare_updates(network.present(x, target), spiking)
    medians[name] = table[table.reference == "rule"][["cosine", "sign_agreement", "noise_ceiling"]].median()
pd.DataFrame(medians)

# %% [markdown]
# ## And does it learn?
#
# The same network learns in rate: `network.train_step(x, target)` applies the rule, the projection's bounds and its
# constraints. `spikedtp.plasticity` has the shipped rules, one file each, to start from.

# %%
train = load("digits", parts=["train"])
order = np.random.default_rng(0).permutation(len(train.train_x))[:500]
accuracy = {}
for name, learned_by in (("DendriticState", circuit.projection("H2E_H1E").rule), ("MultiplicativeDepression", rule)):
    fresh = load_rate_network(circuit.with_rules({"H2E_H1E": learned_by}), seed=0)
    for i in order:
        fresh.train_step(train.train_x[i], train.train_t[i])
    accuracy[name] = float((fresh.predict(images.test_x) == images.test_y).mean())
accuracy  # after 500 images; 0.1 is chance
