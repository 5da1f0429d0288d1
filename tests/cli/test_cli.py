"""The command line: help, exit statuses, one-line messages. What the commands compute is tested with the library."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from spikedtp import SpikedtpError, __version__
from spikedtp.cli import compare, main, options, train

COMMANDS = ["compare", "train", "evaluate", "sweep", "replay", "info", "check", "cache", "report", "repeat"]
NOT_BUILT = ["sweep", "info", "check", "cache", "report", "repeat"]


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


def test_help_is_quick_to_import():
    """Asking for help loads neither torch nor Brian2."""
    code = (
        "import sys; from spikedtp.cli import main; status = main(['compare', '--help']);"
        "sys.exit(status or any(name in sys.modules for name in ('torch', 'brian2', 'numpy', 'pandas', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("command", NOT_BUILT)
def test_unbuilt_commands_say_so(command, capsys):
    assert main([command]) == 2
    assert complaint(capsys) == f"spikedtp: error: 'spikedtp {command}' is not built yet\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--loop", "closed"], "closed-loop simulation is not built yet"),
        (["train", "--mode", "spiking"], "training a spiking network is not built yet"),
        (["evaluate", "--mode", "spiking"], "evaluating a spiking network is not built yet"),
        (["compare", "--no-such-option"], "No such option.*spikedtp compare --help"),
        (["compare", "--samples", "many"], "--samples.*integer"),
        (["compare", "--samples", "0"], "--samples.*greater than or equal to 1"),
        (["compare", "--device", "gpu"], "gpu.*cpp_standalone.*runtime"),
        (["no-such-command"], "no-such-command"),
        (["compare", "--weights", "no/such.pt"], r"--weights no/such\.pt: no such file"),
        (["compare", "--circuit", "no_such_circuit"], "no_such_circuit.*shipped"),
        (["compare", "--circuit", "mnist_btsp"], "no trained weights ship with circuit 'mnist_btsp'"),
        (["compare", "--config", "no/such.yaml"], r"--config no/such\.yaml cannot be read"),
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
    fake = types.ModuleType("spikedtp.comparison")
    fake.run_comparison = lambda **settings: calls.append(settings) or {}
    monkeypatch.setitem(sys.modules, "spikedtp.comparison", fake)
    monkeypatch.setattr(options, "weights_for", lambda circuit, weights: weights or "shipped.pt")
    return calls


def test_compare_passes_its_options_on(comparisons, tmp_path):
    words = (
        "compare --circuit c.yaml --weights w.pt --data mnist:d --population H1E --samples 3 --repeats 2 "
        "--unit-rate 100 --time-per-step 10 --dt 0.5 --device runtime --loop open --seed 7 --readout paper"
    )
    assert main([*words.split(), "--out", str(tmp_path)]) == 0
    (settings,) = comparisons
    assert str(settings.pop("weights")) == "w.pt"
    assert settings == {
        "circuit": "c.yaml", "data": "mnist:d", "population": "H1E", "samples": 3, "repeats": 2, "unit_rate": 100.0,
        "time_per_step": 10.0, "dt": 0.5, "device": "runtime", "loop": "open", "seed": 7, "readout": "paper",
        "out": tmp_path, "progress": True,
    }  # fmt: skip


def test_compare_defaults(comparisons, monkeypatch):
    monkeypatch.setattr(compare, "_device", lambda asked: asked or "chosen")
    assert main(["compare"]) == 0
    (settings,) = comparisons
    assert {key: settings[key] for key in ("circuit", "weights", "data", "population", "samples", "repeats")} == {
        "circuit": "digits_dtp", "weights": "shipped.pt", "data": "digits", "population": "H2E", "samples": 10,
        "repeats": 1,
    }  # fmt: skip
    assert (settings["unit_rate"], settings["time_per_step"], settings["dt"]) == (450.0, 20.0, 1.0)
    assert (settings["device"], settings["loop"], settings["readout"], settings["seed"]) == (
        "chosen",
        "open",
        "best",
        0,
    )


@pytest.mark.parametrize(("compiler", "device"), [(True, "cpp_standalone"), (False, "runtime")])
def test_compare_without_a_compiler_uses_runtime(comparisons, compiler, device, capsys, monkeypatch):
    from spikedtp.spiking import devices

    monkeypatch.setattr(devices, "compiler_available", lambda: compiler)
    assert main(["compare"]) == 0
    assert comparisons[0]["device"] == device
    assert capsys.readouterr().err.count("no C++ compiler found") == (not compiler)


def test_config_gives_defaults_and_the_command_line_wins(comparisons, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("samples: 4\nunit-rate: 200\ndevice: runtime\nseed: 3\n")
    assert main(["compare", "--config", str(config), "--seed", "5"]) == 0
    (settings,) = comparisons
    assert (settings["samples"], settings["unit_rate"], settings["device"]) == (4, 200.0, "runtime")
    assert settings["seed"] == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layers: 3\n", "unknown setting in --config .*'layers'.*unit-rate"),
        ("- 1\n", "expected a mapping"),
        ("samples: [1, 2]\n", "samples takes one value, not a list"),
        ("samples: many\n", "--samples.*integer"),
        ("a: b: c\n", "cannot be read"),
    ],
)
def test_a_bad_config_is_one_line(text, message, capsys, comparisons, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(text)
    assert main(["compare", "--config", str(config)]) == 2
    assert re.search(message, complaint(capsys))
    assert not comparisons


def test_interrupted(comparisons, capsys, monkeypatch):
    def interrupt(**settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["spikedtp.comparison"], "run_comparison", interrupt)
    assert main(["compare", "--device", "runtime"]) == 130
    assert capsys.readouterr().err == "spikedtp: interrupted\n"


def test_a_bug_keeps_its_traceback(comparisons, monkeypatch):
    def fail(**settings):
        raise ValueError("a bug, not a user's mistake")

    monkeypatch.setattr(sys.modules["spikedtp.comparison"], "run_comparison", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["compare", "--device", "runtime"])


def test_a_message_of_several_lines_becomes_one(comparisons, capsys, monkeypatch):
    def fail(**settings):
        raise SpikedtpError("first\n  second")

    monkeypatch.setattr(sys.modules["spikedtp.comparison"], "run_comparison", fail)
    assert main(["compare", "--device", "runtime"]) == 2
    assert complaint(capsys) == "spikedtp: error: first second\n"


def test_train_knows_a_folder_without_a_test_part(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").touch()
    assert not train._has_test_part(f"mnist:{tmp_path}")
    (tmp_path / "t10k-images-idx3-ubyte.gz").touch()
    assert train._has_test_part(f"mnist:{tmp_path}")
    assert train._has_test_part("digits")
