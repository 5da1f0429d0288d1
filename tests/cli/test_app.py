"""The command line: help, exit statuses, one-line messages. What the commands compute is tested with the library."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
import typer
from cli.command_lines import complaint

from spikedtp import __version__
from spikedtp.cli import main

COMMANDS = [
    "compare", "train", "evaluate", "sweep", "replay", "info", "check", "cache", "report", "repeat", "plan", "search",
]  # fmt: skip


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"spikedtp {__version__}\n"


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", listed, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"spikedtp {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_help_are_right(command, capsys, tmp_path, monkeypatch):
    """Every example of a command's help has options that exist, and settings that are allowed."""
    from spikedtp.cli.app import app
    from spikedtp.cli.options import _configuration
    from spikedtp.configuration import COMMANDS as MODELS

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text("grid: {seed: [0, 1]}\n")
    (tmp_path / "search.yaml").write_text("base: {validation: 300}\nparameters: {unit-rate: {low: 100, high: 1000}}\n")
    (tmp_path / "results" / "train").mkdir(parents=True)
    (tmp_path / "results" / "train" / "config.yaml").write_text("command: train\nsamples: 3\n")
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    examples = [line.strip() for line in text.partition("Examples:\n")[2].splitlines()]
    assert examples
    for example in examples:
        program, name, *words = shlex.split(example)
        assert (program, name) == ("spikedtp", command)
        given = typer.main.get_command(app).commands[name].make_context(name, words).params
        given.pop("as_json", None)  # how results are printed is no setting
        if command in MODELS:
            assert _configuration(MODELS[command], given) is not None


def test_help_is_quick_to_import():
    """Asking for help loads neither torch nor Brian2."""
    code = (
        "import sys; from spikedtp.cli import main; status = main(['compare', '--help']);"
        "sys.exit(status or any(name in sys.modules for name in ('torch', 'brian2', 'numpy', 'pandas', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--loop", "closed", "--readout", "paper"], "readout has no meaning in the closed loop"),
        (["compare", "--no-such-option"], "No such option.*spikedtp compare --help"),
        (["compare", "--samples", "many"], "--samples.*integer"),
        (["compare", "--samples", "0"], "--samples.*greater than or equal to 1, got '0'"),
        (["compare", "--unit-rate", "nan"], "--unit-rate.*finite"),
        (["compare", "--average", "2"], "average = 2 needs at least as many repeats, got repeats = 1"),
        (["compare", "--set", "cell"], "--set cell: expected NAME=VALUE, such as cell.tau_soma=30"),
        (["compare", "--set", "cell=[1"], r"--set cell=\[1: line 1: expected ',' or '\]'"),
        (["compare", "--set", "layers=3"], "--set layers=3: unknown setting of 'compare' 'layers': known are average"),
        (["compare", "--set", "cell.tau_soma=30ms"], r"TwoCompartment.tau_soma must be .*such as 60\*ms\), got '30ms'"),
        (["compare", "--spikers", "2"], r"spikers: these settings are for the closed loop \(--loop closed\)"),
        (["compare", "--set", "unit_rates.H1E=2"], "unit_rates: these settings are for the closed loop"),
        (["train", "--spikers", "0"], "--spikers: should be greater than or equal to 1, got '0'"),
        (["train", "--set", "spikers.H1E=0"], "spikers.H1E: should be greater than or equal to 1, got 0"),
        (["train", "--set", "unit_rates.H1E=200*Hz"], "unit_rates.H1E: should be a valid number, got '200"),
        (["sweep"], "a sweep needs something to vary: grid, list or random"),
        (["compare", "--set", "cell.tau=3", "--device", "runtime"], "parameter in cell of TwoCompartment 'tau'"),
        (["compare", "--set", "cell.name=LIF", "--device", "runtime"], "cell 'LIF': known are AdaptiveLIF, "),
        (["replay", "--rule", "STDP"], "'replay' needs --signals"),
        (["repeat", "nowhere"], r"nowhere/manifest.json cannot be read"),
        (["info", "no/such.pt"], r"no/such\.pt: there is no such file, nor a shipped model"),
        (["compare", "--device", "gpu"], "--device: should be 'cpp_standalone' or 'runtime', got 'gpu'"),
        (["no-such-command"], "no-such-command"),
        (["compare", "--weights", "no/such.pt"], r"--weights no/such\.pt: no such file"),
        (["compare", "--circuit", "no_such_circuit"], "no_such_circuit.*shipped"),
        (["compare", "--circuit", "mnist_btsp"], "no trained weights ship with circuit 'mnist_btsp'"),
        (["compare", "--config", "no/such.yaml"], r"no/such\.yaml: cannot be read"),
    ],
)
def test_a_users_mistake_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert re.search(message, complaint(capsys))
    assert not list(tmp_path.iterdir())


def test_without_a_command(capsys):
    assert main([]) == 2
    complaint(capsys)
