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
# # Write your own two-compartment neuron
#
# A cell model is a frozen dataclass: parameters with units, and Brian2 equations. `simulate` runs it and reads the
# signals of the learning rule out of it, whatever the equations are. Here: the cell of Figure 3 with two additions,
# an **adapting soma** and a **dendrite that saturates**:
#
# $$\tau_d \dot V_d = I_d - V_d, \qquad
#   \tau_s \dot V_s = I_s + g\,s\tanh(V_d/s) - a - V_s, \qquad
#   \tau_a \dot a = b\,V_s^+ - a$$
#
# $I$ is what the spikes of this time step bring to a compartment; the soma fires at a rate of $V_s^+$ times the unit
# rate. As $s \to \infty$ and $b \to 0$ this is `TwoCompartment`.

# %%
from dataclasses import dataclass
from typing import ClassVar

from brian2 import Equations, Hz, Quantity, ms

from spikedtp.equations import escape
from spikedtp.equations.membrane import leaky_compartment, synaptic_drive
from spikedtp.neurons import CellModel, Declaration
from spikedtp.parameters import parameter


@dataclass(frozen=True)
class AdaptingCell(CellModel):
    """Two compartments without units: activity 1 is the unit of voltage."""

    tau_soma: Quantity = parameter(60 * ms, above=0 * ms)
    tau_dend: Quantity = parameter(20 * ms, above=0 * ms)
    tau_adaptation: Quantity = parameter(100 * ms, above=0 * ms)
    adaptation: float = parameter(0.3, least=0.0)
    saturation: float = parameter(0.2, above=0.0)
    coupling: float = parameter(3.0, least=0.0)
    weight_scale: float = parameter(2.3, above=0.0)  # spikes to drive, as the inputs of Figure 3 have it
    spike_width: Quantity = parameter(1 * ms, above=0 * ms)
    unit_rate: Quantity = parameter(450 * Hz, above=0 * Hz)  # the rate of activity 1
    max_rate: Quantity = parameter(1000 * Hz, above=0 * Hz)
    dead_time: Quantity = parameter(1 * ms, least=0 * ms)

    time_constants: ClassVar[tuple[str, ...]] = ("tau_soma", "tau_dend", "tau_adaptation")  # dt must be shorter

    def declaration(self) -> Declaration:
        return Declaration(
            equations=leaky_compartment("v_dend", "tau_dend", "drive_dend")
            + leaky_compartment("v_soma", "tau_soma", "(drive_soma + coupling*dendritic_state - adapted)")
            + Equations(
                """
                dendritic_state = saturation*tanh(v_dend/saturation) : 1  # what the learning rule reads of the dendrite
                dadapted/dt = (adaptation*clip(v_soma, 0, inf) - adapted)/tau_adaptation : 1
                somatic_activity = v_soma : 1                             # and of the soma
                """
            )
            + synaptic_drive("dend")  # drive_dend, from what arrives in input_dend
            + synaptic_drive("soma")
            + escape.escape_equations(rate="unit_rate*v_soma"),  # Poisson spikes with exact dead time
            threshold=escape.THRESHOLD,
            reset=escape.REDRAW,
            early_reset=True,  # a new draw depends on the hazard that the spike came from
            before_threshold=escape.INTEGRATE_HAZARD,
            clear=("input_soma", "input_dend"),
            initial={"remaining": escape.FIRST_DRAW},
        )


AdaptingCell(tau_adaptation=50 * ms)

# %% [markdown]
# Parameters are checked when the cell is made:

# %%
from spikedtp import SpikedtpError

try:
    AdaptingCell(tau_adaptation=50 * Hz)
except SpikedtpError as error:
    print(error)

# %% [markdown]
# ## One presentation
#
# All cells get the input spikes that were drawn for the first one.

# %%
import matplotlib.pyplot as plt
import pandas as pd

from spikedtp import compare_updates, load_rate_network, simulate
from spikedtp.datasets import load
from spikedtp.models import weights_file
from spikedtp.neurons import TwoCompartment

network = load_rate_network("digits_dtp", weights_file("digits_dtp"))
images = load("digits", parts=["test"])
x, target = images.test_x[:2], images.test_t[:2]
drawn = simulate(network, x, target, population="H2E", n_repeats=2, seed=1, record=("spikes",), device="runtime")
spikes = {population: raster for population, raster in drawn.spikes.items() if population != "H2E"}


def respond(cell, readout="best"):
    return simulate(
        network, x, target, population="H2E", projections="H2E_H1E", cell=cell, input_spikes=spikes, n_repeats=2,
        readout=readout, record=("v_soma",), device="runtime",
    )  # fmt: skip


cells = {
    "TwoCompartment": TwoCompartment(),
    "no adaptation, no saturation": AdaptingCell(adaptation=0.0, saturation=1e6),
    "AdaptingCell": AdaptingCell(),
}
best = {name: respond(cell) for name, cell in cells.items()}
most = best["TwoCompartment"].v_soma["H2E"][0, 0].mean(axis=0).argmax()
for name, response in best.items():
    plt.plot(1e3 * response.times, response.v_soma["H2E"][0, 0, :, most], label=name)
plt.xlabel("time (ms)")
plt.ylabel("somatic voltage (activity)")
plt.legend()
plt.show()

# %% [markdown]
# ## What the weight change makes of it
#
# The read-out `best` averages the synaptic drive, so it is the same for all cells: neither the soma nor saturation
# reaches it. `paper` reads the dendritic state at the end, and there saturation shows.

# %%
rate = network.present(x, target)
rows = []
for readout in ("best", "paper"):
    for name, cell in cells.items():
        response = best[name] if readout == "best" else respond(cell, readout)
        found = compare_updates(rate, response).query("reference == 'rule'")
        rows.append({"readout": readout, "cell": name, "cosine": found.cosine.median()})
medians = pd.DataFrame(rows)
medians.pivot(index="readout", columns="cell", values="cosine").round(3)

# %% [markdown]
# `simulate(..., device="cpp_standalone")`, the default, compiles the same equations to C++.
#
# ## The whole circuit made of this cell
#
# In the closed loop every population spikes from its own membrane, and all synapses learn. The dendrite of this cell
# acts on its soma all the time, so no soma is held. The cell has no variables for a bias or an error, so both
# arrive at its soma as spikes do. `spiking.train(...)` learns online; here the circuit shows what it would learn.

# %%
from spikedtp.spiking import Phases, SpikingNetwork

gentle = AdaptingCell(coupling=1.0, adaptation=0.1, saturation=1.0)
spiking = SpikingNetwork(network, cell=gentle, phases=Phases(hold="none"), device="runtime")
shown = spiking.respond(x, target, seed=1)
answers = shown.activity["OutputE"].argmax(axis=-1).ravel()
print("answers", answers, "labels", images.test_y[:2])
{name: float(abs(change).max()) for name, change in shown.weight_updates.items() if name.startswith("OutputE")}

# %% [markdown]
# ## The same cell in a network of your own
#
# `cell.group(n)` is a Brian2 `NeuronGroup` that does all that the declaration says, in the same order: it has the
# parameters, draws the initial values, integrates what arrives in `input_soma` and `input_dend` in the step in which it
# arrives, and clears it. (A `NeuronGroup` made of `cell.declaration().equations` alone would have none of this: its
# inputs would pile up from step to step.) Everything else is plain Brian2.

# %%
import brian2
from brian2 import Network, SpikeMonitor, StateMonitor, Synapses

from spikedtp.neurons import PoissonInput

brian2.prefs.codegen.target = "numpy"  # no compiler for so small a network
brian2.seed(1)
inputs = PoissonInput().group(40, dt=1 * ms)
inputs.activity = 0.4
own = AdaptingCell().group(5, dt=1 * ms, name="adapting_cells")
own.adaptation = 0.6  # a parameter is a shared constant of the group
synapses = [
    Synapses(inputs[:20], own, "w : 1", on_pre="input_soma_post += w", dt=1 * ms),
    Synapses(inputs[20:], own, "w : 1", on_pre="input_dend_post += w", dt=1 * ms),
]
for projection in synapses:
    projection.connect()
    projection.w = 0.05
fired, voltages = SpikeMonitor(own), StateMonitor(own, ["v_soma", "adapted"], record=0)
own_network = Network(inputs, own, synapses, fired, voltages)
own_network.run(400 * ms)
plt.plot(1e3 * voltages.t, voltages.v_soma[0], label="somatic voltage")
plt.plot(1e3 * voltages.t, voltages.adapted[0], label="adaptation")
plt.xlabel("time (ms)")
plt.legend()
plt.show()
