"""Traces that are brought up to date at spikes, beside those of a differential equation."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms, prefs

from spikedtp.spiking.rule_synapses.kept_traces import LAST_SPIKE, at_spike, since_spike

MODEL = f"""
    {since_spike("kept", "(7*ms)")}
    {since_spike("slow", "(90*ms)", "volt")}
    {LAST_SPIKE}
    dplain/dt = -plain/(7*ms) : 1
    dplain_slow/dt = -plain_slow/(90*ms) : volt
    seen : 1
    """
RESET = f"{at_spike('kept', 'slow')}\nseen = kept\nkept_then += 1\nslow_then += 2*mV\nplain += 1\nplain_slow += 2*mV"


@pytest.fixture(autouse=True)
def without_a_compiler():
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = before


@pytest.mark.parametrize("seed", range(3))
def test_they_are_what_the_equation_gives(seed):
    """At drawn spikes, between them, and in runs one after the other."""
    cells = NeuronGroup(20, MODEL, threshold="rand() < 0.03", reset=RESET, method="exact", dt=0.5 * ms, namespace={})
    net, rng, seen = Network(cells), np.random.default_rng(seed), 0
    for steps in rng.integers(1, 40, 12):
        net.run(int(steps) * 0.5 * ms)
        # what is read between runs is the value at the begin of the next step, when the trace has decayed once more
        for kept, plain, tau in (("kept", "plain", 7), ("slow", "plain_slow", 90)):
            expected = np.array(cells.state(plain)[:]) * np.exp(-0.5 / tau)
            np.testing.assert_allclose(np.array(cells.state(kept)[:]), expected, rtol=1e-12)
        seen = max(seen, cells.seen[:].max())
    assert seen > 0.1  # some spike came while the trace was above zero
