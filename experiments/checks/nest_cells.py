"""Cells under the same given spikes in NEST: a LIF spike for spike, two compartments as two exponential stages."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from brian2 import ms

from checks.drive import drive
from checks.membranes import DURATION, frozen_train
from checks.nest_kernel import fresh_kernel, with_nest
from checks.row import Row, Scale, exact
from spikedtp.neurons import LIF, TwoCompartment
from spikedtp.spiking import run_feedforward

__all__ = ["lif_spike_for_spike", "one_synapse"]


@with_nest("LIF cells, spike for spike, against NEST's iaf_psc_delta")
def lif_spike_for_spike(scale: Scale) -> list[Row]:
    """`LIF` leaks after the inputs and NEST before them: NEST's threshold is higher by one step of leak.

    Both drop what arrives in the refractory time. The package's spike is in the step after the crossing.
    """
    dt, steps, n_in, n = 0.1, scale.pick(10_000, 50_000), 40, 12
    cell = LIF(tau=10 * ms, threshold=1.0, t_refractory=2 * ms)
    rng = np.random.default_rng(scale.seed + 5)
    spikes = rng.random((steps, n_in)) < 0.02
    weights = rng.normal(0.012, 0.05, (n_in, n))
    found = run_feedforward(
        [weights, np.zeros((n, 1))], spikes[None], hidden=cell, dt=dt * ms, traces=False, device=scale.device
    ).hidden_spikes[0]

    nest = fresh_kernel(dt)
    cells = nest.Create(
        "iaf_psc_delta",
        n,
        params=dict(
            tau_m=10.0,
            C_m=1.0,
            E_L=0.0,
            V_reset=0.0,
            V_m=0.0,
            t_ref=2.0,
            V_th=np.exp(dt / 10),
        ),
    )
    for k in range(n_in):
        # step s of the package: what arrives in it; NEST: delivered at the end of that step
        source = nest.Create(
            "spike_generator", params={"spike_times": np.round((np.flatnonzero(spikes[:, k]) + 1) * dt, 6)}
        )
        nest.Connect(source, cells, syn_spec={"weight": weights[k][:, None], "delay": dt})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate((steps + 20) * dt)
    events = recorder.events
    theirs = np.zeros_like(found)
    # delivered after a delay of one step; then the package's spike is a step late
    at = np.round(events["times"] / dt).astype(int) - 1
    inside = at < steps
    theirs[at[inside], events["senders"][inside] - cells[0].global_id] = True
    count = int(found.sum())
    return [
        exact(
            f"LIF against NEST's iaf_psc_delta: spikes that differ, of {count}",
            0,
            int((found != theirs).sum()),
            0,
            "the same trains",
        )
    ]


@with_nest("one synapse onto the two-compartment cell against NEST's iaf_psc_exp")
def one_synapse(scale: Scale) -> list[Row]:
    """Dendrite and soma are a synaptic current and a membrane, which NEST integrates exactly."""
    cell, times = TwoCompartment(), frozen_train(scale.seed + 1)
    tau_soma, tau_dend = float(cell.tau_soma / ms), float(cell.tau_dend / ms)
    nest = fresh_kernel(0.125)
    # with C in pF equal to τ in ms, currents in pA are voltages in mV
    neuron = nest.Create(
        "iaf_psc_exp",
        params=dict(
            tau_m=tau_soma,
            C_m=tau_soma,
            tau_syn_ex=tau_dend,
            E_L=0.0,
            V_m=0.0,
            V_th=1e9,
            I_e=0.0,
        ),
    )
    source = nest.Create("spike_generator", params={"spike_times": times + 9.0})
    jump = cell.coupling * cell.weight_scale * float(cell.spike_width / ms) / tau_dend
    nest.Connect(source, neuron, syn_spec={"weight": jump, "delay": 1.0})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
    nest.Connect(meter, neuron)
    nest.Simulate(10 + DURATION)
    soma = meter.events["V_m"][np.round(meter.events["times"]).astype(int) >= 10][: int(DURATION)]
    errors = []
    for dt in (1.0, 0.5, 0.25):
        raster = np.zeros((round(DURATION / dt), 1), bool)
        raster[np.round(times / dt).astype(int)] = True
        response = drive(
            [[1.0]],
            spikes=raster,
            compartment="dend",
            duration=DURATION,
            dt=dt,
            cell=cell,
            record=("v_soma",),
            device="runtime",
        )
        found = response.v_soma["OutputE"][0, :: round(1 / dt), 0]
        errors.append(np.abs(found - soma[: len(found)]).max() / soma.max())
    order = np.mean([np.log2(a / b) for a, b in pairwise(errors)])
    return [
        exact(
            "one synapse, soma against NEST's iaf_psc_exp: order of convergence in dt",
            1,
            order,
            0.12,
            "Euler here, exact there",
        ),
        exact(
            "one synapse, soma against NEST's iaf_psc_exp at dt = 0.25 ms, share of the peak",
            0,
            errors[-1],
            0.0075,
            "3 % a ms of time step",
        ),
    ]
