"""Turns a generated C++ project into two source files, which compile several times faster than Brian2's dozens.

Nearly all of the time goes into parsing the same headers again for every code object. What runs in the loop keeps the
full optimisation, the rest (reading, writing, main) does without. The arithmetic is the same text, so results are too.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

__all__ = ["merge_sources"]

HOT, COLD = ("network.cpp",), ("allocation.cpp", "main.cpp", "objects.cpp", "run.cpp", "synapses_classes.cpp")
MAKEFILE = """\
{settings}
main: hot.o cold.o
\t$(CXX) hot.o cold.o -o main $(LFLAGS)
hot.o: hot.cpp
\t$(CXX) $(CXXFLAGS) hot.cpp -o hot.o
cold.o: cold.cpp
\t$(CXX) $(CXXFLAGS) -O1 cold.cpp -o cold.o
"""


def merge_sources(project: Path) -> None:
    """Merge the sources of a generated project in place; warns and leaves it as it is if it looks unfamiliar."""
    objects = sorted(project.glob("code_objects/*.cpp"))
    merged = [text for text in map(_name_support_code, objects) if text is not None]
    settings = re.findall(r"^(?:OPTIMISATIONS|CXXFLAGS|LFLAGS) *=.*$", (project / "makefile").read_text(), re.MULTILINE)
    known = {path.name for path in project.glob("*.cpp")} == {*HOT, *COLD}
    if len(merged) < len(objects) or len(settings) != 3 or not known:
        warnings.warn(
            "this version of Brian2 generates C++ that spikedtp cannot merge: the first build is slower", stacklevel=2
        )
        return
    (project / "hot.cpp").write_text("\n".join([(project / name).read_text() for name in HOT] + merged))
    (project / "cold.cpp").write_text("\n".join((project / name).read_text() for name in COLD))
    (project / "makefile").write_text(MAKEFILE.format(settings="\n".join(settings)))
    for path in [*objects, *(project / name for name in (*HOT, *COLD))]:
        path.unlink()


def _name_support_code(path: Path) -> str | None:
    """A code object's source with its anonymous namespace named after it: in one file they would clash."""
    support = f"{path.stem}_support"
    text, n_namespaces = re.subn(r"^namespace\s*\{", f"namespace {support} {{", path.read_text(), flags=re.MULTILINE)
    text, n_uses = re.subn(
        r"^(\s*)using namespace brian;", rf"\1using namespace brian;\n\1using namespace {support};", text, flags=re.M
    )
    if n_namespaces > 1 or (not n_uses and n_namespaces):
        return None
    return text if n_namespaces else f"namespace {support} {{}}\n{text}"
