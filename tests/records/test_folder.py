"""Folders are complete or absent."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from spikedtp import SpikedtpError
from spikedtp.records import staged


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
