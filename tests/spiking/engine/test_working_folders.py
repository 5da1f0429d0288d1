"""An interrupted run leaves no process and no files."""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from spiking.engine.noisy_network import run, silent

from spikedtp.spiking.engine import working_folders as folders
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")
LONG = """
import sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import noisy_network
tempfile.tempdir = sys.argv[2]
def progress(k):
    Path(sys.argv[2] + ".begun").touch()
noisy_network.run(300000, build=noisy_network.silent, n_processes=2, progress=progress)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_no_files(temporary, ending, monkeypatch):
    run(1, build=silent)  # compiled
    where = temporary / "run"
    where.mkdir()
    command = [sys.executable, "-c", LONG, str(Path(__file__).parent), str(where)]
    process = subprocess.Popen(command)
    begun, deadline = Path(f"{where}.begun"), time.monotonic() + 60
    while not begun.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    process.send_signal(ending)
    assert process.wait(30) == -ending
    deadline = time.monotonic() + 10
    while any(_alive(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if ending == signal.SIGKILL:  # nobody was left to clean up: the next one does
        assert list(where.iterdir())
        monkeypatch.setattr(folders, "YOUNG", 0)
        monkeypatch.setattr(tempfile, "tempdir", str(where))
        run(1)
    assert not list(where.iterdir())


def _alive(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
