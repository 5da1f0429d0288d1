"""Cells, pairs and runs of a network of one's own."""

import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, defaultclock, ms

from spikedtp import SpikedtpError
from spikedtp.spiking.rule_synapses.pairs import PairSynapses


@pytest.fixture(autouse=True)
def usual_time_step():
    before = defaultclock.dt
    defaultclock.dt = 0.1 * ms
    yield
    defaultclock.dt = before


def run_in_parts(network, *runs):
    for dt, duration in runs:
        if dt is not None:
            defaultclock.dt = dt
        network.run(duration, namespace={})


def one_pair(rule, **options):
    """A spike at 2 ms, one of the other cell at 12 ms."""
    pre, post = SpikeGeneratorGroup(1, [0], [2] * ms), SpikeGeneratorGroup(1, [0], [12] * ms)
    synapses = PairSynapses(pre, post, rule=rule, **options)
    return synapses, Network(pre, post, synapses)


def regular(n=2, dt=None, eqs="v : 1", **options):
    """Cells that fire in every step."""
    return NeuronGroup(n, eqs, threshold="True", reset="", dt=dt, namespace={}, **options)


def silent(n=3, eqs="v : 1", **options):
    return NeuronGroup(n, eqs, **{"threshold": "False", "reset": "", "namespace": {}} | options)


def check_line(error, words: str) -> None:
    assert isinstance(error, SpikedtpError), repr(error)
    assert "\n" not in str(error)
    with pytest.raises(SpikedtpError, match=words):
        raise error
