"""`run_eprop` against NEST 3.10 (golden runs and the losses of its own tests), and its two forms against each other."""

import json

import numpy as np
import pytest
from brian2 import Hz, ms
from hypothesis import assume, given
from hypothesis import strategies as st
from spiking.conditions import needs_compiler
from spiking.eprop.drawn import drawn

from spikedtp import SpikedtpError, run_eprop
from spikedtp.plasticity import EProp
from spikedtp.plasticity.eprop import PSEUDO_DERIVATIVES
from spikedtp.spiking.eprop.task import FEEDBACKS

SMALL = ["small_lif", "small_alif", "small_lif_exponential", "small_lif_fast_sigmoid", "small_alif_arctan"]
FORMS = [
    {"form": "rate"},
    {"form": "spiking", "device": "runtime"},
    pytest.param({"form": "spiking", "device": "cpp_standalone"}, marks=[needs_compiler, pytest.mark.slow]),
]
ADAPTATION = 1.7 * (1 - np.exp(-1 / 2000)) / (1 - np.exp(-1 / 20))


def nest_rule(parameters):
    """The rule of a NEST run, from its parameters."""
    cells, adapting = parameters.get("nrn_reg") or parameters["nrn_ad"], parameters.get("nrn_ad", {})
    beta = [0.0] * parameters.get("n_reg", 0) + [adapting.get("adapt_beta", 0.0)] * parameters.get("n_ad", 0)
    return EProp(
        tau_m=cells["tau_m"] * ms, v_threshold=cells["V_th"], t_refractory=cells["t_ref"] * ms, beta=beta,
        tau_adaptation=adapting.get("adapt_tau", 10.0) * ms, tau_readout=parameters["nrn_out"]["tau_m"] * ms,
        pseudo_derivative=cells["surrogate_gradient_function"], height=cells["surrogate_gradient_height"],
        width=cells["surrogate_gradient_width"], c_reg=cells["c_reg"], f_target=cells["f_target"] * Hz,
        spike_arrival="unit" if cells["regular_spike_arrival"] else "decay", loss=parameters["nrn_out"]["loss"],
        learning_window=parameters["lw"] * ms, average_gradient=parameters["average"],
        optimizer=parameters["opt"]["type"], learning_rate=parameters["opt"]["eta"],
    )  # fmt: skip


def raster(step, cell, intervals, steps, n):
    spikes = np.zeros((intervals * steps, n), dtype=bool)
    spikes[step, cell] = True
    return spikes.reshape(intervals, steps, n)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("options", FORMS)
def test_golden_runs_of_nest(golden, name, options):
    run = {key.partition(".")[2]: values for key, values in golden("eprop").items() if key.split(".")[0] == name}
    parameters = json.loads(str(run["params"]))
    shape = parameters["n_iter"], parameters["T"]
    x = raster(run["in_t"], run["in_i"], *shape, run["w_in_0"].shape[1])
    spikes = raster(run["rec_t"], run["rec_i"], *shape, len(run["w_rec_0"]))
    result = run_eprop(
        nest_rule(parameters), run["w_in_0"], run["w_rec_0"], run["w_out_0"], x, run["target"].reshape(*shape, -1),
        feedback=run["fb"], record=("v", "psi", "learning_signal"), **options,
    )  # fmt: skip
    assert np.array_equal(result.spikes, spikes)
    np.testing.assert_allclose(result.losses, run["losses"], rtol=1e-12)
    for found, change in ((result.w_in, "dw_in"), (result.w_rec, "dw_rec"), (result.w_out, "dw_out")):
        assert np.abs(run[change]).max() > 1e-5
        np.testing.assert_allclose(found[1:] - found[0], run[change], rtol=0, atol=1e-12)
    for found, recorded in (("v", "rec_V_m"), ("psi", "rec_surrogate_gradient"), ("learning_signal",) * 2):
        wanted = run[recorded if recorded in run else f"rec_{recorded}"]
        np.testing.assert_allclose(result.recorded[found].reshape(wanted.shape), wanted, rtol=0, atol=1e-12)


def float32(array):
    return np.array(array, dtype=np.float32)


def nest_weights(draw, n_in, n_rec):
    w_in = float32(draw.randn(n_in, n_rec).T / np.sqrt(n_in))
    w_rec = float32(draw.randn(n_rec, n_rec).T / np.sqrt(n_rec))
    np.fill_diagonal(w_rec, 0)
    return w_in, w_rec


def nest_regression():
    """The network, input and target that NEST's test of the regression task draws."""
    draw, steps, n = np.random.RandomState(1), 1000, 100
    w_in, w_rec = nest_weights(draw, n, n)
    w_out, b = (float32(each) for each in (draw.randn(n, 1).T / np.sqrt(n), draw.randn(n, 1) / np.sqrt(n)))
    x = draw.rand(steps, n) < 0.05
    x[0] = False
    heights, periods = draw.uniform(0.5, 2, 4), (1000, 500, 333, 200)
    waves = []
    for height, period in zip(heights, periods, strict=True):
        phase = draw.uniform(0, 2 * np.pi)
        waves.append(height * np.sin(phase + np.linspace(0, 2 * np.pi * (steps // period), steps)))
    target = np.sum(waves, axis=0)
    target -= target[0]
    target /= np.abs(target).max()
    rule = EProp(
        tau_m=30 * ms, v_threshold=0.03, tau_readout=30 * ms, height=10.0, width=0.03, c_reg=300.0,
        spike_arrival="decay", learning_rate=1e-4,
    )  # fmt: skip
    return (rule, w_in, w_rec, w_out, np.broadcast_to(x, (5, steps, n)), target[:, None]), b


def test_losses_of_nests_regression_test():
    task, b = nest_regression()
    wanted = [101.964356999041, 103.466731126205, 103.340607074771, 103.680244037686, 104.412775748752]
    np.testing.assert_allclose(run_eprop(*task, feedback=b).losses, wanted, rtol=1e-11)


def nest_classification(batch_size):
    """The same of the classification task, evidence accumulation."""
    draw, steps, n_in, n = np.random.RandomState(1), 2250, 40, 100
    w_in, w_rec = nest_weights(draw, n_in, n)
    limit = np.sqrt(3 / ((n + 2) / 2))
    w_out = float32(draw.uniform(-limit, limit, (n, 2)).T)
    b = float32(draw.randn(n, 2))
    x, classes = [], []
    for _ in range(5):
        spikes, right = cue_trials(draw, batch_size)
        x.append(spikes)
        classes.append(right)
    target = np.eye(2)[np.concatenate(classes)][:, None] + np.zeros((1, steps, 1))
    rule = EProp(
        t_refractory=5 * ms, beta=[0.0] * 50 + [ADAPTATION] * 50, c_reg=300.0, loss="cross_entropy",
        learning_window=150 * ms, average_gradient=True, optimizer="adam", learning_rate=5e-3,
    )  # fmt: skip
    return (rule, w_in, w_rec, w_out, np.concatenate(x), target), b


def cue_trials(draw, n_batch):
    """NEST's draws of cues and spikes of some trials."""
    probabilities = np.where(draw.choice([0, 1], n_batch) == 0, 0.3, 0.7)
    cues = np.array([draw.choice([0, 1], 7, p=[p, 1 - p]) for p in probabilities])
    rates = np.zeros((n_batch, 2250, 40))
    rates[:, :, 30:] = 0.01
    rates[:, -150:, 20:30] = 0.04
    for trial, sides in enumerate(cues):
        for place, side in enumerate(sides):
            start = 50 + 150 * place
            rates[trial, start : start + 100, 10 * side : 10 * side + 10] = 0.04
    spikes = rates > draw.rand(*rates.shape)
    spikes[:, 0] = False
    return spikes, (cues.sum(axis=1) > 3).astype(int)


@pytest.mark.parametrize(
    ("batch_size", "wanted"),
    [
        (1, [0.741152550006, 0.740388187700, 0.665785233177, 0.663644193322, 0.729428962844]),
        (2, [0.702163370672, 0.735555303152, 0.740354864111, 0.683882815282, 0.707841122268]),
    ],
)
def test_losses_of_nests_classification_test(batch_size, wanted):
    task, b = nest_classification(batch_size)
    found = run_eprop(*task, feedback=b, batch_size=batch_size)
    np.testing.assert_allclose(found.losses.reshape(5, batch_size).mean(axis=1), wanted, rtol=2e-11)
    assert found.w_in.shape == (6, 100, 40)


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 12))])
def test_both_forms_agree(seed):
    task, options = drawn(seed)
    rate, spiking = run_eprop(*task, **options), run_eprop(*task, **options, form="spiking", device="runtime")
    assert rate.spikes.any()
    for name in ("in", "rec", "out"):
        first, *_, last = getattr(rate, f"w_{name}")
        assert np.array_equal(first, last) == (name not in options["learns"])
    assert np.array_equal(rate.spikes, spiking.spikes)
    pairs = {name: (getattr(rate, name), getattr(spiking, name)) for name in ("output", "losses", "feedback")}
    pairs |= {name: (getattr(rate, name), getattr(spiking, name)) for name in ("w_in", "w_rec", "w_out")}
    pairs |= {name: (rate.recorded[name], spiking.recorded[name]) for name in options["record"]}
    for name, (one, other) in pairs.items():
        assert one.shape == other.shape, name
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-9, err_msg=name)
    assert not np.diagonal(rate.w_rec, axis1=1, axis2=2).any()


@pytest.mark.parametrize("loss", EProp.CHOICES["loss"])
def test_output_weights_follow_the_derivative_of_the_loss(loss):
    """The cells do not depend on them: their gradient is exact, if errors are not filtered away by the read-out."""
    task, _ = drawn(4)
    rule = EProp(loss=loss, learning_window=20 * ms, learning_rate=1.0, v_threshold=0.3, average_gradient=True)
    _, w_in, w_rec, w_out, x, _ = task
    rng, n_out = np.random.default_rng(0), len(w_out)
    target = np.eye(n_out)[rng.integers(n_out, size=x.shape[:2])][:1]
    losses = lambda w: run_eprop(rule, w_in, w_rec, w, x[:1], target, feedback="symmetric").losses[0]  # noqa: E731
    result = run_eprop(rule, w_in, w_rec, w_out, x[:1], target, feedback="symmetric")
    scale = 1.0 if loss == "cross_entropy" else n_out / 20  # this loss is a mean over outputs, a sum over steps
    for k, j in np.ndindex(w_out.shape):
        little = np.zeros_like(w_out)
        little[k, j] = 1e-5
        slope = scale * (losses(w_out + little) - losses(w_out - little)) / 2e-5
        np.testing.assert_allclose((result.w_out[0] - result.w_out[1])[k, j], slope, rtol=1e-6, atol=1e-9)


def test_feedback():
    task, _ = drawn(0)
    rule = EProp(v_threshold=0.3, learning_rate=0.01, feedback_decay=0.2)
    task = (rule, *task[1:5], np.ones((*task[4].shape[:2], len(task[3]))))
    symmetric, fixed, adaptive = (run_eprop(*task, feedback=name) for name in ("symmetric", "random", "adaptive"))
    assert np.array_equal(symmetric.feedback, symmetric.w_out[-1].T)
    drawn_b = np.random.default_rng(0).standard_normal(fixed.feedback.shape) / np.sqrt(len(fixed.feedback))
    assert np.array_equal(fixed.feedback, drawn_b)
    assert not np.array_equal(run_eprop(*task, feedback="random", seed=1).feedback, drawn_b)
    # both get the same changes and lose the same share: their difference only decays
    left = (1 - 0.2) ** len(task[4])
    np.testing.assert_allclose(adaptive.feedback - adaptive.w_out[-1].T, left * (drawn_b - task[3].T), atol=1e-12)


def test_one_recording_is_cut_into_update_intervals():
    (rule, w_in, w_rec, w_out, x, target), _ = drawn(1)
    weights, steps = (rule, w_in, w_rec, w_out), x.shape[1]
    long = run_eprop(
        *weights, x.reshape(-1, x.shape[2]), target.reshape(-1, target.shape[2]), feedback="symmetric",
        update_interval=steps * ms,
    )  # fmt: skip
    assert np.array_equal(long.w_in, run_eprop(*weights, x, target, feedback="symmetric").w_in)


def test_what_arrives_in_the_first_step_is_left_out_aloud():
    (rule, w_in, w_rec, w_out, x, target), _ = drawn(1)
    early = x.copy()
    early[0, 0] = True
    with pytest.warns(UserWarning, match=f"{x.shape[2]} input spikes in the first step of an update interval") as told:
        found = run_eprop(rule, w_in, w_rec, w_out, early, target, feedback="symmetric")
    assert told[0].filename == __file__
    assert np.array_equal(found.spikes, run_eprop(rule, w_in, w_rec, w_out, x, target, feedback="symmetric").spikes)


GOOD = {
    "rule": EProp(), "w_in": np.ones((3, 2)), "w_rec": np.zeros((3, 3)), "w_out": np.ones((2, 3)),
    "input_spikes": np.zeros((4, 10, 2)), "target": np.zeros((4, 10, 2)), "feedback": "symmetric",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rule": "eprop"}, "e-prop: rule must be an EProp, got 'eprop'"),
        ({"rule": EProp(beta=[0.1, 0.2])}, "EProp.beta must be one number or one for each of 3 cells, got 2"),
        ({"rule": EProp(learning_window=11 * ms)}, "EProp.learning_window must be at most the update interval"),
        ({"rule": EProp(learning_window=2.5 * ms)}, "EProp.learning_window must be a multiple of dt"),
        ({"rule": EProp(t_refractory=2 * ms), "dt": 1.5 * ms}, "EProp.t_refractory must be a multiple of dt"),
        ({"rule": EProp(loss="cross_entropy")}, "target must be probabilities that sum to 1"),
        ({"w_in": np.ones((4, 2))}, "w_in must be (n_rec, n_in) with n_rec = 3, as w_rec has, got (4, 2)"),
        ({"w_rec": np.ones((3, 3))}, "w_rec must be 0 on its diagonal"),
        ({"w_rec": np.zeros((3, 4))}, "w_rec must be (n_rec, n_rec), got (3, 4)"),
        ({"w_out": None}, "e-prop needs a read-out"),
        ({"w_out": np.zeros((0, 3))}, "e-prop needs a read-out"),
        ({"w_out": np.ones((2, 4))}, "w_out must be (n_out, n_rec) with n_rec = 3"),
        ({"w_in": [[np.nan, 1]] * 3}, "w_in holds values that are not finite"),
        ({"input_spikes": np.full((4, 10, 2), 0.5)}, "input_spikes must be spikes"),
        ({"input_spikes": np.zeros((4, 10, 3))}, "input_spikes must be (intervals, steps, n_in) with n_in = 2"),
        ({"target": np.zeros((4, 9, 2))}, "target must be (intervals, steps, n_out) = (4, 10, 2), got (4, 9, 2)"),
        ({"feedback": "mirror"}, "unknown feedback 'mirror': known are"),
        ({"feedback": np.ones((2, 3))}, "feedback must be (n_rec, n_out) = (3, 2), got (2, 3)"),
        ({"update_interval": 2.5 * ms}, "update_interval must be a multiple of dt = 1. ms, got 2.5 ms"),
        ({"update_interval": 7 * ms}, "input_spikes must be whole update intervals of 7 steps"),
        ({"batch_size": 3}, "batch_size must divide the number of intervals, 4, got 3"),
        ({"dt": 1.0}, "e-prop.dt must be a quantity in s"),
        ({"form": "event"}, "unknown form 'event': known are rate, spiking"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"record": "spikes"}, "unknown variable to record 'spikes'"),
        ({"learns": ("in", "readout")}, "unknown projection that learns 'readout': known are in, out, rec"),
    ],
)
def test_bad_input_gives_one_line(changed, message):
    with pytest.raises(SpikedtpError) as error:
        run_eprop(**GOOD | changed)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def refused(**changed):
    """The line that says what is wrong."""
    with pytest.raises(SpikedtpError) as error:
        run_eprop(**GOOD | changed)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250
    return str(error.value)


@given(name=st.text(max_size=12) | st.none() | st.booleans() | st.integers() | st.lists(st.text(), max_size=2))
def test_a_pseudo_derivative_or_feedback_without_that_name(name):
    assume(name not in (*FEEDBACKS, *PSEUDO_DERIVATIVES))
    with pytest.raises(SpikedtpError, match=r"^unknown EProp\.pseudo_derivative .*: known are ") as error:
        EProp(pseudo_derivative=name)
    assert "\n" not in str(error.value)
    told = refused(feedback=name)
    assert told.startswith("unknown feedback" if isinstance(name, str) else "feedback must be")


@given(shape=st.sampled_from([(0, 3), (3, 0), (0, 0), (0,), ()]), as_list=st.booleans())
def test_no_read_out(shape, as_list):
    empty = np.zeros(shape) if shape else None
    assert refused(w_out=empty.tolist() if as_list and shape else empty).startswith(
        "e-prop needs a read-out: give w_out"
    )


@given(
    dt=st.sampled_from([0.1, 0.25, 0.5, 1.0, 2.0]), whole=st.integers(0, 30), part=st.floats(0.01, 0.99),
    flat=st.booleans(),
)  # fmt: skip
def test_an_update_interval_that_is_no_multiple_of_dt(dt, whole, part, flat):
    x = np.zeros((40, 2) if flat else GOOD["input_spikes"].shape)
    told = refused(update_interval=(whole + part) * dt * ms, dt=dt * ms, input_spikes=x)
    assert told.startswith("update_interval must be a multiple of dt = ")
