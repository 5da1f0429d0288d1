"""Given signals are read as time goes on: memory does not grow with it, and no number depends on how they are read."""

import json
import os
import subprocess
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spiking.conditions import hypothesis_settings, needs_compiler

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import BCM, BTSP, MSTDPET, STDP, TripletSTDP
from spikedtp.spiking.parts import streams
from spikedtp.spiking.rule_replay.given_signals import GivenSignals


def trains(steps, n_pre, n_post, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((steps, n_pre)) < 0.1, rng.random((steps, n_post)) < 0.1, rng.normal(size=steps)


# --- memory -----------------------------------------------------------------------------------------------------------

MEASURED = """
import json, sys
import numpy as np
from brian2 import ms
from spikedtp import plasticity, replay
from spikedtp.spiking import replay as _
module = sys.modules["spikedtp.spiking.rule_replay.replay"]
rule, form, device, n_pre, n_post, steps = *sys.argv[1:4], *map(int, sys.argv[4:])
rule = getattr(plasticity, rule)()
rng = np.random.default_rng(0)
trains = [np.zeros((steps, n), dtype=bool) for n in (n_pre, n_post)]
for train in trains:
    train.ravel()[rng.integers(0, train.size, train.size // 500)] = True
reward = rng.normal(size=steps)
binary, run_on = [], module.run_on

def spy(*args, **options):
    results = run_on(*args, **options)
    binary.extend(results.peak_memory)
    return results

def status(name):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(name)]
    return 1024 * int(line.split()[1])

module.run_on = spy
before = status("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
w = replay(rule, *trains, 0.5, modulator=reward, dt=0.1 * ms, form=form, device=device, keep="last").w
assert np.ptp(w) > 0
given = sum(array.nbytes for array in (*trains, reward))
print(json.dumps({"given": given, "python": status("VmHWM") - before, "binary": sum(binary)}))
"""


def measured(*words) -> dict[str, int]:
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", MEASURED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("rule", "form", "device", "n_pre", "n_post", "steps"),
    [
        pytest.param("STDP", "spiking", "cpp_standalone", 784, 500, 40000, marks=needs_compiler),
        pytest.param("MSTDPET", "spiking", "cpp_standalone", 784, 500, 40000, marks=needs_compiler),
        pytest.param("BCM", "spiking", "cpp_standalone", 2000, 2, 5000, marks=needs_compiler),
        ("STDP", "spiking", "runtime", 3000, 10, 5000),
        ("BCM", "spiking", "runtime", 3000, 2, 5000),
        ("MSTDPET", "rate", "runtime", 3000, 2, 5000),
    ],
)
def test_memory_does_not_grow_with_time(rule, form, device, n_pre, n_post, steps):
    """Of twice the time only the caller's own arrays take twice the memory."""
    short, long = (measured(rule, form, device, n_pre, n_post, k * steps) for k in (1, 2))
    given = long["given"] - short["given"]
    assert given > 9e6
    assert long["python"] - short["python"] < 0.2 * given
    assert long["binary"] - short["binary"] < 0.04 * given
    assert (short["binary"] > 0) == (device == "cpp_standalone")


@pytest.mark.parametrize(("rule", "form"), [(STDP(), "spiking"), (BCM(), "spiking"), (MSTDPET(), "rate")])
def test_no_copy_of_the_signals_is_made(rule, form):
    """Peaks of all that numpy sets aside, with twice the steps; bytes are counted, so they are the same each time."""
    peaks, arrays = [], []
    for steps in (600, 1200):
        pre, post, reward = trains(steps, 5000, 2)
        tracemalloc.start()
        try:
            replay(rule, pre, post, 0.5, modulator=reward, form=form, device="runtime", keep="last")
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        arrays.append(pre.nbytes + post.nbytes + reward.nbytes)
    assert peaks[1] - peaks[0] < 0.2 * (arrays[1] - arrays[0])


def test_signals_stay_the_callers_arrays():
    pre, post, reward = trains(50, 4, 3)
    signals = GivenSignals(MSTDPET(), pre, post, 0.5, reward, "spiking")
    assert all(
        np.shares_memory(a, b) for a, b in ((signals.pre, pre), (signals.post, post), (signals.modulator, reward))
    )


# --- numbers ----------------------------------------------------------------------------------------------------------

TYPES = {
    "bool": lambda a: a,
    "float64": lambda a: a.astype(float),
    "float32 by columns": lambda a: np.asfortranarray(a.astype(np.float32)),
    "bool by columns": np.asfortranarray,
    "uint8": lambda a: a.astype(np.uint8),
    "object": lambda a: a.astype(int).astype(object),
    "list": lambda a: a.astype(int).tolist(),
    "every second": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
}


@hypothesis_settings
@given(
    steps=st.integers(1, 40),
    n=st.tuples(st.integers(1, 130), st.integers(1, 5)),
    kinds=st.tuples(st.sampled_from(list(TYPES)), st.sampled_from(list(TYPES))),
    window=st.sampled_from([1, 64, 200, 1000, 1 << 17]),
    rule=st.sampled_from([STDP(), MSTDPET(convention="lag"), TripletSTDP(), BCM(), BTSP(0.1)]),
    keep=st.sampled_from(["all", "last", "some"]),
    form=st.sampled_from(["spiking", "rate"]),
)
def test_however_signals_are_given_and_read(steps, n, kinds, window, rule, keep, form):
    pre, post, reward = trains(steps, *n, seed=steps)
    pre[0, 0] = post[-1, -1] = True
    keep = sorted({1, steps // 2, steps}) if keep == "some" else keep
    given = {"modulator": reward, "form": form, "device": "runtime", "keep": keep}
    usual = replay(rule, pre.astype(float), post.astype(float), 0.5, **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "WINDOW", window)
        patch.setattr(sys.modules["spikedtp.spiking.rule_replay.given_signals"], "PART", window)
        other = replay(rule, TYPES[kinds[0]](pre), TYPES[kinds[1]](post), 0.5, **given)
    assert usual.w.tobytes() == other.w.tobytes()
    assert {k: v.tobytes() for k, v in usual.state.items()} == {k: v.tobytes() for k, v in other.state.items()}


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("window", [1, 300])
@pytest.mark.parametrize(("rule", "keep"), [(STDP(), "last"), (MSTDPET(), [1, 64, 101]), (BCM(), "all")])
def test_windows_do_not_matter_to_the_compiled_network(rule, keep, window, monkeypatch):
    pre, post, reward = trains(101, 70, 9)
    run = partial(replay, rule, pre, post, 0.5, modulator=reward, form="spiking", keep=keep)
    usual = run()
    monkeypatch.setattr(streams, "WINDOW", window)
    assert run().w.tobytes() == usual.w.tobytes()
    np.testing.assert_allclose(run(device="runtime").w, usual.w, rtol=0, atol=1e-12)


def test_complex_numbers_are_refused():
    pre, post, reward = trains(5, 3, 2)
    for name, values in {"pre": pre + 0j, "w0": 0.5j, "modulator": reward + 1j}.items():
        signals = {"pre": pre, "post": post, "w0": 0.5, "modulator": reward} | {name: values}
        with pytest.raises(SpikedtpError, match=f"replay: {name} must be an array of numbers"):
            replay(MSTDPET(), **signals)
