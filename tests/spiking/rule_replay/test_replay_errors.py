"""Mistakes in the signals of `replay` end in one line that names them."""

import numpy as np
import pytest
from brian2 import Hz, ms

from spikedtp import SpikedtpError, replay
from spikedtp.plasticity import BTSP, MSTDP, STDP, Backprop, TemporalContrastHebb

PRE, POST = np.zeros((5, 3)), np.zeros((5, 2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rule": "STDP"}, "rule must be a learning rule"),
        ({"rule": STDP}, "rule must be a learning rule"),
        ({"rule": Backprop(0.1)}, "Backprop learns by a gradient"),
        ({"form": "spikes"}, "unknown form 'spikes': known are rate, spiking"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"dt": 1.0}, "replay.dt must be a quantity in s"),
        ({"dt": 0 * ms}, "replay.dt must be above"),
        ({"dt": 3 * Hz}, "replay.dt must be a quantity in s"),
        ({"pre": PRE[:, 0]}, r"pre must be \(steps, n\) or \(steps, batch, n\), got \(5,\)"),
        ({"pre": PRE[:4]}, r"pre \(4, 3\) and post \(5, 2\) must have the same number of steps"),
        ({"pre": "spikes"}, "pre must be an array of numbers"),
        ({"pre": PRE + np.nan}, "pre holds values that are not finite"),
        ({"w0": np.zeros((3, 2))}, r"w0 must be \(n_post, n_pre\) = \(2, 3\), got \(3, 2\)"),
        ({"w0": np.inf}, "w0 holds values that are not finite"),
        ({"rule": MSTDP()}, "MSTDP needs a modulator: a number for each of the 5 steps"),
        ({"rule": BTSP(0.1)}, "BTSP needs a modulator"),
        ({"rule": TemporalContrastHebb(0.1)}, "TemporalContrastHebb needs a modulator"),
        ({"rule": MSTDP(), "modulator": np.ones(4)}, r"modulator must be finite numbers \(5,\), got \(4,\)"),
        ({"rule": BTSP(0.1), "modulator": np.ones((5, 3))}, r"\(5,\) or \(5, 2\), got \(5, 3\)"),
        ({"rule": MSTDP(), "modulator": np.full(5, np.nan)}, "modulator holds values that are not finite"),
        ({"form": "spiking", "pre": PRE + 0.5}, "pre must hold spikes, 0 or 1, for the spiking form of STDP"),
        ({"form": "spiking", "pre": PRE[:, None], "post": POST[:, None]}, r"the spiking form takes \(steps, n\)"),
        ({"keep": "first"}, "keep must be 'all', 'last' or an array of rows from 0 to 5"),
        ({"keep": [2, 6]}, r"got \[2, 6\]"),
        ({"keep": [0]}, "one of them above 0"),
        ({"keep": [0.5]}, "keep must be"),
        ({"rule": STDP(w_max=0.4)}, "w0 must lie within the bounds of STDP, None to 0.4, got 0.5 to 0.5"),
        ({"record": ("z",)}, "unknown state to record 'z': known are p_minus, p_plus, zeta"),
        ({"record": ("z",), "form": "spiking", "device": "runtime"}, "unknown state to record 'z'"),
        ({"record": ("z",), "form": "spiking", "keep": "last"}, "unknown state to record 'z'"),
    ],
)
def test_mistakes_are_named(change, words):
    given = {"rule": STDP(), "pre": PRE, "post": POST, "w0": 0.5} | change
    with pytest.raises(SpikedtpError, match=words) as error:
        replay(given.pop("rule"), given.pop("pre"), given.pop("post"), given.pop("w0"), **given)
    assert "\n" not in str(error.value)


def test_the_rate_form_needs_no_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    given = {"pre": PRE + 1, "post": POST + 1, "w0": 0.5}
    assert replay(STDP(), **given).w.shape == (6, 2, 3)
    with pytest.raises(SpikedtpError, match=r"needs a C\+\+ compiler"):
        replay(STDP(), **given, form="spiking")
