"""`spikedtp replay`: results on disk, and mistakes in one line with status 2."""

import json

import numpy as np
import pytest

from spikedtp.cli import main


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
