"""Makes ``nest.npz``: weights of NEST's `clopath_synapse`, for spikes and voltages of NEST's own cell.

Made with NEST 3.10 (``pip install nest-simulator``), which nothing else here needs::

    python tests/golden/clopath/make_golden.py

A presynaptic cell is connected to an `aeif_psc_delta_clopath` cell, with its default parameters, which a strong input
makes fire. Kept are, for each case, the time steps of presynaptic spikes, the voltage in every step, and the weight
with which each presynaptic spike is transmitted.
"""

from pathlib import Path

import nest
import numpy as np

DT = 0.01  # ms; potentiation while a spike lasts differs by some per cent with 0.1
TAU_MEAN = 50.0  # ms
U_REF_SQUARED = 4900.0  # mV², of a voltage that is measured from 0


def run(pre: np.ndarray, drive: np.ndarray, duration: float, homeostasis: bool, w0: float = 5.0) -> dict:
    """Spike times in ms -> what is kept."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT
    cell = nest.Create(
        "aeif_psc_delta_clopath",
        params={
            "delay_u_bars": DT,
            "A_LTD_const": not homeostasis,
            "u_ref_squared": U_REF_SQUARED,
            "tau_u_bar_bar": TAU_MEAN,
            "V_m": -70.6,
            "u_bar_plus": -70.6,
            "u_bar_minus": -70.6,
        },
    )
    source, driver = (nest.Create("spike_generator", params={"spike_times": times}) for times in (pre, drive))
    parrot, weights = nest.Create("parrot_neuron"), nest.Create("weight_recorder")
    nest.CopyModel("clopath_synapse", "kept_synapse", {"weight_recorder": weights})
    nest.Connect(source, parrot, syn_spec={"delay": DT})
    nest.Connect(driver, cell, syn_spec={"weight": 80.0, "delay": DT})
    nest.Connect(parrot, cell, syn_spec={"synapse_model": "kept_synapse", "weight": w0, "delay": DT, "Wmax": 100.0})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": DT})
    nest.Connect(meter, cell)
    nest.Simulate(duration)
    return {
        "steps": np.round(np.array(weights.events["times"]) / DT).astype(np.int32),
        "weights": np.array(weights.events["weights"]),
        "voltage": np.array(meter.events["V_m"]).astype(np.float32),  # of steps 1, 2, ...
    }


def cases() -> dict[str, tuple]:
    """Name -> presynaptic spikes, spikes of the strong input, duration, homeostasis."""
    rng = np.random.default_rng(2010)
    regular = 20.0 + 50.0 * np.arange(5)
    poisson = [np.unique(np.round(20 + rng.random(n) * 270, 1)) for n in (20, 15)]
    late = [np.unique(np.round(250 + rng.random(n) * 240, 1)) for n in (20, 15)]  # when the mean voltage has settled
    return {
        "pre before post": (regular, regular + 10.0, 300.0, False),
        "post before pre": (regular, regular - 10.0, 300.0, False),
        "random": (*poisson, 300.0, False),
        "homeostasis": (*late, 500.0, True),
    }


if __name__ == "__main__":
    kept = {f"{name}/{key}": value for name, case in cases().items() for key, value in run(*case).items()}
    np.savez_compressed(Path(__file__).parent / "nest.npz", **kept)
