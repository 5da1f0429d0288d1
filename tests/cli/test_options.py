"""Options and configuration files: which one wins, what is refused in one line, what a shell completes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from cli.command_lines import complaint

from spikedtp.cli import main


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
