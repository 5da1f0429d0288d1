"""The plain description refuses what does not fit."""

import numpy as np
import pytest
from brian2 import ms

from spikedtp import SpikedtpError
from spikedtp.neurons import LIF, StepLI, StepLIF, TwoCompartmentLIF
from spikedtp.spiking import Connection, Layer, LayeredNetwork, run_layers

W = np.ones((3, 2))


def layer(name="a", cell=None, source="input", weights=W, delay=0, **more):
    return Layer(name, cell or StepLIF(), [Connection(source, weights, delay)], **more)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Connection("input", np.ones(3)), r"weights from 'input' must be \(n_post, n_pre\), got shape \(3,\)"),
        (lambda: Connection("input", W, -1), "delay_steps must be a whole number of at least 0"),
        (lambda: Connection("input", [[np.nan]]), "weights from 'input' holds values that are not finite"),
        (lambda: Layer("a", "LIF", [Connection("input", W)]), "layer 'a': cell must be a cell such as StepLIF"),
        (lambda: Layer("a", StepLIF(), []), "layer 'a' has no connection"),
        (lambda: layer(bias=np.ones(2)), r"bias of layer 'a' must be \(3,\), got shape \(2,\)"),
        (lambda: layer(values={"tau": np.ones(3)}), "unknown parameter of StepLIF 'tau'"),
        (lambda: layer(values={"beta": np.array([0.5, 1.5, 0.5])}), "StepLIF.beta must be at most 1.0, got 1.5"),
        (lambda: layer(values={"beta": np.array([0.5, -0.5, 0.5])}), "StepLIF.beta must be at least 0.0, got -0.5"),
        (lambda: LayeredNetwork(2, []), "at least one layer"),
        (lambda: LayeredNetwork(2, [layer(), layer()]), "each layer needs a name of its own, and 'input' is taken: a"),
        (lambda: LayeredNetwork(2, [layer("input")]), "each layer needs a name of its own"),
        (
            lambda: LayeredNetwork(4, [layer()]),
            r"weights from 'input' must be \(n_post, n_pre\) = \(3, 4\), got \(3, 2\)",
        ),
        (lambda: LayeredNetwork(2, [layer(source="b")]), "unknown source of layer 'a' 'b'"),
        (lambda: LayeredNetwork(2, [layer()], 1), "LayeredNetwork.dt must be a quantity in s"),
        (lambda: LayeredNetwork(2, [layer()], readout="b"), "unknown readout 'b'"),
        (
            lambda: LayeredNetwork(2, [layer(), layer("b", source="b", weights=np.ones((3, 3)))]),
            "layer 'b': spikes of 'b' arrive in the next step at the earliest: delay_steps=1",
        ),
        (
            lambda: LayeredNetwork(2, [layer(cell=StepLI()), layer("b", source="a", weights=np.ones((3, 3)))]),
            r"layer 'b': 'a' \(StepLI\) never fires",
        ),
        (lambda: LayeredNetwork(2, [layer(cell=LIF(t_refractory=0.5 * ms))]), "LIF.t_refractory"),
        (lambda: StepLIF(reset="soft"), "unknown reset 'soft': known are"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(SpikedtpError, match=words):
        make()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(network="a"), "network must be a LayeredNetwork"),
        (dict(inputs=np.ones((5, 2))), r"inputs must be \(samples, steps, n_in\) with n_in = 2"),
        (dict(inputs=np.ones((1, 5, 3))), r"n_in = 2, got shape \(1, 5, 3\)"),
        (dict(inputs=np.full((1, 5, 2), np.inf)), "inputs holds values that are not finite"),
        (dict(record=["b"]), "unknown layer to record 'b'"),
        (dict(device="gpu"), "unknown device 'gpu'"),
        (dict(network=LayeredNetwork(2, [layer(cell=LIF())])), "LIF has a refractory time or resets at the end"),
        (dict(network=LayeredNetwork(2, [layer(cell=TwoCompartmentLIF())])), "TwoCompartmentLIF"),
    ],
)
def test_runs_that_cannot_be(change, words):
    given = {"network": LayeredNetwork(2, [layer()]), "inputs": np.ones((1, 5, 2)), "device": "runtime"} | change
    with pytest.raises(SpikedtpError, match=words):
        run_layers(**given)
