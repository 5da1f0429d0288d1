"""What every job of a sweep does: named in a file, an option or Python, and kept."""

from __future__ import annotations

import pytest
import yaml

from spikedtp import SpikedtpError
from spikedtp.cli import main
from spikedtp.configuration import SweepConfiguration, read_settings

SWEEP = {"base": {"samples": 20, "device": "runtime"}, "grid": {"seed": [0, 1]}}


def read(path):
    return SweepConfiguration.of(read_settings(path, "sweep"), str(path))


@pytest.mark.parametrize("command", ["compare", "train", "evaluate", "replay"])
def test_its_file_names_the_command_of_its_jobs(command, tmp_path):
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump({"command": command, **SWEEP}))
    found = read(tmp_path / "sweep.yaml")
    assert found.job_command == command
    assert found == SweepConfiguration(command=command, **SWEEP) == SweepConfiguration(job_command=command, **SWEEP)
    found.save(tmp_path)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["command"] == "sweep"
    assert read(tmp_path / "config.yaml") == found


def test_comparisons_are_saved_as_ever(tmp_path):
    """To the byte: earlier versions knew no other command."""
    SweepConfiguration.of({"command": "compare", **SWEEP}).save(tmp_path)
    assert (tmp_path / "config.yaml").read_text() == (
        "command: sweep\nbase:\n  samples: 20\n  device: runtime\ngrid:\n  seed:\n  - 0\n  - 1\n"
        "list: []\nrandom: null\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("command: plan\ngrid: {seed: [0]}\n", "job_command: should be 'compare', 'train', 'evaluate' or 'replay'"),
        ("command: [train]\ngrid: {seed: [0]}\n", "job_command: should be 'compare', 'train', 'evaluate' or 'replay'"),
        ("command: train\nsamples: 3\n", "configures 'spikedtp train', not 'spikedtp sweep'"),
    ],
)
def test_no_such_command(text, message, tmp_path):
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(SpikedtpError, match=message):
        read(tmp_path / "sweep.yaml")


def test_its_option(tmp_path, capsys):
    words = ["--set", "grid.seed=[0,1]", "--set", "base.population=H2E", "--out", str(tmp_path / "out")]
    assert main(["sweep", "--command", "train", *words]) == 2
    assert "the sweep's jobs: unknown setting of 'train' 'population'" in capsys.readouterr().err
    assert main(["sweep", "--set", "command=train", *words]) == 2
    assert "the sweep's jobs: unknown setting of 'train' 'population'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
