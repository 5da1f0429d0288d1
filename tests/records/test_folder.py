"""Folders are complete or absent; summary, tables and figures are strict and the same bytes for the same content."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spikedtp import SpikedtpError, __version__
from spikedtp.records import file_hash, save_figure, staged, write_manifest, write_summary, write_table


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


# --- staged ----------------------------------------------------------------------------------------------------------


def test_a_new_folder_appears_when_the_block_succeeds(tmp_path):
    out = tmp_path / "a" / "b" / "out"
    with staged(out) as folder:
        (folder / "figures").mkdir()
        (folder / "figures" / "one.txt").write_text("1")
        assert folder.name.startswith(".") and not out.exists()
    assert tree(tmp_path) == {"a/b/out/figures/one.txt": "1"}


def test_a_new_folder_has_ordinary_permissions(tmp_path):
    (tmp_path / "plain").mkdir()
    with staged(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_half_way_leaves_nothing(tmp_path, error):
    with pytest.raises(error), staged(tmp_path / "a" / "out") as folder:
        (folder / "half.txt").write_text("half")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_an_existing_folder_as_it_was(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(RuntimeError), staged(tmp_path) as folder:
        (folder / "old.txt").write_text("new")
        raise RuntimeError
    assert tree(tmp_path) == {"old.txt": "old"}
    assert len(list(tmp_path.iterdir())) == 1


def test_an_existing_folder_keeps_what_the_block_did_not_write(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "sub" / "old.txt").write_text("old")
    with staged(tmp_path) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "old.txt").write_text("new")
        (folder / "more.txt").write_text("more")
    assert tree(tmp_path) == {"kept.txt": "kept", "sub/old.txt": "new", "more.txt": "more"}


def test_a_name_clash_moves_nothing(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(SpikedtpError, match="b is a folder"), staged(tmp_path) as folder:
        (folder / "a").write_text("a")
        (folder / "b").write_text("b")
    assert tree(tmp_path) == {}


def test_a_file_where_a_folder_is_needed_moves_nothing(tmp_path):
    (tmp_path / "b").write_text("old")
    with pytest.raises(SpikedtpError, match="b is not a folder"), staged(tmp_path) as folder:
        (folder / "a").write_text("a")
        (folder / "b").mkdir()
        (folder / "b" / "c").write_text("c")
    assert tree(tmp_path) == {"b": "old"}


@pytest.mark.parametrize("below", ["", "out", "a/b/out"])
def test_a_file_in_the_way_is_refused_before_any_work(tmp_path, below):
    file = tmp_path / "taken"
    file.write_text("mine")
    with pytest.raises(SpikedtpError, match="taken is not a folder"), staged(file / below):
        raise AssertionError("the block must not run")
    assert tree(tmp_path) == {"taken": "mine"}


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that not even root can write to: /proc")
@pytest.mark.parametrize("out", ["/proc", "/proc/spikedtp-out", "/proc/spikedtp/a/out"])
def test_an_unwritable_place_is_refused_before_any_work(out):
    with pytest.raises(SpikedtpError, match="cannot be written"), staged(out):
        raise AssertionError("the block must not run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SpikedtpError, match="cannot be written"), staged(tmp_path):
        raise AssertionError("the block must not run")


@pytest.mark.parametrize("out", ["new", "old"])
def test_a_full_disk_and_a_deleted_folder_are_one_line(tmp_path, out):
    (tmp_path / "old").mkdir()
    with pytest.raises(SpikedtpError, match=rf"{out}: results could not be written \(No space left on device\)"):
        with staged(tmp_path / out) as folder:
            (folder / "a").write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert tree(tmp_path) == {}
    with pytest.raises(SpikedtpError, match="the folder was deleted during the run"):
        with staged(tmp_path / out) as folder:
            shutil.rmtree(folder)
            (folder / "a").write_text("lost")
    with pytest.raises(FileNotFoundError):  # not the output folder's
        with staged(tmp_path / out):
            (tmp_path / "nowhere" / "x").read_text()


def test_relative_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with staged("out/") as folder:
        (folder / "a").write_text("a")
    assert tree(tmp_path) == {"out/a": "a"}


# --- summary and tables ----------------------------------------------------------------------------------------------


def test_summary_takes_numpy_and_writes_strict_json(tmp_path):
    path = write_summary(
        tmp_path,
        {
            "n": np.int64(3), "r": np.float32(0.5), "median": np.array(0.25), "ok": np.bool_(True), "missing": np.nan,
            "far": -np.inf, "name": "H2E", "none": None, "interval": np.array([0.1, np.nan]), "pair": (1, 2),
        },
    )  # fmt: skip
    assert path == tmp_path / "summary.json"

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    assert json.loads(path.read_text(), parse_constant=refuse) == {
        "n": 3, "r": 0.5, "median": 0.25, "ok": True, "missing": None, "far": None, "name": "H2E", "none": None,
        "interval": [0.1, None], "pair": [1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"nested": 1}, "is a dict"),
        (Path("/somewhere"), "Path"),
        (np.zeros((2, 2)), "ndarray"),
        ([[1]], "is a list"),
        (1j, "complex"),
    ],
)
def test_summary_refuses_what_is_not_flat(tmp_path, value, message):
    with pytest.raises(TypeError, match=rf"'key'.*{message}"):
        write_summary(tmp_path, {"key": value})
    assert not list(tmp_path.iterdir())


def test_summary_refuses_units(tmp_path):
    from brian2.units import Hz

    with pytest.raises(TypeError, match="carries a unit"):
        write_summary(tmp_path, {"unit_rate": 450 * Hz})


def test_table_keeps_every_digit(tmp_path):
    frame = pd.DataFrame({"projection": ["H2E_H1E", "H2E_H2SomaI"], "r": [1 / 3, np.nan]})
    path = write_table(tmp_path, "synapses", frame)
    assert path.read_bytes() == b"projection,r\nH2E_H1E,0.3333333333333333\nH2E_H2SomaI,\n"
    pd.testing.assert_frame_equal(pd.read_csv(path), frame)


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    def draw(folder: Path) -> list[bytes]:
        figure = Figure(figsize=(2, 2))
        axes = figure.add_subplot()
        axes.plot([0, 1, 2], [2, 0, 1], clip_on=True)
        axes.fill_between([0, 1, 2], [1, 2, 3], hatch="//")
        folder.mkdir()
        paths = save_figure(folder, "panel", figure)
        assert [path.name for path in paths] == ["panel.png", "panel.svg"]
        return [path.read_bytes() for path in paths]

    first, second = draw(tmp_path / "1"), draw(tmp_path / "2")
    assert first == second
    assert first[0].startswith(b"\x89PNG") and b"<svg" in first[1] and b"<dc:date>" not in first[1]


# --- manifest --------------------------------------------------------------------------------------------------------


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
