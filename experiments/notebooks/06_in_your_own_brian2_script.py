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
# # In your own Brian2 script
#
# The synapses of `spikedtp.synapses` work in any Brian2 network, beside your own groups and Brian2's own synapses. This
# notebook builds two recurrent circuits: a sparse network with STDP, and a network in which a reward that comes seconds
# later strengthens the synapse that earned it. Both are small here, so that they run in seconds with numpy. For large
# ones put `set_device("cpp_standalone")` at the top, as always with Brian2.
#
# ## A sparse network with STDP
#
# Brunel's network (2000, J. Comput. Neurosci. 8:183): four fifths of the cells are excitatory, each cell hears a tenth
# of the others, and all cells get Poisson input. Everything up to here is plain Brian2.

# %%
import matplotlib.pyplot as plt
import numpy as np
from brian2 import Network, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, defaultclock, ms, mV, prefs, seed

prefs.codegen.target = "numpy"  # compiling would take longer than these runs
defaultclock.dt = 0.1 * ms
seed(1)
rng = np.random.default_rng(1)

n, n_e, p, jump = 400, 320, 0.1, 0.2 * mV
cells = NeuronGroup(
    n,
    "dv/dt = -v/(20*ms) : volt (unless refractory)",
    threshold="v > 20*mV",
    reset="v = 10*mV",
    refractory=2 * ms,
    method="exact",
)
cells.v = rng.uniform(0, 20, n) * mV
excitatory, inhibitory = cells[:n_e], cells[n_e:]
inputs = PoissonInput(cells, "v", N=32, rate=20 * mV / (32 * jump * 20 * ms), weight=jump)
excitation = Synapses(excitatory, inhibitory, on_pre="v_post += 0.2*mV")
inhibition = Synapses(inhibitory, cells, on_pre="v_post -= 6*0.2*mV")
for synapses in (excitation, inhibition):
    synapses.connect(p=p)
    synapses.delay = "0.5*ms + 2*ms*rand()"

# %% [markdown]
# The synapses between excitatory cells learn. A rule is a declaration with its numbers. `SparsePairSynapses` are
# Brian2's `Synapses` that learn by it, so that `connect`, `w` and monitors are the usual ones. Spikes arrive by the
# pathway `arrive`, and each synapse may have a delay of its own. Weights have no units: `gain` says what a weight of 1
# adds.

# %%
from spikedtp.plasticity import STDP
from spikedtp.synapses import SparsePairSynapses

rule = STDP(learning_rate=0.05, a_minus=-1.05, w_min=0, w_max=1)
learning = SparsePairSynapses(excitatory, excitatory, "v", rule=rule, gain=2 * jump)
learning.connect("i != j", p=p)
learning.arrive.delay = "0.5*ms + 2*ms*rand()"
learning.w = 0.5

spikes = SpikeMonitor(cells)
network = Network(cells, inputs, excitation, inhibition, learning, spikes)
network.run(1500 * ms)
rates = spikes.count[:] / 1.5
print(f"{rates[:n_e].mean():.1f} Hz, weights from {learning.w[:].min():.2f} to {learning.w[:].max():.2f}")

figure, (raster, weights) = plt.subplots(1, 2, figsize=(7, 2.5), layout="constrained")
raster.plot(spikes.t / ms, spikes.i, ".", markersize=1)
raster.set(xlabel="time (ms)", ylabel="cell", xlim=(1300, 1500))
weights.hist(learning.w[:], bins=40)
weights.set(xlabel="weight", ylabel="synapses")
plt.show()

# %% [markdown]
# If more than about a third of all pairs are connected, the same rule is quicker on a matrix, and with one delay for
# all it is so from a tenth on. `PairSynapses(excitatory, excitatory, "v", rule=rule, gain=2 * jump, delay=...,
# mask=...)` then gives the same weights within rounding.
#
# ## A reward that comes later
#
# In Izhikevich's experiment (2007, Cereb. Cortex 17:2443) STDP only leaves an eligibility trace c in a synapse.
# Dopamine d turns traces into weights, $\dot w = d\,c$. This is the rule `MSTDPET`. Its modulator is an expression.
# Here it is the value of a group of one cell, which `shared_value` makes readable for synapses.
#
# Two cells fire one after the other at 100 ms, and again in the opposite order at 2 s. Dopamine is released 1 s after
# the first pair.

# %%
from brian2 import SpikeGeneratorGroup, StateMonitor, second

from spikedtp.plasticity import MSTDPET
from spikedtp.synapses import shared_value

clock = {"dt": 1 * ms}
pair = SpikeGeneratorGroup(2, [0, 1, 1, 0], [100, 105, 2000, 2005] * ms, **clock)
dopamine = NeuronGroup(1, "dd/dt = -d/(200*ms) : 1", method="exact", **clock)
reward = SpikeGeneratorGroup(1, [0], [1100] * ms, **clock)
release = Synapses(reward, dopamine, on_pre="d_post += 0.5", clock=reward.clock)
release.connect()

rewarded = SparsePairSynapses(
    pair,
    pair,
    rule=MSTDPET(
        a_plus=0.1, a_minus=-0.15, tau_e=1 * second, learning_rate=100, traces="nearest", w_min=0.0, w_max=4.0
    ),
    modulator="0.002 + dopamine()",
    namespace={"dopamine": shared_value(dopamine, "d")},
)
rewarded.connect("i != j")
rewarded.w = 1
rewarded.settle(at="True")  # in every step, for the monitor; by default weights wait until a spike needs them
seen = StateMonitor(rewarded, ["w", "z"], record=True, when="end", order=1, clock=pair.clock)
level = StateMonitor(dopamine, "d", record=True, clock=pair.clock)
Network(pair, dopamine, reward, release, rewarded, seen, level).run(4 * second)

figure, (traces, w) = plt.subplots(1, 2, figsize=(7, 2.5), layout="constrained")
for k, name in enumerate(("first to second cell", "second to first")):
    traces.plot(seen.t / ms, 1000 * seen.z[k], label=f"c, {name}")
    w.plot(seen.t / ms, seen.w[k], label=name)
traces.plot(level.t / ms, level.d[0], color="black", label="dopamine")
traces.set(xlabel="time (ms)", ylabel="trace")
w.set(xlabel="time (ms)", ylabel="weight")
traces.legend()
w.legend()
plt.show()

# %% [markdown]
# Only the synapse whose cells fired in causal order before the reward has grown. The weights change between spikes,
# too, but nothing is computed then: traces decay in the same way everywhere, so that a synapse can be brought up to
# date when one of its cells fires. An hour of a network of 1,000 such cells takes less than a minute of computing
# (`experiments/distal_reward.py`).
#
# [Fast synapses](../synapses.md) tells which of its classes suits which network, and what corresponds to Brian2's
# own synapses.
