"""The command line: help, exit statuses, one-line messages. What the commands compute is tested with the library."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import typer

from spikedtp import SpikedtpError, __version__
from spikedtp.cli import main
from spikedtp.configuration import CompareConfiguration
from spikedtp.jobs import train as training

COMMANDS = ["compare", "train", "evaluate", "sweep", "replay", "info", "check", "cache", "report", "repeat"]


def complaint(capsys) -> str:
    """The one line on stderr; nothing on stdout."""
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"spikedtp: error: [^\n]+\n", err), err
    return err


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


def test_compare_help_names_units(capsys):
    assert main(["compare", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for option in ("--unit-rate HZ", "--time-per-step MS", "--dt MS", "--data digits|mnist:DIR", "--circuit YAML|NAME"):
        assert option in text
    assert "450" in text and "digits_dtp" in text and "cpp_standalone" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_help_are_right(command, capsys, tmp_path, monkeypatch):
    """Every example of a command's help has options that exist, and settings that are allowed."""
    from spikedtp.cli.app import app
    from spikedtp.cli.options import _configuration
    from spikedtp.configuration import COMMANDS as MODELS

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text("grid: {seed: [0, 1]}\n")
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
        (["compare", "--set", "cell.name=LIF", "--device", "runtime"], "cell 'LIF': known are TwoCompartment"),
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


def test_a_circuit_of_ones_own_needs_weights(capsys, tmp_path):
    circuit = tmp_path / "digits_dtp.yaml"
    circuit.write_text("layer_config: {}\n")
    assert main(["compare", "--circuit", str(circuit)]) == 2
    assert "give its trained weights with --weights" in complaint(capsys)


def test_without_a_command(capsys):
    assert main([]) == 2
    complaint(capsys)


@pytest.fixture
def comparisons(monkeypatch):
    """What `spikedtp compare` asks of the library."""
    import types

    calls = []
    fake = types.ModuleType("spikedtp.jobs.compare")
    fake.run_comparison = lambda configuration, out: calls.append((configuration, out)) or {}
    monkeypatch.setitem(sys.modules, "spikedtp.jobs.compare", fake)
    monkeypatch.setattr(CompareConfiguration, "weights_file", lambda self: self.weights)
    return calls


def test_compare_passes_its_options_on(comparisons, tmp_path):
    words = (
        "compare --circuit c.yaml --weights w.pt --data mnist:d --population H1E --samples 3 --repeats 2 --average 2 "
        "--unit-rate 100 --time-per-step 10 --dt 0.5 --device runtime --loop open --seed 7 --readout paper "
        "--set cell.tau_soma=30*ms --set rules.H2E_H1E=BTSP"
    )
    assert main([*words.split(), "--out", str(tmp_path)]) == 0
    ((settings, out),) = comparisons
    assert out == tmp_path
    assert settings.saved() == {
        "circuit": "c.yaml", "weights": "w.pt", "data": "mnist:d", "population": "H1E", "samples": 3, "repeats": 2,
        "average": 2, "unit_rate": 100.0, "time_per_step": 10.0, "dt": 0.5, "device": "runtime", "loop": "open",
        "seed": 7, "on_off": False, "readout": "paper",
        "cell": {"tau_soma": "30*ms"}, "inputs": {}, "rules": {"H2E_H1E": "BTSP"},
        "phases": {}, "unit_rates": {}, "spikers": None,
    }  # fmt: skip


@pytest.mark.parametrize(("compiler", "device"), [(True, "cpp_standalone"), (False, "runtime")])
def test_compare_without_a_compiler_uses_runtime(comparisons, compiler, device, capsys, monkeypatch):
    from spikedtp.spiking.engine import devices

    monkeypatch.setattr(devices, "compiler_available", lambda: compiler)
    assert main(["compare"]) == 0
    assert comparisons[0][0].device == device
    assert capsys.readouterr().err.count("no C++ compiler found") == (not compiler)


def test_config_gives_defaults_and_the_command_line_wins(comparisons, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("samples: 4\nunit-rate: 200\ndevice: runtime\nseed: 3\ncell: {tau_soma: 30*ms, coupling: 2}\n")
    assert main(["compare", "--config", str(config), "--seed", "5", "--set", "cell.coupling=1"]) == 0
    settings = comparisons[0][0]
    assert (settings.samples, settings.unit_rate, settings.device, settings.seed) == (4, 200.0, "runtime", 5)
    assert settings.cell == {"tau_soma": "30*ms", "coupling": 1} and settings.repeats == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layers: 3\n", "--config .*: unknown setting of 'compare' 'layers': known are .*unit_rate"),
        ("- 1\n", "expected a mapping"),
        ("samples: [1, 2]\n", r"--config .*: samples: should be a valid integer, got \[1, 2\]"),
        ("samples: many\n", "samples: should be a valid integer.*'many'"),
        ("samples: true\n", "samples: should be a number, not true or false"),
        ("cell: {tau_soma: [1]}\n", r"cell\.tau_soma: should be"),
        ("device: gpu\n", "device: should be 'cpp_standalone' or 'runtime', got 'gpu'"),
        ("a: b: c\n", "line 1: mapping values are not allowed"),
        ("samples: 1\nsamples: 2\n", "the key 'samples' stands here twice"),
        ("command: train\n", "configures 'spikedtp train', not 'spikedtp compare'"),
        ("data: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("a: " + "[" * 20_000 + "]" * 20_000, "is nested too deeply"),
        ("# " + "x" * 2**20, "has more than 262144 characters"),
        ("a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "\n".join(
            f"{name}: &{name} [{', '.join(['*' + before] * 10)}]" for before, name in zip("abcde", "bcdef", strict=True)
        ), "holds more than 100000 values"),
        ("a: &a [*a]\n", "recursive node"),
    ],
)  # fmt: skip
def test_a_bad_config_is_one_line(text, message, capsys, comparisons, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(text)
    assert main(["compare", "--config", str(config)]) == 2
    assert re.search(message, complaint(capsys))
    assert not comparisons


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["compare", "--device", ""], {"cpp_standalone", "runtime"}),
        (
            ["compare", "--circuit", "digits_d"],
            {"digits_dtp", "digits_dtp_equilibrated", "digits_dtp_learned_top_down"},
        ),
        (["swe"], {"sweep"}),
        (["train", "--data-s"], {"--data-seed"}),
    ],
)
def test_a_shell_completes_words(words, offered):
    """Through the variables that the completion script of bash sets."""
    asked = {"_SPIKEDTP_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["spikedtp", *words])}
    done = subprocess.run(
        [sys.executable, "-c", "from spikedtp.cli import main; main()"],
        env=os.environ | asked | {"COMP_CWORD": str(len(words))}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert set(done.stdout.split()) == offered, done.stderr


def test_interrupted(comparisons, capsys, monkeypatch):
    def interrupt(*settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["spikedtp.jobs.compare"], "run_comparison", interrupt)
    assert main(["compare", "--device", "runtime"]) == 130
    assert capsys.readouterr().err == "spikedtp: interrupted\n"


def test_a_bug_keeps_its_traceback(comparisons, monkeypatch):
    def fail(*settings):
        raise ValueError("a bug, not a user's mistake")

    monkeypatch.setattr(sys.modules["spikedtp.jobs.compare"], "run_comparison", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["compare", "--device", "runtime"])


def test_a_message_of_several_lines_becomes_one(comparisons, capsys, monkeypatch):
    def fail(*settings):
        raise SpikedtpError("first\n  second")

    monkeypatch.setattr(sys.modules["spikedtp.jobs.compare"], "run_comparison", fail)
    assert main(["compare", "--device", "runtime"]) == 2
    assert complaint(capsys) == "spikedtp: error: first second\n"


def test_train_knows_a_folder_without_a_test_part(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").touch()
    assert not training._has_test_part(f"mnist:{tmp_path}")
    (tmp_path / "t10k-images-idx3-ubyte.gz").touch()
    assert training._has_test_part(f"mnist:{tmp_path}")
    assert training._has_test_part("digits")
