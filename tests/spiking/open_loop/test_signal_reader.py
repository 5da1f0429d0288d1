"""From read-out vectors to the signals of a rule: where activities, plateaus and both signs are cut."""

import numpy as np
import pytest

from spikedtp.plasticity import Plateau
from spikedtp.spiking.open_loop.plan import Source
from spikedtp.spiking.open_loop.signal_reader import SignalReader

N_POST, N_PRE = 4, 3
WEIGHT = np.ones((N_POST, N_PRE))


def vectors(seed=0, cells=N_PRE):
    """Of either sign, (samples, repeats, n) = (2, 3, n)."""
    rng = np.random.default_rng(seed)
    names = [f"{signal}_{phase}" for signal in ("dendrite", "soma") for phase in ("settled", "nudged")]
    found = {name: rng.normal(size=(2, 3, N_POST)) for name in names}
    return found | {f"trace_{phase}": rng.random((2, 3, cells)) for phase in ("settled", "nudged")}


def reader(**changes):
    settled = np.array([[0.0, 1.0, 2.0, 0.0], [1.0, 0.0, 0.5, 3.0]])
    options = dict(
        source=Source("A_B", "B", "soma", False, WEIGHT), cells=slice(0, N_PRE), plateau=Plateau(), settled=settled,
        target=None, gain=2.0, trace_gain=4.0, clipped=True,
    )  # fmt: skip
    return SignalReader(**options | changes)


@pytest.mark.parametrize("signed", [False, True])
def test_only_signed_activities_may_be_negative(signed):
    """Signed ones are those of linear populations."""
    given = vectors()
    found = reader(signed=signed).signals(given)
    lowest = -np.inf if signed else 0
    plateau = np.clip(given["dendrite_nudged"] / 2, -1, 1)
    np.testing.assert_allclose(found.post_settled, np.clip(given["soma_settled"] / 2, lowest, None))
    np.testing.assert_allclose(found.post_nudged, np.clip(given["soma_nudged"] / 2 + plateau, lowest, None))
    np.testing.assert_allclose(found.plateau, plateau)
    np.testing.assert_allclose(found.dendrite_settled, given["dendrite_settled"] / 2)
    np.testing.assert_allclose(found.pre_nudged, given["trace_nudged"] / 4)
    assert (given["soma_settled"] < 0).any()


def test_the_plateau_of_an_output_is_its_error():
    given, target = vectors(1), np.eye(N_POST)[:2]
    found = reader(target=target, plateau=Plateau(relu_gate=True)).signals(given)
    error = np.clip(target[:, None, :] - found.post_settled, -1, 1)
    np.testing.assert_allclose(found.plateau, error * (reader().settled != 0)[:, None, :])


def test_off_cells_count_against_on_cells():
    source = Source("A_B", "B", "soma", False, WEIGHT, on_off=True)
    given = vectors(2, cells=2 * N_PRE)
    found = reader(source=source, cells=slice(0, 2 * N_PRE)).signals(given)
    trace = given["trace_settled"] / 4
    np.testing.assert_allclose(found.pre_settled, trace[..., :N_PRE] - trace[..., N_PRE:])


def test_a_rule_that_does_not_see_the_nudge_sees_the_settled_trace():
    found = reader(sees_nudge=False).signals(vectors(3))
    np.testing.assert_array_equal(found.pre_nudged, found.pre_settled)
