"""A response: weight changes follow from spikes and voltages, and it outlives learning."""

import numpy as np
from spiking.closed_loop.short_presentations import SHORT, closed

from spikedtp.rate import load_rate_network
from spikedtp.spiking import SpikingNetwork


def test_weight_changes_follow_from_spikes_and_voltages(network, images, device):
    """The rule by hand, from the records of every time step."""
    found = closed(network, images, n_repeats=2, device=device)
    rate, (first, stop) = 450 * 1e-3, (40, 100)
    pre = found.spikes["H1E"][..., first:stop, :].sum(axis=-2) / (rate * (stop - first))
    gate = found.v_soma["H2E"][..., first:stop, :].mean(axis=-2) > 0
    plateau = gate * found.v_dend["H2E"][..., 120:160, :].mean(axis=-2).clip(-1, 1)
    expected = 0.03 * plateau[..., None] * pre.clip(0, 1)[..., None, :]
    assert expected.shape == (2, 2, 200, 200) and (expected != 0).mean() > 0.1
    np.testing.assert_allclose(found.weight_updates["H2E_H1E"], expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(found.activity["H2E"], found.v_soma["H2E"][..., first:stop, :].mean(axis=-2).clip(0),
                               atol=1e-6)  # fmt: skip
    trace = found.eligibility["H1E"]
    assert trace.shape == (2, 2, 160, 200) and (np.diff(trace, axis=-2) >= 0).all() and not trace[..., :first, :].any()
    np.testing.assert_allclose(trace[..., -1, :], pre, atol=1e-6)
    assert found.spikes["InputE"].shape == (2, 2, 160, 64)


def test_a_response_outlives_learning(images):
    """Rules that look at their weights see those of the presentation."""
    spiking = SpikingNetwork(load_rate_network("digits_dtp"), phases=SHORT, device="runtime")
    response = spiking.respond(*images)
    before = {name: response.weight_updates[name] for name in response.weight_updates}
    spiking.train(*images, np.array([0, 1, 0, 1]))
    for name, change in before.items():
        np.testing.assert_array_equal(response.weight_updates[name], change, err_msg=name)
