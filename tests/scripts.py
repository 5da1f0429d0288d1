"""The scripts of `experiments/`, run with arguments."""

from __future__ import annotations

import contextlib
import io
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


def run_script(name: str, *arguments: object, own_process: bool = False) -> subprocess.CompletedProcess[str]:
    """``run_script("florian_stdp", "--quick")``: in this process, where all is imported, or in one of its own."""
    path = EXPERIMENTS / f"{name}.py"
    words = [str(path), *map(str, arguments)]
    if own_process:
        return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.object(sys, "path", [str(path.parent), *sys.path]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            status = end.code
    assert status is None or isinstance(status, int)
    return subprocess.CompletedProcess(words, status or 0, out.getvalue(), err.getvalue())
