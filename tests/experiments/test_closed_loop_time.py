"""The benchmark of the closed loop: its difference of two runs, and the command itself."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from scripts import run_script

from spikedtp.spiking.engine.devices import compiler_available

BENCHMARKS = Path(__file__).parent.parent.parent / "experiments" / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import closed_loop

    return closed_loop


def test_the_work_of_children_is_counted(script):
    """Busy loops of two lengths: what is left of their difference is proportional, and waiting costs nothing."""

    def busy(n):
        return lambda: subprocess.run([sys.executable, "-c", f"for k in range({n}): pass"], check=True)

    start, short, long = (min(script.cpu_seconds(busy(n)) for _ in range(3)) for n in (1, 5_000_000, 15_000_000))
    assert 2 < (long - start) / (short - start) < 4.5
    sleeping = script.cpu_seconds(
        lambda: subprocess.run([sys.executable, "-c", "import time; time.sleep(1)"], check=True)
    )
    assert sleeping < start + 0.5


@pytest.mark.slow
@pytest.mark.skipif(not compiler_available(), reason="no C++ compiler")
def test_quick(tmp_path):
    done = run_script("benchmarks/closed_loop", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "closed_loop.csv")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(zip(table.circuit, table.task, strict=True)) == {("digits_dtp", "train"), ("digits_dtp", "answer")}
    assert summary == {f"ms_{task}_digits_dtp": ms for task, ms in zip(table.task, table.ms, strict=True)}
    assert 0 < summary["ms_answer_digits_dtp"] < summary["ms_train_digits_dtp"] < 100
