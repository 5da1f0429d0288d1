"""A trained network is evaluated in spikes."""

import json

from spikedtp.cli import main


def test_evaluate_in_spikes(tmp_path, capsys):
    arguments = ["evaluate", "--mode", "spiking", "--samples", "12", "--settle", "300", "--device", "runtime"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["mode"] == "spiking" and summary["accuracy"] >= 10 / 12
    assert main([*arguments, "--read", "400", "--out", str(tmp_path / "other")]) == 2
    assert "Phases.read = 0.4 s is longer than settle" in capsys.readouterr().err
