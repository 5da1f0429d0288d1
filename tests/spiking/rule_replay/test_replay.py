"""`replay` against the published programs, and the two forms of every rule against each other on both devices."""

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from spikedtp import SpikedtpError, replay
from spikedtp.events import SpikeTrains
from spikedtp.plasticity import (
    BCM,
    BTSP,
    MSTDP,
    MSTDPET,
    RULES,
    STDP,
    TIMED_RULES,
    Backprop,
    BidirectionalBTSP,
    Burstprop,
    Clopath,
    DendriticLoss,
    DendriticState,
    DiehlCook,
    HebbWeightNorm,
    Oja,
    SupervisedBCM,
    TemporalContrastHebb,
    TopDownHebb,
    TripletSTDP,
    UrbanczikSenn,
)
from spikedtp.spiking.engine.devices import compiler_available

CPP = pytest.param(
    "spiking", "cpp_standalone", marks=pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler")
)
FORMS = [("rate", "runtime"), ("spiking", "runtime"), CPP]
PAPER = {"STDP": 0.26903638, "MSTDP": 0.20330243, "MSTDPET same-step": 0.33419913, "MSTDPET lag": 0.33953835}

# --- published programs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "device"), FORMS)
@pytest.mark.parametrize("rule", [STDP, MSTDP, MSTDPET])
@pytest.mark.parametrize("convention", ["same-step", "lag"])
def test_florian(golden, form, device, rule, convention):
    run, column = golden("florian"), f"w_{rule.__name__.lower()}"
    result = replay(
        rule(convention=convention),
        run["pre"][:, None],
        run["post"][:, None],
        0.2,
        modulator=run["reward"],
        form=form,
        device=device,
    )
    w = result.w[1:, 0, 0]
    source = {"same-step": "inferno", "lag": "paper"}[convention]
    assert result.w[0] == 0.2 and np.ptp(w) > 0.1
    np.testing.assert_allclose(w, run[f"{source}_{column}"], rtol=0, atol=1e-9)
    if convention == "same-step":
        np.testing.assert_allclose(w, run[f"inferno_float32_{column}"], rtol=0, atol=2e-6)
    elif rule is not STDP:  # ngc-learn's own STDP does not lag
        np.testing.assert_allclose(w[1:], run[f"ngclearn_float32_{column}"], rtol=0, atol=2e-6)
    final = PAPER.get(rule.__name__) or PAPER[f"{rule.__name__} {convention}"]
    assert w[-1] == pytest.approx(final, abs=1e-7)  # published in float32
    for state, name in {"p_plus": "Pplus", "p_minus": "Pminus", "zeta": "zeta", "z": "z"}.items():
        if state in result.state:
            got = result.state[state].reshape(len(result.w), -1)[1:, 0]
            np.testing.assert_allclose(got, run[f"{source}_{name}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("form", "device"), FORMS)
@pytest.mark.parametrize("case", ["B1_wb0_wd0", "B1_wb1_wd0.01", "B4_wb1_wd0"])
def test_bcm_synapse(golden, form, device, case):
    run = golden("bcm")
    batch, bound, decay = (float(part.lstrip("Bwbd")) for part in case.split("_"))
    if batch > 1 and form == "spiking":
        pytest.skip("a batch has a rate form alone")
    rule = BCM(tau_w=run["tau_w"] * ms, tau_theta=run["tau_theta"] * ms, theta0=float(run["theta0"]),
               w_bound=bound, w_decay=decay)  # fmt: skip
    suffix = "B" if batch > 1 else ""
    result = replay(rule, run["pre" + suffix], run["post" + suffix], run["w0"], form=form, device=device)
    np.testing.assert_allclose(result.w[1:], run[f"{case}/weights"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.state["theta"][1:], run[f"{case}/theta"], rtol=0, atol=1e-5)
    assert np.abs(result.w - run["w0"]).max() > 0.2


# --- one contract for all rules ---------------------------------------------------------------------------------------

CASES = {
    "STDP": STDP(a_minus=-0.8, tau_minus=30 * ms),
    "STDP bounded": STDP(learning_rate=0.3, w_min=0.0, w_max=1.0),
    "STDP nearest": STDP(traces="nearest", convention="lag"),
    "MSTDP": MSTDP(convention="lag"),
    "MSTDPET": MSTDPET(a_minus=-0.8),
    "MSTDPET lag": MSTDPET(convention="lag", traces="nearest", tau_e=7 * ms),
    "TripletSTDP": TripletSTDP(),
    "TripletSTDP nearest": TripletSTDP.fit("hippocampus_nearest"),
    "DiehlCook": DiehlCook(a_minus=5e-3),
    "Clopath": Clopath(w_min=None, w_max=None, u_rest=-65 * mV),
    "Clopath bounded": Clopath(
        a_ltd=0.2 / mV,
        a_ltp=2 / mV**2,
        theta_minus=0.1 * mV,
        theta_plus=0.5 * mV,
        u_rest=0 * mV,
        u_ref=0.3 * mV,
        tau_mean=20 * ms,
        w_max=1.0,
    ),
    "BCM": BCM(w_bound=1.5, w_decay=0.1),
    "UrbanczikSenn": UrbanczikSenn(),
    "BidirectionalBTSP": BidirectionalBTSP(tau_eligibility=20 * ms, tau_instructive=9 * ms),
    "Burstprop": Burstprop(learning_rate=0.1, tau_avg=50 * ms, e_max=30 * Hz, tau_burst=7 * ms),
    "Burstprop EBCP": Burstprop.named("EBCP", learning_rate=0.1, tau_rate=50 * ms, tau_burst=7 * ms),
    "DendriticState": DendriticState(0.1),
    "DendriticState one-pass": DendriticState(0.1, one_pass=True),
    "DendriticLoss": DendriticLoss(0.1, sign=-1),
    "DendriticLoss excitatory": DendriticLoss(0.1),
    "HebbWeightNorm": HebbWeightNorm(0.1, forward_only=True),
    "HebbWeightNorm clipped": HebbWeightNorm(0.1, clipped=True, sign=-1),
    "SupervisedBCM": SupervisedBCM(0.1, theta_tau=3.0, k=0.7),
    "SupervisedBCM inhibitory": SupervisedBCM(0.1, theta_tau=3.0, k=0.7, sign=-1),
    "TemporalContrastHebb": TemporalContrastHebb(0.1),
    "TopDownHebb": TopDownHebb(0.1),
    "TopDownHebb settled": TopDownHebb(0.1, form="settled"),
    "TopDownHebb nudged": TopDownHebb(0.1, form="nudged"),
    "BTSP": BTSP(0.1, dep_th=0.3, dep_width=0.2, dep_ratio=0.7),
    "Oja": Oja(0.1),
}
MODULATED = [
    name for name, rule in CASES.items() if getattr(rule, "needs_modulator", False) or getattr(rule, "modulated", "")
]
GRADIENT = {"Backprop", "LocalBackprop"}
N_PRE, N_POST, STEPS = 4, 3, 120


def signals(rule):
    """Dense enough for coincidences; the reward changes at spikes and between them, and is 0 for a while."""
    rng = np.random.default_rng(3)
    pre, post = ((rng.random((STEPS, n)) < 0.15).astype(float) for n in (N_PRE, N_POST))
    assert (pre.max(axis=1) * post.max(axis=1)).sum() > 5
    modulator = np.repeat(rng.normal(size=STEPS // 8), 8) * (np.arange(STEPS) > 30)
    if type(rule).__name__ in RULES:
        pre, post = 1.3 * rng.random(pre.shape), 1.3 * rng.random(post.shape) * (rng.random(post.shape) > 0.2)
        modulator = rng.normal(size=pre.shape if rule.modulated == "pre_nudged" else post.shape)
    return pre, post, rng.random((N_POST, N_PRE)), modulator


def test_every_rule_is_in_the_contract():
    assert {type(rule).__name__ for rule in CASES.values()} == {*RULES, *TIMED_RULES} - GRADIENT


@pytest.mark.parametrize("device", ["runtime", pytest.param("cpp_standalone", marks=[*CPP.marks, pytest.mark.slow])])
@pytest.mark.parametrize("name", CASES)
def test_rate_form_equals_spiking_form(name, device):
    pre, post, w0, modulator = signals(CASES[name])
    rate = replay(CASES[name], pre, post, w0, modulator=modulator, dt=0.5 * ms)
    spiking = replay(CASES[name], pre, post, w0, modulator=modulator, dt=0.5 * ms, form="spiking", device=device)
    moved = np.abs(rate.w - w0).max()
    assert moved > 1e-3
    np.testing.assert_allclose(spiking.w, rate.w, rtol=0, atol=1e-12 + 1e-12 * moved)
    assert set(spiking.state) == set(rate.state)
    for state in rate.state:
        np.testing.assert_allclose(spiking.state[state], rate.state[state], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_two_replays_are_equal_and_signals_untouched(name, form):
    given = signals(CASES[name])
    copies = [array.copy() for array in given]
    first, second = (replay(CASES[name], *given[:3], modulator=given[3], form=form, device="runtime") for _ in range(2))
    assert first.w.tobytes() == second.w.tobytes()
    for state in first.state:
        assert first.state[state].tobytes() == second.state[state].tobytes()
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_no_presynaptic_activity_no_change(name, form):
    rule = CASES[name]
    pre, post, w0, modulator = signals(rule)
    if not rule.silent_inputs_keep_weights:  # these decay: let there be nothing to lose
        w0 = np.zeros_like(w0)
    if getattr(rule, "modulated", "") == "pre_nudged":
        modulator = 0 * modulator  # it would be presynaptic activity
    result = replay(rule, 0 * pre, post, w0, modulator=modulator, form=form, device="runtime")
    np.testing.assert_array_equal(result.w, np.broadcast_to(w0, result.w.shape))


@pytest.mark.parametrize("name", MODULATED)
@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_no_modulator_no_change(name, form):
    rule = CASES[name]
    if isinstance(rule, TemporalContrastHebb):
        rule = TemporalContrastHebb(0.1, relu_gate=False)
    pre, post, w0, _ = signals(rule)
    result = replay(rule, pre, post, w0, modulator=np.zeros(STEPS), form=form, device="runtime")
    np.testing.assert_allclose(result.w, np.broadcast_to(w0, result.w.shape), rtol=0, atol=1e-15)


def test_a_batch_moves_the_weights_by_the_sum_of_its_elements():
    """True where the change does not depend on W; each element has its own traces and reward."""
    rng = np.random.default_rng(5)
    pre, post = (rng.random((60, 4, 3)) < 0.2).astype(float), (rng.random((60, 4, 2)) < 0.2).astype(float)
    reward = rng.normal(size=(60, 4))
    for rule in (STDP(), MSTDP(convention="lag"), MSTDPET(), TripletSTDP()):
        batch = replay(rule, pre, post, 0.5, modulator=reward)
        single = [replay(rule, pre[:, b], post[:, b], 0.5, modulator=reward[:, b]) for b in range(4)]
        np.testing.assert_allclose(batch.w - 0.5, sum(one.w - 0.5 for one in single), atol=1e-12)
        for name, values in batch.state.items():
            np.testing.assert_allclose(values[:, 2], single[2].state[name], atol=1e-12)
        shared = replay(rule, pre, post, 0.5, modulator=reward[:, 0])
        assert shared.w.shape == (61, 2, 3)


def test_presentation_rules_take_batches_and_single_modulators():
    rng = np.random.default_rng(6)
    pre, post, plateau = rng.random((10, 3, 4)), rng.random((10, 3, 2)), rng.normal(size=(10, 3, 2))
    rule = DendriticState(0.1)
    expected = 0.3 + np.concatenate([np.zeros((1, 2, 4)), np.cumsum(0.1 * np.einsum("kbi,kbj->kij", plateau, pre), 0)])
    np.testing.assert_allclose(replay(rule, pre, post, 0.3, modulator=plateau).w, expected, atol=1e-12)
    one = replay(rule, pre[:, 0], post[:, 0], 0.3, modulator=plateau[:, 0, 0])
    both = replay(rule, pre[:, 0], post[:, 0], 0.3, modulator=np.repeat(plateau[:, 0, :1], 2, axis=1))
    np.testing.assert_array_equal(one.w, both.w)
    carried = replay(BTSP(0.1), pre, post, 0.3, modulator=plateau).state["past_plateau"]
    np.testing.assert_array_equal(carried[1:], plateau)


def test_states_can_be_chosen():
    pre, post, w0, reward = signals(MSTDPET())
    for form in ("rate", "spiking"):
        result = replay(MSTDPET(), pre, post, w0, modulator=reward, form=form, device="runtime", record=("p_plus",))
        assert set(result.state) == {"p_plus"} and result.state["p_plus"].shape == (STEPS + 1, N_PRE)


def test_time_of_rows():
    result = replay(STDP(), np.ones((3, 1)), np.ones((3, 1)), 0, dt=0.5 * ms)
    np.testing.assert_allclose(result.t, [-0.5, 0, 0.5, 1.0])
    few = replay(STDP(), np.ones((3, 1)), np.ones((3, 1)), 0, dt=0.5 * ms, keep=[-1, -3, 3])
    np.testing.assert_array_equal(few.kept, [1, 3])
    np.testing.assert_array_equal(few.w, result.w[[1, 3]])


def test_a_weight_read_is_a_weight_left_alone():
    """MSTDPET's synapses wait for events: recording them in every step must not touch them."""
    pre, post = np.zeros((300, 1)), np.zeros((300, 1))
    pre[10], post[15], post[290] = 1, 1, 1
    reward = np.ones(300)
    result = replay(MSTDPET(), pre, post, 0.2, modulator=reward, form="spiking", device="runtime")
    stepped = replay(MSTDPET(), pre, post, 0.2, modulator=reward)
    assert np.ptp(stepped.w[20:290]) > 1e-2  # it moves between events
    np.testing.assert_allclose(result.w, stepped.w, rtol=0, atol=1e-14)


PRE, POST = np.zeros((5, 3)), np.zeros((5, 2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rule": "STDP"}, "rule must be a learning rule"),
        ({"rule": STDP}, "rule must be a learning rule"),
        ({"rule": Backprop(0.1)}, "Backprop learns by a gradient"),
        ({"form": "spikes"}, "unknown form 'spikes': known are rate, spiking"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"dt": 1.0}, "replay.dt must be a quantity in s"),
        ({"dt": 0 * ms}, "replay.dt must be above"),
        ({"dt": 3 * Hz}, "replay.dt must be a quantity in s"),
        ({"pre": PRE[:, 0]}, r"pre must be \(steps, n\) or \(steps, batch, n\), got \(5,\)"),
        ({"pre": PRE[:4]}, r"pre \(4, 3\) and post \(5, 2\) must have the same number of steps"),
        ({"pre": "spikes"}, "pre must be an array of numbers"),
        ({"pre": PRE + np.nan}, "pre holds values that are not finite"),
        ({"w0": np.zeros((3, 2))}, r"w0 must be \(n_post, n_pre\) = \(2, 3\), got \(3, 2\)"),
        ({"w0": np.inf}, "w0 holds values that are not finite"),
        ({"rule": MSTDP()}, "MSTDP needs a modulator: a number for each of the 5 steps"),
        ({"rule": BTSP(0.1)}, "BTSP needs a modulator"),
        ({"rule": TemporalContrastHebb(0.1)}, "TemporalContrastHebb needs a modulator"),
        ({"rule": MSTDP(), "modulator": np.ones(4)}, r"modulator must be finite numbers \(5,\), got \(4,\)"),
        ({"rule": BTSP(0.1), "modulator": np.ones((5, 3))}, r"\(5,\) or \(5, 2\), got \(5, 3\)"),
        ({"rule": MSTDP(), "modulator": np.full(5, np.nan)}, "modulator holds values that are not finite"),
        ({"form": "spiking", "pre": PRE + 0.5}, "pre must hold spikes, 0 or 1, for the spiking form of STDP"),
        ({"form": "spiking", "pre": PRE[:, None], "post": POST[:, None]}, r"the spiking form takes \(steps, n\)"),
        ({"keep": "first"}, "keep must be 'all', 'last' or an array of rows from 0 to 5"),
        ({"keep": [2, 6]}, r"got \[2, 6\]"),
        ({"keep": [0]}, "one of them above 0"),
        ({"keep": [0.5]}, "keep must be"),
        ({"rule": STDP(w_max=0.4)}, "w0 must lie within the bounds of STDP, None to 0.4, got 0.5 to 0.5"),
        ({"record": ("z",)}, "unknown state to record 'z': known are p_minus, p_plus, zeta"),
        ({"record": ("z",), "form": "spiking", "device": "runtime"}, "unknown state to record 'z'"),
        ({"record": ("z",), "form": "spiking", "keep": "last"}, "unknown state to record 'z'"),
    ],
)
def test_mistakes_are_named(change, words):
    given = {"rule": STDP(), "pre": PRE, "post": POST, "w0": 0.5} | change
    with pytest.raises(SpikedtpError, match=words) as error:
        replay(given.pop("rule"), given.pop("pre"), given.pop("post"), given.pop("w0"), **given)
    assert "\n" not in str(error.value)


def test_the_rate_form_needs_no_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    given = {"pre": PRE + 1, "post": POST + 1, "w0": 0.5}
    assert replay(STDP(), **given).w.shape == (6, 2, 3)
    with pytest.raises(SpikedtpError, match=r"needs a C\+\+ compiler"):
        replay(STDP(), **given, form="spiking")


@pytest.mark.parametrize("form", ["rate", "spiking"])
@pytest.mark.parametrize("rule", [STDP(), DendriticState(learning_rate=0.1)], ids=["STDP", "DendriticState"])
def test_weights_keep_their_signs(rule, form):
    """From the first row on, where nothing happens."""
    w0 = np.array([[-0.5, 0.25], [0.0, -1.5], [2.0, -0.125]])
    found = replay(rule, np.zeros((3, 2)), np.zeros((3, 3)), w0, modulator=np.zeros(3), form=form, device="runtime").w
    np.testing.assert_array_equal(found, np.broadcast_to(w0, (4, 3, 2)))


# --- spike trains -----------------------------------------------------------------------------------------------------


def trains_of(raster: np.ndarray, dt: float) -> SpikeTrains:
    steps, cells = raster.nonzero()
    return SpikeTrains(steps * dt, cells, range(raster.shape[1]), stop=len(raster) * dt * second)


@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_spike_trains_are_their_arrays(form):
    rng = np.random.default_rng(4)
    pre, post, reward = rng.random((300, 4)) < 0.1, rng.random((300, 3)) < 0.1, rng.normal(size=300)
    options = dict(modulator=reward, dt=0.3 * ms, form=form, device="runtime")
    arrays = replay(MSTDPET(), pre, post, 0.5, **options)
    trains = replay(MSTDPET(), trains_of(pre, 3e-4), trains_of(post, 3e-4), 0.5, **options)
    np.testing.assert_array_equal(trains.w, arrays.w)
    assert np.ptp(arrays.w[-1]) > 1e-4


def test_trials_are_a_batch():
    rng = np.random.default_rng(5)
    pre, post = rng.random((200, 4)) < 0.1, rng.random((200, 3)) < 0.1
    onsets, duration = np.array([0, 100]) * ms, 100 * ms
    cut = [trains_of(raster, 1e-3).in_trials(onsets, duration) for raster in (pre, post)]
    batch = [np.stack([raster[:100], raster[100:]], axis=1) for raster in (pre, post)]
    np.testing.assert_array_equal(replay(STDP(), *cut, 0.5).w, replay(STDP(), *batch, 0.5).w)
    with pytest.raises(SpikedtpError, match=r"the spiking form takes \(steps, n\)"):
        replay(STDP(), *cut, 0.5, form="spiking", device="runtime")


def test_spike_trains_that_cannot_be_rows_are_named():
    trains = SpikeTrains([0.01, 0.0102], [0, 0], [0], stop=20 * ms)
    with pytest.raises(SpikedtpError, match=r"replay: post: 1 of 2 spikes shares a time step"):
        replay(STDP(), np.zeros((20, 1)), trains, 0.5)
    with pytest.raises(SpikedtpError, match=r"replay: pre: say when the recording ends"):
        replay(STDP(), SpikeTrains([0.01], [0], [0]), trains, 0.5)
    with pytest.raises(SpikedtpError, match="pre cannot be spike trains for BTSP, which learns once per presentation"):
        replay(BTSP(0.1), trains, np.zeros((20, 1)), 0.5)
    with pytest.raises(SpikedtpError, match=r"pre \(200, 1\) and post \(20, 1\) must have the same number of steps"):
        replay(STDP(), trains, np.zeros((20, 1)), 0.5, dt=0.1 * ms)
