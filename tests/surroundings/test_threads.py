"""Threads get what calls one after the other get, byte for byte; callbacks may call again; forks wait."""

from __future__ import annotations

import copy
import multiprocessing
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import brian2
import matplotlib as mpl
import numpy as np
import pytest
import threadpoolctl
from brian2 import Hz, ms

from spikedtp import SpikedtpError, replay, simulate
from spikedtp.plasticity import STDP
from spikedtp.plotting.style import new_figure, styled
from spikedtp.rate import RateNetwork
from spikedtp.rate.threads import one_thread
from spikedtp.spiking import Phases, SpikingNetwork
from spikedtp.spiking.engine.devices import compiler_available

SHORT = Phases(settle=20 * ms, read=10 * ms, nudge=20 * ms, wait=5 * ms)
QUICK = dict(population="H1E", device="runtime", time_per_step=2 * ms, unit_rate=100 * Hz)
COMPILES = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


@pytest.fixture
def hasty():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(plain: Callable, calls: dict[str, Callable], n_threads: int, n_calls: int, seed: int) -> int:
    """Random calls in threads at once, compared with each alone; how many there were."""
    expected = {name: plain(call()) for name, call in calls.items()}
    rng, names = np.random.default_rng(seed), list(calls)
    parts = [rng.choice(names, n_calls) for _ in range(n_threads)]
    begin = threading.Barrier(n_threads)

    def work(part) -> list[str]:
        begin.wait()
        return [name for name in part if plain(calls[name]()) != expected[name]]

    with ThreadPoolExecutor(n_threads) as pool:
        wrong = [name for part in pool.map(work, parts) for name in part]
    assert not wrong
    return n_threads * n_calls


def test_threads_share_networks_and_responses(runtime, hasty, plain):
    assert in_threads(plain, runtime.rate(), 4, 60, seed=1) == 240


def test_threads_run_brian2_in_turn(runtime, hasty, plain):
    calls = runtime.spiking()
    assert in_threads(plain, {name: calls[name] for name in ("replay STDP", "torch")}, 3, 2, seed=2) == 6


@pytest.mark.slow
@COMPILES
def test_threads_on_both_devices(hasty, runtime, make_calls, plain):
    calls = {f"{device} {name}": call for device in ("runtime", "cpp_standalone")
             for name, call in make_calls(device).spiking().items()} | runtime.rate()  # fmt: skip
    assert in_threads(plain, calls, 4, 40, seed=3) == 160


@pytest.mark.slow
@COMPILES
def test_threads_compile_the_same_network_at_once(make_calls, monkeypatch, tmp_path, plain):
    """Nothing is cached yet: each generates, one compiles."""
    calls = make_calls("cpp_standalone", circuits=1)
    expected = plain(calls.simulated(0))
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))
    with ThreadPoolExecutor(3) as pool:
        assert all(plain(found) == expected for found in pool.map(calls.simulated, [0, 0, 0]))
    assert len(list(tmp_path.glob("builds/*/complete.json"))) == 1


def test_figures_are_drawn_in_turn():
    """Or the second, which begins in the style of the first, would leave matplotlib in that style."""
    settings, begun, done = dict(mpl.rcParams), threading.Event(), threading.Event()

    @styled
    def draw(wait: threading.Event):
        begun.set()
        wait.wait(0.5)
        return new_figure(1, 1)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(draw, threading.Event())
        first.add_done_callback(lambda _: done.set())
        begun.wait()
        pool.submit(draw, done).result()
    assert dict(mpl.rcParams) == settings


def test_steps_of_two_threads_are_steps_one_after_the_other(runtime, hasty, plain):
    network, alone = (copy.deepcopy(runtime.small) for _ in range(2))
    step = (runtime.x[0], runtime.t[0])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: network.train_step(*step), range(40)))
    for _ in range(40):
        alone.train_step(*step)
    assert plain(network.state_dict()) == plain(alone.state_dict())


def test_one_network_is_seen_while_another_thread_trains_it(runtime, plain, monkeypatch):
    """Between the first look at it and the second, the other thread does its best to take a step."""
    network, before = (copy.deepcopy(runtime.small) for _ in range(2))
    present, biases, threads = RateNetwork.present, RateNetwork.biases, []

    def train(of) -> None:
        threads.append(threading.Thread(target=of.train_step, args=(runtime.x[0], runtime.t[0])))
        threads[-1].start()
        threads[-1].join(0.5)

    def late_present(self, *arguments, **options):
        if self is network:
            train(self)
        return present(self, *arguments, **options)

    def late_biases(self):
        if self is network:
            train(self)
        return biases.fget(self)

    monkeypatch.setattr(RateNetwork, "present", late_present)
    monkeypatch.setattr(RateNetwork, "biases", property(late_biases))
    spiking = [SpikingNetwork(one, phases=SHORT, device="runtime").state_dict() for one in (network, before)]
    assert plain(spiking[0]) == plain(spiking[1])
    threads.pop().join()
    before.train_step(runtime.x[0], runtime.t[0])
    monkeypatch.setattr(RateNetwork, "biases", biases)  # `simulate` looks at them too: one step is enough
    found, expected = (simulate(one, runtime.x[1], runtime.t[1], **QUICK) for one in (network, before))
    assert plain(found.weight_updates) == plain(expected.weight_updates)
    threads.pop().join()
    before.train_step(runtime.x[0], runtime.t[0])
    assert plain(network.state_dict()) == plain(before.state_dict()) != plain(spiking[0])


def test_a_callback_may_call_again_wait_for_a_thread_and_use_brian2(runtime, plain, monkeypatch):
    def run(progress=None):
        found = simulate(runtime.small, runtime.x[0], runtime.t[0], progress=progress, n_repeats=2, **QUICK)
        return plain([found.weight_updates, found.spikes])

    monkeypatch.setitem(brian2.prefs, "codegen.target", "numpy")
    expected, nested = run(), []

    def progress(done: int) -> None:
        nested.append(run())
        with ThreadPoolExecutor(1) as pool:
            nested.append(pool.submit(run).result(timeout=60))
        mine = brian2.NeuronGroup(1, "v : 1", name="inputs")
        mine.run_regularly("v += rand()")
        brian2.Network(mine, *mine.contained_objects).run(1 * ms)
        np.random.random()  # noqa: NPY002
        assert 0 < mine.v[0] < 10

    assert run(progress) == expected
    assert nested == [expected] * 4


def test_one_training_at_a_time(runtime, plain):
    network = SpikingNetwork(runtime.small, phases=SHORT, device="runtime")
    alone, refused = copy.deepcopy(network), []

    def checkpoint(done, trained, answers) -> None:
        copy.deepcopy(trained).train(runtime.x, runtime.t, np.arange(1))
        with pytest.raises(SpikedtpError, match="is being trained") as error:
            trained.train(runtime.x, runtime.t, np.arange(1))
        refused.append(str(error.value))

    samples = runtime.x, runtime.t, np.arange(2)
    network.train(*samples[:2], np.arange(1), schedule="constant", checkpoint=checkpoint)
    assert len(refused) == 1 and "\n" not in refused[0]
    network.train(*samples, schedule="constant", start=1)
    alone.train(*samples, schedule="constant")
    assert plain(network.state_dict()) == plain(alone.state_dict())


def test_the_last_thread_gives_blas_its_threads_back():
    """Entered one after the other, and left in the same order."""
    blas = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    if not blas:
        pytest.skip("no BLAS that threadpoolctl knows")
    before = [library.num_threads for library in blas]
    first_in, second_in, first_out, second_out = (threading.Event() for _ in range(4))
    seen = {}

    def numbers():
        return [library.num_threads for library in blas]

    def first() -> None:
        with one_thread():
            first_in.set()
            second_in.wait(10)
        first_out.set()
        second_out.wait(10)  # alive: threadpoolctl lets the heirs of dead threads have their way

    def second() -> None:
        first_in.wait(10)
        with one_thread():
            second_in.set()
            first_out.wait(10)
            with one_thread():
                seen["both"] = numbers()
            seen["alone"] = numbers()
        seen["after"] = numbers()
        second_out.set()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for library in blas:
        library.set_num_threads(2)
        getattr(library, "clear_controlling_thread", bool)()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for library, number in zip(blas, before, strict=True):
            library.set_num_threads(number)
            getattr(library, "clear_controlling_thread", bool)()
    assert seen == {"both": [1] * len(blas), "alone": [1] * len(blas), "after": [2] * len(blas)}


def test_a_fork_waits_for_the_other_threads(runtime, plain):
    """Or the child would find locks that nobody opens, and networks in the midst of a step."""
    expected, stop = _hash(plain, runtime), threading.Event()

    def busy() -> None:
        while not stop.is_set():
            runtime.small.weight_updates(runtime.x[1], runtime.t[1])
            replay(STDP(), runtime.pre, runtime.post, 0.5, form="spiking", device="runtime")

    thread = threading.Thread(target=busy)
    thread.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(3):
            found = context.SimpleQueue()
            child = context.Process(target=lambda queue=found: queue.put(_hash(plain, runtime)))
            child.start()
            child.join(60)
            child.kill()
            assert child.exitcode == 0
            assert found.get() == expected
    finally:
        stop.set()
        thread.join()


def _hash(plain, calls) -> str:
    updates = calls.small.weight_updates(calls.x[0], calls.t[0])
    done = replay(STDP(), calls.pre, calls.post, 0.5, form="spiking", device="runtime")
    return sha256(repr(plain([updates, done.w])).encode()).hexdigest()
