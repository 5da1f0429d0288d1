"""The hot-loop benchmarks: the hand-written floor is right, the contestants agree, the command writes and complains."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brian2 import ms
from scripts import run_script

from spikedtp.neurons import TwoCompartment
from spikedtp.plasticity import Row
from spikedtp.rate import load_rate_network
from spikedtp.spiking import simulate
from spikedtp.spiking.engine.devices import compiler_available

BENCHMARKS = Path(__file__).parent.parent.parent / "experiments" / "benchmarks"
SCRIPT = BENCHMARKS / "hot_loop.py"


@pytest.fixture
def contestants(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from contestants import agreement, cases, circuit, hand_written, spikedtp_network, stock_brian2, torch_loop

    modules = (agreement, cases, circuit, hand_written, spikedtp_network, stock_brian2, torch_loop)
    return {m.__name__.rpartition(".")[2]: m for m in modules}


@pytest.fixture
def cases(contestants):
    return contestants["cases"]


@pytest.fixture
def floor(contestants):
    if not compiler_available():
        pytest.skip("no C++ compiler")
    return contestants["hand_written"].prepare


def test_feedforward_floor_is_the_cells_equations(cases, floor, tmp_path):
    """With the spikes that the floor drew, impulse responses give its final voltages."""
    case = cases.Feedforward(seed=2, n_pre=37, n_post=70, rate=80.0, seconds=1.0)
    run = floor(case, tmp_path / "f", dump=True)()
    step, cell = np.fromfile(tmp_path / "f" / "spikes", np.int32).reshape(-1, 2).T
    assert len(step) == run.found["spikes"] and len(np.unique(step * 100 + cell)) == len(step)
    responses = TwoCompartment().impulse_responses(case.n_steps, 1 * ms)
    for name, signal in (("v_dend", "dendrite"), ("v_soma", "soma")):
        wanted = case.weights[:, cell] @ responses[signal, "dend"][case.n_steps - 1 - step]
        np.testing.assert_allclose(np.fromfile(tmp_path / "f" / name), wanted, rtol=1e-12)


def test_floor_draws_a_poisson_process_with_dead_time(cases, floor, tmp_path):
    case = cases.Feedforward(seed=5, n_pre=400, n_post=8, rate=200.0, seconds=20.0)
    floor(case, tmp_path / "f", dump=True)()
    step, cell = np.fromfile(tmp_path / "f" / "spikes", np.int32).reshape(-1, 2).T
    n = case.n_pre * case.n_steps * 0.2
    free = 1 - 0.2  # of the time: 200 Hz with a dead time of 1 ms
    assert abs(len(step) - n) < 5 * free * n**0.5
    order = np.lexsort((step, cell))
    intervals = np.diff(step[order])[np.diff(cell[order]) == 0]
    assert intervals.min() == 1
    # a step adds 1/6 of its square for rounding both ends; the intervals themselves have a CV of `free`
    variance = (free * intervals.mean()) ** 2 + 1 / 6
    assert intervals.var() == pytest.approx(variance, rel=0.02)


@pytest.mark.slow
def test_presentation_floor_equals_simulate(contestants, floor, tmp_path):
    circuit = contestants["circuit"]
    case = circuit.presentations("digits", 2, seed=1)
    floor(case, tmp_path / "p", dump=True)()
    raster = np.zeros((2, 1, case.timeline.n_steps, case.points.shape[-1]), dtype=bool)
    sample, step, cell = np.fromfile(tmp_path / "p" / "spikes", np.int32).reshape(-1, 3).T
    raster[sample, 0, step, cell] = True
    ends = np.cumsum([source.size for source in case.sources])
    given = dict(zip((s.population for s in case.sources), np.split(raster, ends[:-1], axis=-1), strict=True))
    x, target = circuit.images("digits", 2)
    response = simulate(
        load_rate_network(circuit.CIRCUIT, seed=1), x, target, population=circuit.POPULATION, device="runtime",
        input_spikes=given, readout="best", record=("v_soma", "v_dend"),
    )  # fmt: skip
    traces = np.fromfile(tmp_path / "p" / "traces").reshape(2, case.timeline.n_steps, 2, case.n_cells)
    for k, found in enumerate((response.v_soma, response.v_dend)):
        found = np.asarray(found[circuit.POPULATION]).reshape(traces[:, :, k].shape)
        np.testing.assert_allclose(found, traces[:, :, k], rtol=1e-6, atol=2e-6)  # kept as float32
    readout = np.fromfile(tmp_path / "p" / "readout").reshape(2, -1)
    names = [f"{signal}_{phase}" for signal in ("dendrite", "soma", "trace") for phase in ("settled", "nudged")]
    wanted = np.concatenate([response.results.vectors[name].reshape(2, -1) for name in names], axis=1)
    np.testing.assert_allclose(readout[:, : wanted.shape[1]], wanted, rtol=1e-5, atol=1e-6)


def stepped(case):
    """The rule in its rate form, one step at a time; STDP's bounds after each of its two halves."""
    rule, w = case.rule, case.w0
    if case.name == "MSTDPET":
        step, state = rule.stepper(1 * ms), rule.initial_state(*case.w0.shape)
        for pre, post, reward in zip(case.pre, case.post, case.reward, strict=True):
            w, state = step(w, state, Row(pre.astype(float), post.astype(float), reward))
        return w
    p_plus, p_minus, keep = np.zeros(case.n_pre), np.zeros(case.n_post), np.exp(-1 / 20)
    for pre, post in zip(case.pre, case.post, strict=True):
        p_plus, p_minus = p_plus * keep + rule.a_plus * pre, p_minus * keep + rule.a_minus * post
        w = np.where(pre, np.maximum(w + rule.learning_rate * p_minus[:, None], 0), w)
        w = np.where(post[:, None], np.minimum(w + rule.learning_rate * p_plus, case.w_max), w)
    return w


@pytest.mark.parametrize(("name", "options"), [("STDP", {}), ("STDP", {"by_event": True}), ("MSTDPET", {})])
def test_pair_rules_of_the_floor_are_exact(cases, floor, tmp_path, name, options):
    case = cases.PairRule(seed=3, name=name, n_pre=37, n_post=70, rate=60.0, seconds=1.3)
    wanted = stepped(case)
    if name == "STDP":  # the bounds are met
        assert (wanted == 0).mean() > 0.01 and (wanted == case.w_max).mean() > 0.001
    found = floor(case, tmp_path / "r", **options)().found["w"]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11)
    assert np.abs(wanted - case.w0).max() > 0.1


@pytest.mark.parametrize("kind", ["bounded", "normalised", "tied"])
def test_learning_events_of_the_floor(cases, floor, tmp_path, kind):
    case = cases.Learning(seed=4, kind=kind, n_post=23, n_pre=45, n_events=37)
    w = case.w0
    for k in range(case.n_events):
        w = np.clip(w + np.outer(case.post[k % 16], case.pre[k % 16]), case.low, case.high)
        if kind == "normalised":
            w = w * case.scale / w.sum(axis=1, keepdims=True)
    found = floor(case, tmp_path / "e")().found
    np.testing.assert_allclose(found["w"], w, rtol=1e-13)
    if kind == "tied":
        np.testing.assert_allclose(found["copy"], case.scale * w.T, rtol=1e-13)


def test_contestants_without_a_build_agree(contestants, cases, floor, tmp_path):
    check = contestants["agreement"].Agreement(tmp_path)
    small = {"n_pre": 60, "n_post": 40}
    done = [
        cases.Feedforward(seconds=1.0, **small),
        cases.PairRule(seconds=0.2, **small),
        cases.PairRule(name="MSTDPET", seconds=0.2, **small),
        *(cases.Learning(kind=kind, n_events=5, **small) for kind in ("bounded", "normalised", "tied")),
    ]
    for case in done:
        runs = [contestants["stock_brian2"].prepare_runtime(case, tmp_path)]
        runs += [contestants["torch_loop"].prepare(case, tmp_path, batch=batch) for batch in (1, 32)]
        for run in (made() for made in runs if made is not None):
            rows = check.rows(run)
            assert rows and all(agrees for *_, agrees in rows), (case.unit, rows)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["a", "b", "STDP", "MSTDPET", "bounded", "normalised", "tied"])
def test_the_compiled_network_agrees(contestants, cases, floor, tmp_path, part):
    """On sizes that no block of columns or registers divides."""
    small = {"n_pre": 61, "n_post": 43}
    if part == "a":
        case = cases.Feedforward(seconds=5.0, **small)
    elif part == "b":
        case = contestants["circuit"].presentations("digits", 8, seed=1)
    elif part in ("STDP", "MSTDPET"):
        case = cases.PairRule(name=part, rate=60.0, seconds=1.3, **small)
    else:
        case = cases.Learning(kind=part, n_events=37, **small)
    run = contestants["spikedtp_network"].prepare(case, tmp_path / "network")
    check = contestants["agreement"].Agreement(tmp_path)
    for _ in range(2):  # the second run of the same binary has other draws
        rows = check.rows(run())
        assert rows and all(agrees for *_, agrees in rows), rows


def test_a_contestant_that_computes_something_else_is_seen(contestants, cases, floor, tmp_path):
    check = contestants["agreement"].Agreement(tmp_path)
    case = cases.Feedforward(n_pre=60, n_post=40, seconds=5.0)
    run = floor(case, tmp_path / "right")()
    assert all(agrees for *_, agrees in check.rows(run))
    run.found["v_soma"] *= 3
    assert [what for what, *_, agrees in check.rows(run) if not agrees] == ["v_soma"]
    case = cases.Learning(n_pre=30, n_post=20, n_events=5)
    run = floor(case, tmp_path / "learning")()
    run.found["w"][3, 4] += 0.001
    assert not check.rows(run)[0][-1]


@pytest.mark.slow
def test_quick_run(tmp_path):
    done = run_script("benchmarks/hot_loop", "--quick", "--only", "a", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {f"{name}.csv" for name in ("runs", "hot_loop", "agreement", "contestants", "pieces")}
    assert written == tables | {"summary.json", "manifest.json", "hot_loop.png", "hot_loop.svg"}
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    order = {repeat: list(rows["contestant"]) for repeat, rows in runs.groupby("repeat")}
    assert order[1] == order[0][1:] + order[0][:1]  # rotated
    table = pd.read_csv(tmp_path / "out" / "hot_loop.csv").set_index("contestant")
    assert table.loc["floor", "times_floor"] == 1 and table.loc["Brian2 standalone", "times_floor"] > 2
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["a.feed-forward.500.floor.time"] == pytest.approx(table.loc["floor", "time"])
    assert pd.read_csv(tmp_path / "out" / "agreement.csv")["agrees"].all()


def test_an_unknown_part_is_one_line(tmp_path):
    done = run_script("benchmarks/hot_loop", "--only", "a,z", "--out", tmp_path / "out")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "'z'" in done.stderr
    assert not (tmp_path / "out").exists()
