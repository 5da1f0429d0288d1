"""The C++ compiler: its identity, how to run it on a project, and the cause of a failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from spikedtp.errors import SpikedtpError

__all__ = ["compile_project", "compiler_identity"]

#: What make and Python's own build tools read.
VARIABLES = ("CXX", "CC", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "PATH")
#: What make or the compiler says -> what helps.
REMEDIES = {
    r"no space left|quota exceeded|file too large|file size limit": (
        "there is no space for it: free some, or name folders elsewhere in SPIKEDTP_CACHE and TMPDIR"
    ),
    r"\bkilled\b|out of memory|memory exhausted|cannot allocate memory": (
        "it was stopped, perhaps because memory ran out: free some, or use device='runtime'"
    ),
    r"internal compiler error": (
        "the C++ compiler itself broke down: name another one or another version in CXX, or use device='runtime'"
    ),
}


def compiler_identity() -> str:
    """Hash of all that can change the binary of a source: compiler, version, this CPU, the environment."""
    return _identity(tuple(os.environ.get(name, "") for name in VARIABLES))


@lru_cache
def _identity(environment: tuple[str, ...]) -> str:
    command = (environment[0] or "g++").split()
    path = shutil.which(command[0])
    macros: subprocess.CompletedProcess[bytes] = subprocess.CompletedProcess([], 1)
    for native in (["-march=native"], []):  # not every compiler knows the flag
        if path and macros.returncode:
            macros = subprocess.run(
                [*command, *native, "-dM", "-E", "-x", "c++", os.devnull], capture_output=True, check=False
            )
    if not path or macros.returncode:
        raise SpikedtpError(
            f"the C++ compiler {command[0]!r} is missing or does not work: install g++, name another in CXX, or use "
            "device='runtime'"
        )
    file = Path(path).resolve()
    stat = file.stat()
    return sha256(repr((str(file), stat.st_size, stat.st_mtime_ns, environment)).encode() + macros.stdout).hexdigest()


def compile_project(folder: Path, keep: Path | None = None) -> None:
    """Run make in a generated project.

    Parameters
    ----------
    keep : Path, optional
        Where to put a copy of a source that a working compiler does not accept. By default it stays where it is.

    Raises
    ------
    SpikedtpError
        The message has the first complaint of make and the cause of the failure.
    """
    made = _make(folder)
    if made.returncode:
        output = made.stderr + made.stdout
        raise SpikedtpError(f"compiling the network failed (make: {_complaint(made)}): {_remedy(output, folder, keep)}")


def _make(folder: Path) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(
            ["make", "-j", str(os.cpu_count() or 1)],
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},  # complaints that `REMEDIES` knows
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise SpikedtpError(f"make cannot be run ({error.strerror}): install it, or use device='runtime'") from None


def _complaint(made: subprocess.CompletedProcess) -> str:
    lines = (made.stderr or made.stdout).strip().splitlines() or ["no output"]
    return next((line for line in lines if re.search("error|cannot find", line, re.I)), lines[-1])


def _remedy(output: str, folder: Path, keep: Path | None) -> str:
    for words, remedy in REMEDIES.items():
        if re.search(words, output, re.IGNORECASE):
            return remedy
    trial = _compile_nothing(folder)
    if trial.returncode:
        return (
            f"the C++ compiler does not compile an empty program either ({_complaint(trial)}): check the C++ compiler "
            "and the flags in CXX and brian2.prefs.codegen.cpp, or use device='runtime'"
        )
    try:
        if keep is not None:
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(folder, keep)
        place = f"the source is kept in {keep or folder}, to be reported with this line"
    except OSError as error:
        place = f"please report this line (the source could not be kept: {error.strerror})"
    return (
        "the C++ compiler works but does not accept the generated code, which is a fault of spikedtp, unless it lies "
        f"in a cell or rule of your own or in brian2.prefs.codegen.cpp; {place}; device='runtime' needs no compiler"
    )


def _compile_nothing(folder: Path) -> subprocess.CompletedProcess:
    """Make an empty program with the compiler and flags of a project."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="trial-") as name:
        trial, makefile = Path(name), folder / "makefile"
        text = makefile.read_text() if makefile.exists() else ""
        settings = re.findall(r"^(?:OPTIMISATIONS|CXXFLAGS|LFLAGS) *=.*$", text, re.MULTILINE)
        recipe = "main: main.cpp\n\t$(CXX) -c $(CXXFLAGS) main.cpp -o main.o\n\t$(CXX) main.o -o main $(LFLAGS)\n"
        (trial / "makefile").write_text("\n".join([*settings, recipe]))
        (trial / "main.cpp").write_text("int main() { return 0; }\n")
        return _make(trial)
