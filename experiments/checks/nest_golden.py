"""Makes `tests/golden/nest_cells.npz`: NEST's conductance cells under given spikes. It needs NEST 3.10 and numpy.

    python experiments/checks/nest_golden.py tests/golden/nest_cells.npz

Times are in ms, conductances in nS. A spike that arrives at time t opens its conductance at t, the end of a step.
"""

from __future__ import annotations

import sys

import numpy as np

__all__ = ["CELLS", "DURATION", "FACTOR", "STEP", "WEIGHTS", "arrivals", "in_nest"]

DURATION, STEP = 1000.0, 0.1
#: Of the excitatory and inhibitory spikes: rate (Hz), weight (nS).
WEIGHTS = {"exc": (1200.0, 1.0), "inh": (700.0, 2.0)}
MEMBRANE = dict(C_m=300.0, g_L=5.0, E_L=-70.0, V_m=-70.0, V_th=-60.0, V_reset=-68.0, t_ref=2.0, E_ex=0.0, E_in=-80.0)
#: The exponential cell has twice the leak: its excitation is multiplied by this.
FACTOR = {"aeif_cond_exp": 3.0}
#: NEST's models and their parameters.
CELLS = {
    "iaf_cond_exp": MEMBRANE | dict(tau_syn_ex=5.0, tau_syn_in=10.0),
    "iaf_cond_beta": MEMBRANE
    | dict(tau_rise_ex=1.0, tau_decay_ex=5.0, tau_rise_in=3.0, tau_decay_in=10.0),
    "aeif_cond_exp": MEMBRANE
    | dict(C_m=100.0, g_L=10.0, V_th=-48.0, V_reset=-70.0, V_peak=0.0, Delta_T=2.0, a=2.0, b=20.0, tau_w=100.0,
           tau_syn_ex=5.0, tau_syn_in=10.0, gsl_error_tol=1e-10),
}  # fmt: skip


def arrivals() -> dict[str, np.ndarray]:
    """The same spikes for every model: whole numbers of time steps, at most one in a step."""
    rng = np.random.default_rng(12)
    steps = round(DURATION / STEP)
    return {kind: np.flatnonzero(rng.random(steps) < rate * STEP * 1e-3) * STEP for kind, (rate, _) in WEIGHTS.items()}


def in_nest(nest, model: str, resolution: float) -> tuple[np.ndarray, np.ndarray]:
    """Spike times, and the voltage (mV) at the times 1, 2, ... ms."""
    nest.ResetKernel()
    nest.resolution = resolution
    cell, late = nest.Create(model, params=CELLS[model]), 1.0
    for kind, times in arrivals().items():
        source = nest.Create("spike_generator", params={"spike_times": np.round(times + late, 6)})
        weight = -WEIGHTS[kind][1] if kind == "inh" else WEIGHTS[kind][1] * FACTOR.get(model, 1.0)
        nest.Connect(source, cell, syn_spec={"weight": weight, "delay": late})
    recorder = nest.Create("spike_recorder")
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
    nest.Connect(cell, recorder)
    nest.Connect(meter, cell)
    nest.Simulate(2 * late + DURATION + resolution)
    at = np.round(meter.events["times"] - 2 * late).astype(int)
    return recorder.events["times"] - 2 * late, meter.events["V_m"][(at >= 1) & (at <= DURATION)]


def main(out: str) -> None:
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    kept: dict[str, np.ndarray] = {"version": np.array(nest.__version__)}
    for model in CELLS:
        spikes, voltage = in_nest(nest, model, 0.01 if model.startswith("aeif") else STEP)
        kept |= {f"{model}.spikes": spikes, f"{model}.V_m": voltage.astype(np.float32)}
        print(model, len(spikes), "spikes")
    np.savez_compressed(out, **kept)


if __name__ == "__main__":
    main(sys.argv[1])
