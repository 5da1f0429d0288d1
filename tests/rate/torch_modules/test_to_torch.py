"""Rate networks as torch modules, there and back."""

import numpy as np
import pytest
import torch
from rate.torch_modules.drawn_modules import Drawn, Settled
from torch import nn

from spikedtp import SpikedtpError, from_torch, load_rate_network, to_torch
from spikedtp.circuit import CircuitBuilder
from spikedtp.rate import SettlingNetwork


def settled(network, x):
    return network.present(x).activity[network.circuit.output.name][:, network.circuit.forward_steps - 1]


@pytest.mark.parametrize("dale", [False, True])
@pytest.mark.parametrize("seed", range(15))
def test_there_and_back(seed, dale):
    module = Drawn(seed).eval() if seed % 3 else Settled(seed).eval()
    network = from_torch(module, dale=dale)
    x = torch.rand(5, network.circuit.input.size, generator=torch.Generator().manual_seed(seed))
    back = to_torch(network)
    wanted = settled(network, x)
    assert np.allclose(back(x).detach(), wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))
    if isinstance(back, nn.Sequential):
        again = settled(from_torch(back), x)
    else:
        again = settled(back.to_rate_network(), x)
    assert np.allclose(again, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("circuit", ["digits_dtp", "digits_backprop_dale", "mnist_dtp_learned_top_down"])
def test_shipped_circuits_settle_as_they_do(circuit):
    network = load_rate_network(circuit, seed=3)
    x = torch.rand(4, network.circuit.input.size, generator=torch.Generator().manual_seed(1))
    module = to_torch(network)
    assert isinstance(module, SettlingNetwork)
    assert np.allclose(module(x).detach(), settled(network, x), atol=2e-5)


def test_training_it_in_torch_and_taking_it_back():
    network = from_torch(Settled(3).eval())  # with biases
    module, x = to_torch(network), torch.rand(6, 4, generator=torch.Generator().manual_seed(1))
    optimiser = torch.optim.Adam(module.parameters(), 0.05)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(module(x), torch.tensor([0, 1, 2, 0, 1, 2]))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    trained = module.to_rate_network()
    assert np.allclose(settled(trained, x), module(x).detach(), atol=1e-5)
    assert not np.allclose(settled(network, x), settled(trained, x), atol=1e-3)  # the first one stays as it was
    state = trained.present(x[0], np.eye(3)[0]).dendritic_state["H1E"][trained.circuit.forward_steps - 1]
    assert np.abs(state).max() < 1e-5  # copies followed: the interneurons still predict


@pytest.mark.parametrize("make", [lambda: from_torch(Settled(1).eval(), dale=True), lambda: sparse_network()])
def test_training_stays_inside_bounds_and_masks(make):
    network = make()
    module, x = to_torch(network), torch.rand(6, network.circuit.input.size)
    assert isinstance(module, SettlingNetwork)
    optimiser = torch.optim.SGD(module.parameters(), 0.02)
    for _ in range(20):
        optimiser.zero_grad()
        module(x).square().sum().backward()
        optimiser.step()
    trained = module.to_rate_network()
    assert np.allclose(settled(trained, x), module(x).detach(), atol=1e-4)
    for p in trained.circuit.projections:
        p.bounds.apply(bounded := trained.weights[p.name].copy())
        assert np.array_equal(bounded, trained.weights[p.name])
    for name, connected in network.masks.items():
        assert not trained.weights[name][~connected].any()


def sparse_network():
    net = CircuitBuilder("sparse", dale=False, tau=1, forward_steps=5)
    net.input(6)
    net.layer("H1", 8, probability=0.4, seed=1)
    net.layer("Output", 3)
    return load_rate_network(net.build(), seed=2)


def test_one_sample_and_wrong_shapes():
    network = from_torch(Settled(2).eval())
    module, x = to_torch(network), torch.rand(3, 4)
    assert torch.allclose(module(x[1]), module(x)[1]) and module(x[1]).shape == (3,)
    for wrong in (torch.rand(5), torch.rand(2, 1, 4)):
        with pytest.raises(SpikedtpError, match=r"x must be \(samples, 4\)"):
            module(wrong)


def test_a_population_that_has_a_bias_alone_drives_others():
    net = CircuitBuilder("driven", dale=False, tau=1, forward_steps=6)
    net.input(3)
    net.layer("H1", 4)
    net.population("H1", "I", 2, bias=True, bias_init="fill_", bias_init_args=(0.7,))
    net.connect("H1E", "H1I")
    net.layer("Output", 2)
    network, x = load_rate_network(net.build(), seed=1), torch.rand(4, 3)
    assert network.biases["H1I"].any()
    assert np.allclose(to_torch(network)(x).detach(), settled(network, x), atol=1e-6)


def test_other_things_are_refused():
    with pytest.raises(SpikedtpError, match="to_torch takes a rate network"):
        to_torch(nn.Linear(2, 2))


@pytest.mark.parametrize("seed", range(6))
def test_delays_settle_as_they_do(seed):
    """A chain whose delays have passed is a Sequential; one with loops, or that has not settled, goes step by step."""
    rng = np.random.default_rng(seed)
    net = CircuitBuilder("late", dale=False, tau=[1, 2.5][seed % 2], forward_steps=8)
    net.input(7)
    for layer, n in (("H1", 6), ("H2", 5), ("Output", 3)):
        net.layer(layer, n, delay=int(rng.integers(4)), bias=True)
        if seed > 3:
            net.interneurons(layer, "SomaI", 2, recurrent={"delay": int(rng.integers(4))})
    network = load_rate_network(net.build(), seed=seed)
    x = torch.rand(4, 7, generator=torch.Generator().manual_seed(seed))
    module, delays = to_torch(network), [p.delay for p in network.circuit.projections]
    assert isinstance(module, nn.Sequential) == (seed in (0, 2) and sum(delays) < 8)
    assert sum(delays) > 0 and np.allclose(module(x).detach(), settled(network, x), atol=1e-5)
