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


def with_zero_kernels():
    module = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3))
    nn.init.zeros_(module[0].weight)
    return module


def test_a_weight_that_is_zero_by_chance_is_a_synapse():
    full, empty = with_zero_kernels(), with_zero_kernels()
    nn.init.uniform_(full[0].weight, 0.5, 1)
    masks = [layers_of(module, (1, 4, 4)).layers["H1"].masks["Input"] for module in (full, empty)]
    assert np.array_equal(*masks) and masks[0].sum() == 3 * (4 + 6 + 6 + 9)


class Two(nn.Module):
    """Two layers, and what a subclass does with them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.head, self.body = nn.Linear(6, 3), nn.Linear(8, 6)
        self.offset = torch.full((8,), 0.25)
        self.inplace = nn.ReLU(inplace=True)
        nn.init.constant_(self.body.bias, 0.5)


class InPlace(Two):
    def forward(self, x):
        h = self.body(x)
        return self.head(self.inplace(h) + h)  # h is rectified by now


class InPlaceFunction(Two):
    def forward(self, x):
        h = self.body(x)
        F.relu_(h)
        h.add_(1.0)
        return self.head(h)


class InPlaceInput(Two):
    def forward(self, x):
        x = x - self.offset
        x.sub_(0.5).div_(0.3)
        return self.head(torch.relu(self.body(x)))


class Types(Two):
    def forward(self, x, hidden=False):
        h = F.relu(self.body(x.float()))
        if hidden:
            return h
        return self.head(h.to(torch.float32))


class OneNumber(Two):
    def forward(self, x):
        return self.head(torch.relu(self.body(x)))[:, 0]


class Auxiliary(Two):
    def forward(self, x):
        h = torch.relu(self.body(x))
        torch.relu(2 * h)  # a head that nobody reads
        return self.head(h)


class Kept(Two):
    def forward(self, x):
        self.kept = torch.relu(self.body(x))
        return self.head(self.kept)


@pytest.mark.parametrize("kind", [InPlace, InPlaceFunction, InPlaceInput, Types, OneNumber, Auxiliary, Kept])
def test_ways_to_write_a_forward(kind):
    module = kind().eval()
    x = torch.randn(9, 8, generator=torch.Generator().manual_seed(1)) * 2
    wanted = module(x.clone()).detach().reshape(9, -1).numpy()
    found = layers_of(module, (8,))
    assert list(found.layers) == ["H1", OUTPUT]
    assert np.allclose(found.activity(x.numpy())[OUTPUT], wanted, atol=1e-5)


def test_parametrised_layers_are_read_and_stay():
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), nn.ReLU(), nn.Linear(5, 2))
    x = torch.randn(6, 4)
    found = layers_of(module)
    assert np.allclose(found.activity(x.numpy())[OUTPUT], module(x).detach(), atol=1e-5)


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (nn.Sequential(nn.LazyLinear(4)), "run the module once"),
        (nn.Sequential(nn.Linear(4, 0), nn.ReLU(), nn.Linear(0, 3)), "H1 would have no cells"),
        (nn.Sequential(nn.Linear(4, 4, dtype=torch.complex64)), "must be real numbers"),
        (InPlace(), r"give example= if they have another"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_modules_that_cannot_be_read(module, named):
    with pytest.raises(SpikedtpError, match=named) as caught:
        layers_of(module)
    assert "\n" not in str(caught.value)
