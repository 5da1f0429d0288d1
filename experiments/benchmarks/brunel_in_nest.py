"""Brunel's network in NEST, in a process of its own, since NEST may be installed for another Python.

It needs NEST and numpy alone. It reads the parameters that `brunel.py` writes as JSON, runs, and writes spikes, weights
and CPU seconds to an .npz file.

    python brunel_in_nest.py PARAMETERS.json FOUND.npz
"""

import contextlib
import io
import json
import sys
import time

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):  # it greets on import
    import nest

AT_ONCE = 500  # cells whose weights are read


def main(parameters: str, out: str) -> None:
    with open(parameters, encoding="utf-8") as file:
        given = json.load(file)
    began = time.process_time()
    nest.ResetKernel()
    nest.SetKernelStatus({"resolution": given["dt"], "local_num_threads": 1, "rng_seed": given["seed"] + 1})
    cell = {"tau_m": given["tau"], "t_ref": given["t_refractory"], "V_th": given["theta"], "V_reset": given["v_reset"],
            "E_L": 0.0, "C_m": 1.0, "V_m": 0.0}  # fmt: skip
    cells = nest.Create("iaf_psc_delta", given["n"], cell)
    cells.V_m = nest.random.uniform(0.0, given["theta"])
    e, i = cells[: given["n_e"]], cells[given["n_e"] :]
    e.tau_minus = given["tau_stdp"]
    drive = nest.Create("poisson_generator", params={"rate": given["c_e"] * given["external_rate"]})
    nest.Connect(drive, cells, syn_spec={"weight": given["j"], "delay": given["dt"]})
    delay = nest.random.uniform(*given["delays"])
    learns = {
        "synapse_model": "stdp_synapse", "lambda": given["learning_rate"], "alpha": given["alpha"], "mu_plus": 0.0,
        "mu_minus": 0.0, "tau_plus": given["tau_stdp"], "Wmax": 2 * given["j"],
    }  # fmt: skip

    def connect(pre, post, n: int, weight: float, more: dict) -> None:
        rule = {"rule": "fixed_indegree", "indegree": n, "allow_autapses": False, "allow_multapses": False}
        nest.Connect(pre, post, rule, {"weight": weight, "delay": delay} | more)

    connect(e, e, given["c_e"], given["j"], learns if given["learning_rate"] else {})
    connect(e, i, given["c_e"], given["j"], {})
    connect(i, cells, given["c_i"], -given["g"] * given["j"], {})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
    build, began = time.process_time() - began, time.process_time()
    nest.Run(given["seconds"] * 1000)
    steps = time.process_time() - began
    nest.Cleanup()
    events = recorder.get("events")
    # some cells at a time: NEST lists connections as Python's objects, of which millions take 20 GB
    parts = [e[first : min(first + AT_ONCE, len(e))] for first in range(0, len(e), AT_ONCE)]
    weights = np.concatenate([nest.GetConnections(part, e).get("weight") for part in parts])
    np.savez(out, i=events["senders"] - 1, t=events["times"] / 1000, j_ee=weights, build=build, steps=steps,
             version=nest.__version__)  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
