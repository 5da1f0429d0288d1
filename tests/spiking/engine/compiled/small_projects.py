"""Projects of one small source, built in the cache."""

import subprocess
from pathlib import Path

from spikedtp.spiking.engine.compiled.build_cache import compiled_project


def source(text: str, recipe: str = "g++ main.cpp -o main"):
    def write(folder):
        (folder / "main.cpp").write_text(text)
        (folder / "makefile").write_text(f"main: main.cpp\n\t{recipe}\n")

    return write


def status(text: str, **options) -> tuple[str, int]:
    """The project's name and what its binary returns."""
    with compiled_project(source(text, **options)) as project:
        return project.name, subprocess.call([project / "main"])


def projects(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.name not in ("locks", "keys")}


MADE = "$(CXX) $(CXXFLAGS) main.cpp -o main $(LFLAGS)"
