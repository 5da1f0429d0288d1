"""Networks drawn at random for snnTorch and Norse, run by these programs themselves in float64."""

import itertools

import numpy as np
import pytest

STEPS, SAMPLES, N_IN = 60, 3, 8

SNNTORCH = [
    *(("Leaky", reset, delay) for reset in ("zero", "subtract", "none") for delay in (True, False)),
    *(("Synaptic", reset, delay) for reset in ("zero", "subtract") for delay in (True, False)),
    *(("RLeaky", reset, delay) for reset in ("zero", "subtract") for delay in (True, False)),
    ("RLeaky one to one", "subtract", True),
    ("RSynaptic", "zero", True),
    ("RSynaptic", "subtract", True),
]
NORSE = [
    "LIFCell", "LIFCell", "LIFRecurrentCell", "LIFRecurrentCell", "LIFBoxCell", "LIFBoxCell subtract", "IAFCell",
    "LIFCell per cell", "LIFRecurrentCell high threshold", "LIFBoxCell per cell",
]  # fmt: skip


def numbered(cases, quick):
    """(seed, case) for all of `cases`; those that are not `quick` are left to `make test-all`."""
    for seed, case in enumerate(cases):
        name = case if isinstance(case, str) else " ".join(map(str, case))
        yield pytest.param(seed, case, id=f"{seed} {name}", marks=[] if seed in quick else [pytest.mark.slow])


def inputs(seed):
    return np.random.default_rng(seed).random((SAMPLES, STEPS, N_IN)) < 0.4


def linear(torch, rng, n_in, n_out, bias=True, scale=1.0):
    layer = torch.nn.Linear(n_in, n_out, bias=bias, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(rng.normal(0.25, scale, (n_out, n_in)))
    if bias:
        layer.bias.data = torch.from_numpy(rng.normal(0, 0.2, n_out))
    return layer


def snntorch_network(case, seed):
    """Two or three layers of one kind; single and per-cell factors."""
    import snntorch
    import torch

    kind, reset, delay = case
    rng = np.random.default_rng(seed)
    sizes = [N_IN, *rng.integers(4, 12, rng.integers(2, 4))]
    modules = []
    for n_in, n in itertools.pairwise(sizes):
        modules.append(linear(torch, rng, int(n_in), int(n), bias=bool(rng.random() < 0.6)))
        per_cell = rng.random() < 0.5
        draw = lambda low, high: torch.from_numpy(np.array(rng.uniform(low, high, n if per_cell else ())))  # noqa: B023, E731
        options = {
            "beta": draw(0.3, 1.1),  # snnTorch clips it
            "threshold": draw(0.4, 1.5),
            "reset_mechanism": reset,
            "reset_delay": delay,
            "spike_grad": lambda over: (over > 0).to(over.dtype),  # snnTorch's own give float32
        }
        name = kind.split(" ")[0]
        if "Synaptic" in name:
            options["alpha"] = draw(0.2, 0.9)
        if kind == "RLeaky one to one":
            options |= {"all_to_all": False, "V": draw(-1, 1)}
        elif name.startswith("R"):
            options["linear_features"] = int(n)
        module = getattr(snntorch, name)(**options)
        if name.startswith("R") and options.get("all_to_all", True):
            module.recurrent = linear(torch, rng, int(n), int(n), scale=0.5)
        modules.append(module.double())
    return torch.nn.Sequential(*modules)


def run_snntorch(network, x):
    """(samples, steps, n) spikes and voltages of each layer of cells."""
    import torch

    state, spikes, voltages = {}, {}, {}
    with torch.no_grad():
        for k in range(x.shape[1]):
            signal = torch.from_numpy(x[:, k].astype(float))
            for place, module in enumerate(network):
                if type(module).__name__ == "Linear":
                    signal = module(signal)
                    continue
                signal, *rest = module(signal, *state.get(place, ()))
                state[place] = (signal, *rest) if type(module).__name__.startswith("R") else rest
                spikes.setdefault(place, []).append(signal)
                voltages.setdefault(place, []).append(rest[-1])
    return [[torch.stack(each, 1).numpy() for each in kept.values()] for kept in (spikes, voltages)]


def norse_network(case, seed):
    import norse.torch as norse
    import torch

    rng = np.random.default_rng(seed)
    kind = case.split(" ")[0]
    sizes = [N_IN, *rng.integers(4, 12, rng.integers(2, 4))]
    modules = []
    for n_in, n in itertools.pairwise(sizes):
        per_cell = case.endswith("per cell")
        draw = lambda low, high: torch.from_numpy(np.array(rng.uniform(low, high, n if per_cell else ())))  # noqa: B023, E731
        high = 3 if case.endswith("high threshold") else 1
        spike = {"v_th": draw(0.2 * high, 0.8 * high), "v_reset": draw(-0.5, 0.1)}
        membrane = {"tau_mem_inv": draw(50, 500), "v_leak": draw(-0.2, 0.15)}
        current = {"tau_syn_inv": draw(100, 900)}
        dt = 0.001
        if not kind.startswith("LIFRecurrent"):
            modules.append(linear(torch, rng, int(n_in), int(n), bias=bool(rng.random() < 0.6)))
        if kind == "LIFCell":
            modules.append(norse.LIFCell(norse.LIFParameters(**spike, **membrane, **current), dt=dt))
        elif kind == "LIFRecurrentCell":
            modules.append(
                norse.LIFRecurrentCell(
                    int(n_in), int(n), p=norse.LIFParameters(**spike, **membrane, **current), dt=dt,
                    input_weights=torch.from_numpy(rng.normal(0.3, 1, (n, n_in))),
                    recurrent_weights=torch.from_numpy(rng.normal(0, 0.6, (n, n))),
                )
            )  # fmt: skip
        elif kind == "LIFBoxCell":
            more = {"reset_method": norse.functional.reset.reset_subtract} if case.endswith("subtract") else {}
            modules.append(norse.LIFBoxCell(norse.LIFBoxParameters(**spike, **membrane, **more), dt=dt))
        else:
            modules.append(norse.IAFCell(norse.IAFParameters(**spike), dt=dt))
    if seed % 2:  # a read-out at the end
        modules.append(linear(torch, rng, int(sizes[-1]), 3))
        p = {"tau_mem_inv": torch.tensor(150.0, dtype=torch.float64), "v_leak": torch.tensor(0.1, dtype=torch.float64)}
        if kind == "LIFBoxCell":
            modules.append(norse.LIBoxCell(norse.LIBoxParameters(**p)))
        else:
            modules.append(norse.LICell(norse.LIParameters(tau_syn_inv=torch.tensor(300.0, dtype=torch.float64), **p)))
    return norse.SequentialState(*modules)


def run_norse(network, x):
    """(samples, steps, n) outputs of each module of cells: spikes, or voltages of a read-out."""
    import torch

    state, outputs = {}, {}
    with torch.no_grad():
        for k in range(x.shape[1]):
            signal = torch.from_numpy(x[:, k].astype(float))
            for place, module in enumerate(network.children()):
                if type(module).__name__ == "Linear":
                    signal = module(signal)
                    continue
                signal, state[place] = module(signal, state.get(place))
                outputs.setdefault(place, []).append(signal)
    return [torch.stack(each, 1).numpy() for each in outputs.values()]


NIR_NORSE = ["LIF", "LIF", "CubaLIF", "CubaLIF", "IF", "IF", "mixed", "mixed", "recurrent", "recurrent"]
NIR_SNNTORCH = ["LIF", "LIF", "LIF", "CubaLIF", "CubaLIF", "CubaLIF", "mixed", "mixed", "mixed", "mixed"]


def single(values):
    """Numbers that float32 holds: programs read graphs in single precision."""
    return np.asarray(values).astype(np.float32).astype(np.float64)


def nir_graph(case, seed, dt):
    """A graph of two or three layers of cells; r, w_in and v_leak as both programs can read them."""
    import nir

    rng = np.random.default_rng(seed)
    nodes, edges, n_in = {"input": nir.Input(np.array([N_IN]))}, [], N_IN
    snntorch = dt == 1e-4
    for k in range(int(rng.integers(2, 4))):
        n = int(rng.integers(4, 10))
        weights = single(rng.normal(0.3, 1, (n, n_in)))
        if rng.random() < 0.5 or case.startswith("mixed"):
            nodes[f"w{k}"] = nir.Affine(weights, single(rng.normal(0, 0.2, n)))
        else:
            nodes[f"w{k}"] = nir.Linear(weights)
        kind = case if case in ("LIF", "CubaLIF", "IF") else str(rng.choice(["LIF", "CubaLIF"]))
        kind = "LIF" if case == "recurrent" else kind
        draw = lambda low, high: single(np.full(n, rng.uniform(low, high)) if snntorch else rng.uniform(low, high, n))  # noqa: B023, E731
        tau, tau_syn, nothing = dt / draw(0.05, 0.7), dt / draw(0.2, 0.8), np.zeros(n)
        leak = (
            nothing if kind == "CubaLIF" or snntorch else draw(-0.1, 0.1)
        )  # Norse adds that of CubaLIF to its current
        if kind == "IF":
            nodes[f"cells{k}"] = nir.IF(r=np.ones(n), v_threshold=draw(0.5, 2), v_reset=nothing)
        elif kind == "LIF":
            r = tau / dt if snntorch else np.ones(n)
            nodes[f"cells{k}"] = nir.LIF(tau=tau, r=r, v_leak=leak, v_threshold=draw(0.3, 0.9), v_reset=nothing)
        else:
            r, w_in = (tau / dt, tau_syn / dt) if snntorch else (draw(0.5, 2), draw(0.5, 2))
            nodes[f"cells{k}"] = nir.CubaLIF(
                tau_mem=tau, tau_syn=tau_syn, r=r, v_leak=leak, v_threshold=draw(0.2, 0.6), w_in=w_in, v_reset=nothing
            )
        edges += [("input" if not k else f"cells{k - 1}", f"w{k}"), (f"w{k}", f"cells{k}")]
        if case == "recurrent":
            nodes[f"rec{k}"] = nir.Linear(single(rng.normal(0, 0.7, (n, n))))
            edges += [(f"cells{k}", f"rec{k}"), (f"rec{k}", f"cells{k}")]
        n_in = n
    nodes["output"] = nir.Output(np.array([n]))
    return nir.NIRGraph(nodes, [*edges, (f"cells{k}", "output")])


def run_imported(network, x):
    """(samples, steps, n) output of a network that NIRTorch executes, one step at a time."""
    import torch

    state, outputs = None, []
    for module in network.modules():
        if hasattr(module, "spike_grad"):
            module.spike_grad = lambda over: (over > 0).to(over.dtype)
    network.double()
    with torch.no_grad():
        for k in range(x.shape[1]):
            out, state = network(torch.from_numpy(x[:, k].astype(float)), state)
            outputs.append(out[0] if isinstance(out, tuple) else out)
    return torch.stack(outputs, 1).numpy()
