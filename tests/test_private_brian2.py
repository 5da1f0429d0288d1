"""Whatever the caller has told Brian2, results are the same bytes, and what he told it stands as before."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import ms
from brian2.devices.device import get_device, reset_device, set_device
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikedtp import replay, run_torch_snn
from spikedtp.neurons import LIF
from spikedtp.plasticity import BCM, MSTDPET
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.private_brian2 import PREFERENCES
from spikedtp.rate import load_rate_network
from spikedtp.spiking import Phases, SpikingNetwork, learn_readout, run_feedforward, simulate
from spikedtp.spiking.engine.devices import compiler_available

needs_compiler = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
SMALL = Path(__file__).parent / "golden" / "small_dtp.yaml"
CHOICES = {
    "core.default_float_dtype": st.sampled_from([np.float32, np.float64]),
    "core.default_integer_dtype": st.sampled_from([np.int32, np.int64]),
    "core.network.default_schedule": st.permutations(["start", "groups", "thresholds", "synapses", "resets", "end"]),
    "core.stop_on_keyboard_interrupt": st.booleans(),
    "codegen.target": st.sampled_from(["auto", "numpy", "cython"]),
    "codegen.string_expression_target": st.sampled_from(["numpy", "cython"]),
    "codegen.loop_invariant_optimisations": st.booleans(),
    "codegen.runtime.numpy.discard_units": st.booleans(),
    "codegen.generators.cpp.flush_denormals": st.booleans(),
    "devices.cpp_standalone.openmp_threads": st.sampled_from([0, 1, 4]),
    "legacy.refractory_timing": st.booleans(),
}
ALL_OTHER = {
    "core.default_float_dtype": np.float32,
    "core.default_integer_dtype": np.int64,
    "core.network.default_schedule": ["end", "resets", "synapses", "thresholds", "groups", "start"],
    "core.stop_on_keyboard_interrupt": True,
    "codegen.target": "cython",
    "codegen.string_expression_target": "cython",
    "codegen.loop_invariant_optimisations": False,
    "codegen.runtime.numpy.discard_units": True,
    "codegen.generators.cpp.flush_denormals": True,
    "devices.cpp_standalone.openmp_threads": 2,
    "legacy.refractory_timing": True,
}


@pytest.fixture(autouse=True)
def as_it_was():
    """The next test finds Brian2's own preferences and time step."""
    before, dt = dict(brian2.prefs), brian2.defaultclock.dt
    yield
    brian2.prefs.update(before)
    brian2.defaultclock.dt = dt


# --- every public function that builds a network ----------------------------------------------------------------------


def trains(steps=60, n_pre=7, n_post=5):
    rng = np.random.default_rng(0)
    return rng.random((steps, n_pre)) < 0.3, rng.random((steps, n_post)) < 0.3, rng.normal(size=steps)


def replayed(device, **options):
    pre, post, reward = trains()
    given = {"modulator": reward, "form": "spiking", "device": device} | options
    return [replay(MSTDPET(), pre, post, 0.5, **given).w, replay(BCM(), pre, post, 0.5, **given).w]


def replay_last(device):
    return replayed(device, keep="last")


def torch_snn(device):
    rng = np.random.default_rng(5)
    return run_torch_snn([rng.normal(0, 0.6, (20, 8)), rng.normal(0, 1, (8, 3))], rng.random((3, 40, 20)) < 0.3,
                         device=device)  # fmt: skip


def feedforward(device):
    """A cell with a dead time: `legacy.refractory_timing` would change who fires."""
    rng = np.random.default_rng(6)
    weights = [20 * rng.normal(0.3, 0.6, (20, 8)), rng.normal(0, 1, (8, 3))]
    found = run_feedforward(
        weights, rng.random((2, 40, 20)) < 0.3, hidden=LIF(t_refractory=2 * ms), dt=0.5 * ms, device=device
    )
    assert found.hidden_spikes.sum() > 20
    return found


def learned_readout(device):
    rng = np.random.default_rng(7)
    weights = [rng.normal(0, 0.6, (20, 8)), rng.normal(0, 1, (8, 3))]
    return learn_readout(weights, rng.random((6, 40, 20)) < 0.3, np.arange(6) % 3, np.arange(6),
                         rule=RewardedChoice(), device=device)  # fmt: skip


def closed_loop(device):
    network = SpikingNetwork(
        load_rate_network(SMALL),
        device=device,
        phases=Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=10 * ms),
    )
    rng = np.random.default_rng(8)
    x, t = rng.random((3, network.circuit.input.size)), np.eye(network.circuit.output.size)[:3]
    answers = network.train(x, t, np.arange(3))
    return [answers, *network.weights.values(), network.respond(x[0], t[0], record=("v_soma",)).v_soma["H1E"]]


def presentation(device):
    network = load_rate_network(SMALL)
    rng = np.random.default_rng(9)
    x, t = rng.random((2, network.circuit.input.size)), np.eye(network.circuit.output.size)[:2]
    found = simulate(network, x, t, population="H2E", device=device)
    return [*found.v_soma.values(), *found.weight_updates.values(), *found.spikes.values()]


ENTRIES = [replayed, replay_last, torch_snn, feedforward, learned_readout, closed_loop, presentation]
QUICK = {(replay_last, "cpp_standalone"), *((entry, "runtime") for entry in ENTRIES if entry is not closed_loop)}
CASES = [
    pytest.param(
        entry,
        device,
        marks=[needs_compiler] * (device == "cpp_standalone") + [pytest.mark.slow] * ((entry, device) not in QUICK),
    )
    for entry in ENTRIES
    for device in ("runtime", "cpp_standalone")
]


def digest(values) -> str:
    found = sha256()
    for array in values if isinstance(values, (list, tuple)) else vars(values).values():
        array = np.ascontiguousarray(array)
        found.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()


EXPECTED: dict = {}


def expected(entry, device) -> str:
    if (entry, device) not in EXPECTED:
        EXPECTED[entry, device] = digest(entry(device))
    return EXPECTED[entry, device]


def test_all_of_these_preferences_are_known():
    assert set(CHOICES) == set(ALL_OTHER) == set(PREFERENCES)
    for name, value in PREFERENCES.items():
        ours_alone = name in ("codegen.target", "core.stop_on_keyboard_interrupt")
        assert ours_alone or np.all(brian2.prefs[name] == value), name  # Brian2's own
        assert np.any(ALL_OTHER[name] != value), name


@pytest.mark.parametrize(("entry", "device"), CASES)
def test_other_preferences_give_the_same_bytes(entry, device):
    wanted = expected(entry, device)
    brian2.prefs.update(ALL_OTHER)
    assert digest(entry(device)) == wanted
    assert {name: brian2.prefs[name] for name in ALL_OTHER} == ALL_OTHER


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.fixed_dictionaries({}, optional=CHOICES), dt=st.sampled_from([0.05, 0.1, 3.0]),
       entry=st.sampled_from([replay_last, torch_snn, feedforward, learned_readout]))  # fmt: skip
def test_any_preferences_give_the_same_bytes(chosen, dt, entry):
    brian2.prefs.update(PREFERENCES)
    wanted = expected(entry, "runtime")
    brian2.prefs.update(chosen)
    brian2.defaultclock.dt = dt * ms
    before = brian2.prefs.as_file
    with np.errstate(all="raise"):
        assert digest(entry("runtime")) == wanted
    assert brian2.prefs.as_file == before and brian2.defaultclock.dt == dt * ms


def test_preferences_stand_as_before_where_a_run_ends_badly(monkeypatch):
    brian2.prefs.update(ALL_OTHER)
    before, active = brian2.prefs.as_file, get_device()

    def interrupted(k):
        raise KeyboardInterrupt

    network = SpikingNetwork(load_rate_network(SMALL), device="runtime")
    with pytest.raises(KeyboardInterrupt):
        network.predict(np.zeros((2, network.circuit.input.size)), progress=interrupted)
    assert brian2.prefs.as_file == before and get_device() is active


def test_a_preferences_file_in_the_folder_changes_nothing(tmp_path):
    """Brian2 reads one as it is imported."""
    pre, post, reward = trains()
    np.savez(tmp_path / "signals.npz", pre=pre, post=post, w0=0.5, modulator=reward)
    found = []
    for k in range(2):
        command = "import sys; from spikedtp.cli import main; sys.exit(main())"
        words = ["replay", "--rule", "MSTDPET", "--signals", "signals.npz", "--form", "spiking", "--keep", "last",
                 "--device", "runtime", "--out", f"out{k}"]  # fmt: skip
        paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")]))
        subprocess.run([sys.executable, "-c", command, *words], cwd=tmp_path, check=True, capture_output=True,
                       env=os.environ | {"PYTHONPATH": paths})  # fmt: skip
        with np.load(tmp_path / f"out{k}" / "replay.npz") as file:
            found.append(file["w"])
        (tmp_path / "brian_preferences").write_text("[core]\ndefault_float_dtype = float32\n")
    np.testing.assert_array_equal(*found)
    assert found[0].dtype == np.float64 and np.ptp(found[0]) > 1e-3


# --- the caller's own networks ----------------------------------------------------------------------------------------


def test_the_runtime_device_runs_while_the_caller_builds_for_another():
    wanted = expected(replay_last, "runtime")
    set_device("cpp_standalone", build_on_run=False)
    mine = get_device()
    try:
        assert digest(replay_last("runtime")) == wanted and get_device() is mine
    finally:
        reset_device()


@needs_compiler
def test_a_network_that_the_caller_is_building_stays_whole():
    set_device("cpp_standalone", build_on_run=False)
    mine = get_device()
    try:
        cells = brian2.NeuronGroup(5, "dv/dt = -v/(10*ms) : 1", method="exact", name="presynaptic")
        cells.v = 0.5
        brian2.Network(cells).run(1 * ms)
        queue, arrays = list(mine.main_queue), dict(mine.arrays)
        replay_last("cpp_standalone")
        assert get_device() is mine and len(queue) > 3
        assert mine.main_queue == queue and dict(mine.arrays) == arrays
    finally:
        reset_device()
        mine.reinit()


def test_the_callers_random_numbers_go_on():
    """Cython's come from buffers of the device."""
    brian2.prefs.codegen.target = "numpy"

    def drawn(between):
        brian2.seed(4)
        cells = brian2.NeuronGroup(5, "dv/dt = -v/(10*ms) + 0.1*xi*ms**-0.5 : 1", method="euler")
        network = brian2.Network(cells)
        network.run(1 * ms)
        between()
        network.run(1 * ms)
        return cells.v[:].copy()

    np.testing.assert_array_equal(drawn(lambda: replay_last("runtime")), drawn(lambda: None))


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("flags", [["-O0"], ["-O2", "-std=c++14"], ["-w", "-O3", "-fno-inline"]])
def test_compiler_flags_are_the_callers(flags):
    """Another rounding at most."""
    usual = torch_snn("cpp_standalone"), replay_last("cpp_standalone")
    brian2.prefs["codegen.cpp.extra_compile_args"] = flags
    other = torch_snn("cpp_standalone"), replay_last("cpp_standalone")
    np.testing.assert_array_equal(usual[0][0], other[0][0])
    for a, b in zip([usual[0][1], *usual[1]], [other[0][1], *other[1]], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
