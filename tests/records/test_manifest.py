"""A manifest says with what a run was made."""

from __future__ import annotations

import json

import numpy as np

from spikedtp import __version__
from spikedtp.records import file_hash, write_manifest


def test_manifest_says_with_what_a_run_was_made(tmp_path):
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"abc")
    path = write_manifest(
        tmp_path,
        configuration={"dt": np.float64(1.0), "weights": weights, "missing": float("nan")},
        seeds={"spikes": np.int64(7)},
        timings={"run": 0.25},
        inputs=[weights],
        build_hash="f00",
    )
    manifest = json.loads(path.read_text())
    assert manifest["spikedtp"] == __version__
    assert manifest["configuration"] == {"dt": 1.0, "weights": str(weights), "missing": None}
    assert (manifest["seeds"], manifest["timings_s"], manifest["build_hash"]) == ({"spikes": 7}, {"run": 0.25}, "f00")
    (entry,) = manifest["inputs"]
    assert entry["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == file_hash(weights)
    assert entry["bytes"] == 3
    assert {"brian2", "numpy", "torch"} <= set(manifest["packages"]) and manifest["packages"]["numpy"] == np.__version__
    assert {"python", "platform", "cpu", "compiler", "git", "created", "command"} <= set(manifest)


def test_manifest_outside_a_checkout(tmp_path, monkeypatch):
    """A package inside somebody else's repository does not borrow that repository's revision."""
    from spikedtp.records import manifest

    monkeypatch.setattr(manifest, "__file__", str(tmp_path / "manifest.py"))
    assert manifest.git_state() is None


def test_manifest_without_a_compiler(monkeypatch):
    from spikedtp.records import manifest

    monkeypatch.setenv("CXX", "no-such-compiler-anywhere")
    assert manifest.compiler_version() is None
