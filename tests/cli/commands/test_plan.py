"""`spikedtp plan`: results on disk and in words, and mistakes in one line with status 2."""

import json

import pandas as pd
import pytest
from cli.command_lines import complaint

from spikedtp.cli import main

NUMBERS = ["--cells", "60", "--rates", "5,40", "--n-post", "50", "--read", "mean"]


def test_a_circuit_in_words_and_on_disk(tmp_path, capsys):
    words = ["--samples", "2", "--population", "H1E", "--cosine", "0.6", "--presentations", "40"]
    assert main(["plan", *words, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "H1E_InputE: expected cosine" in said and "for a cosine of 0.6, repeats" in said
    assert "40 presentations of each of two rules show a difference of" in said
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "config.yaml", "summary.json", "manifest.json", "plan.csv", "needed.csv", "power.csv", "contours.csv",
        "contours.png", "contours.svg",
    }  # fmt: skip
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    table = pd.read_csv(tmp_path / "out" / "plan.csv").set_index("projection")
    assert summary["H1E_InputE.cosine"] == table.loc["H1E_InputE", "cosine"]
    assert f"expected cosine {summary['H1E_InputE.cosine']:.3f}" in said
    assert main(["report", str(tmp_path / "out")]) == 0
    assert "the same expected cosine" in (tmp_path / "out" / "report.html").read_text()


def test_numbers_for_programs_twice_the_same(tmp_path, capsys):
    found = []
    for name in ("first", "second"):
        assert main(["plan", *NUMBERS, "--cosine", "0.9", "--json", "--out", str(tmp_path / name)]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1] == json.loads((tmp_path / "first" / "summary.json").read_text())
    assert 0 < found[0]["post_pre.cosine"] < 1 and found[0]["post_pre.needed.repeats"] >= 1
    assert main(["repeat", str(tmp_path / "first")]) == 0
    assert "matched" in capsys.readouterr().out


def test_a_closed_loop_in_words_and_repeated(tmp_path, capsys):
    words = ["--loop", "closed", "--population", "all", "--samples", "2", "--time-per-step", "4", "--draws", "6"]
    assert main(["plan", *words, "--set", "phases.hold=none", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "all of digits_dtp in the closed loop: 140 ms at up to 450 Hz" in said
    assert "H1E_InputE: expected cosine" in said and " ± " in said
    assert main(["repeat", str(tmp_path / "out")]) == 0
    assert "matched" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--cosine", "0.999999", "--readout", "paper"], "no such plan reaches a cosine of 0.999999"),
        (["--cosine", "1"], "--cosine"),
        (["--samples", "100000"], "--samples must be between 1 and"),
        (["--population", "H9E"], "H9E"),
        (["--presentations", "1"], "needs at least 2"),
        (["--power", "0.04"], "power must be above the error rate of 0.05"),
        (["--repeats", "0"], "--repeats"),
        (["--weights", "nowhere.pt"], "no such file"),
        (["--set", "cell.name=TwoCompartmentLIF", "--readout", "paper"], "no plan for TwoCompartmentLIF"),
        (["--loop", "closed", "--set", "cell.name=TwoCompartment"], "no plan for TwoCompartment in the closed loop"),
        (["--loop", "closed", "--readout", "paper"], "readout has no meaning in the closed loop"),
        (["--population", "all"], "all"),
        (["--set", "phases.hold=none"], "phases: these settings are for the closed loop"),
        ([*NUMBERS, "--loop", "closed"], "--loop is for circuits"),
        ([*NUMBERS, "--samples", "3"], "--samples is for circuits, --cells for plans from numbers alone"),
        (["--rates", "fast"], "--rates: should be one rate in Hz"),
        (["--rates", "0,0"], "--rates: should be one rate in Hz"),
        ([*NUMBERS, "--cosine", "0.99999999"], "no such plan reaches"),
    ],
)
def test_mistakes_leave_nothing(tmp_path, capsys, words, line):
    assert main(["plan", *words, "--out", str(tmp_path / "out")]) == 2
    assert line in complaint(capsys)
    assert not (tmp_path / "out").exists()
