"""Turns a generated C++ project into two source files, which compile several times faster than Brian2's dozens.

Nearly all of the time goes into parsing the same headers again for every code object. What runs in the loop keeps the
full optimisation, the rest (reading, writing, main) does without. The arithmetic is the same text, so results are too.
"""

from __future__ import annotations

import re
from pathlib import Path

from spikedtp.brian2_internals import fall_back

__all__ = ["merge_sources"]

HOT = "network.cpp"  # and the code objects
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
    makefile = (project / "makefile").read_text()
    settings = re.findall(r"^(?:OPTIMISATIONS|CXXFLAGS|LFLAGS) *=.*$", makefile, re.MULTILINE)
    compiled = {name for line in re.findall(r"^SRCS *=(.*)$", makefile, re.MULTILINE) for name in line.split()}
    objects = sorted(project.glob("code_objects/*.cpp"))
    merged = [text for text in map(_name_support_code, objects) if text is not None]
    hot = {HOT, *(str(path.relative_to(project)) for path in objects)}
    if len(merged) < len(objects) or len(settings) != 3 or not hot <= compiled:
        fall_back("it generates other C++ files")
        return
    (project / "hot.cpp").write_text("\n".join([(project / HOT).read_text(), *merged]))
    # by their paths: each finds its own headers (the spike queue's lie beside it)
    cold = sorted(compiled - hot | {path.name for path in project.glob("*.cpp")} - {HOT, "hot.cpp"})
    (project / "cold.cpp").write_text("".join(f'#include "{name}"\n' for name in cold))
    (project / "makefile").write_text(MAKEFILE.format(settings="\n".join(settings)))
    for name in hot:
        (project / name).unlink()


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
