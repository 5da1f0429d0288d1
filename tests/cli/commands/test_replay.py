"""`spikedtp replay`: results on disk, and mistakes in one line with status 2."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from brian2 import ms

from spikedtp import replay
from spikedtp.cli import main
from spikedtp.plasticity import MSTDP


@pytest.fixture
def signals(tmp_path):
    rng = np.random.default_rng(0)
    pre, post = (rng.random((50, n)) < 0.2 for n in (3, 2))
    np.savez(tmp_path / "signals.npz", pre=pre, post=post, w0=np.full((2, 3), 0.5), modulator=rng.normal(size=50))
    return tmp_path / "signals.npz"


def test_both_forms_leave_the_same_weights(signals, tmp_path):
    kept = {}
    for form in ("rate", "spiking"):
        out = tmp_path / form
        arguments = ["--rule", "MSTDPET", "--signals", str(signals), "--set", "tau_e=10*ms", "--set", "convention=lag"]
        assert main(["replay", *arguments, "--form", form, "--device", "runtime", "--out", str(out)]) == 0
        with np.load(out / "replay.npz") as file:
            kept[form] = dict(file)
        assert json.loads((out / "summary.json").read_text())["change.largest"] > 1e-3
        assert json.loads((out / "manifest.json").read_text())["configuration"]["parameters"]["tau_e"].startswith("10")
    assert kept["rate"]["w"].shape == (51, 2, 3) and "state.z" in kept["rate"]
    np.testing.assert_allclose(kept["spiking"]["w"], kept["rate"]["w"], atol=1e-12)


@pytest.mark.parametrize("form", ["rate", "spiking"])
def test_the_last_weights_alone(signals, tmp_path, form):
    found = {}
    for keep in ("all", "last"):
        words = ["--rule", "STDP", "--signals", str(signals), "--form", form, "--device", "runtime", "--keep", keep]
        assert main(["replay", *words, "--out", str(tmp_path / keep)]) == 0
        with np.load(tmp_path / keep / "replay.npz") as file:
            found[keep] = dict(file)
    assert set(found["last"]) == {"w", "t_ms"} and found["last"]["w"].shape == (1, 2, 3)
    assert np.ptp(found["last"]["w"]) > 1e-4
    np.testing.assert_allclose(found["last"]["w"][0], found["all"]["w"][-1], rtol=1e-12)
    last, every = (json.loads((tmp_path / keep / "summary.json").read_text()) for keep in ("last", "all"))
    assert last == pytest.approx(every) and last["n_steps"] == 50
    assert not (tmp_path / "last" / "replay.png").exists()


def test_rules_that_learn_per_presentation(signals, tmp_path):
    arguments = ["--rule", "BTSP", "--set", "learning_rate=0.1", "--set", "relu_gate=false"]
    assert main(["replay", *arguments, "--signals", str(signals), "--out", str(tmp_path / "out")]) == 0
    with np.load(tmp_path / "out" / "replay.npz") as file:
        assert file["state.past_plateau"].shape == (51, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rule", "Hebb"], "unknown learning rule 'Hebb': known are BCM, BTSP"),
        (["--rule", "MSTDP", "--set", "tau=3"], "unknown parameter of MSTDP 'tau'"),
        (["--rule", "MSTDP", "--set", "tau_plus"], "expected NAME=VALUE"),
        (["--rule", "MSTDP", "--set", "tau_plus=3*mm"], "unknown unit in 3*mm 'mm'"),
        (["--rule", "MSTDP", "--set", "tau_plus=3"], "MSTDP.tau_plus must be a quantity in s"),
        (["--rule", "BTSP"], "BTSP needs learning_rate"),
        (["--rule", "STDP", "--signals", "none.npz"], "--signals none.npz cannot be read: No such file"),
        (["--rule", "STDP", "--dt", "0"], "--dt: should be greater than 0, got '0'"),
    ],
)
def test_mistakes_are_one_line(signals, tmp_path, capsys, arguments, words):
    if "--signals" not in arguments:
        arguments = [*arguments, "--signals", str(signals)]
    assert main(["replay", *arguments, "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_files_without_the_arrays_are_named(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", pre=np.ones((3, 1)))
    (tmp_path / "b.npz").write_text("pre,post")
    for name, words in {"a.npz": "has no array 'post': it holds pre", "b.npz": "is not an .npz file"}.items():
        assert main(["replay", "--rule", "STDP", "--signals", str(tmp_path / name), "--out", str(tmp_path / "o")]) == 2
        assert words in capsys.readouterr().err


# --- spike trains -----------------------------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path):
    """A raster of 200 steps of 0.5 ms and 5 cells, called 10 to 14, and its CSV file."""
    raster = np.random.default_rng(1).random((200, 5)) < 0.1
    steps, cells = raster.nonzero()
    pd.DataFrame({"time": steps * 0.5, "cell": cells + 10}).to_csv(tmp_path / "spikes.csv", index=False)
    return raster, tmp_path / "spikes.csv"


def test_a_recording_is_its_arrays(recording, tmp_path):
    raster, file = recording
    np.savez(tmp_path / "arrays.npz", pre=raster[:, :3], post=raster[:, [4, 3]], w0=np.full((2, 3), 0.4))
    spikes = ["--pre-spikes", file, "--pre-cells", "10-12", "--post-spikes", file, "--post-cells", "14,13"]
    window = ["--time-unit", "ms", "--stop", "100"]
    for name, given in {
        "arrays": ["--signals", tmp_path / "arrays.npz"],
        "spikes": [*spikes, *window, "--w0", "0.4"],
    }.items():
        words = ["replay", "--rule", "STDP", "--dt", "0.5", *given, "--out", tmp_path / name]
        assert main([str(word) for word in words]) == 0
    with np.load(tmp_path / "arrays" / "replay.npz") as arrays, np.load(tmp_path / "spikes" / "replay.npz") as trains:
        np.testing.assert_array_equal(arrays["w"], trains["w"])
        assert np.ptp(arrays["w"]) > 1e-3
    summary = json.loads((tmp_path / "spikes" / "summary.json").read_text())
    assert summary["pre.spikes"] == raster[:, :3].sum() and summary["post.silent_cells"] == 0
    assert "pre.spikes" not in json.loads((tmp_path / "arrays" / "summary.json").read_text())
    settings = yaml.safe_load((tmp_path / "arrays" / "config.yaml").read_text())  # as before there were spike trains
    assert list(settings) == ["command", "rule", "signals", "parameters", "keep", "form", "dt", "device"]
    manifest = json.loads((tmp_path / "spikes" / "manifest.json").read_text())
    assert [Path(entry["path"]).name for entry in manifest["inputs"]] == ["spikes.csv"]
    assert main(["repeat", str(tmp_path / "spikes")]) == 0


def test_arrays_and_spike_trains_together(recording, tmp_path):
    """Half of it from each: what was clipped is said."""
    raster, file = recording
    np.savez(tmp_path / "rest.npz", post=raster[20:120, 3:], modulator=np.linspace(-1, 1, 100))
    given = ["--signals", tmp_path / "rest.npz", "--pre-spikes", file, "--w0", "0.4", "--dt", "0.5"]
    window = ["--time-unit", "ms", "--start", "10", "--stop", "60", "--clip"]
    words = ["replay", "--rule", "MSTDP", *given, *window, "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    with np.load(tmp_path / "out" / "replay.npz") as found:
        wanted = replay(
            MSTDP(), raster[20:120], raster[20:120, 3:], 0.4, modulator=np.linspace(-1, 1, 100), dt=0.5 * ms
        )
        np.testing.assert_array_equal(found["w"], wanted.w)


SPIKES = ["--pre-spikes", "FILE", "--post-spikes", "FILE"]
WHOLE = [*SPIKES, "--w0", "0.5", "--stop", "100", "--time-unit", "ms", "--dt", "0.5"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "'replay' needs --signals, or --pre-spikes, --post-spikes and --w0"),
        (SPIKES, "'replay' needs --signals, or --pre-spikes, --post-spikes and --w0"),
        ([*SPIKES, "--w0", "1"], "spike trains need --stop, where the recording ends, in ms"),
        ([*SPIKES, "--w0", "1", "--stop", "-5"], "--stop must be after --start, got 0 to -5 ms"),
        (["--signals", "x.npz", "--clip"], "--clip is for spike trains: give --pre-spikes or --post-spikes"),
        ([*WHOLE, "--time-unit", "h"], "--time-unit: "),
        ([*WHOLE, "--stop", "50"], "--pre-spikes FILE: "),
        ([*WHOLE, "--dt", "10"], "share a time step of 10. ms with another spike of the same cell (cell 1"),
        ([*WHOLE, "--pre-cells", "10-"], "cells must be ids and ranges of ids, such as 0-63,70, got '10-'"),
        ([*WHOLE, "--pre-cells", "12-10"], "'12-10' is no range of up to 1000000 ids"),
        ([*WHOLE, "--pre-cells", "0-999999999"], "'0-999999999' is no range of up to 1000000 ids"),
        ([*WHOLE, "--post-cells", "10,10"], "--post-cells 10,10: ids of cells must differ, got [10, 10]"),
        ([*WHOLE, "--pre-cells", "500-600"], "--pre-cells 500-600: none of these cells is in FILE, whose ids go"),
        ([*WHOLE, "--post-cells", "1,2"], "FILE, whose ids go from 10 to 14"),
        ([*WHOLE, "--post-cells", "x"], "--post-cells x: cells must be ids and ranges of ids"),
        ([*WHOLE, "--stop", "50"], "(start, stop; --start, --stop), or leave such spikes out as you read them"),
        ([*WHOLE, "--dt", "10"], "--pre-spikes FILE: "),
        ([*WHOLE, "--dt", "10"], "take a smaller dt (--dt), or let such spikes be one (repeated='merge', --merge)"),
        ([*SPIKES, "--w0", "1", "--stop", "100"], "or state the unit (s, ms or us; --time-unit)"),
        ([*WHOLE, "--pre-spikes", "TRIALS"], "for one sequence, as on the command line, remove this column"),
        ([*WHOLE, "--w0", "heavy"], "--w0: "),
        ([*WHOLE, "--rule", "BTSP", "--set", "learning_rate=1"], "spike trains are not for BTSP, which learns once"),
        ([*WHOLE, "--signals", "OTHER"], "has an array 'w0', and --w0 stands for it too: give one"),
    ],
)
def test_mistakes_with_spike_trains_are_one_line(recording, tmp_path, capsys, words, message):
    names = {"FILE": str(recording[1]), "OTHER": str(tmp_path / "other.npz"), "TRIALS": str(tmp_path / "trials.csv")}
    (tmp_path / "trials.csv").write_text("time,cell,trial\n1,1,0\n")
    np.savez(names["OTHER"], w0=np.zeros((5, 5)))
    words = ["--rule", "STDP", *(names.get(word, word) for word in words)]
    assert main(["replay", *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message.replace("FILE", names["FILE"]) in told and told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_clipped_is_said_once_with_its_file(recording, tmp_path, caplog):
    file, other = str(recording[1]), str(tmp_path / "other.csv")
    (tmp_path / "other.csv").write_text("time_ms,cell\n20,1\n70,1\n")
    for post, told in ((file, [file]), (other, [file, other])):
        caplog.clear()
        window = ["--w0", "0.5", "--start", "10", "--stop", "60", "--time-unit", "ms", "--dt", "0.5", "--clip"]
        words = ["--pre-spikes", file, "--post-spikes", post, *window, "--out", str(tmp_path / "out")]
        if post == other:
            words[words.index("--time-unit") : words.index("--dt")] = []
            (tmp_path / "spikes.csv").write_text((tmp_path / "spikes.csv").read_text().replace("time,", "time_ms,"))
        assert main(["replay", "--rule", "STDP", *words]) == 0
        warnings = [record.getMessage() for record in caplog.records if "outside of the window" in record.getMessage()]
        assert [text.partition(": ")[0] for text in warnings] == told
    assert "1 of 2 spikes is outside of the window, 0.01 s to 0.06 s, and left out" in warnings[1]


def test_spikes_that_share_a_step_can_be_merged(recording, tmp_path):
    raster, file = recording
    words = [str(file) if word == "FILE" else word for word in WHOLE]
    assert main(["replay", "--rule", "STDP", *words, "--dt", "10", "--merge", "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["pre.spikes"] == raster.reshape(10, 20, 5).any(axis=1).sum() and summary["n_steps"] == 10
