"""The cache of compiled projects: complete or absent, compiled once, within its limit."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from spiking.engine.compiled.small_projects import MADE, projects, source, status

from spikedtp.cli import main
from spikedtp.errors import SpikedtpError
from spikedtp.spiking.engine import working_folders as folders
from spikedtp.spiking.engine.compiled import build_cache
from spikedtp.spiking.engine.compiled.build_cache import cached_projects, compiled_project
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
#: A project whose compiler notes that it ran, and takes its time.
SLOW = """
import sys
from pathlib import Path
from spikedtp.spiking.engine.compiled.build_cache import compiled_project

def write(folder):
    (folder / "main.cpp").write_text("int main() { return 7; }")
    recipe = ["echo run >> {log}", "sleep {pause}", "g++ main.cpp -o main"]
    (folder / "makefile").write_text("main: main.cpp\\n" + "".join(f"\\t{line}\\n" for line in recipe))

with compiled_project(write) as project:
    print(project.name)
"""


def slow_build(log: Path, pause: float) -> subprocess.Popen:
    code = SLOW.replace("{log}", str(log)).replace("{pause}", str(pause))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_equal_sources_compile_once(cache, monkeypatch):
    first = status("int main() { return 5; }")
    monkeypatch.setattr(build_cache, "compile_project", lambda folder: pytest.fail("compiled again"))
    assert status("int main() { return 5; }") == first
    assert first[1] == 5 and projects(cache) == {first[0]}


def test_looking_at_a_project_does_not_hide_it(cache, monkeypatch):
    first = status("int main() { return 5; }")
    monkeypatch.setattr(build_cache, "compile_project", lambda folder: pytest.fail("compiled again"))
    looking = folders.hold(cache / first[0], alone=True)
    threading.Timer(0.3, os.close, [looking]).start()
    assert status("int main() { return 5; }") == first


def test_another_source_flag_or_compiler_is_another_project(cache, monkeypatch):
    names = {status(f"int main() {{ return {k}; }}") for k in (1, 2)}
    names.add(status("int main() { return 1; }", recipe="g++ -O2 main.cpp -o main"))
    monkeypatch.setenv("CXX", "g++ -DOTHER")
    names.add(status("int main() { return 1; }"))
    assert len({name for name, _ in names}) == 4 and sorted(code for _, code in names) == [1, 1, 1, 2]


def test_two_processes_compile_once(cache, tmp_path):
    log = tmp_path / "log"
    running = [slow_build(log, 1.0) for _ in range(2)]
    names = {process.communicate(timeout=120)[0] for process in running}
    assert len(names) == 1 and log.read_text() == "run\n"


def test_a_killed_build_is_never_used_and_swept(cache, tmp_path, monkeypatch):
    log = tmp_path / "log"
    process = slow_build(log, 30)
    wait_for(log)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = [path for path in cache.iterdir() if path.name.startswith("partial-")]
    assert len(left) == 1 and not cached_projects()
    log.unlink()
    again = slow_build(log, 0)  # nobody waits for the dead one's lock
    name = again.communicate(timeout=60)[0].strip()
    assert log.read_text() == "run\n" and [project.name for project in cached_projects()] == [name]
    assert left[0].exists()  # young: its process might still be about to lock it
    monkeypatch.setattr(folders, "YOUNG", 0)
    status("int main() { return 1; }")
    assert not left[0].exists()


@pytest.mark.parametrize("damage", ["binary", "no binary", "no note", "note"])
def test_a_damaged_project_is_built_again(cache, damage):
    name, _ = status("int main() { return 5; }")
    note, binary = cache / name / build_cache.NOTE, cache / name / "main"
    if damage == "binary":
        binary.write_bytes(binary.read_bytes()[:-1] + b"x")
    elif damage == "note":
        note.write_text(note.read_text()[:-20])
    else:
        (note if damage == "no note" else binary).unlink()
    assert status("int main() { return 5; }") == (name, 5)


def test_the_least_recently_used_goes_first_and_never_one_in_use(cache, monkeypatch):
    names = [status(f"int main() {{ return {k}; }}")[0] for k in range(4)]
    for age, name in zip((400, 100, 300, 200), names, strict=True):
        used = time.time() - age
        os.utime(cache / name / build_cache.NOTE, (used, used))
    size = max(project.size for project in cached_projects())
    monkeypatch.setenv("SPIKEDTP_CACHE_LIMIT", str(3.5 * size / 1e6))
    held = folders.hold(cache / names[0])  # the oldest is in use
    fifth = status("int main() { return 5; }")[0]
    os.close(held)
    assert projects(cache) == {names[0], names[1], fifth}
    monkeypatch.setenv("SPIKEDTP_CACHE_LIMIT", "0")
    assert status("int main() { return 6; }")[1] == 6  # what is being used stays, whatever the limit
    monkeypatch.setenv("SPIKEDTP_CACHE_LIMIT", "many")
    with pytest.raises(SpikedtpError, match=r"SPIKEDTP_CACHE_LIMIT = 'many' must be a number of megabytes"):
        status("int main() { return 7; }")


def test_a_failed_build_is_one_line_and_leaves_nothing(cache):
    with pytest.raises(SpikedtpError, match=r"compiling the network failed .*error: .*device='runtime'") as error:
        status("int main() { this is not C++ }")
    assert "\n" not in str(error.value)
    assert not projects(cache)


def test_a_source_that_a_working_compiler_refuses_is_kept(cache):
    for text in ("int main() { this is not C++ }", "int main() { nor is this }"):
        with pytest.raises(
            SpikedtpError, match=r"works but does not accept the generated code.*fault of spikedtp"
        ) as error:
            status(text, recipe=MADE)
        kept = Path(re.search(r"the source is kept in (\S+), ", str(error.value))[1])
        assert (kept / "main.cpp").read_text() == text and not projects(cache)
        assert not list(kept.glob("trial-*"))
    assert kept == cache.parent / "refused"  # the last one alone
    build_cache.clear_cache()
    assert not kept.exists()


def test_a_source_that_cannot_be_kept_is_reported_all_the_same(cache):
    cache.parent.mkdir(exist_ok=True)
    (cache.parent / "refused").write_text("in the way")
    with pytest.raises(SpikedtpError, match=r"please report this line \(the source could not be kept: File exists\)"):
        status("int main() { this is not C++ }", recipe=MADE)


def test_an_unwritable_cache_names_the_variable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path / "file"))
    with pytest.raises(SpikedtpError, match="set SPIKEDTP_CACHE"):
        status("int main() {}")


def test_the_command_lists_and_clears(cache, capsys):
    names = {status(f"int main() {{ return {k}; }}")[0] for k in range(2)}
    assert main(["cache", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["folder"] == str(cache) and {entry["name"] for entry in listed["projects"]} == names
    for entry in listed["projects"]:
        files = sum(path.stat().st_size for path in (cache / entry["name"]).iterdir() if path.name != build_cache.NOTE)
        assert entry["size"] == files and 0 <= time.time() - entry["created"] < 60 and not entry["in_use"]
    assert main(["cache"]) == 0
    printed = capsys.readouterr().out
    assert len(re.findall(r"^\w{32}  +0\.0 MB  made \d+ seconds ago, used \d+ seconds ago$", printed, re.M)) == 2
    with compiled_project(source("int main() { return 0; }")) as project:
        assert main(["cache", "--clear"]) == 0
        assert projects(cache) == {project.name}
    printed = capsys.readouterr().out
    assert printed.startswith("removed 1 project, ") and "in use" in printed
