"""Results of Brian2's code generation that every process would compute again, kept from one process to the next."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import brian2
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from jinja2 import FileSystemBytecodeCache

from spikedtp.brian2_internals import bytecode_cache, compiler_flags
from spikedtp.spiking.engine.compiled.compiler import compiler_identity
from spikedtp.spiking.parts.code_objects import CompiledCodeObject

__all__ = ["remembered_codegen"]


@contextmanager
def remembered_codegen(root: Path) -> Iterator[None]:
    """Inside, code generation uses the templates and compiler flags of `root`, and adds what is new to them."""
    with (
        _remembered_templates(root / f"templates-{brian2.__version__}"),
        _remembered_flags(root / f"flags-{compiler_identity()[:16]}.json"),
    ):
        yield


@contextmanager
def _remembered_templates(folder: Path) -> Iterator[None]:
    """Jinja compares its compiled templates with their source; afterwards Brian2's are without them again."""
    folder.mkdir(exist_ok=True)
    owners = (CPPStandaloneCodeObject, CompiledCodeObject)
    before = [bytecode_cache(owner, FileSystemBytecodeCache(str(folder))) for owner in owners]
    try:
        yield
    finally:
        for owner, cache in zip(owners, before, strict=True):
            bytecode_cache(owner, cache)


@contextmanager
def _remembered_flags(path: Path) -> Iterator[None]:
    """Which flags the compiler takes: Brian2 would try each of them."""
    known = compiler_flags()
    if not known and path.exists():
        known.update({(compiler, flag): works for compiler, flag, works in json.loads(path.read_text())})
    before = dict(known)
    yield
    if known != before:
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps([[*key, works] for key, works in known.items()]))
        written.replace(path)
