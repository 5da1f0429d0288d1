"""Targets whose error is the gradient of the cross entropy."""

import numpy as np
import pytest
import torch
from torch import nn

from spikedtp import SpikedtpError, cross_entropy_target, from_torch


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_backprop_to_this_target_is_that_of_the_cross_entropy(scale):
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    network = from_torch(module, output_scale=scale)
    x, label = torch.rand(5), torch.tensor(2)
    nn.functional.cross_entropy(module(x), label).backward()
    activity = network.present(x).activity["OutputE"][-1]
    response = network.present(x, cross_entropy_target(activity, np.eye(3)[2], output_scale=scale))
    for name, layer in (("H1E_InputE", 0), ("OutputE_H1E", 2)):
        wanted = -module[layer].weight.grad.numpy()
        found = response.backprop_update(name)
        # the slope of a mean square over 3 outputs is 2/3 of the error; output weights are `scale` times the module's
        factor = 0.01 * 2 / 3 * (scale if layer == 0 else 1)
        assert np.allclose(found, factor * wanted, atol=2e-5 * np.abs(factor * wanted).max())


def test_errors_are_never_clipped():
    rng = np.random.default_rng(1)
    activity = rng.normal(size=(50, 10)) * 100
    error = cross_entropy_target(activity, np.eye(10)[rng.integers(10, size=50)]) - activity
    assert np.abs(error).max() < 1 + 1e-12 and np.allclose(error.sum(axis=1), 0)


def test_what_does_not_fit_is_refused():
    for activity, target, options, wrong in (
        ([1.0, 2.0], [1, 0, 0], {}, "must have one shape"),
        ([1.0, np.nan], [1, 0], {}, "not finite"),
        ([1.0, 2.0], [1, 0], {"output_scale": -1}, "above 0"),
    ):
        with pytest.raises(SpikedtpError, match=wrong):
            cross_entropy_target(activity, target, **options)
