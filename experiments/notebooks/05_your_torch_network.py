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
# # Your torch network in spikes
#
# You have a trained torch network of rectified units. What would its weight changes be if its cells had a soma and a
# dendrite, and spiked? `from_torch` makes a rate network of it: the somas compute what the module computes, and the
# dendrites get an error from above. This notebook trains a small classifier, lets it answer in spikes, and compares the
# spiking ΔW with backprop's own step.

# %%
import numpy as np
import torch
from torch import nn

from spikedtp import compare_updates, cross_entropy_target, from_torch, simulate
from spikedtp.datasets import load
from spikedtp.spiking import SpikingNetwork

digits = load("digits")
x, y = torch.from_numpy(digits.train_x), torch.from_numpy(digits.train_y)
torch.manual_seed(1)
module = nn.Sequential(
    nn.Linear(64, 100),
    nn.BatchNorm1d(100),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(100, 50),
    nn.ReLU(),
    nn.Linear(50, 10),
)
optimiser = torch.optim.Adam(module.parameters(), 1e-3)
for _ in range(30):
    for batch in torch.randperm(len(x)).split(64):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(x[batch]), y[batch]).backward()
        optimiser.step()
module.eval()
# %% [markdown]
# ## The same function, as a circuit
#
# Batch normalisation is folded into the weights, dropout is left out, and everything else that is affine becomes
# weights and biases. With `normalise`, the activities of the hidden layers are brought to the range from 0 to 1, which
# is what firing rates and rules mean. The logits stay the same; `output_scale` makes them smaller, since the noise of a
# firing rate grows with the rate, and the error does not.

# %%
with torch.no_grad():
    scale = 1 / float(module(x).abs().max())
network = from_torch(module, normalise=digits.train_x, output_scale=scale)
settled = network.present(digits.test_x).activity["OutputE"][:, network.circuit.forward_steps - 1]
logits = module(torch.from_numpy(digits.test_x)).detach().numpy()
print("largest difference of the logits:", np.abs(settled / scale - logits).max())
[f"{p.name}: {p.size}" for p in network.circuit.populations]

# %% [markdown]
# Each hidden layer has interneurons, `DendI`. They receive the same inputs as the layer above, through copies of the
# same weights, and so they predict what its projection brings to the dendrites, and cancel it. Once the output is
# nudged towards its target, the dendrites hold the difference: with feedback along the transposed weights
# (`feedback="tied"`) it is the error that backprop would send.
#
# ## Its answers in spikes
#
# The logits may be negative and a firing rate may not, so that on and off cells must carry them.

# %%
spiking = SpikingNetwork(network, on_off=True)
answers = spiking.predict(digits.test_x)
print(f"torch {np.mean(logits.argmax(1) == digits.test_y):.3f}, spikes {np.mean(answers == digits.test_y):.3f}")

# %% [markdown]
# ## Its weight changes in spikes
#
# The output is nudged by target - activity. `cross_entropy_target` gives the target for which this is minus the
# gradient of the cross entropy with which the module was trained. Ten images are shown with another class as target, so
# that there is something to learn.

# %%
shown, wrong = digits.test_x[:10], np.roll(digits.test_t[:10], 1, axis=1)
target = cross_entropy_target(settled[:10], wrong, output_scale=scale)
rate = network.present(shown, target)
response = simulate(network, shown, target, loop="closed", on_off=True, n_repeats=2, record=())
table = compare_updates(rate, response, references=("trained", "backprop"))
table.groupby(["projection", "reference"])[["cosine", "noise_ceiling"]].median().round(3)

# %% [markdown]
# `trained` is the rule's own ΔW in the rate network, and `backprop` is a step against the gradient. The noise ceiling
# is the cosine that noise alone would leave.
#
# Random feedback does not send backprop's error. The change of the output weights stays right, and that of the layers
# below does not:

# %%
random = from_torch(module, normalise=digits.train_x, output_scale=scale, feedback="random")
rate = random.present(shown, target)
for projection in rate.learned:
    cosines = [
        float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
        for a, b in zip(rate.updates(projection), rate.backprop_update(projection), strict=True)
    ]
    print(f"{projection}: {np.median(cosines):.2f}")

# %% [markdown]
# ## Where to go from here
#
# - `from_torch(module, dale=True)` splits every population into excitatory cells and inhibitory copies.
# - `rules=` takes any learning rule; the network trains online with `network.train_step`, or in spikes with
#   `spiking.train`.
# - `to_torch(network)` gives a torch module back.
# - Convolutions become sparse projections, and an `nn.RNN` of rectified units a circuit that settles.
