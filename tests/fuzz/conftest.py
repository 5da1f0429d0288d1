"""What every hostile input is held to: a result or one line, in time, in memory, nothing run and nothing left behind.

``SPIKEDTP_FUZZ=N python -m pytest tests/fuzz`` tries N inputs in each test instead of the usual number.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from spikedtp.cli import main
from spikedtp.errors import SpikedtpError

CPU_SECONDS = 10.0  # of one input
MEMORY = 3 << 29  # bytes of address space that one input may add
FORBIDDEN = ("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pickle.", "pty.", "socket.connect")
PROGRAMS = ("git", "g++", "make", "uname")  # what a run that succeeds starts by itself

settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("SPIKEDTP_FUZZ", "40")),
    derandomize=True,
    deadline=None,  # `Attempt` has its own
    database=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking a slow input takes long
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("fuzz")


class Attempt:
    """``attempt(action)``: the one line of the error, or None if the input was good. Anything else fails the test."""

    def __init__(self):
        self.n = self.refused = 0
        self._seen: list[str] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple) -> None:
        if self._seen is None:
            return
        if event.startswith(FORBIDDEN) or (event == "subprocess.Popen" and Path(args[0]).name not in PROGRAMS):
            self._seen.append(f"{event} {str(args)[:80]}")

    def __call__(self, action: Callable[[], Any], untouched: Path | None = None) -> str | None:
        """`untouched`: a folder that must be as it was when the input is refused."""
        before = untouched and _listing(untouched)
        self.n += 1
        self._seen = seen = []
        message = None
        try:
            with _limited():
                action()
        except SpikedtpError as error:
            message = str(error)
        finally:
            self._seen = None
        assert seen == [], "a file or a value made something run"
        if message is not None:
            self.refused += 1
            assert message.isprintable() and 10 < len(message) < 3000, message
            assert untouched is None or _listing(untouched) == before
        return message

    def command(self, words: list[str], untouched: Path | None = None) -> str | None:
        """The same for a command line: status 0, or status 2 and one line on stderr."""

        def run() -> None:
            said = io.StringIO()
            with redirect_stderr(said), redirect_stdout(io.StringIO()):
                status = main(words)
            lines = [line for line in said.getvalue().splitlines() if line.startswith("spikedtp: error: ")]
            assert (status, len(lines)) in ((0, 0), (2, 1)), said.getvalue()
            if lines:
                raise SpikedtpError(lines[0])

        return self(run, untouched)


@contextmanager
def _limited():
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    old = signal.signal(signal.SIGPROF, _too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, hard))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, old)


def _too_slow(*_) -> None:
    raise TimeoutError(f"took more than {CPU_SECONDS} s of CPU time")


def _listing(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_size) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def attempt():
    """One for each file of tests; at the end, how much was tried."""
    found = Attempt()
    yield found
    print(f"\n{found.n} inputs tried, {found.refused} refused with one line")
