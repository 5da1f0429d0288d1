"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent


def spikedtp(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """The command in a process of its own, with an installed package and a plugin in the current folder."""
    code = "import sys; from spikedtp.cli import main; sys.exit(main())"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(folder / "site")]),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-c", code, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def done(result: subprocess.CompletedProcess) -> str:
    assert result.returncode == 0, result.stderr
    return result.stdout
