"""Scripts of a caller who uses Brian2 himself, with places where ours may be called. Run by test_own_scripts.py.

``python own_scripts.py CIRCUIT quick|thorough`` runs every script as it is and with calls of ours, each in a fresh
fork: quick ones at all places at once, or all of them at each place. It prints as JSON what each run left behind: for
compiled scripts every file of the project that Brian2 wrote.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path

import brian2 as b2
import numpy as np
import torch
from brian2.devices.device import reset_device

from spikedtp import load_rate_network, replay, simulate
from spikedtp.plasticity import STDP

DEVICES = ("runtime", "cpp_standalone")
CELLS = "dv/dt = (1.1 - v)/(10*ms) + 0.1*xi*ms**-0.5 : 1"
QUICK = sys.argv[2] == "quick"
NETWORK = load_rate_network(sys.argv[1], seed=1)
RNG = np.random.default_rng(0)
X = RNG.random(NETWORK.circuit.input.size, dtype=np.float32)
TARGET = np.eye(NETWORK.circuit.output.size, dtype=np.float32)[0]
PRE, POST = (RNG.random((30, n)) < 0.3 for n in (4, 3))


def ours(device: str) -> str:
    """What our functions give, as a hash; the quick ones alone, or all."""
    replayed = replay(STDP(), PRE, POST, 0.5, form="spiking", device=device)
    if QUICK:
        return hashlib.sha256(replayed.w.tobytes()).hexdigest()
    response = simulate(
        NETWORK, X, TARGET, population="H1E", device=device, seed=3, time_per_step=4 * b2.ms, unit_rate=100 * b2.Hz,
        n_repeats=2,
    )  # fmt: skip
    arrays = [*response.weight_updates.values(), *response.spikes.values(), *response.v_soma.values(), replayed.w]
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


# --- the scripts: each calls `call()` where ours may be called --------------------------------------------------------


def cells(n: int, **options):
    return b2.NeuronGroup(n, CELLS, threshold="v > 1", reset="v = 0", method="euler", **options)


def files(folder: str) -> dict[str, str]:
    """Every file that Brian2 wrote, but the makefile's list of the same files."""
    found = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def built_on_run(call, folder):
    call()
    b2.set_device("cpp_standalone", directory=folder, compile=False, run=False)
    call()
    b2.defaultclock.dt = 0.2 * b2.ms
    b2.seed(5)
    call()
    a = cells(4)
    a.v = [0.1, 0.2, 0.3, 0.4]
    call()
    current = b2.TimedArray([1.0, 2.0], dt=5 * b2.ms)
    b = b2.NeuronGroup(2, "v = current(t) : 1")
    s = b2.Synapses(a, b, "w : 1", on_pre="w += 1", delay=1 * b2.ms)
    s.connect(p=0.5)
    spikes, trace = b2.SpikeMonitor(a), b2.StateMonitor(b, "v", record=True)
    call()
    b2.run(10 * b2.ms)
    call()
    return [files(folder), [o.name for o in (a, b, s, spikes, trace, current)], float(b2.defaultclock.dt)]


def built_later(call, folder):
    b2.set_device("cpp_standalone", build_on_run=False)
    a = cells(3, name="cells")
    call()
    net = b2.Network(a)
    b2.seed(1)
    net.run(3 * b2.ms)
    call()
    a.v = "i*0.1"
    a.v[1] = 0.7
    call()
    net.add(m := b2.SpikeMonitor(a))
    net.run(2 * b2.ms, report="text")
    call()
    b2.device.build(directory=folder, compile=False, run=False)
    call()
    return [files(folder), a.name, m.name, net.name, float(net.t), b2.device.has_been_run]


def built_twice(call, folder):
    results = []
    b2.set_device("cpp_standalone", build_on_run=False)
    for k in range(2):
        call()
        a, part = cells(2 + k), f"{folder}/{k}"
        call()
        b2.run(2 * b2.ms)
        b2.device.insert_code("main", f"// {k}")
        call()
        b2.device.build(directory=part, compile=False, run=False)
        results += [files(part), a.name]
        del a
        gc.collect()
        call()
        b2.device.reinit()
        call()
        b2.device.activate(build_on_run=False)
    return results


def interpreted(call, folder):
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.5 * b2.ms
    b2.seed(3)
    call()
    a, b = cells(5), cells(2)
    s = b2.Synapses(a, b, on_pre="v += 0.1")
    call()
    s.connect()
    m, n = b2.SpikeMonitor(a), b2.StateMonitor(b, "v", record=True)
    call()
    b2.run(20 * b2.ms)
    call()
    b2.store()
    call()
    b2.run(20 * b2.ms)
    first = np.array(n.v).tolist()
    call()
    b2.restore(restore_random_state=True)
    call()
    b2.run(20 * b2.ms)
    return [first, np.array(n.v).tolist(), np.array(m.t).tolist(), float(b2.magic_network.t), a.v[:].tolist(), s.name]


def interpreted_with_calls_inside(call, folder):
    b2.prefs.codegen.target = "numpy"
    b2.seed(8)
    a, m = cells(3), None
    m = b2.SpikeMonitor(a)

    @b2.network_operation(dt=5 * b2.ms)
    def now(t):
        call()
        if t > 12 * b2.ms:
            b2.stop()
            call()

    b2.run(40 * b2.ms)
    return [np.array(m.t).tolist(), np.array(m.i).tolist(), float(b2.magic_network.t), a.v[:].tolist()]


def scopes_and_names(call, folder):
    b2.prefs.codegen.target = "numpy"
    old = cells(2)
    call()
    b2.start_scope()
    call()
    groups = [cells(1) for _ in range(3)]
    call()
    named = [b2.NeuronGroup(1, "v : 1", name=name) for name in ("cells", "inputs*", "presentation_network*", "clock*")]
    call()
    net = b2.Network(b2.collect())
    net.add(groups)
    net.run(1 * b2.ms)
    call()
    lonely = b2.NeuronGroup(1, "v : 1").name, b2.Clock(1 * b2.ms).name, b2.Network().name
    return [old.name, [g.name for g in groups], [g.name for g in named], lonely, sorted(o.name for o in net.objects)]


def devices_on_a_stack(call, folder):
    before = b2.get_device()
    b2.set_device("cpp_standalone", build_on_run=False, directory="a")
    call()
    b2.set_device("runtime")
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = 0.3 * b2.ms
    b2.seed(2)
    a = cells(2)
    call()
    b2.run(3 * b2.ms)
    reset_device()
    call()
    options = b2.device.build_on_run, b2.device.build_options
    b = cells(2)
    b2.Network(b).run(3 * b2.ms)
    b2.device.build(directory=folder, compile=False, run=False)
    reset_device()
    call()
    return [a.v[:].tolist(), a.name, b.name, files(folder), options, b2.get_device() is before]


def strict(call, folder):
    """Whoever has made errors of numpy's and Python's warnings."""
    np.seterr(all="raise")
    warnings.simplefilter("error")
    call()
    return [np.geterr(), len(warnings.filters)]


def no_script(call, folder):
    call()


SCRIPTS: list[Callable] = [
    built_on_run, built_later, built_twice, interpreted, interpreted_with_calls_inside, scopes_and_names,
    devices_on_a_stack, strict,
]  # fmt: skip


# --- running them -----------------------------------------------------------------------------------------------------


def left_behind(script, call) -> list:
    np.random.seed(11)  # noqa: NPY002
    torch.manual_seed(11)
    random.seed(11)
    with tempfile.TemporaryDirectory() as folder:
        found = script(call, folder)
        found = json.loads(json.dumps(found).replace(folder, "FOLDER"))
    devices = sys.modules["brian2.devices.device"]
    known = {id(device): name for name, device in devices.all_devices.items()}
    return [
        found,
        known.get(id(b2.get_device())),
        [known.get(id(device)) for device, *_ in devices.previous_devices],
        [b2.Clock(1 * b2.ms).name, b2.Network().name],
        hashlib.sha256(b2.prefs.as_file.encode()).hexdigest(),
        [b2.Network._globally_running, b2.Network._globally_stopped],
        np.random.random(3).tolist(),  # noqa: NPY002
        torch.rand(3).tolist(),
        random.random(),
    ]


def in_a_fork(script, wanted: Callable[[int], tuple[str, ...]]) -> dict:
    """The script with our calls on the devices that are `wanted` at each place."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return json.loads(text)
    given, places = [], 0

    def call() -> None:
        nonlocal places
        given.extend((device, ours(device)) for device in wanted(places))
        places += 1

    try:
        left = left_behind(script, call)
    except BaseException as error:
        left = f"{type(error).__name__}: {error}"
    with os.fdopen(writer, "w") as pipe:
        json.dump({"left": left, "given": given, "places": places}, pipe)
    os._exit(0)


def variants(places: int) -> dict[str, Callable[[int], tuple[str, ...]]]:
    if QUICK:
        return {"everywhere": lambda place: (DEVICES[place % 2],) if places > 1 else DEVICES}
    return {
        f"{device}, place {chosen}": lambda place, device=device, chosen=chosen: (device,) * (place == chosen)
        for device, chosen in product(DEVICES, range(places))
    }


def main() -> None:
    expected = dict(in_a_fork(no_script, lambda _: DEVICES)["given"])  # which also compiles
    results = {}
    for script in SCRIPTS:
        alone = in_a_fork(script, lambda _: ())
        found = {name: in_a_fork(script, wanted) for name, wanted in variants(alone["places"]).items()}
        results[script.__name__] = {"alone": alone, "with": found}
    json.dump({"expected": expected, "scripts": results}, sys.stdout)


if __name__ == "__main__":
    stdout = os.dup(1)
    os.dup2(2, 1)  # what the scripts print is not ours
    sys.stdout = os.fdopen(stdout, "w")
    main()
