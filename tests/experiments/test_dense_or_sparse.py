"""The benchmark of dense against stock synapses: its lines and crossings, its complaints, and the command itself."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scripts import run_script

from spikedtp.spiking.engine.devices import compiler_available

BENCHMARKS = Path(__file__).parent.parent.parent / "experiments" / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import dense_or_sparse

    return dense_or_sparse


def test_lines_cross_where_they_should(script):
    rows = [("STDP", "dense", 0.1, 40.0), *(("STDP", "stock", p, 10 + 300 * p) for p in script.PROBABILITIES)]
    rows += [("spikes, delays", kind, p, 7.0 + p) for kind, p in [("dense", 0.1), *(("stock", p) for p in (0.1, 0.5))]]
    found = script.crossings(pd.DataFrame(rows, columns=["task", "kind", "p", "ms_per_second"])).set_index("task")
    np.testing.assert_allclose(
        found.loc["STDP", ["stock_at_0", "stock_per_p", "crossing"]].astype(float), [10, 300, 0.1], rtol=1e-9
    )
    assert found.loc["STDP", "stock_to_dense"] == 1.0
    assert np.isnan(found.loc["spikes, delays", "crossing"])


def test_numbers_must_be_positive(script, capsys, tmp_path):
    assert script.main(["--out", str(tmp_path / "none"), "--cells", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "none").exists()


@pytest.mark.slow
@pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler")
def test_the_command_writes_both_tables(tmp_path):
    done = run_script("benchmarks/dense_or_sparse", "--quick", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    times = pd.read_csv(tmp_path / "times.csv")
    assert len(times) == 24 and np.isfinite(times.ms_per_second).all()
    assert len(pd.read_csv(tmp_path / "crossings.csv")) == 6
