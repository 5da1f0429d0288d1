"""Networks of snnTorch and Norse modules, spike for spike with these programs; what has no counterpart is named."""

import numpy as np
import pytest
from brian2 import ms
from spiking.conditions import needs_compiler
from spiking.layered.programs import (
    NORSE,
    SNNTORCH,
    inputs,
    norse_network,
    numbered,
    run_norse,
    run_snntorch,
    snntorch_network,
)

from spikedtp import SpikedtpError, run_torch_snn
from spikedtp.neurons import StepLIF
from spikedtp.spiking import from_torch_snn, run_layers

torch = pytest.importorskip("torch")


def ours(network, x, device="runtime"):
    layers = from_torch_snn(network)
    return run_layers(layers, x, record=[layer.name for layer in layers.layers], device=device)


def check_snntorch(network, x, device="runtime"):
    spikes, v = run_snntorch(network, x)
    found = ours(network, x, device)
    assert all(raster.sum() > 50 for raster in spikes)
    assert sum(int((a != b).sum()) for a, b in zip(spikes, found.spikes.values(), strict=True)) == 0
    for a, b in zip(v, found.v.values(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)


def check_norse(network, x, device="runtime"):
    outputs = run_norse(network, x)
    found = ours(network, x, device)
    fired = list(found.spikes.values())
    assert all(raster.sum() > 50 for raster in outputs[: len(fired)])
    assert sum(int((a != b).sum()) for a, b in zip(outputs, fired, strict=False)) == 0
    if len(outputs) > len(fired):  # a read-out
        np.testing.assert_allclose(found.output, outputs[-1], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("seed", "case"), [*numbered(SNNTORCH, quick=(0, 3, 6, 12))])
def test_snntorch_spike_for_spike(seed, case):
    pytest.importorskip("snntorch")
    check_snntorch(snntorch_network(case, seed), inputs(seed))


@pytest.mark.parametrize(("seed", "case"), [*numbered(NORSE, quick=(3, 5))])
def test_norse_spike_for_spike(seed, case):
    pytest.importorskip("norse")
    check_norse(norse_network(case, seed), inputs(seed))


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_compiled_spike_for_spike(seed):
    pytest.importorskip("snntorch")
    pytest.importorskip("norse")
    check_snntorch(snntorch_network(SNNTORCH[4 * seed], 40 + seed), inputs(seed), "cpp_standalone")
    check_norse(norse_network(NORSE[2 * seed], 40 + seed), inputs(seed), "cpp_standalone")


def test_graded_inputs_as_currents():
    """Images and other numbers instead of spikes are what most networks of snnTorch are given."""
    pytest.importorskip("snntorch")
    check_snntorch(snntorch_network(SNNTORCH[2], 3), np.random.default_rng(0).random((2, 40, 8)))


def test_containers_names_and_run_torch_snn():
    snntorch = pytest.importorskip("snntorch")
    network = snntorch_network(SNNTORCH[0], 0)
    x = inputs(0)
    spikes, v = run_snntorch(network, x)
    found = run_torch_snn(network, x, device="runtime")
    assert all(map(np.array_equal, found[0], spikes)) and len(found[0]) == 3
    np.testing.assert_allclose(found[1], v[-1], rtol=1e-10, atol=1e-12)
    as_list = run_torch_snn(list(network), x, device="runtime")
    assert all(map(np.array_equal, as_list[0], spikes))
    fc, lif = network[0], network[1]
    named = torch.nn.Sequential()
    for name, module in (("flat", torch.nn.Flatten()), ("fc", fc), ("lif", lif), ("drop", torch.nn.Dropout())):
        named.add_module(name, module)
    assert [layer.name for layer in from_torch_snn(named).layers] == ["lif"]
    nested = from_torch_snn([[fc, lif], torch.nn.Sequential(torch.nn.Linear(fc.out_features, 2))])
    assert [layer.name for layer in nested.layers] == ["leaky1", "output"]
    with pytest.raises(SpikedtpError, match="the network has cells of its own: leave out biases, reset"):
        run_torch_snn(network, x, biases=[], reset="value", device="runtime")
    changed = snntorch.Leaky(beta=0.5)
    changed.reset_mechanism = "none"
    assert from_torch_snn([fc, changed]).output.cell == StepLIF(beta=0.5, reset="none")


def test_time_steps_of_norse():
    norse = pytest.importorskip("norse.torch")
    fast, slow = norse.LIFCell(dt=0.0005), norse.LIFCell(dt=0.001)
    fc = torch.nn.Linear(3, 3)
    assert float(from_torch_snn([fc, fast]).dt) == 0.0005
    with pytest.raises(
        SpikedtpError, match=r"modules have different time steps: LIFCell .* 0.0005 s, LIFCell .* 0.001 s"
    ):
        from_torch_snn([fc, fast, fc, slow])
    with pytest.raises(SpikedtpError, match=r"dt = 1. ms, but the modules have a time step of 0.5 ms"):
        from_torch_snn([fc, fast], dt=1 * ms)
    lifted = norse.SequentialState(norse.Lift(fc), norse.LIF())
    assert from_torch_snn(lifted).output.name == "lif1"


class Tutorial(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x)


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
def test_what_has_no_counterpart_is_named():
    snntorch = pytest.importorskip("snntorch")
    fc = torch.nn.Linear(3, 3)

    def leaky(**options):
        return [fc, snntorch.Leaky(beta=0.9, **options)]

    def random_spikes(over):
        return (torch.rand_like(over) < 0.5).float()

    for network, words in (
        ([fc, torch.nn.ReLU()], r"ReLU \(module 1\) has no counterpart in a network of spiking layers"),
        (torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)), r"Conv2d \(module 0\) has no counterpart"),
        ([fc, snntorch.Alpha(alpha=0.9, beta=0.8)], r"Alpha \(module 1\) has no counterpart"),
        (Tutorial(), r"must be a torch.nn.Sequential or a list of modules .*\[net.fc1, net.lif1.*got Tutorial"),
        ("network.pt", "must be a torch.nn.Sequential or a list of modules"),
        (leaky(inhibition=True), r"Leaky \(module 1\): inhibition has no counterpart"),
        (leaky(graded_spikes_factor=0.5), "graded_spikes_factor has no counterpart"),
        (leaky(state_quant=lambda v: v), "state_quant has no counterpart"),
        (leaky(spike_grad=random_spikes), "its spike_grad does not fire exactly where the voltage is above"),
        (leaky(threshold=-1.0, reset_mechanism="zero", reset_delay=False), "needs thresholds of at least 0"),
        (leaky(threshold=torch.ones(4)), "threshold of layer 'leaky1' must be one number or 3, got 4"),
        ([snntorch.Leaky(beta=0.9)], "its number of cells is not known: begin with Linear"),
        ([*leaky(), torch.nn.Linear(4, 2)], r"Linear \(module 2\) takes 4 numbers, and 3 arrive"),
        (
            [fc, snntorch.RSynaptic(alpha=0.5, beta=0.5, linear_features=3, reset_delay=False)],
            "does not work in snnTorch",
        ),
        ([], "no Linear and no spiking module"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            from_torch_snn(network)


def test_readouts_come_last():
    norse = pytest.importorskip("norse.torch")
    with pytest.raises(SpikedtpError, match=r"Linear \(module 2\) comes after licell1, which never fires"):
        from_torch_snn([torch.nn.Linear(3, 3), norse.LICell(), torch.nn.Linear(3, 2)])


def test_wrapped_and_listed_modules_are_the_same_network():
    linear = torch.nn.Linear(6, 2)
    plain = torch.nn.Sequential(torch.nn.Flatten(), linear)
    wanted = from_torch_snn(plain).layers[0].connections[0].weights
    dropouts = [getattr(torch.nn, kind)() for kind in dir(torch.nn) if "Dropout" in kind]
    assert len(dropouts) >= 6
    for given in (
        plain.children(), torch.nn.DataParallel(plain), torch.compile(plain), iter([linear]),
        torch.nn.Sequential(*dropouts, torch.nn.DataParallel(linear)),
    ):  # fmt: skip
        found = from_torch_snn(given).layers[0].connections[0].weights
        np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.nn.Linear(3, 2).state_dict(), "this is a state dict, which has no modules: load it into its network"),
        ([torch.nn.LazyLinear(3)], r"LazyLinear \(module 0\) does not know its sizes yet: run the network once"),
        (torch.nn.Linear, "in the order of their calls, .* got the class Linear"),
        ([torch.nn.Linear(2, 2), torch.nn.Module], "in the order of their calls, .* got the class Module"),
        ({}, "state dict"),
        ({"a": torch.nn.Linear(2, 2)}, "in the order of their calls, .* got dict"),
    ],
)
def test_what_is_no_network_of_modules(given, words):
    with pytest.raises(SpikedtpError, match=words):
        from_torch_snn(given)
