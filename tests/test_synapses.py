"""The scripts of the page about synapses run as they stand."""

import re
from pathlib import Path

import numpy as np
import pytest
from brian2 import prefs, seed

PAGE = Path(__file__).parent.parent / "docs" / "synapses.md"


@pytest.fixture
def numpy_target():
    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    yield
    prefs.codegen.target = before


@pytest.mark.usefixtures("numpy_target")
def test_the_scripts_of_the_page_run(capsys):
    script, of_rule = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    seed(3)
    exec(script, names)
    forward, inhibition = names["forward"].weights, names["inhibition"].weights
    assert names["spikes"].num_spikes > 500
    assert np.abs(forward - np.random.default_rng(1).random((1000, 200))).max() > 0.01
    assert forward.min() >= 0 and forward.max() <= 1
    assert not np.diagonal(inhibition).any() and 0.19 < (inhibition < 0).mean() < 0.21
    assert str(names["spikes"].num_spikes) in capsys.readouterr().out
    names |= {"source": names["cells"], "target": names["cells"]}
    exec(of_rule, names)
    assert not np.diagonal(names["synapses"].mask).any() and 0.09 < names["synapses"].mask.mean() < 0.11
