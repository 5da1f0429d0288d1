"""The compiler: asked once, and what is said where it is missing, breaks down or is given wrong flags."""

import shutil
from pathlib import Path

import brian2
import numpy as np
import pytest
from spiking.engine.compiled.small_projects import MADE, projects, status

from spikedtp import replay
from spikedtp.errors import SpikedtpError
from spikedtp.plasticity import STDP
from spikedtp.spiking.engine.compiled import compiler
from spikedtp.spiking.engine.devices import compiler_available

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


def compiler_that(folder: Path, does: str) -> str:
    """A compiler that says who it is, and then `does` this."""
    script = folder / "fake-g++"
    script.write_text(
        f'#!/bin/sh\nfor word in "$@"; do [ "$word" = -dM ] && exec g++ "$@"; done\necho x >> {folder}/calls\n{does}\n'
    )
    script.chmod(0o755)
    return str(script)


#: What the compiler does -> whose fault it is. Full disks and machines without memory are told by their words.
FAULTS = {
    'echo "fatal error: error writing to /tmp/x.s: No space left on device" >&2; exit 1': "there is no space for it",
    'echo "x.cpp:1: fatal error: cannot write: Disk quota exceeded" >&2; exit 1': "there is no space for it",
    'ulimit -f 1; exec g++ "$@"': "there is no space for it",
    'echo "g++: fatal error: Killed signal terminated program cc1plus" >&2; exit 1': "perhaps because memory ran out",
    "kill -9 $$": "perhaps because memory ran out",
    'echo "x.cpp:1: internal compiler error: in expand_expr" >&2; exit 4': "the C.. compiler itself broke down",
    'echo "error: broken" >&2; exit 1': r"does not compile an empty program either \(error: broken\): check the C",
    "exit 1": "does not compile an empty program either",
    "[ $(wc -l < calls) = 1 ] && { echo 'error: syntax' >&2; exit 1; }; exec g++ \"$@\"": "does not accept the gen",
}


@pytest.mark.parametrize("does", FAULTS)
def test_a_failed_build_says_whose_fault_it_is(cache, tmp_path, monkeypatch, does):
    monkeypatch.setenv("CXX", compiler_that(tmp_path, does.replace("calls", f"{tmp_path}/calls")))
    big = "char zeros[1 << 20] = {1}; int main() { return zeros[5]; }"
    with pytest.raises(SpikedtpError, match=rf"compiling the network failed \(make: .*{FAULTS[does]}") as error:
        status(big, recipe=MADE)
    assert "\n" not in str(error.value) and len(str(error.value)) < 800
    assert ("spikedtp" in str(error.value).replace("SPIKEDTP", "")) == ("does not accept" in str(error.value))
    assert not projects(cache)
    monkeypatch.delenv("CXX")
    assert status(big, recipe=MADE)[1] == 0


def test_no_make_is_one_line(cache, tmp_path, monkeypatch):
    for name in ("g++", "gcc", "sh", "cc1plus", "as", "ld"):
        found = shutil.which(name)
        if found:
            (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpikedtpError, match=r"make cannot be run \(No such file or directory\): install it, or use"):
        status("int main() { return 0; }")


@pytest.mark.slow
def test_flags_of_the_caller_are_named(monkeypatch):
    """In a network: flags with which nothing compiles, and flags that suit an empty program alone."""
    pre, post = np.ones((5, 3)), np.ones((5, 2))
    for name, value, words in (
        ("libraries", ["no-such-library"], "empty program either .*no-such-library.*prefs.codegen.cpp"),
        ("extra_compile_args", ["-std=c++98"], "does not accept the generated code.*prefs.codegen.cpp"),
    ):
        before = brian2.prefs[f"codegen.cpp.{name}"]
        brian2.prefs[f"codegen.cpp.{name}"] = value
        try:
            with pytest.raises(SpikedtpError, match=words):
                replay(STDP(), pre, post, 0.5, form="spiking")
        finally:
            brian2.prefs[f"codegen.cpp.{name}"] = before


def test_a_missing_compiler_is_one_line(cache, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(SpikedtpError, match=r"compiler 'no-such-compiler' is missing or does not work: install g\+\+"):
        status("int main() {}")
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(SpikedtpError, match="'false' is missing or does not work"):
        status("int main() {}")


def test_the_compiler_is_asked_once(monkeypatch):
    first = compiler.compiler_identity()
    monkeypatch.setattr(compiler.subprocess, "run", lambda *a, **k: pytest.fail("asked again"))
    assert compiler.compiler_identity() == first
