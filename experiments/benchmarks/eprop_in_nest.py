"""Evidence accumulation by e-prop in NEST, in a process of its own, since NEST may be installed for another Python.

It needs NEST 3.10 and numpy alone. It reads what `eprop.py` draws, learns, and prints spikes and CPU seconds as JSON.

    python eprop_in_nest.py TASK.npz
"""

import contextlib
import io
import json
import sys
import time

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):  # it greets on import
    import nest

LATE = 3.0  # steps by which the recorded spikes of cells are late: docs of the model name the delays


def main(path: str) -> None:
    with np.load(path) as file:
        task = dict(file)
    (trials, steps, n_in), batch = task["x"].shape, int(task["batch"])
    nest.ResetKernel()
    nest.set(
        eprop_learning_window=150.0, eprop_reset_neurons_on_update=True, eprop_update_interval=float(steps),
        print_time=False, resolution=1.0, total_num_virtual_procs=1,
    )  # fmt: skip
    cell = {
        "C_m": 1.0, "c_reg": 300.0, "E_L": 0.0, "f_target": 10.0, "I_e": 0.0, "regular_spike_arrival": True,
        "surrogate_gradient_function": "piecewise_linear", "surrogate_gradient_height": 0.5,
        "surrogate_gradient_width": 0.6, "t_ref": 5.0, "tau_m": 20.0, "V_m": 0.0, "V_th": 0.6,
    }  # fmt: skip
    adapting = cell | {"adapt_tau": 2000.0, "adaptation": 0.0, "adapt_beta": float(task["beta"])}
    output = {"C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "loss": "cross_entropy", "regular_spike_arrival": False,
              "tau_m": 20.0, "V_m": 0.0}  # fmt: skip
    half = len(task["w_rec"]) // 2
    given, inputs = nest.Create("spike_generator", n_in), nest.Create("parrot_neuron", n_in)
    cells = nest.Create("eprop_iaf_bsshslm_2020", half, cell) + nest.Create(
        "eprop_iaf_adapt_bsshslm_2020", half, adapting
    )
    outputs, targets = nest.Create("eprop_readout_bsshslm_2020", 2, output), nest.Create("step_rate_generator", 2)
    adam = {"type": "adam", "batch_size": batch, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "eta": 5e-3,
            "Wmin": -100.0, "Wmax": 100.0}  # fmt: skip
    nest.SetDefaults("eprop_synapse_bsshslm_2020", {"optimizer": adam, "average_gradient": True})
    learns = {"synapse_model": "eprop_synapse_bsshslm_2020", "delay": 1.0, "tau_m_readout": 20.0}
    back = {"synapse_model": "eprop_learning_signal_connection_bsshslm_2020", "delay": 1.0}
    rate, plain = {"synapse_model": "rate_connection_delayed", "delay": 1.0}, {"delay": 1.0}
    all_to_all = {"rule": "all_to_all", "allow_autapses": False}
    for pre, post, rule, synapse in (
        (given, inputs, "one_to_one", plain), (inputs, cells, all_to_all, learns | {"weight": task["w_in"]}),
        (cells, cells, all_to_all, learns | {"weight": task["w_rec"]}),
        (cells, outputs, all_to_all, learns | {"weight": task["w_out"]}),
        (outputs, cells, all_to_all, back | {"weight": task["b"]}),
        (targets, outputs, "one_to_one", rate | {"receptor_type": 2}),
        (outputs, outputs, all_to_all, rate | {"receptor_type": 1, "weight": 1.0}),
    ):  # fmt: skip
        nest.Connect(pre, post, rule, synapse)
    spikes, times = task["x"].reshape(-1, n_in), np.arange(1.0, trials * steps + 1)
    given.set([{"spike_times": times[spikes[:, i]]} for i in range(n_in)])
    starts, wanted = np.arange(trials) * float(steps) + 4, np.eye(2)[task["side"]].T
    targets.set([{"amplitude_times": starts, "amplitude_values": values} for values in wanted])
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder, "all_to_all", plain)
    nest.Prepare()
    began = time.process_time()
    nest.Run(trials * float(steps) + 5)
    seconds = time.process_time() - began
    nest.Cleanup()
    fired = (recorder.get("events")["times"] - LATE).astype(int)
    counts = np.bincount(fired[fired < trials * steps] // (steps * batch), minlength=trials // batch)
    print(json.dumps({"nest": nest.__version__, "cpu_s": seconds * batch / trials, "spikes": counts.tolist()}))


if __name__ == "__main__":
    main(sys.argv[1])
