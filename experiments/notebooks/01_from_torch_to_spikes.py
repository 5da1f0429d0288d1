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
# # From torch weights to a spiking weight change
#
# A checkpoint is an ordinary torch state dict. Ten lines take it into spikes and say how much of the rate network's
# weight change is left.

# %%
from spikedtp import compare_updates, load_rate_network, simulate
from spikedtp.datasets import load
from spikedtp.models import weights_file

network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
images = load("digits", parts=["test"])
x, target = images.test_x[:3], images.test_t[:3]
rate = network.present(x, target)
spiking = simulate(network, x, target, population="H2E", n_repeats=5, seed=1)
table = compare_updates(rate, spiking)
table.groupby(["projection", "reference"])[["cosine", "angle", "noise_ceiling"]].median()

# %% [markdown]
# One row of `table` is one presentation. The *noise ceiling* is the cosine that the randomness of the spikes alone
# would leave, predicted from their rates; what is missing beyond it is a systematic difference. (These are medians over
# three images: they scatter, and may lie above the ceiling.)
#
# A weight change is an array, here `(n_samples, n_repeats, n_post, n_pre)`; a single image has no sample axis:

# %%
spiking.weight_updates["H2E_H1E"].shape

# %% [markdown]
# The presentation itself. Excitatory cells fire at most at the unit rate (450 Hz, activity 1), for 420 ms:

# %%
from spikedtp.plotting import figure3

figure3(rate, spiking, "H2E_H1E", sample=0, repeat=0)

# %% [markdown]
# Averaging repeats lowers the noise, not the systematic difference:

# %%
averaged = compare_updates(rate, spiking, average=5)
averaged.groupby(["projection", "reference"])[["cosine", "angle", "noise_ceiling"]].median()

# %% [markdown]
# ## Your own weights
#
# `load_rate_network` takes a circuit in EIANN's YAML schema and a `.pt` file, an EIANN `.pkl`, or a state dict with
# keys such as `module_dict.H2E_H1E.weight`, `(n_post, n_pre)`. The way back to torch:

# %%
state = network.state_dict()
print(f"{len(state)} tensors, such as")
{name: tuple(state[name].shape) for name in list(state)[:4]}

# %% [markdown]
# The same on the command line, with figures and tables on disk:
#
# ```
# spikedtp compare --circuit mine.yaml --weights mine.pt --population H2E --out results/mine
# ```
