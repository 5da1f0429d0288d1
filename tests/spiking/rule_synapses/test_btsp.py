"""Dense synapses that learn by BTSP: against the equations on recorded traces, the rate form, and theory."""

import numpy as np
import pytest
from brian2 import Clock, Hz, Network, NeuronGroup, StateMonitor, ms, mV, prefs, second
from brian2.core.base import BrianObjectException
from scipy.special import expit

from spikedtp.errors import SpikedtpError
from spikedtp.neurons.group import INPUTS, make_group
from spikedtp.plasticity import STDP, BidirectionalBTSP, learn_laps, plateau_gate
from spikedtp.spiking.engine.batch import RunInputs
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.run import run_on
from spikedtp.spiking.parts.initial_state import start_cells
from spikedtp.spiking.parts.random_numbers import RANDOM_NUMBERS
from spikedtp.synapses import BTSPSynapses

STEPS, PLATEAU = 2500, 1000  # of 1 ms
N, N_REGULAR = 250, 20
W0 = np.array([1.0, 3.5])  # of two cells
RULE = BidirectionalBTSP(eligibility_peak=0.9, instructive_peak=0.5, peak_rate=40 * Hz)
OFTEN = BidirectionalBTSP(eligibility_peak=0.9, instructive_peak=0.5, peak_rate=400 * Hz)
LAP = f"t_in_timesteps == {STEPS - 1}"
ACTIVITY = np.linspace(0.1, 1, N_REGULAR)


def build() -> BuiltNetwork:
    """Poisson cells that fire at the peak rate, of 40 and of 400 Hz, and regular ones; two cells with one plateau."""
    clock = Clock(1 * ms, name="btsp_clock")
    gate = f"int(t_in_timesteps >= {PLATEAU})*int(t_in_timesteps < {PLATEAU + 300})"
    cells = NeuronGroup(2, RULE.instructive_equations(gate), method="euler", clock=clock, name="cells", namespace={})
    groups = {
        name: make_group(
            rule.presynaptic_cells(), N, slots=INPUTS, clock=clock, name=name, namespace=dict(RANDOM_NUMBERS)
        )
        for name, rule in (("poisson", RULE), ("often", OFTEN))
    }
    groups["regular"] = NeuronGroup(
        N_REGULAR,
        "deligibility/dt = -eligibility/(1664.103*ms) : 1\ndphase/dt = rate : 1\nrate : Hz (constant)",
        threshold="phase >= 1 - 1e-9", reset="phase -= 1\neligibility += 1/(40*Hz*1664.103*ms)", method="euler",
        clock=clock, name="regular", namespace={},
    )  # fmt: skip
    net = Network(cells, *groups.values(), name="btsp_network")

    def start():
        for name, rule in (("poisson", RULE), ("often", OFTEN)):
            start_cells(groups[name], rule.presynaptic_cells().declaration(), more={"activity": "1"})

    built = BuiltNetwork(net, clock, STEPS, start=start, precision=np.float64)
    built.constants["regular.rate"] = (groups["regular"].variables["rate"], 40 * ACTIVITY)
    for name, rule in (("poisson", RULE), ("often", OFTEN)):
        for key, value in rule.presynaptic_cells().quantities().items():
            built.constants[f"{name}.{key}"] = (groups[name].variables[key], np.array([float(value)]))
    for name, group in groups.items():
        for update, laps in (("continuous", None), ("per_lap", LAP)):
            key = f"{name}_{update}"
            synapses = BTSPSynapses(group, cells, rule=RULE, laps=laps, clock=clock, name=key)
            built.constants[key] = (
                synapses.variables["w"], synapses.flat(np.repeat(W0[:, None], len(group), axis=1))
            )  # fmt: skip
            built.vectors[key] = synapses.variables["w"]
            net.add(synapses, *synapses.contained_objects)
    for name, group, variable, record in (
        ("eligibility", groups["poisson"], "eligibility", np.arange(10)), ("instructive", cells, "instructive", [0])
    ):  # fmt: skip
        monitor = StateMonitor(group, variable, record=record, when="end", order=5, clock=clock, name=f"{name}_trace")
        built.traces[name] = (monitor, variable)
        net.add(monitor)
    net.add(*(each for group in (cells, *groups.values()) for each in group.contained_objects))
    return built


@pytest.fixture(scope="module", params=["runtime", pytest.param("cpp_standalone", marks=pytest.mark.slow)])
def found(request):
    results = run_on(request.param, build, RunInputs({}, pattern=np.zeros(1, dtype=int), seeds=np.array([5])))
    weights = {name: rows[0].reshape(-1, 2).T for name, rows in results.vectors.items()}
    return weights, {name: rows[0] for name, rows in results.traces.items()}


def rates_of_change(overlap):
    """k+ q+ and k- q- as the paper has them, written anew."""

    def gain(alpha, h):
        low, high = expit(-2 * alpha / h), expit(2 * (1 - alpha) / h)
        return (expit(2 * (overlap - alpha) / h) - low) / (high - low)

    return 1.109682 * gain(0.4150117, 0.4541096), 0.4249387 * gain(0.02618154, 0.09977173)


def test_weights_follow_from_the_recorded_traces(found):
    weights, traces = found
    e, i = traces["eligibility"][10::10], traces["instructive"][10::10]
    assert e.max() > 0.7 and i.max() == pytest.approx(1 - np.exp(-300 / 437.0065), rel=1e-2)
    up, down = rates_of_change(e * i / 0.45)
    for cell, w0 in enumerate(W0):
        w = np.full(10, w0)
        for a, b in zip(up * 0.01, down * 0.01, strict=True):
            total = np.maximum(a + b, 1e-300)
            w = w + (a * (RULE.w_max - w) - b * w) * -np.expm1(-total) / total
        np.testing.assert_allclose(weights["poisson_continuous"][cell, :10], w, rtol=1e-10)
        once = w0 + up.sum(axis=0) * 0.01 * (RULE.w_max - w0) - down.sum(axis=0) * 0.01 * w0
        np.testing.assert_allclose(weights["poisson_per_lap"][cell, :10], np.clip(once, 0, RULE.w_max), rtol=1e-10)
    assert weights["poisson_per_lap"][0].min() > 1.2 and weights["poisson_per_lap"][1].max() < 3.4


def in_rates(activity, update):
    rates = np.repeat(np.asarray(activity)[:, None], STEPS // 10, axis=1)
    gate = plateau_gate([PLATEAU] * ms, STEPS // 10, 10 * ms)
    return learn_laps(RULE, W0[:, None], rates, gate, dt=10 * ms, update=update).w[-1]


@pytest.mark.parametrize("update", ["continuous", "per_lap"])
def test_regular_trains_give_the_rate_form(found, update):
    """A regular train makes a trace that is off by at most half a spike."""
    weights, expected = found[0][f"regular_{update}"], in_rates(ACTIVITY, update)
    start = np.repeat(W0[:, None], N_REGULAR, axis=1)
    assert (np.abs(weights - expected) < 0.02 * np.abs(expected - start).max()).all()


def test_the_mean_over_poisson_trains_is_that_of_theory(found):
    """The trace of a train at the peak rate is nearly normal: Campbell's mean and variance, and the gain's mean by
    quadrature. The integrals of the update per lap are linear in the gains."""
    t = np.arange(10, STEPS, 10) * 1e-3
    tau, step = 1.664103, 1e-3 / 0.4370065
    gate = (np.arange(STEPS) >= PLATEAU) & (np.arange(STEPS) < PLATEAU + 300)
    i = np.zeros(STEPS)
    for k in range(1, STEPS):
        i[k] = i[k - 1] + step * (gate[k - 1] - i[k - 1])
    for name, peak_rate in (("poisson", 40.0), ("often", 400.0)):
        nodes, share = np.polynomial.hermite_e.hermegauss(20)
        mean, variance = 1 - np.exp(-t / tau), (1 - np.exp(-2 * t / tau)) / (2 * tau * peak_rate)
        overlap = (mean + np.sqrt(variance) * nodes[:, None]) * i[10::10] / 0.45
        up, down = ((share @ gain).sum() / share.sum() * 0.01 for gain in rates_of_change(overlap))
        for cell, w0 in enumerate(W0):
            w, expected = found[0][f"{name}_per_lap"][cell], w0 + up * (RULE.w_max - w0) - down * w0
            error = w.std(ddof=1) / np.sqrt(N)
            # 4.42 standard errors, and 1 % of the change: spikes in one step count once, a plateau begins in a step
            assert abs(w.mean() - expected) < 4.42 * error + 0.01 * abs(expected - w0)


def test_more_spikes_come_closer_to_the_rate_form(found):
    """Ten times as many spikes, each with a tenth of the weight, as of ten cells for each input."""
    for update in ("continuous", "per_lap"):
        expected = in_rates([1.0], update)[:, 0]
        few, many = (found[0][f"{name}_{update}"] for name in ("poisson", "often"))
        np.testing.assert_allclose(few.std(axis=1) / many.std(axis=1), np.sqrt(10), rtol=0.2)
        assert (np.abs(many.mean(axis=1) - expected) < 0.015 * np.abs(expected - W0)).all()


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.fixture
def groups():
    target, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield (
        NeuronGroup(3, "eligibility : 1", threshold="False", reset="", dt=1 * ms),
        NeuronGroup(2, "instructive : 1\nv : volt\ninput_soma : 1", dt=1 * ms),
    )
    prefs.codegen.target = target


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rule": STDP()}, "BTSPSynapses: rule must be a BidirectionalBTSP, got STDP"),
        ({"eligibility": "trace"}, "unknown trace of the source neurongroup[_0-9]* 'trace'"),
        ({"instructive": "plateau"}, "unknown trace of the target neurongroup[_0-9]* 'plateau'"),
        ({"every": 10}, "BTSPSynapses.every must be a quantity in s"),
        ({"every": 0 * ms}, "BTSPSynapses.every must be above 0. s"),
        ({"instructive": "v"}, "the trace 'v' of the target neurongroup[_0-9]* must have no units, got one in volt"),
        ({"eligibility": "eligible"}, "'eligible': known are eligibility$"),
        ({"parameters": {"w_max": 2.0}}, "BTSPSynapses: 'w_max' is a constant of the rule: give the parameter another"),
        ({"laps": 3}, "btspsynapses[_0-9]*: at must be an expression, given as text, got 3"),
        ({"onto": "v"}, "weights of BidirectionalBTSP have no units, so gain must be in those of 'v': give gain"),
    ],
)
def test_mistakes_are_named(groups, given, words):
    with pytest.raises(SpikedtpError, match=words):
        BTSPSynapses(*groups, **({"rule": RULE} | given))


def test_changes_are_not_more_frequent_than_steps(groups):
    synapses = BTSPSynapses(*groups, rule=RULE, every=0.5 * ms, name="too_often")
    with pytest.raises(BrianObjectException) as wrapped:
        Network(*groups, synapses).run(2 * ms)
    assert "too_often: every = 0.5 ms must be at least the time step, 1. ms" in str(wrapped.value.__cause__)


@pytest.mark.parametrize("given", [RULE.w_max + 1, -1.0, np.nan])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_begin_within_their_bounds(groups, given, dtype):
    synapses = BTSPSynapses(*groups, rule=RULE, dtype=dtype, name="outside")
    network = Network(*groups, synapses)
    synapses.weights = RULE.w_max  # the bound itself, as that type has it
    network.run(1 * ms)
    synapses.weights = given
    with pytest.raises(BrianObjectException) as wrapped:
        network.run(1 * ms)
    assert "outside: weights must begin within their bounds, 0 to 4.68031, got" in str(wrapped.value.__cause__)


def test_cells_may_have_any_variable_of_their_own(groups):
    """The code of the rule takes no name from them."""
    others = ["x", "up", "down", "lost", "share", "grown", "shrunk", "overlap", "every", "k_plus", "w", "w_max"]
    found = []
    for names in ([], others):
        source = NeuronGroup(3, "eligibility : 1", threshold="False", reset="", dt=1 * ms)
        target = NeuronGroup(2, "\n".join(f"{name} : 1" for name in ["instructive", *names]), dt=1 * ms)
        made = [BTSPSynapses(source, target, rule=RULE, laps=laps) for laps in (None, "t_in_timesteps == 25")]
        for name in names:
            setattr(target, name, 7.0)
        source.eligibility, target.instructive = 1, 0.4
        for synapses in made:
            synapses.weights = 1.0
        Network(source, target, *made).run(30 * ms)
        found.append([synapses.weights for synapses in made])
        assert all((target.state(name)[:] == 7).all() for name in names)
    np.testing.assert_array_equal(*found)
    assert all(1.001 < weights.min() for weights in found[0])


def test_repr(groups):
    made = BTSPSynapses(*groups, rule=RULE, name="these")
    made.connect(i=[0, 1], j=[0, 1])
    assert repr(made) == "<BTSPSynapses 'these': BidirectionalBTSP, 3 -> 2 cells, 2 synapses, dense>"


def test_in_a_network_of_ones_own_with_a_gain_in_volts(groups):
    source, target = groups
    synapses = BTSPSynapses(source, target, "v", rule=RULE, gain=0.2 * mV, every=1 * ms)
    source.eligibility, target.instructive, synapses.weights = 1, [0, 0.5], 1.0
    Network(source, target, synapses).run(1 * second)
    up, down = rates_of_change(0.5 / 0.45)
    expected = RULE.w_max * up / (up + down)
    expected += (1 - expected) * np.exp(-(up + down) * 0.999)
    np.testing.assert_allclose(synapses.weights, np.repeat([[1.0], [expected]], 3, axis=1), rtol=1e-9)
