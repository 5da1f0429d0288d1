"""Two recurrent circuits: theory of rates, wiring, statistics of spikes, learning against references, the commands."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brian2 import ms
from scripts import run_script

EXPERIMENTS = Path(__file__).parent.parent.parent / "experiments"


@pytest.fixture(autouse=True)
def found_scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "benchmarks"))
    monkeypatch.syspath_prepend(str(EXPERIMENTS))


# --- Brunel's network: theory, wiring, statistics ---------------------------------------------------------------------


@pytest.mark.parametrize(("mu", "sigma"), [(17.0, 4.0), (24.0, 3.0)])
def test_rate_and_irregularity_of_one_cell_are_those_of_theory(mu, sigma):
    """Cells without a network, in arithmetic of its own, driven by the white noise that theory assumes."""
    from recurrent.brunel import T_REFRACTORY, TAU, THETA, V_RESET, cell_cv, cell_rate

    rng, n, dt, seconds = np.random.default_rng(0), 300, 0.04, 1.5
    v, blocked, spikes = np.full(n, V_RESET), np.zeros(n), []
    keep, noise = np.exp(-dt / TAU), sigma * np.sqrt((1 - np.exp(-2 * dt / TAU)) / 2)
    for step in range(round(1000 * seconds / dt)):
        free = blocked <= 0
        v[free] = mu + (v[free] - mu) * keep + noise * rng.standard_normal(free.sum())
        fired = np.flatnonzero(v > THETA)
        v[fired], blocked[fired] = V_RESET, T_REFRACTORY
        blocked[~free] -= dt
        spikes += [(cell, step * dt / 1000) for cell in fired]
    i, t = (np.array(column) for column in zip(*spikes, strict=True))
    # steps hide crossings: the threshold is as if it were higher by 0.583 of the noise of one step (Broadie 1997)
    shift = 0.583 * sigma * np.sqrt(dt / TAU)
    expected = [theory(mu - shift, sigma) for theory in (cell_rate, cell_cv)]
    order = np.lexsort((t, i))
    intervals = np.diff(t[order])[np.diff(i[order]) == 0]
    assert (t > 0.2).sum() / n / (seconds - 0.2) == pytest.approx(expected[0], rel=0.03)
    assert intervals.std() / intervals.mean() == pytest.approx(expected[1], rel=0.04)


def test_the_limits_of_theory():
    """Far above the threshold a cell is a clock; far below it, a Poisson process that hardly fires."""
    from recurrent.brunel import T_REFRACTORY, TAU, cell_cv, cell_rate

    assert cell_rate(60.0, 0.05) == pytest.approx(1000 / (T_REFRACTORY + TAU * np.log(50 / 40)), rel=1e-3)
    assert cell_cv(60.0, 0.05) < 0.01
    assert cell_rate(8.0, 3.0) < 0.1 and cell_cv(8.0, 3.0) == pytest.approx(1, abs=0.02)


def test_rates_reproduce_themselves():
    from recurrent.brunel import Brunel, network_theory

    for n in (1000, 10000):
        theory = network_theory(Brunel(n))
        assert theory["rate_e"] == pytest.approx(theory["rate_i"], rel=1e-6)  # with equal weights they are alike
    stronger = network_theory(Brunel(1000), np.full(10, 0.12))
    assert stronger["rate_e"] > stronger["rate_i"] > 0


@pytest.mark.parametrize("seed", range(3))
def test_everybody_hears_as_many(seed):
    from recurrent.brunel import Brunel, draw_wiring

    model = Brunel(rng_size := int(np.random.default_rng(seed).integers(50, 200)), p=0.2, delays=(1.0, 3.0))
    wiring = draw_wiring(model, np.random.default_rng(seed))
    sizes = {"E_E": (model.n_e, model.c_e), "I_E": (model.n_i, model.c_e), "all_I": (rng_size, model.c_i)}
    for name, (n_post, heard) in sizes.items():
        one = wiring[name]
        assert np.bincount(one.post, minlength=n_post).tolist() == [heard] * n_post
        assert len(set(zip(one.pre.tolist(), one.post.tolist(), strict=True))) == len(one.pre)
        assert (np.diff(one.pre) >= 0).all() and one.delay.min() >= 1.0 and one.delay.max() <= 3.0
    assert (wiring["E_E"].pre != wiring["E_E"].post).all()
    assert (wiring["all_I"].pre + model.n_e != wiring["all_I"].post).all()
    assert wiring["all_I"].pre.max() == model.n_i - 1 and wiring["E_E"].pre.max() == model.n_e - 1


def test_statistics_of_trains_that_are_known():
    from recurrent.spike_statistics import cell_rates, interval_cvs, mean_correlation

    rng, n, seconds, shared = np.random.default_rng(1), 60, 200.0, 0.3
    mother = np.sort(rng.uniform(0, seconds, 4000))
    trains = [mother[rng.random(len(mother)) < shared] for _ in range(n)]  # correlation `shared`, Poisson
    i, t = np.repeat(np.arange(n), [len(train) for train in trains]), np.concatenate(trains)
    order = rng.permutation(len(i))
    i, t = i[order], t[order]
    assert cell_rates(i, t, n, 50.0, 150.0).mean() == pytest.approx(6, rel=0.05)
    assert interval_cvs(i, t, n, 0.0).mean() == pytest.approx(1, abs=0.03)
    assert mean_correlation(i, t, n, 0.0, seconds) == pytest.approx(shared, abs=0.02)
    alone = rng.uniform(0, seconds, len(t))
    assert mean_correlation(i, alone, n, 0.0, seconds) == pytest.approx(0, abs=0.003)
    regular = np.arange(0.05, seconds, 0.1)
    assert interval_cvs(np.zeros(len(regular), int), regular, 3, 1.0) == pytest.approx([0], abs=1e-6)


def test_sparse_and_dense_networks_are_one():
    """The same spikes and weights, and again for the same seed."""
    from brunel_stdp import simulate
    from recurrent.brunel import Brunel

    model = Brunel(120, p=0.3, j=0.3, eta=1.5, learning_rate=0.1)
    sparse, again, dense = (simulate(model, kind, 0.15, 3, "runtime")[0] for kind in ("sparse", "sparse", "dense"))
    for name, values in sparse.items():
        np.testing.assert_array_equal(values, again[name])
    assert len(sparse["t"]) > 200
    order = [np.lexsort((found["i"], found["t"])) for found in (sparse, dense)]
    for name in ("i", "t"):
        np.testing.assert_array_equal(sparse[name][order[0]], dense[name][order[1]])
    np.testing.assert_allclose(sparse["j_ee"], dense["j_ee"], rtol=0, atol=1e-12)
    assert sparse["j_ee"].std() > 0.01


# --- the distal reward ------------------------------------------------------------------------------------------------

SMALL = {"n_e": 40, "n_i": 10, "fan_out": 10}


def small_circuit(seconds, **options):
    """A circuit that has run, its wiring and all its spikes."""
    from recurrent.own_device import run_own
    from recurrent.rewarded import DT, Circuit, draw_wiring

    wiring = draw_wiring(np.random.default_rng(5), **SMALL)

    def read(made):
        spikes = np.zeros((round(1000 * seconds), 50), bool)
        spikes[np.round(made.raster.t / ms).astype(int), made.raster.i] = True
        w, rewards = np.array(made.learning.w[:]), np.round(1000 * made.rewards).astype(int)
        return wiring, spikes, w, rewards, np.array(made.dopamine.d)

    sizes = {name: SMALL[name] for name in ("n_e", "n_i")}
    make = lambda: Circuit(wiring, detail=(0.0, seconds), snapshots=seconds, **sizes, **options)  # noqa: E731
    return run_own("runtime", make, lambda made: made.run(seconds), read, seed=2, dt=DT)[0]


def test_weights_follow_the_published_equations():
    """Step by step in numpy for the spikes that the network fired: traces, eligibility, dopamine, weights."""
    rewards = np.array([0.2, 0.25, 0.6])
    wiring, spikes, w, seen, dopamine = small_circuit(0.9, given_rewards=rewards)
    assert seen.tolist() == [200, 250, 600]
    pre, post = wiring.e_pre, wiring.e_post
    x, y, c, expected, d = np.zeros(50), np.zeros(50), np.zeros(len(pre)), np.ones(len(pre)), 0.0
    expected[wiring.rewarded] = 0.0
    for step, fired in enumerate(spikes):
        d = d * np.exp(-1 / 200) + 0.5 * np.isin(step, [200, 250, 600])
        x, y = np.exp(-1 / 20) * x, np.exp(-1 / 20) * y
        x[fired], y[fired] = 0.1, 0.1
        c = c * np.exp(-1 / 1000) - 1.5 * y[post] * fired[pre] + x[pre] * fired[post]
        expected = np.clip(expected + (0.002 + d) * c / 10, 0, 4)
    assert spikes.sum() > 40 and (expected == 0).any() and np.abs(expected - 1).max() > 0.1
    np.testing.assert_allclose(w, expected, rtol=0, atol=1e-11)
    assert dopamine[0] == pytest.approx(d, rel=1e-9)


def test_each_pair_of_spikes_earns_one_reward():
    wiring, spikes, _, rewards, _ = small_circuit(3.0, window=400.0)
    first, then = (np.flatnonzero(spikes[:, ends[wiring.rewarded]]) for ends in (wiring.e_pre, wiring.e_post))
    pairs = [time for time in then if (first < time).any() and time - first[first < time].max() < 400]
    assert len(pairs) >= 2
    assert len(rewards) == sum(time + 2 < 3000 for time in pairs)  # the judge and its line take a step each
    for reward in rewards:
        assert any(1010 <= reward - time <= 3003 for time in pairs)


# --- the commands -----------------------------------------------------------------------------------------------------


def test_quick_brunel(tmp_path):
    done = run_script("brunel_stdp", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"summary.json", "manifest.json", "spikes.csv", "brunel_stdp.png", "brunel_stdp.svg"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["rate_e_hz"] == pytest.approx(summary["theory_rate_e_hz"], rel=0.2)
    assert summary["cv"] > 0.2 and summary["weight_sd"] > 0.01


def test_quick_distal_reward(tmp_path):
    done = run_script("distal_reward", "--quick", "--out", tmp_path / "out", "--keep", tmp_path / "kept")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    files = {"networks.csv", "weights.csv", "distal_reward.png", "distal_reward.svg"}
    assert names == {"summary.json", "manifest.json"} | files
    table = pd.read_csv(tmp_path / "out" / "networks.csv")
    assert table.reward.tolist() == ["earned", "none", "reversed"] and table.rate_e_hz.between(0.5, 3).all()
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {f"0_{name}.npz" for name in table.reward}


@pytest.mark.parametrize(
    ("script", "given", "words"),
    [
        ("brunel_stdp", ("--synapses", "fast"), "unknown kind of --synapses 'fast': known are auto, dense"),
        ("brunel_stdp", ("--p", "0"), "--p must be above 0 and at most 1, got 0.0"),
        ("brunel_stdp", ("--seconds", "1"), "--seconds must be above 1"),
        ("distal_reward", ("--seconds", "1"), "--seconds must be at least 2, got 1.0"),
        ("benchmarks/brunel", ("--cells", "1000,x"), "--cells must be positive numbers between commas, got 'x'"),
        ("benchmarks/brunel", ("--cells", "1000"), "--seconds needs one number for each of --cells, got 2 for 1"),
    ],
)
def test_mistakes_are_named(tmp_path, script, given, words):
    done = run_script(script, "--out", tmp_path / "out", *given)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_nest_is_missing_in_one_line(tmp_path):
    from brunel import _missing

    assert _missing(None).startswith("no interpreter was given")
    assert "does not start" in _missing(str(tmp_path / "python"))
    script = tmp_path / "false_python"
    script.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'nest'\" >&2; exit 1\n")
    script.chmod(0o755)
    assert _missing(str(script)).endswith("has no NEST: ModuleNotFoundError: No module named 'nest'")
