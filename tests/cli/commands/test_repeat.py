"""A saved configuration repeats its run to the byte, and `spikedtp repeat` says so, or what is different."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import yaml

from spikedtp.cli import main
from spikedtp.records import file_hash

COMPARE = "compare --samples 2 --repeats 2 --average 2 --seed 3 --device runtime --set cell.tau_soma=50*ms".split()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One results folder of each command."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    pre, post = (rng.random((30, n)) < 0.2 for n in (3, 2))
    np.savez(folder / "signals.npz", pre=pre, post=post, w0=np.full((2, 3), 0.5), modulator=rng.normal(size=30))
    words = {
        "compare": COMPARE,
        "train": "train --samples 10 --seed 4 --schedule constant".split(),
        "evaluate": ["evaluate", "--weights", str(folder / "train" / "weights.pt")],
        "replay": ["replay", "--rule", "MSTDPET", "--signals", str(folder / "signals.npz"), "--set", "tau_e=10*ms"],
    }
    for name, arguments in words.items():
        assert main([*arguments, "--out", str(folder / name)]) == 0
    return folder


def test_the_configuration_is_saved_as_it_was_used(made):
    saved = yaml.safe_load((made / "compare" / "config.yaml").read_text())
    assert saved == {
        "command": "compare", "circuit": "digits_dtp", "weights": None, "data": "digits", "population": "H2E",
        "samples": 2, "repeats": 2, "average": 2, "unit_rate": 450.0, "time_per_step": 20.0, "dt": 1.0,
        "device": "runtime", "loop": "open", "on_off": False,
        "readout": "best", "seed": 3, "cell": {"tau_soma": "50*ms"},
        "inputs": {}, "rules": {}, "phases": {}, "spikers": None, "unit_rates": {},
    }  # fmt: skip
    manifest = json.loads((made / "compare" / "manifest.json").read_text())
    assert {"command": "compare"} | manifest["configuration"] == saved


@pytest.mark.parametrize("command", ["compare", "train", "evaluate", "replay"])
def test_config_gives_the_same_bytes(command, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its paths do not depend on where one stands
    assert main([command, "--config", str(made / command / "config.yaml"), "--out", "again"]) == 0
    names = {path.name for path in (made / command).iterdir()}
    assert names == {path.name for path in (tmp_path / "again").iterdir()} and len(names) > 3
    for name in names - {"manifest.json"}:
        assert (tmp_path / "again" / name).read_bytes() == (made / command / name).read_bytes(), name


def test_a_setting_that_is_changed_changes_the_result(made, tmp_path):
    assert main(["replay", "--config", str(made / "replay" / "config.yaml"), "--set", "tau_e=30*ms",
                 "--out", str(tmp_path)]) == 0  # fmt: skip
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert saved["parameters"] == {"tau_e": "30*ms"}
    assert (tmp_path / "summary.json").read_bytes() != (made / "replay" / "summary.json").read_bytes()


def test_repeat_matches(made, tmp_path, capsys):
    capsys.readouterr()
    assert main(["repeat", str(made / "train"), "--out", str(tmp_path / "kept")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "matched: 6 of 6 files are the same"
    assert {line.split()[0] for line in lines[:6]} == {"same"}
    assert (tmp_path / "kept" / "weights.pt").read_bytes() == (made / "train" / "weights.pt").read_bytes()


@pytest.mark.parametrize("command", ["compare", "evaluate", "replay", "train in spikes"])
def test_repeat_matches_until_somebody_tampers(command, made, tmp_path, capsys):
    """A changed file is "edited since"; with its hash in the manifest changed too, the repetition tells."""
    if command == "train in spikes":
        words = "train --circuit digits_btsp --mode spiking --samples 2 --settle 20 --read 10 --device runtime".split()
        (tmp_path / "few").mkdir()
        rng = np.random.default_rng(1)
        for part in ("train", "t10k"):  # few images: the last word of the run shows all of them in spikes
            header = bytes.fromhex("00000803 00000003 00000008 00000008")
            (tmp_path / "few" / f"{part}-images-idx3-ubyte").write_bytes(header + rng.bytes(3 * 64))
            header = bytes.fromhex("00000801 00000003")
            (tmp_path / "few" / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes([1, 2, 3]))
        assert main([*words, "--data", f"mnist:{tmp_path / 'few'}", "--out", str(tmp_path / "out")]) == 0
    else:
        shutil.copytree(made / command, tmp_path / "out")
    assert main(["repeat", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("matched: ")
    summary, manifest = tmp_path / "out" / "summary.json", tmp_path / "out" / "manifest.json"
    summary.write_text(summary.read_text().replace("0", "1", 1))
    assert main(["repeat", str(tmp_path / "out")]) == 1
    assert "edited since    summary.json" in capsys.readouterr().out
    recorded = json.loads(manifest.read_text())
    recorded["outputs"]["summary.json"] = file_hash(summary)
    manifest.write_text(json.dumps(recorded))
    assert main(["repeat", str(tmp_path / "out")]) == 1
    assert "differs         summary.json" in capsys.readouterr().out


def test_results_are_not_repeated_onto_themselves(made, capsys):
    before = (made / "replay" / "summary.json").read_bytes()
    assert main(["repeat", str(made / "replay"), "--out", str(made / "replay")]) == 2
    assert "is the folder to compare with" in capsys.readouterr().err
    assert (made / "replay" / "summary.json").read_bytes() == before


def test_repeat_says_what_is_different(made, tmp_path, capsys):
    """An edited file, a missing one, one that comes out otherwise, an input that has changed since."""
    out, signals = tmp_path / "out", tmp_path / "signals.npz"
    arrays = dict(np.load(made / "signals.npz"))
    np.savez(signals, **arrays)
    assert main(["replay", "--rule", "STDP", "--signals", str(signals), "--out", str(out)]) == 0
    np.savez(signals, **arrays | {"w0": arrays["w0"] + 0.25})
    with (out / "config.yaml").open("a") as file:
        file.write("# a note\n")
    capsys.readouterr()
    assert main(["repeat", str(out), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    differs = dict.fromkeys(("replay.npz", "replay.png", "replay.svg", "summary.json"), "differs")
    assert report["files"] == {"config.yaml": "edited since", **differs}
    assert report["changed_since"] == [f"input {signals} has changed since the run"] and not report["matched"]
    (out / "summary.json").unlink()
    assert main(["repeat", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "missing         summary.json\n" in printed and printed.endswith("NOT matched: 0 of 5 files are the same\n")


def test_a_run_that_cannot_be_repeated(made, tmp_path, capsys):
    signals = tmp_path / "signals.npz"
    signals.write_bytes((made / "signals.npz").read_bytes())
    out = tmp_path / "out"
    assert main(["replay", "--rule", "STDP", "--signals", str(signals), "--out", str(out)]) == 0
    signals.unlink()
    capsys.readouterr()
    assert main(["repeat", str(out)]) == 2
    assert "cannot be read" in capsys.readouterr().err
    (out / "config.yaml").unlink()
    assert main(["repeat", str(out)]) == 2
    assert "has no config.yaml" in capsys.readouterr().err


def test_manifests_of_others_are_refused(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("command: fly\n")
    for manifest, words in (
        ({"outputs": {"../x": "0"}}, "lists files outside its folder"),
        ({"outputs": {}, "inputs": [3]}, "does not list its inputs as spikedtp does"),
        ({"outputs": {}}, "unknown command in .*config.yaml 'fly': known are compare"),
    ):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        assert main(["repeat", str(tmp_path)]) == 2
        assert re.search(words, capsys.readouterr().err)


def test_files_of_one_run_alone(made, tmp_path, capsys):
    """One that the repetition does not make, and one that the run did not list."""
    out = tmp_path / "out"
    shutil.copytree(made / "replay", out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["outputs"]["more.csv"] = manifest["outputs"].pop("replay.npz")
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert main(["repeat", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "not made again  more.csv\n" in printed and "new             replay.npz\n" in printed
