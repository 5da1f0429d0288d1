"""benchmarks/low_rates.py: the floor learns what spikedtp learns, tables say what was measured, the command runs."""

from pathlib import Path

import pandas as pd
import pytest
from scripts import run_script

from spikedtp import datasets
from spikedtp.spiking.engine.devices import compiler_available

BENCHMARKS = Path(__file__).parent.parent.parent / "experiments" / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import low_rates

    return low_rates


def test_medians_are_held_against_the_first_regime_and_the_floor(script):
    first, second = list(script.REGIMES)[:2]
    times = {(first, "spikedtp"): [8, 4, 5], (first, "floor"): [4, 4, 9], (second, "spikedtp"): [2, 1, 7]}
    rows = [
        {"instructions": "native", "regime": regime, "program": program, "round": k, "ms": ms}
        for (regime, program), all_ms in times.items()
        for k, ms in enumerate(all_ms)
    ]
    table = script.summarised(pd.DataFrame(rows)).set_index("regime")
    assert table.loc[first, ["spikedtp", "floor", "of_first", "of_floor"]].tolist() == [5, 4, 1, 1.25]
    assert table.loc[second, ["spikedtp", "of_first"]].tolist() == [2, 0.4]


@pytest.mark.slow
@pytest.mark.skipif(not compiler_available(), reason="no C++ compiler")
@pytest.mark.parametrize(
    ("regime", "least"),
    [
        ("Poisson, 450 Hz", 0.7),
        ("regular, 150 Hz", 0.9),
        ("LIF, 50 Hz", 0.7),
        ("membranes, 100 Hz", 0.7),
        ("membranes with conductances, 100 Hz", 0.4),  # hidden cells are nearly silent at first: few spikes decide
    ],
)
def test_the_floor_learns_the_same(script, regime, least, tmp_path):
    """Changes of weights correlate with those of the floor as those of runs of the floor do."""
    images = datasets.load("digits", parts=("train",))
    with_floor, with_itself = script.agreement(script.REGIMES[regime], "digits_dtp", images, 100, 1, tmp_path / "floor")
    assert with_itself > least and with_floor > with_itself - script.AGREE


@pytest.mark.slow
@pytest.mark.skipif(not compiler_available(), reason="no C++ compiler")
def test_quick(tmp_path):
    done = run_script("benchmarks/low_rates", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "low_rates.csv")
    assert len(set(table["regime"])) == 5
    assert (table[["spikedtp", "floor"]] > 0).all().all()
