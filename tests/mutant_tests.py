"""Which tests reach a line of the package, and whether they pass: in forked processes, so that imports cost nothing.

Everything heavy but `spikedtp` itself is imported here once; each fork imports `spikedtp` from the throw-away copy.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import brian2  # noqa: F401
import coverage
import hypothesis  # noqa: F401
import matplotlib.pyplot  # noqa: F401
import pandas  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import torch  # noqa: F401

#: Seconds after which a test is cut short while it is observed: what it has reached by then is reached.
LONGEST = 10
FAILED, OPTIONS = 1, ["-q", "-p", "no:cacheprovider", "-m", "not slow"]


def in_a_fork(work: Callable[[], int], log: Path, limit: float) -> int | None:
    """What `work()` gave, as the exit status of a process of its own; None if it took longer than `limit` seconds."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.setsid()
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1), os.dup2(output, 2)
            status = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
    deadline = time.monotonic() + limit
    done = (0, 0)
    while done[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
        done = os.waitpid(child, os.WNOHANG)
    try:
        os.killpg(child, signal.SIGKILL)  # and what it has started
    except ProcessLookupError:
        pass
    if done[0] == 0:
        os.waitpid(child, 0)
        return None
    return os.waitstatus_to_exitcode(done[1])


def _pytest(copy: Path, arguments: list[str], plugin: object) -> int:
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    return int(pytest.main([*OPTIONS, "--rootdir", str(copy), *arguments], plugins=[plugin]))


def _too_long(*_) -> None:
    raise TimeoutError("cut short")


class _Observer:
    """Notes how long each test takes (of the processor's time), and which of them reach which lines."""

    def __init__(self, copy: Path):
        self.copy, self.seconds, self.failed = copy, {}, set()
        self.coverage = coverage.Coverage(data_file=None, source=[str(copy / "spikedtp")], config_file=False)
        self.coverage.start()
        signal.signal(signal.SIGPROF, _too_long)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.coverage.switch_context(item.nodeid)
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        started = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - started
        signal.setitimer(signal.ITIMER_PROF, 0)
        if self.seconds[item.nodeid] > 0.9 * LONGEST:
            self.failed.discard(item.nodeid)
        self.coverage.switch_context("")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        """What a module's fixture reaches is reached for all of its tests."""
        if fixturedef.scope == "function":
            return (yield)
        self.coverage.switch_context(request.node.nodeid)
        result = yield
        self.coverage.switch_context(request._pyfuncitem.nodeid)
        return result

    def pytest_runtest_logreport(self, report):
        if not report.passed:
            self.failed.add(report.nodeid)

    def save(self, path: Path) -> None:
        self.coverage.stop()
        data, files = self.coverage.get_data(), {}
        for name in data.measured_files():
            lines = {line: [c for c in contexts if c] for line, contexts in data.contexts_by_lineno(name).items()}
            files[str(Path(name).relative_to(self.copy))] = {line: found for line, found in lines.items() if found}
        seconds = {name: s for name, s in self.seconds.items() if name not in self.failed}
        path.write_text(json.dumps({"seconds": seconds, "files": files}))


def observe(copy: Path, tests: list[str], expression: str, path: Path, log: Path, limit: float) -> None:
    """Run the tests once as they are and save to `path` what they reach. Those that fail or are skipped
    are left out."""

    def work() -> int:
        observer = _Observer(copy)
        status = _pytest(copy, [*tests, *(["-k", expression] if expression else [])], observer)
        observer.save(path)
        return status

    status = in_a_fork(work, log, limit)
    if status not in (0, FAILED):
        sys.exit(f"pytest ended with status {status}: see {log}")


class Reach:
    """What `observe` has saved, here and there."""

    def __init__(self, paths: list[Path]):
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[int, set[str]]] = {}
        for path in paths:
            saved = json.loads(path.read_text())
            self.seconds |= saved["seconds"]
            for file, lines in saved["files"].items():
                known = self.lines.setdefault(file, {})
                for line, contexts in lines.items():
                    known.setdefault(int(line), set()).update(contexts)

    def tests(self, file: str, lines: set[int] | None) -> list[str]:
        """Tests that reach one of the lines of a file (None: any), the quickest first."""
        reached = self.lines.get(file, {}).items()
        contexts = {c for line, found in reached if lines is None or line in lines for c in found}
        modules = tuple(f"{c}::" for c in contexts if "::" not in c)
        chosen = {c for c in contexts if c in self.seconds}
        chosen |= {name for name in self.seconds if modules and name.startswith(modules)}
        return sorted(chosen, key=self.seconds.__getitem__)


@lru_cache
def _statements(path: Path) -> list[tuple[int, int, bool]]:
    """(first line, last line, inside a function) of every statement, the shortest first."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), []

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.stmt):
            found.append((node.lineno, node.end_lineno, inside))
        for child in ast.iter_child_nodes(node):
            visit(child, inside or isinstance(node, (ast.FunctionDef, ast.Lambda)))

    visit(tree, False)
    return sorted(found, key=lambda s: s[1] - s[0])


def lines_around(path: Path, line: int) -> set[int] | None:
    """The lines of the statement that `line` belongs to; None where it runs when the module is imported."""
    for first, last, inside in _statements(path):
        if first <= line <= last:
            return set(range(first, last + 1)) if inside else None
    return None


class _Chosen:
    """Runs some of the tests, in the given order."""

    def __init__(self, names: list[str]):
        self.place = {name: k for k, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((i for i in items if i.nodeid in self.place), key=lambda item: self.place[item.nodeid])


def tests_pass(copy: Path, names: list[str], log: Path, limit: float) -> bool | None:
    """Whether these tests pass, up to the first that does not; None if they take longer than `limit` seconds."""
    files = sorted({name.partition("::")[0] for name in names})
    status = in_a_fork(lambda: _pytest(copy, ["-x", *files], _Chosen(names)), log, limit)
    return None if status is None else status == 0
