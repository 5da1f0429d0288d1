"""benchmarks/eprop.py: this package is timed without NEST, and an interpreter without NEST is named."""

import sys

import pandas as pd
from scripts import run_script


def run(*arguments):
    return run_script("benchmarks/eprop", *arguments)


def test_quick(tmp_path):
    done = run("--out", tmp_path / "out", "--quick")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out" / "eprop.csv")
    assert table["program"].value_counts().to_dict() == {f"spikedtp, {p} precision": 2 for p in ("double", "single")}
    assert (table["spikes"] > 100).all() and (table["cpu_s"] > 0).all()


def test_an_interpreter_without_nest_is_named(tmp_path):
    for python, message in ((sys.executable, f"--nest {sys.executable} failed: ModuleNotFoundError"),
                            ("no-such-python", "--nest no-such-python does not start")):  # fmt: skip
        done = run("--out", tmp_path / "out", "--quick", "--nest", python)
        assert done.returncode == 2 and message in done.stderr and not (tmp_path / "out").exists()
