"""Breaks the equations one at a time in a throw-away copy and asks whether a test notices.

A mutant changes one sign, product, comparison, time constant or whole number, in Python code or in the Brian2 code held
in strings, of `neurons/`, `equations/` and `plasticity/`. Words (docstrings, errors, references, LaTeX) are left alone.
Tests run on Brian2's runtime device. A survivor is either a gap in the tests or a change without effect.

    python tests/mutants.py --out mutants.csv                  # all: hours
    python tests/mutants.py --out mutants.csv --sample 60 --seed 1 --only neurons
"""

from __future__ import annotations

import argparse
import ast
import csv
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parent.parent
FOLDERS = ("neurons", "equations", "plasticity")
#: Tests in the order of their reach, by folder; the first failure ends a mutant.
TESTS = {
    "plasticity": ["tests/spiking/test_replay.py", "tests/plasticity", "tests/validation"],
    "neurons": [
        "tests/neurons",
        "tests/validation",
        "tests/spiking/test_torch_snn.py",
        "tests/spiking/test_figure3.py",
    ],
}
TESTS["equations"] = TESTS["neurons"]
# what needs the compiler or another simulator
SKIPPED = (
    "not cpp_standalone and not same_on_both and not (every_line and (stdp or dopamine or lif_spike or one_synapse))"
)
WORDS = {"equation", "reference", "legacy_names", "__all__", "modulated", "nudge"}  # assigned to: not code
SPEAKS = ("check", "Error", "known_names", "warn", "add_argument")
SWAP = {
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "+=": "-=",
    "-=": "+=",
    "*=": "/=",
    "<": ">",
    ">": "<",
    "<=": "<",
    ">=": ">",
}
IN_STRING = re.compile(r"(?<![\w)]e)(?P<op>\+=|-=|\*=|(?<!\*)\*(?!\*)|/|\+|-|<=|>=|<|>)|(?P<tau>\btau_\w+\b)(?! *:)")


class Mutant(NamedTuple):
    path: Path
    line: int
    start: int  # characters from the beginning of the file
    old: str
    new: str


def mutants_of(path: Path) -> list[Mutant]:
    """Every mutant of one file."""
    text = path.read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines, silent = [*text.splitlines(), ""], _lines_of_words(ast.parse(text))
    found = []
    previous = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        at, line = starts[token.start[0] - 1] + token.start[1], token.start[0]
        speaks = line in silent or lines[line - 1].lstrip().startswith(("import ", "from ", "def ", "@"))
        if not speaks and token.type == tokenize.STRING and re.search(r"[=*/<>]", token.string):
            for match in IN_STRING.finditer(token.string):
                old = match.group()
                new = f"(1.1*{old})" if match["tau"] else SWAP[old]
                found.append(
                    Mutant(path, line + token.string[: match.start()].count("\n"), at + match.start(), old, new)
                )
        elif not speaks and token.type == tokenize.OP and token.string in SWAP:
            unary = previous is None or (previous.type == tokenize.OP and previous.string not in (")", "]"))
            if not (unary and token.string in "*+"):  # unpacking
                found.append(Mutant(path, line, at, token.string, " " if unary else SWAP[token.string]))
        elif not speaks and token.type == tokenize.NUMBER and re.fullmatch(r"\d+", token.string):
            found.append(Mutant(path, line, at, token.string, str(int(token.string) + 1)))
        previous = token
    return found


def _lines_of_words(tree: ast.Module) -> set[int]:
    """Lines that hold text for people, types or names."""
    lines: set[int] = set()

    def leave_out(node: ast.AST) -> None:
        lines.update(range(node.lineno, node.end_lineno + 1))

    for node in ast.walk(tree):
        if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or isinstance(
            node, (ast.Raise, ast.Import)
        ):
            leave_out(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            annotated = isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)  # defaults with limits
            if getattr(target, "id", "") in WORDS or annotated:
                leave_out(node)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.startswith(SPEAKS) or name.endswith(SPEAKS):
                leave_out(node)
        elif isinstance(node, ast.arguments) and node.defaults:
            lines.update(default.lineno for default in node.defaults)
    return lines


def tests_pass(folder: str, copy: Path, limit: float) -> bool:
    settings = dict(PYTHONPATH=str(copy), OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "-k", SKIPPED]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *TESTS[folder]],
        cwd=copy, env=os.environ | settings, capture_output=True, timeout=limit, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        sys.exit(f"pytest ended with status {done.returncode}: {done.stderr.decode()[-500:]}")
    return done.returncode == 0


def try_out(mutant: Mutant, copy: Path, limit: float) -> tuple[str, float]:
    """Killed, survived or timeout (a kind of killed), and the seconds it took."""
    place = copy / mutant.path.relative_to(CHECKOUT)
    text = place.read_text(encoding="utf-8")
    assert text[mutant.start :].startswith(mutant.old)
    place.write_text(text[: mutant.start] + mutant.new + text[mutant.start + len(mutant.old) :], encoding="utf-8")
    started = time.perf_counter()
    try:
        verdict = "survived" if tests_pass(mutant.path.parent.name, copy, limit) else "killed"
    except subprocess.TimeoutExpired:
        verdict = "timeout"
    finally:
        place.write_text(text, encoding="utf-8")
    return verdict, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="CSV: one row for each mutant.")
    parser.add_argument("--only", default="", help="Part of a path, such as neurons or bcm.")
    parser.add_argument("--sample", type=int, help="So many at random.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=600, help="Seconds for one mutant.")
    parser.add_argument("--list", action="store_true", help="Only count them.")
    options = parser.parse_args()
    files = [path for folder in FOLDERS for path in sorted((CHECKOUT / "spikedtp" / folder).glob("*.py"))]
    mutants = [m for path in files if options.only in str(path.relative_to(CHECKOUT)) for m in mutants_of(path)]
    if options.sample and options.sample < len(mutants):
        mutants = sorted(random.Random(options.seed).sample(mutants, options.sample))
    if options.list:
        print(len(mutants))
        return
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, options.out.open("w", newline="") as stream:
        copy = Path(folder) / "copy"
        shutil.copytree(
            CHECKOUT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", "results", "__pycache__", ".*_cache")
        )
        table = csv.writer(stream)
        table.writerow(["file", "line", "old", "new", "verdict", "seconds"])
        for tested in {mutant.path.parent.name for mutant in mutants}:
            if not tests_pass(tested, copy, options.limit):
                sys.exit(f"the tests of {tested} fail without any mutant")
        for mutant in mutants:
            verdict, seconds = try_out(mutant, copy, options.limit)
            name = mutant.path.relative_to(CHECKOUT / "spikedtp")
            table.writerow([name, mutant.line, mutant.old, mutant.new, verdict, f"{seconds:.1f}"])
            stream.flush()
            print(f"{verdict:8} {name}:{mutant.line} {mutant.old!r} -> {mutant.new!r} ({seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
