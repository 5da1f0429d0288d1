"""Plugins of the command line: what they register, how they fail, and who may name them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml
from own_processes import CHECKOUT, done, spikedtp

from spikedtp import plugins
from spikedtp.cli import main
from spikedtp.configuration import CompareConfiguration, SweepConfiguration
from spikedtp.plasticity import RULES
from spikedtp.sweep.plan import plan_jobs

PLUGIN = """
from dataclasses import dataclass
from spikedtp.plasticity import Factors, LearningRule, SpikingForm, register_rule
import helper_of_the_plugin

@register_rule
@dataclass(frozen=True)
class Plugged(LearningRule):
    def factors(self, signals, state):
        return Factors(((self.learning_rate * signals.post_nudged, signals.pre_nudged),))
    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate*post_nudged_post*pre_nudged_pre")
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A module in the current folder."""
    (tmp_path / "plugged_rules.py").write_text(PLUGIN)
    (tmp_path / "helper_of_the_plugin.py").write_text("")
    monkeypatch.chdir(tmp_path)
    yield "plugged_rules"
    for name in ("plugged_rules", "helper_of_the_plugin"):
        sys.modules.pop(name, None)


def test_a_plugin_registers_and_leaves_the_path_alone(plugin):
    path = list(sys.path)
    plugins.import_plugins([plugin])
    assert "Plugged" in RULES and sys.path == path
    assert plugins.plugin_files([plugin]) == [Path(plugin + ".py").absolute()]
    assert CompareConfiguration.of({"plugins": [plugin]}).saved()["plugins"] == [plugin]
    assert "plugins" not in CompareConfiguration().saved()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nosuch", "--plugin nosuch: there is no module nosuch in this folder or on Python's path"),
        ("nosuch.inner", "there is no module nosuch in this folder"),
        ("plugged_rules.py", "give the name of the module, as in --plugin plugged_rules, in its own folder"),
        ("folder/mine", "give the name of the module, as in --plugin mine, in its own folder"),
        ("a b", "--plugin 'a b' is not the name of a Python module"),
        ("", "--plugin '' is not the name"),
        (
            "failing",
            r"--plugin failing: cannot be imported: ZeroDivisionError: division by zero \(failing.py, line 2\)",
        ),
        ("unreadable", r"cannot be imported: SyntaxError: .* \(unreadable.py, line 1\)"),
        ("needing", r"cannot be imported: ModuleNotFoundError: No module named 'absent_part' \(needing.py, line 1\)"),
        ("taken", "cannot be imported: the learning rule 'BTSP' exists already: choose another name"),
    ],
)
def test_a_plugin_that_fails_is_one_line(plugin, name, message, capsys, tmp_path):
    (tmp_path / "failing.py").write_text("\n1 / 0\n")
    (tmp_path / "unreadable.py").write_text("def\n")
    (tmp_path / "needing.py").write_text("import absent_part\n")
    (tmp_path / "taken.py").write_text(PLUGIN.replace("Plugged", "BTSP"))
    assert main(["info", "digits_dtp", "--plugin", name]) == 2
    assert re.search(message, found := capsys.readouterr().err), found
    assert found.count("\n") == 1


def test_a_file_cannot_ask_for_a_plugin(plugin, tmp_path, capsys):
    """Whatever names it: a configuration, an assignment, a job of a sweep. Nothing is imported."""
    config = tmp_path / "config.yaml"
    config.write_text(f"command: compare\nplugins: [{plugin}]\n")
    wanted = f"the plugin '{plugin}' has not been imported, and no file makes that happen: add --plugin {plugin}"
    for words in (["--config", str(config)], ["--set", f"plugins=[{plugin}]"]):
        assert main(["compare", *words]) == 2
        assert wanted in capsys.readouterr().err
    assert main(["sweep", "--set", f"base.plugins=[{plugin}]", "--set", "grid.seed=[0]"]) == 2
    assert "a job of a sweep has no 'plugins' of its own" in capsys.readouterr().err
    config.write_text("command: compare\nplugins: 3\n")
    assert main(["compare", "--config", str(config), "--plugin", plugin]) == 2
    assert "plugins: should be a valid tuple" in capsys.readouterr().err
    with pytest.raises(ValueError, match="has not been imported"):
        SweepConfiguration(plugins=("antigravity",))
    assert "antigravity" not in sys.modules


def test_jobs_of_a_sweep_have_its_plugins(plugin):
    plugins.import_plugins([plugin])
    configuration = SweepConfiguration.of({"grid": {"seed": [0, 1]}, "plugins": [plugin]})
    assert [job.plugins for job in plan_jobs(configuration)] == [(plugin,)] * 2


def test_the_environment_names_plugins_too(plugin, monkeypatch):
    monkeypatch.setenv(plugins.VARIABLE, f" {plugin}, yaml ,")
    assert plugins.plugins_asked_for(["numpy", "yaml"]) == ("numpy", "yaml", plugin)


@pytest.mark.slow
def test_a_plugin_from_the_command_line(tmp_path):
    """Compare, repeat, info, and a sweep whose jobs run in processes of their own."""
    (tmp_path / "plugged_rules.py").write_text(PLUGIN)
    (tmp_path / "helper_of_the_plugin.py").write_text("")
    fast = ["--set", "rules.H2E_H1E=Plugged"]
    words = "compare --samples 1 --device runtime --time-per-step 2 --out out".split()
    refused = spikedtp(tmp_path, *words, *fast)
    assert refused.returncode == 2 and "unknown learning rule 'Plugged'" in refused.stderr
    done(spikedtp(tmp_path, *words, *fast, "--plugin", "plugged_rules"))
    assert yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())["plugins"] == ["plugged_rules"]
    assert "plugged_rules.py" in (tmp_path / "out" / "manifest.json").read_text()
    refused = spikedtp(tmp_path, "repeat", "out")
    assert refused.returncode == 2 and refused.stderr.strip().endswith("add --plugin plugged_rules")
    assert "matched" in done(spikedtp(tmp_path, "repeat", "out", "--plugin", "plugged_rules"))
    circuit = (CHECKOUT / "models" / "digits_dtp.yaml").read_text()
    learned = "learning_rule: DendriticLoss_6, learning_rule_kwargs: {sign: -1, learning_rate: 0.42}"
    assert learned in circuit
    (tmp_path / "own.yaml").write_text(circuit.replace(learned, "learning_rule: Plugged"))
    assert "Plugged" in done(spikedtp(tmp_path, "info", "own.yaml", "--plugin", "plugged_rules"))
    base = "{samples: 1, device: runtime, time_per_step: 2, rules: {H2E_H1E: Plugged}}"
    words = ["sweep", "--set", f"base={base}", "--set", "grid.seed=[0,1]", "--jobs", "2", "--plugin", "plugged_rules"]
    assert "2 of 2 jobs done" in done(spikedtp(tmp_path, *words, "--out", "swept"))
