"""Surrogate-gradient training: the fast gradient is the plain loop's, training learns, Dale's law holds."""

import numpy as np
import pytest
import torch
from sound_localisation import N_CLASSES, absolute_error, class_centres, draw_samples
from surrogate import SurrogateNetwork, initial_weights, plain_scores, train_surrogate

from spikedtp import SpikedtpError, run_torch_snn
from spikedtp.plasticity.constraints import SignMask


def random_net(dtype=torch.float64, n_hidden=7):
    generator = torch.Generator().manual_seed(1)
    x = (torch.rand(5, 30, 12, generator=generator) < 0.4).to(dtype)
    w1 = torch.randn(12, n_hidden, generator=generator).to(dtype).requires_grad_()
    return x, w1, torch.randn(n_hidden, 4, generator=generator).to(dtype).requires_grad_()


@pytest.mark.parametrize("network", [SurrogateNetwork(), SurrogateNetwork(alpha=0.6, threshold=0.5, beta=2.0)])
def test_scores_and_gradients_are_the_plain_loops(network):
    x, w1, w2 = random_net()
    gradients = []
    for scores in (plain_scores(network, x, w1, w2)[0], network.scores(x.transpose(0, 1), w1, w2)):
        loss = torch.nn.functional.cross_entropy(0.1 * scores, torch.tensor([0, 1, 2, 3, 0]))
        gradients.append((scores.detach(), *torch.autograd.grad(loss, (w1, w2))))
    assert all(g.abs().max() > 1e-3 for g in gradients[0])
    for plain, here in zip(*gradients, strict=True):
        torch.testing.assert_close(here, plain, rtol=1e-11, atol=1e-13)


def test_the_plain_loop_is_the_network_that_brian2_runs():
    x, w1, w2 = random_net()
    _, spikes, output = (a.detach().numpy() for a in plain_scores(SurrogateNetwork(), x, w1, w2))
    found, v = run_torch_snn([w1, w2], x, device="runtime")
    assert spikes.sum() > 50 and np.array_equal(found, spikes.astype(bool))
    np.testing.assert_allclose(v, output, rtol=1e-12, atol=1e-13)


def test_golden_scores(golden):
    arrays = golden("dale")
    for name in ("ie05_on", "ie05_off"):
        x = np.unpackbits(arrays[f"{name}/input_spikes_packed"], axis=1, count=100)
        w1, w2 = (torch.from_numpy(arrays[f"{name}/{key}"]).double() for key in ("w1", "w2"))
        scores = SurrogateNetwork().scores(torch.from_numpy(x).double().transpose(0, 1), w1, w2)
        np.testing.assert_allclose(scores, arrays[f"{name}/v_rec_f64"].sum(axis=1), rtol=1e-9)


def test_the_references_obey_the_mask_by_index(golden):
    arrays = golden("dale")
    for key in ("1", "2"):
        weight = arrays[f"ie05_on/w{key}"]
        mask = SignMask.by_index(len(weight), 0.5)
        assert np.array_equal(mask.array, arrays[f"ie05_on/sign{key}"])
        assert np.array_equal(mask.reflect(weight.T), weight.T)
    weight = arrays["ie05_off/w1"]
    assert not np.array_equal(SignMask.by_index(200, 0.5).reflect(weight.T), weight.T)


def test_training_learns_repeats_and_keeps_signs():
    data = draw_samples(512, np.random.default_rng(0))
    masks = SignMask.by_index(200, 0.3), SignMask.at_random(30, 0.3, np.random.default_rng(1))

    def run(masks=masks, **options):
        return train_surrogate(data.spikes, data.label, masks, n_classes=N_CLASSES, **options)

    first, again, other = run(epochs=10), run(epochs=10), run(epochs=1, seed=1)
    assert first.loss[-1] < 0.65 * first.loss[0]
    assert all(np.array_equal(a, b) for a, b in zip(first.weights, again.weights, strict=True))
    assert not np.array_equal(first.initial[0], other.initial[0])
    for name in ("initial", "weights"):
        for w, mask in zip(getattr(first, name), masks, strict=True):
            assert ((w * mask.array[:, None]) >= 0).all()
    for w, w0 in zip(first.weights, first.initial, strict=True):
        assert np.abs(w - w0).max() > 0.05
    accuracy = (first.score(data.spikes).argmax(axis=1) == data.label).mean()
    assert accuracy > 0.3
    free = run((SignMask.free(200), SignMask.free(30)), epochs=1)
    assert (free.weights[0] < 0).any(axis=1).sum() > 190


@pytest.mark.slow
def test_the_same_losses_as_the_notebook_loop():
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    spec = spec_from_file_location("benchmark", Path(__file__).parent / "benchmark_surrogate.py")
    benchmark = module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    data = draw_samples(1024, np.random.default_rng(0))
    masks = SignMask.by_index(200, 0.5), SignMask.by_index(30, 0.5)
    here = train_surrogate(data.spikes, data.label, masks, n_classes=N_CLASSES, epochs=1).loss[0]
    assert here == pytest.approx(benchmark.plain_epoch(data, masks), rel=1e-3)


def test_initial_weights_are_within_their_bounds():
    w1, w2 = initial_weights((200, 30, 12), torch.Generator().manual_seed(0))
    assert w1.shape == (200, 30) and 0.99 < w1.abs().max() * 30**0.5 <= 1
    assert w2.shape == (30, 12) and 0.95 < w2.abs().max() * 12**0.5 <= 1


def test_mistakes_are_named():
    masks = SignMask.free(200), SignMask.free(30)
    with pytest.raises(SpikedtpError, match=r"must be bool \(samples, steps, 200\), .* 2 labels"):
        train_surrogate(np.zeros((3, 10, 200), dtype=bool), np.zeros(2), masks, n_classes=12)
    with pytest.raises(SpikedtpError, match="n must be a whole number of at least 1, got 0"):
        draw_samples(0, np.random.default_rng(0))


# --- the task ---------------------------------------------------------------------------------------------------------


def test_samples_have_the_rates_and_classes_of_the_task():
    data = draw_samples(400, np.random.default_rng(3))
    assert data.spikes.shape == (400, 100, 200) and data.spikes.dtype == bool
    assert data.spikes.mean() == pytest.approx(0.6 * 0.375, abs=0.003)  # mean of (½(1 + sin))² is 3/8
    assert np.abs(data.ipd).max() < np.pi / 2 and set(data.label) == set(range(12))
    assert np.abs(class_centres()[data.label] - data.ipd).max() <= np.pi / 24 + 1e-9
    assert absolute_error(data.ipd, data.label) == pytest.approx(15 / 4, abs=0.3)  # uniform in a class of 15 degrees
    again = draw_samples(400, np.random.default_rng(3))
    assert np.array_equal(data.spikes, again.spikes)
    silent = data.without(np.arange(100))
    assert not silent.spikes[:, :, :100].any() and np.array_equal(silent.spikes[:, :, 100:], data.spikes[:, :, 100:])
    assert data.spikes[:, :, :100].any()


def test_the_second_ear_hears_the_tone_earlier_by_the_phase_difference():
    data = draw_samples(4000, np.random.default_rng(0))
    phase = np.exp(-2j * np.pi * 20e-3 * np.arange(100))
    angle = np.angle([[sample[:, ear].sum(axis=1) @ phase for ear in (slice(100), slice(100, 200))]
                      for sample in data.spikes[:300].astype(float)])  # fmt: skip
    difference = np.angle(np.exp(1j * (angle[:, 1] - angle[:, 0])))
    assert np.corrcoef(difference, data.ipd[:300])[0, 1] > 0.99


# --- sign masks -------------------------------------------------------------------------------------------------------


def test_sign_masks():
    weight = np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]], dtype=np.float32)
    mask = SignMask((1, -1, 0))
    assert mask.reflect(weight).tolist() == [[1, -2, 3], [4, -5, -6]]
    mask.apply(weight)
    assert weight.tolist() == [[1, -2, 3], [0, 0, -6]] and weight.dtype == np.float32
    assert SignMask.by_index(5, 0.4).signs == (-1, -1, 1, 1, 1)
    drawn = SignMask.at_random(50, 0.4, np.random.default_rng(0))
    assert drawn.array.sum() == 10 and drawn.signs != SignMask.by_index(50, 0.4).signs
    assert SignMask.free(2).reflect(weight[:, :2]).tolist() == weight[:, :2].tolist()
    with pytest.raises(SpikedtpError, match="3 signs do not fit weights"):
        mask.apply(np.ones((3, 2)))
    with pytest.raises(SpikedtpError, match=r"inhibitory must be a fraction from 0 to 1, got 1\.5"):
        SignMask.by_index(3, 1.5)
    with pytest.raises(SpikedtpError, match="signs must be -1, 0 or 1"):
        SignMask((1, 2))
