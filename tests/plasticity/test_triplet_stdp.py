"""The triplet rule against sums over spikes, and its published fits."""

import numpy as np
import pytest
from brian2 import ms
from plasticity.spike_trains import spikes, total

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import TripletSTDP


def triplets(pre, post, rule):
    """Pfister & Gerstner's rule event by event, from spike times in ms: sums over pairs and triplets of spikes."""
    (tp, tm, tx, ty) = (float(getattr(rule, f"tau_{name}") / ms) for name in ("plus", "minus", "x", "y"))

    def last(times, t, tau, including):
        earlier = [s for s in times if s < t or (including and s == t)]
        if rule.traces == "nearest":
            earlier = earlier[-1:]
        return sum(np.exp(-(t - s) / tau) for s in earlier)

    change = 0.0
    for t in post:
        change += last(pre, t, tp, True) * (rule.a2_plus + rule.a3_plus * last(post, t, ty, False))
    for t in pre:
        change -= last(post, t, tm, True) * (rule.a2_minus + rule.a3_minus * last(pre, t, tx, False))
    return change


@pytest.mark.parametrize("fit", ["visual_cortex", "visual_cortex_nearest", "hippocampus", "hippocampus_nearest"])
def test_triplets_against_sums_over_spikes(fit):
    rule, rng = TripletSTDP.fit(fit), np.random.default_rng(4)
    pre, post = (np.flatnonzero(rng.random(400) < 0.1) for _ in range(2))
    assert set(pre) & set(post)
    got = total(rule, spikes(pre, 400), spikes(post, 400))
    assert got == pytest.approx(triplets(list(pre), list(post), rule), rel=1e-11)


def pairing(frequency, n=60):
    """Presynaptic spike times of Sjöström, Turrigiano & Nelson 2001's protocol: `n` pairs at `frequency` Hz."""
    times = np.round(20 + np.arange(n) * 1000.0 / frequency)
    return times, int(times[-1] + 400)


def test_triplets_make_potentiation_grow_with_the_rate_of_pairing():
    """Figure 3 of the paper, visual cortex: at +10 ms hardly any change at 0.1 Hz and +80 to +100 % at 50 Hz; at
    -10 ms depression at low rates that turns into potentiation at high ones. Pair STDP does neither."""
    rule, after, before = TripletSTDP.fit("visual_cortex"), [], []
    for frequency in (1, 10, 20, 40, 50):
        pre, steps = pairing(frequency)
        post = np.hstack([spikes(pre + 10, steps), spikes(pre - 10, steps)])
        change = replay(rule, spikes(pre, steps), post, 1.0, record=()).w[-1, :, 0] - 1.0
        after.append(change[0])
        before.append(change[1])
    assert np.all(np.diff(after) > 0)
    assert abs(after[0]) < 0.1 and 0.5 < after[-1] < 1.3
    assert -0.5 < before[0] < -0.1 and before[-1] > 0.2


def test_unknown_fits_are_named():
    with pytest.raises(SpikedtpError, match="unknown fit of TripletSTDP 'cortex': known are hippocampus"):
        TripletSTDP.fit("cortex")
