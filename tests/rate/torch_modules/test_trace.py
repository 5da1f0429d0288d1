"""Layers that are read of torch modules: what they compute, and what is refused."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rate.torch_modules.drawn_modules import Drawn, Settled
from torch import nn

from spikedtp import SpikedtpError
from spikedtp.rate.torch_modules.layered import OUTPUT
from spikedtp.rate.torch_modules.trace import layers_of, unwrapped


@pytest.mark.parametrize("seed", range(60))
def test_drawn_modules_compute_the_same(seed):
    module = Drawn(seed).eval()
    layered = layers_of(module)
    x = torch.rand(7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        wanted = copy.deepcopy(module).double()(x).numpy()
    assert np.allclose(layered.activity(x.numpy())[OUTPUT], wanted, rtol=0, atol=1e-12 * max(1, abs(wanted).max()))
    assert len(layered.layers) == len(module.linear) + 1
    assert layered.layers[OUTPUT].activation == ("relu" if module.rectified else "linear")


@pytest.mark.parametrize("seed", range(20))
def test_recurrent_layers_take_the_same_steps(seed):
    module = Settled(seed).eval()
    layered = layers_of(module)
    x = torch.rand(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    for n_steps in (1, 2, 9):
        with torch.no_grad():
            wanted = copy.deepcopy(module).double()(x[:, None].repeat(1, n_steps, 1)).numpy()
        assert np.allclose(layered.activity(x.numpy(), n_steps)[OUTPUT], wanted, rtol=0, atol=1e-12)


def test_the_module_stays_as_it_was():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 2))  # training
    before = {name: value.clone() for name, value in module.state_dict().items()}
    layers_of(module)
    assert module.training and all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert module[0].weight.requires_grad and module[0].weight.dtype == torch.float32


def test_a_softmax_at_the_end_is_left_out():
    body = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    bare = layers_of(body)
    for end in (nn.Softmax(dim=1), nn.LogSoftmax(dim=-1)):
        found = layers_of(nn.Sequential(*body, end))
        assert all(np.array_equal(found.layers[OUTPUT].weights[k], w) for k, w in bare.layers[OUTPUT].weights.items())


def test_wrappers_are_taken_off():
    module = nn.Sequential(nn.Linear(2, 2))
    assert unwrapped(nn.DataParallel(module)) is module
    assert unwrapped(torch.compile(module)) is module


class Written(nn.Module):
    """A module whose forward is given."""

    def __init__(self, forward):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.written = forward

    def forward(self, x):
        return self.written(self.linear, x)


class TwoInputs(nn.Module):
    def forward(self, x, y):
        return x + y


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 2)), r"layer '1' \(Sigmoid\) has no counterpart"),
        (nn.Sequential(nn.Linear(4, 4), nn.GELU()), r"layer '1' \(GELU\) has no counterpart"),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), r"layer '1' \(LayerNorm\) has no counterpart"),
        (nn.Sequential(nn.LSTM(4, 3, batch_first=True)), r"layer '0' \(LSTM\) has no counterpart"),
        (nn.LeakyReLU(), "the shape of its input is unknown"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 2)), "a softmax can only be the end"),
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False)), "no running statistics"),
        (nn.RNN(4, 3, batch_first=True), "nonlinearity tanh"),
        (nn.RNN(4, 3, nonlinearity="relu"), "batch_first=True"),
        (nn.RNN(4, 3, nonlinearity="relu", batch_first=True, bidirectional=True), "is bidirectional"),
        (Written(lambda linear, x: torch.tanh(linear(x))), r"tanh\(\) has no counterpart"),
        (Written(lambda linear, x: linear(x) * linear(x)), r"mul\(\) has no counterpart"),
        (Written(lambda linear, x: 1 / linear(x)), r"truediv\(\) has no counterpart"),
        (Written(lambda linear, x: linear(x) ** 2), r"pow\(\) has no counterpart"),
        (Written(lambda linear, x: linear(x).clamp(0, 1)), r"clamp\(\) has no counterpart"),
        (Written(lambda linear, x: linear(x).clamp(min=False)), r"clamp\(\) has no counterpart"),
        (Written(lambda linear, x: F.dropout(linear(x))), "write training=self.training"),
        (Written(lambda linear, x: linear(x) if x.sum() > 0 else x), "cannot be traced by torch.fx"),
        (Written(lambda linear, x: linear(x).mean(0)), r"mean\(\) mixes samples"),
        (Written(lambda linear, x: (linear(x), x)), "must give back one tensor"),
        (Written(lambda linear, x: linear.weight), "must give back one tensor"),
        (Written(lambda linear, x: linear(x).flip(0)), r"flip\(\) has no counterpart"),
        (Written(lambda linear, x: linear(x[:, :3])), "cannot be applied"),
        (nn.Sequential(nn.Linear(4, 4), TwoInputs()), "missing 1 required positional argument"),
        (nn.Sequential(nn.Linear(4, 4), nn.MaxPool1d(2)), r"MaxPool1d\) has no counterpart"),
    ],
)
def test_what_has_no_counterpart_is_named(module, named):
    with pytest.raises(SpikedtpError, match=named) as caught:
        layers_of(unwrapped(module).eval())
    assert "\n" not in str(caught.value)


def test_what_mixes_samples_in_silence_is_seen():
    """An operation that is allowed, used so that samples depend on one another."""
    module = Written(lambda linear, x: linear(x) - linear(x).mean(0, keepdim=True))
    with pytest.raises(SpikedtpError, match=r"mixes samples|does not compute what it computes"):
        layers_of(module)


def test_what_is_no_module_is_refused():
    for wrong in (3, nn.Linear, {"weight": torch.zeros(2, 2)}):
        with pytest.raises(SpikedtpError, match=r"must be a torch\.nn\.Module"):
            unwrapped(wrong)
    with pytest.raises(SpikedtpError, match="TorchScript"):
        unwrapped(torch.jit.script(nn.Linear(2, 2)))
    broken = nn.Linear(2, 2)
    broken.weight.data[0, 0] = torch.nan
    with pytest.raises(SpikedtpError, match="not finite"):
        layers_of(broken)
