"""Things by name: what ships, what is registered, what installed packages offer."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml
from brian2 import ms, second
from own_processes import CHECKOUT, done, spikedtp

from spikedtp import SpikedtpError, datasets, replay
from spikedtp.circuit import read_circuit
from spikedtp.cli import main
from spikedtp.configuration import ReplayConfiguration
from spikedtp.neurons import CELLS, CellModel, NudgedCell, TwoCompartment, register_cell
from spikedtp.parameters import parameter
from spikedtp.plasticity import (
    BIAS_RULES,
    BTSP,
    RULES,
    STDP,
    TIMED_RULES,
    Factors,
    LearningRule,
    SpikingForm,
    make_bias_rule,
    make_rule,
    make_timed_rule,
    register_bias_rule,
    register_rule,
    register_timed_rule,
    rule_named,
)
from spikedtp.rate import load_rate_network
from spikedtp.registries import Registry, offered, providers
from spikedtp.spiking import Device, register_device
from spikedtp.spiking.engine.devices import DEVICES
from spikedtp.spiking.engine.runtime import run_runtime

CODE = '''
"""A package of somebody else's."""
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikedtp.datasets import Dataset
from spikedtp.neurons import TwoCompartment
from spikedtp.plasticity import STDP, BiasRule, Factors, LearningRule, SpikingForm, register_rule
from spikedtp.spiking import Device
from spikedtp.spiking.engine.runtime import run_runtime


@dataclass(frozen=True)
class Covariance(LearningRule):
    mean: float = 0.1
    silent_inputs_keep_weights: ClassVar[bool] = False

    def factors(self, signals, state):
        post, pre = signals.post_nudged - self.mean, signals.pre_nudged - self.mean
        return Factors(((self.learning_rate * post, pre),))

    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate*(post_nudged_post - mean)*(pre_nudged_pre - mean)")


@dataclass(frozen=True)
class SlowSTDP(STDP):
    learning_rate: float = 0.001


@dataclass(frozen=True)
class Decay(BiasRule):
    def update(self, plateau, gradient):
        return -self.learning_rate * plateau


@dataclass(frozen=True)
class SoftCell(TwoCompartment):
    pass


def noise(argument, parts):
    n = int(argument or 4)
    rng, y = np.random.default_rng(0), np.arange(n) % 10
    x, t = rng.random((n, 64), np.float32), np.eye(10, dtype=np.float32)[y]
    return Dataset(f"noise:{n}", 8, x, t, y, x, t, y)


NUMPY = Device(run_runtime)
not_a_rule = "BTSP"
'''
ENTRY_POINTS = {
    "rules": "Covariance = {0}:Covariance\nGone = {0}:Gone\nBroken = {0}_no_such:Broken\nText = {0}:not_a_rule\n"
    "Renamed = {0}:Covariance\nBTSP = {0}:Covariance",
    "timed_rules": "SlowSTDP = {0}:SlowSTDP",
    "bias_rules": "Decay = {0}:Decay",
    "cells": "SoftCell = {0}:SoftCell",
    "datasets": "noise = {0}:noise",
    "devices": "mine = {0}:NUMPY\nwrong = {0}:noise",
}


def make_package(site: Path, name: str, code: str = CODE, entry_points: dict[str, str] = ENTRY_POINTS) -> Path:
    """What an installer leaves of a package: a module, and metadata with entry points."""
    site.mkdir(exist_ok=True)
    (site / f"{name}.py").write_text(code)
    info = site / f"{name}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    listed = "\n".join(f"[spikedtp.{group}]\n{lines.format(name)}\n" for group, lines in entry_points.items())
    (info / "entry_points.txt").write_text(listed)
    return site


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package, gone with the test."""
    site = make_package(tmp_path / "site", "strangers_rules")
    monkeypatch.syspath_prepend(str(site))
    yield "strangers_rules"
    sys.modules.pop("strangers_rules", None)


def one_line(caught) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- the mapping ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Own(LearningRule):
    def factors(self, signals, state):
        return Factors(((self.learning_rate * signals.post_nudged, signals.pre_nudged),))

    def spiking_form(self):
        return SpikingForm(on_learn="w += learning_rate*post_nudged_post*pre_nudged_pre")


@dataclass(frozen=True)
class OwnCell(TwoCompartment):
    tau_soma: second = parameter(30 * ms, above=0 * ms)


def test_what_is_registered_joins_the_mapping():
    assert "Own" not in RULES and RULES.get("Own") is None
    before = list(RULES)
    assert register_rule(Own) is Own and register_rule(Own) is Own
    assert RULES["Own"] is Own and list(RULES) == [*before, "Own"] and len(RULES) == len(before) + 1
    assert {**RULES}["Own"] is Own and "Own" in repr(RULES) and offered("spikedtp.rules") == ["Own"]
    assert make_rule("Own", learning_rate=0.5) == Own(0.5) == rule_named("Own", learning_rate=0.5)
    with pytest.raises(SpikedtpError, match="unknown parameter of Own 'gain': known are learning_rate"):
        make_rule("Own", learning_rate=0.5, gain=1.0)
    with pytest.raises(KeyError):
        RULES["own"]


def test_a_class_that_is_defined_anew_takes_its_place():
    """As when the cell of a notebook is run again."""

    def define(rate):
        @register_timed_rule
        @dataclass(frozen=True)
        class Again(STDP):
            learning_rate: float = rate

    define(0.1)
    define(0.2)
    assert make_timed_rule("Again").learning_rate == 0.2


@pytest.mark.parametrize(
    ("register", "thing", "message"),
    [
        (register_rule, type("BTSP", (Own,), {}), "the learning rule 'BTSP' exists already: choose another name"),
        (register_rule, STDP, "STDP must be a subclass of spikedtp.plasticity.LearningRule"),
        (register_rule, "BTSP", "the name of a learning rule must be a word without a colon, got ''"),
        (register_rule, Own(0.1), "the name of a learning rule must be"),
        (register_timed_rule, Own, "Own must be a subclass of spikedtp.plasticity.TimedRule"),
        (register_bias_rule, Own, "Own must be a subclass of spikedtp.plasticity.BiasRule"),
        (register_cell, Own, "Own must be a subclass of spikedtp.neurons.CellModel"),
        (register_cell, type("TwoCompartment", (OwnCell,), {}), "the cell 'TwoCompartment' exists already"),
        (lambda thing: datasets.register_dataset("digits", thing), len, "the data set 'digits' exists already"),
        (lambda thing: datasets.register_dataset("a:b", thing), len, "must be a word without a colon, got 'a:b'"),
        (lambda thing: datasets.register_dataset("mine", thing), 3, "the data set 'mine' must be a function"),
        (lambda thing: register_device("runtime", thing), len, "the device 'runtime' exists already"),
        (lambda thing: register_device("mine", thing), 3, "must be a Device.run, available. of functions"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_one_line(register, thing, message):
    with pytest.raises(SpikedtpError, match=message) as caught:
        register(thing)
    one_line(caught)


def test_undecorated_classes_are_refused():
    class Undecorated(Own):
        gain: float = 2.0

    @dataclass(frozen=True)
    class NoDefault(CellModel):
        tau: second

    with pytest.raises(SpikedtpError, match=r"Undecorated\.gain is no field: write @dataclass"):
        register_rule(Undecorated)
    with pytest.raises(SpikedtpError, match=r"NoDefault\.tau has no default"):
        register_cell(NoDefault)


def test_a_name_of_both_kinds_of_rule_is_refused():
    register_rule(dataclass(frozen=True)(type("STDP", (Own,), {})))
    with pytest.raises(SpikedtpError, match="STDP is a learning rule and one in time steps too: rename yours"):
        rule_named("STDP")


# --- packages ---------------------------------------------------------------------------------------------------------


def test_a_package_is_imported_when_its_name_is_asked_for(package):
    assert "Covariance" in RULES and {"Covariance", "Broken"} <= set(RULES) and package not in sys.modules
    with pytest.raises(SpikedtpError, match=r"known are .*Covariance.*Gone"):
        make_rule("Covarience", learning_rate=1)
    assert package not in sys.modules
    rule = make_rule("Covariance", learning_rate=1.0, mean=0.2)
    assert type(rule) is sys.modules[package].Covariance and providers()[package] == "1.5"
    assert RULES["BTSP"] is BTSP and make_rule("BTSP_19", learning_rate=1) == BTSP(1)  # no package changes these
    assert make_timed_rule("SlowSTDP").learning_rate == 0.001
    assert type(make_bias_rule("Decay", learning_rate=1)).__name__ == "Decay" and "Decay" in BIAS_RULES
    assert CELLS["SoftCell"].__name__ == "SoftCell" and "SlowSTDP" in TIMED_RULES
    assert DEVICES["mine"] == Device(run_runtime) and "mine" in offered("spikedtp.devices")


@pytest.mark.parametrize(
    ("registry", "name", "message"),
    [
        (RULES, "Broken", r"the learning rule 'Broken' of the package 'strangers_rules' \(strangers_rules_no_such:Brok"
                          r"en\) cannot be imported: ModuleNotFoundError: No module named .*; repair or uninstall"),
        (RULES, "Gone", "'Gone' of the package 'strangers_rules' .* cannot be imported: AttributeError"),
        (RULES, "Text", "'Text' of the package 'strangers_rules' .* cannot be used: 'BTSP' must be a subclass of"),
        (RULES, "Renamed", "cannot be used: the rule 'Renamed' must have the name of its class, Covariance"),
        (DEVICES, "wrong", "cannot be used: the device 'wrong' must be a Device"),
    ],
)  # fmt: skip
def test_a_broken_package_is_one_line(package, registry, name, message):
    with pytest.raises(SpikedtpError, match=message) as caught:
        registry[name]
    one_line(caught)


def test_a_package_that_leaves_python_is_one_line(tmp_path, monkeypatch):
    make_package(tmp_path / "site", "leaving", "raise SystemExit(3)", {"rules": "Leaving = leaving:Leaving"})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(SpikedtpError, match=r"cannot be imported: SystemExit: 3 \(leaving.py, line 1\)"):
        make_rule("Leaving", learning_rate=1)


def test_two_packages_of_one_name_are_refused(package, tmp_path):
    make_package(tmp_path / "site", "others", CODE, {"rules": "Covariance = others:Covariance"})
    sys.path.append(str(tmp_path))  # what is on the path is looked at anew
    try:
        with pytest.raises(SpikedtpError, match="is offered by 'others' and 'strangers_rules': uninstall one"):
            make_rule("Covariance", learning_rate=1)
    finally:
        sys.path.remove(str(tmp_path))


def test_a_registry_of_nothing():
    things = Registry("thing", "spikedtp.test_things", {}, check=lambda name, thing: None)
    with pytest.raises(SpikedtpError, match="unknown thing 'a': known are"):
        things.named("a")
    with pytest.raises(SpikedtpError, match=r"unknown thing '\[1\]'"):
        things.named([1])
    assert [1] not in things and len(things) == 0


# --- data sets, devices, cells ----------------------------------------------------------------------------------------


def stripes(argument, parts):
    y = np.arange(6) % 3
    x = np.full((6, 16), float(argument or 1), np.float32)
    t = np.eye(3, dtype=np.float32)[y]
    return datasets.Dataset("stripes", 4, x, t, y, x[:0], t[:0], y[:0])


def test_a_data_set_of_ones_own():
    assert datasets.register_dataset("stripes")(stripes) is stripes
    assert datasets.load("stripes:0.5").train_x.max() == 0.5
    assert datasets.load("stripes", n_classes=10).train_t.shape == (6, 10)
    assert datasets.load("stripes", n_classes=10).test_t.shape == (0, 10)
    for spec, n, message in (
        ("stripes", 2, "data set 'stripes' has 3 classes, the circuit 2 output cells: fit the circuit"),
        ("text", None, "data set 'text': its loader must return a spikedtp.datasets.Dataset, got 'x'"),
        ("bent", None, r"'stripes': its shape must be None or \(rows, columns\) of its 16 inputs, got \(5, 5\)"),
        ("cifar", None, "known are bent, csv:FILE, digits, mnist:DIR, npz:FILE, sklearn:NAME, spirals, stripes, text"),
    ):
        datasets.register_dataset("text", lambda argument, parts: "x") if "text" not in datasets.DATASETS else None
        if "bent" not in datasets.DATASETS:
            datasets.register_dataset("bent", lambda argument, parts: replace(stripes("1", parts), shape=5))
        with pytest.raises(SpikedtpError, match=message) as caught:
            datasets.load(spec, n_classes=n)
        one_line(caught)


def test_a_loader_may_ask_for_the_number_of_classes():
    asked = []

    def loader(argument, parts, n_classes):
        asked.append((argument, tuple(parts), n_classes))
        return stripes("", parts)

    datasets.register_dataset("asking", loader)
    datasets.load("asking:a:b", ("train",), n_classes=4)
    assert asked == [("a:b", ("train",), 4)]


def test_a_device_of_ones_own():
    runs = []

    def run(build, data, *rest):
        runs.append(len(data))
        return run_runtime(build, data, *rest)

    register_device("mine", run)
    register_device("never", run, lambda: False, "is not here: use 'runtime'")
    spikes = np.eye(4)[:, :2]
    one, other = (replay(STDP(), spikes, spikes, 0.5, form="spiking", device=device) for device in ("mine", "runtime"))
    assert runs == [1] and one.w.tobytes() == other.w.tobytes()
    with pytest.raises(SpikedtpError, match="device 'never' is not here: use 'runtime'"):
        replay(STDP(), spikes, spikes, 0.5, form="spiking", device="never")
    given = {"rule": "STDP", "signals": "s.npz"}
    assert ReplayConfiguration.of(given | {"device": "mine"}).saved()["device"] == "mine"
    with pytest.raises(
        SpikedtpError, match="device: should be 'cpp_standalone', 'runtime' or 'mine' or 'never', got 'gpu'"
    ):
        ReplayConfiguration.of(given | {"device": "gpu"})


def test_a_cell_of_ones_own_from_the_command_line(tmp_path, capsys):
    register_cell(OwnCell)
    words = "compare --samples 1 --device runtime --time-per-step 2".split()
    assert main([*words, "--set", "cell.name=OwnCell", "--set", "cell.coupling=2", "--out", str(tmp_path / "own")]) == 0
    assert (
        main([*words, "--set", "cell.tau_soma=30*ms", "--set", "cell.coupling=2", "--out", str(tmp_path / "same")]) == 0
    )
    tables = [(tmp_path / name / "comparison.csv").read_bytes() for name in ("own", "same")]
    assert tables[0] == tables[1]
    capsys.readouterr()
    words += ["--out", str(tmp_path / "none")]
    assert main([*words, "--loop", "closed", "--set", "cell.name=OwnCell"]) == 2  # the loop says what it lacks
    assert "OwnCell" in capsys.readouterr().err
    assert main([*words, "--set", "cell.name=NudgedCell"]) == 2
    assert "unknown cell 'NudgedCell': known are " in (said := capsys.readouterr().err) and "OwnCell" in said
    assert CELLS["NudgedCell"] is NudgedCell


def test_a_registered_rule_in_a_circuit(tmp_path, small_circuit):
    register_rule(Own)
    values = yaml.safe_load(small_circuit.read_text())
    values["projection_config"]["H2.E"]["H1.E"] |= {
        "learning_rule": "Own",
        "learning_rule_kwargs": {"learning_rate": 0.1},
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    assert read_circuit(path).projection("H2E_H1E").rule == Own(0.1)
    values["projection_config"]["H2.E"]["H1.E"]["learning_rule"] = "os.system"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    with pytest.raises(SpikedtpError, match=r"learning_rule: unknown learning rule 'os.system': known are .*Own"):
        read_circuit(path)


def test_the_page_on_extending_runs(monkeypatch):
    text = (CHECKOUT / "docs" / "extending.md").read_text()
    blocks = re.findall(r"```python\n# (\w+)\.py\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in blocks] == ["my_rules", "my_cells", "my_data"]
    for name, code in blocks:
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(code.replace("__main__", name), vars(module))  # with what it does when it is run
    assert {"Covariance"} <= set(RULES) and {"SlowCell"} <= set(CELLS)
    assert datasets.load("patterns:20").train_x.shape == (20, 64)


def test_a_package_from_yaml_and_the_command_line(tmp_path, small_circuit):
    """Rule, cell and data set of an installed package, in a circuit file, without an edit here."""
    make_package(tmp_path / "site", "strangers_rules")
    values = yaml.safe_load(small_circuit.read_text())
    values["projection_config"]["H2.E"]["H1.E"] |= {
        "learning_rule": "Covariance", "learning_rule_kwargs": {"learning_rate": 0.1, "mean": 0.05},
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    torch.save(load_rate_network(small_circuit, seed=0).state_dict(), tmp_path / "own.pt")
    words = "compare --circuit own.yaml --weights own.pt --samples 2 --device mine --time-per-step 2 --data noise:5"
    printed = done(spikedtp(tmp_path, *words.split(), "--set", "cell.name=SoftCell", "--out", "out"))
    assert "H2E_H1E: median cosine" in printed
    config = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert (config["data"], config["device"], config["cell"]) == ("noise:5", "mine", {"name": "SoftCell"})
    assert '"strangers_rules": "1.5"' in (tmp_path / "out" / "manifest.json").read_text()
    rng = np.random.default_rng(0)
    pre, post, w0 = rng.random((1, 3)), rng.random((1, 2)), rng.random((2, 3))
    np.savez(tmp_path / "signals.npz", pre=pre, post=post, w0=w0)
    words = "replay --signals signals.npz --rule Covariance --set learning_rate=0.1 --device runtime --form spiking"
    done(spikedtp(tmp_path, *words.split(), "--out", "replayed"))
    with np.load(tmp_path / "replayed" / "replay.npz") as arrays:
        np.testing.assert_allclose(arrays["w"][-1], w0 + 0.1 * np.outer(post - 0.1, pre - 0.1), rtol=0, atol=1e-12)


def test_the_folder_one_is_in_offers_nothing(tmp_path, monkeypatch):
    """It is on Python's path by itself, and may be a stranger's; a folder that the user put there is another thing."""
    info = tmp_path / "strange-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spikedtp.rules]\nStrange = strange_module:Strange\n")
    monkeypatch.chdir(tmp_path)
    rest = [entry for entry in sys.path if entry]
    for first in ("", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [first, *rest])
        assert "Strange" not in offered("spikedtp.rules") and "Strange" not in RULES
    monkeypatch.setattr(sys, "path", [*rest, str(tmp_path)])
    assert "Strange" in offered("spikedtp.rules")
