"""Breaks the equations one at a time in a throw-away copy and asks whether a test notices.

A mutant changes one sign, product, comparison, number, time constant or place in the time step: in Python code, in the
Brian2 code held in strings, or in a code template, of the folders in `GROUPS`. Words (docstrings, errors, references,
LaTeX) and what serves speed alone are left out. A mutant meets the tests that reach its line, the quickest first; the
first that fails ends it. A survivor is either a gap in the tests or a change without effect.

    python tests/mutants.py --out DIR --sample 60 --seed 1       # 60 of each group; DIR/mutants.csv
    python tests/mutants.py --out DIR --survivors --budget 600   # those that are left, against slower tests too
    python tests/mutants.py --out DIR --only stdp                # all of one file

Which tests reach what is found once and kept in DIR. Code in C++ is tried where there is a compiler (`compiled`).
"""

from __future__ import annotations

import argparse
import ast
import compileall
import csv
import io
import os
import random
import re
import shutil
import sys
import tempfile
import time
import tokenize
from collections import Counter
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import NamedTuple

from mutant_tests import Reach, lines_around, observe, tests_pass

CHECKOUT = Path(__file__).parent.parent
GROUPS = {"plasticity": ("plasticity",), "neurons": ("neurons", "equations"), "spiking": ("spiking",)}
#: Of `spiking`: builds, processes and files. No equation lives there; tests/faults looks at it.
MACHINERY = {"code_objects", "private_brian2"}
#: What may kill, and an expression that chooses among it.
TESTS = {
    "runtime": (["tests/equations", "tests/neurons", "tests/plasticity", "tests/spiking", "tests/rate",
                 "tests/validation", "tests/test_private_brian2.py"], ""),
    "compiled": (["tests/spiking", "tests/test_private_brian2.py"], "cpp_standalone or devices_agree"),
}  # fmt: skip
#: Template, by the beginning of its name -> the module whose tests see it.
TEMPLATES = {"dense_pairs": "synapses/pairs", "dense": "synapses/dense", "given": "parts/given_spikes",
             "keep_row": "parts/operations", "play_rows": "parts/operations", "run_when": "parts/operations",
             "stream": "parts/streams", "": "open_loop/build"}  # fmt: skip

#: Assigned to, or a function's name: words, published numbers, what serves speed alone.
WORDS = {"FITS", "equation", "reference", "source", "legacy_names", "__all__", "modulated", "nudge"}
QUICK = {"_LINE", "_PAGE", "EPOCH", "FEWEST_ROWS", "_row_stride"}
SPEAKS = ("check", "Error", "known_names", "warn", "add_argument")
SWAP = {"+": "-", "-": "+", "*": "/", "/": "*", "**": "*", "//": "*", "+=": "-=", "-=": "+=", "*=": "/=", "<": ">",
        ">": "<", "<=": "<", ">=": ">", "==": "!=", "!=": "==", "and": "or", "or": "and"}  # fmt: skip
WHEN = {"start": "end", "end": "start", "before_thresholds": "end", "before_synapses": "after_synapses",
        "after_synapses": "before_synapses", "synapses": "start", "after_resets": "start"}  # fmt: skip
IN_STRING = re.compile(
    r"(?<![\w)]e)(?P<op>[+*/-]=|[<>=!]=|\*\*?(?=[\w({])|/(?!dt =)|\+|-|<|>|\b(?:and|or)\b)|(?P<tau>\btau_\w+\b)(?! *:)"
    r"|(?<![\w.:{])(?<!: )(?<!e-)(?P<number>\d+(?:\.\d+)?)(?![\w.])"
)
#: In C++ and numpy, where < and * have other meanings; products are written without spaces.
IN_TEMPLATE = re.compile(r"(?P<op>(?<= )(?:[+*-]=|[<>]=|[+-]|<|>|/)(?= )|(?<=[\w)\]}])\*(?=[\w({]))")
COMPILED = re.compile(r"static inline|double \w")


class Mutant(NamedTuple):
    path: Path
    line: int
    start: int  # characters from the beginning of the file
    old: str
    new: str
    device: str = "runtime"

    @property
    def name(self) -> str:
        return str(self.path.relative_to(CHECKOUT / "spikedtp"))

    @property
    def group(self) -> str:
        folder = self.path.relative_to(CHECKOUT / "spikedtp").parts[0]
        return next(name for name, folders in GROUPS.items() if folder in folders)


def files_of(group: str) -> list[Path]:
    folders = [CHECKOUT / "spikedtp" / folder for folder in GROUPS[group]]
    python = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    found = [path for path in python if path.stem not in MACHINERY and "engine" not in path.parts]
    return found + [path for folder in folders for path in sorted(folder.glob("parts/templates/*/*"))]


def mutants_of(path: Path) -> list[Mutant]:
    """Every mutant of one file."""
    text = path.read_text(encoding="utf-8")
    return list(_in_python(path, text) if path.suffix == ".py" else _in_template(path, text))


def _changed_number(number: str) -> str | None:
    """One more, or a tenth more. Not of tolerances."""
    if re.fullmatch(r"\d+", number):
        return str(int(number) + 1)
    if re.fullmatch(r"[\d.]+(e-?\d+)?", number) and (float(number) == 0 or float(number) >= 1e-3):
        return repr(1.1 * float(number) or 0.1)
    return None


def _in_python(path: Path, text: str):
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines, silent = [*text.splitlines(), ""], _lines_of_words(ast.parse(text))
    previous = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        at, line, old = starts[token.start[0] - 1] + token.start[1], token.start[0], token.string
        if token.type in (tokenize.NL, tokenize.COMMENT):
            continue
        # a line that begins with + joins equations: without it they are none
        if line in silent or lines[line - 1].lstrip().startswith(("import ", "from ", "def ", "@", "+ ")):
            pass
        elif token.type == tokenize.STRING:
            if old.strip("'\"") in WHEN and previous.string == "=":
                yield Mutant(path, line, at, old, f'"{WHEN[old[1:-1]]}"')
            elif re.search(r"[=*/<>]", old):
                yield from _in_string(path, line, at, old)
        elif token.type == tokenize.OP or old in ("and", "or"):
            unary = previous is None or (previous.type == tokenize.OP and previous.string not in (")", "]", "}"))
            if old in SWAP and not (unary and old in "**+"):  # unpacking
                yield Mutant(path, line, at, old, " " if unary else SWAP[old])
        elif token.type == tokenize.NUMBER and (new := _changed_number(old)):
            yield Mutant(path, line, at, old, new)
        previous = token


def _in_string(path: Path, line: int, at: int, text: str):
    device = "compiled" if COMPILED.search(text) else "runtime"
    for match in (IN_STRING if device == "runtime" else IN_TEMPLATE).finditer(text):
        old, kinds = match.group(), match.groupdict()
        new = f"(1.1*{old})" if kinds.get("tau") else _changed_number(old) if kinds.get("number") else SWAP[old]
        place = line + text[: match.start()].count("\n")
        flag = old == "0.5" and text[match.start() - 2] in "<>"  # which is 0 or 1
        if new and not flag and "#" not in text[text.rfind("\n", 0, match.start()) + 1 : match.start()]:
            yield Mutant(path, place, at + match.start(), old, new, device)


def _in_template(path: Path, text: str):
    device, start = "compiled" if path.suffix == ".cpp" else "runtime", 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        code = re.split(r"//|\{#|^ *#|prefetch", line)[0]
        for match in IN_TEMPLATE.finditer(code):
            yield Mutant(path, number, start + match.start(), match.group(), SWAP[match.group()], device)
        start += len(line)


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
            names = {getattr(name, "id", "") for name in (target, *getattr(target, "elts", ()))}
            annotated = isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)  # defaults with limits
            if names & (WORDS | QUICK) or annotated:
                leave_out(node)
        elif isinstance(node, ast.FunctionDef) and node.name in QUICK:
            leave_out(node)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name.startswith(SPEAKS) or name.endswith(SPEAKS):
                leave_out(node)
        elif isinstance(node, ast.arguments):
            lines.update(default.lineno for default in (*node.defaults, *node.kw_defaults) if default is not None)
    return lines


def chosen_tests(mutant: Mutant, reach: Reach, budget: float) -> list[str]:
    """Tests that reach the mutant, as many as fit into `budget` seconds."""
    file, lines = mutant.path, None
    if file.suffix == ".py":
        lines = lines_around(file, mutant.line)
    else:
        stem = next(module for name, module in TEMPLATES.items() if file.stem.startswith(name))
        file = CHECKOUT / "spikedtp" / "spiking" / f"{stem}.py"
    names = reach.tests(str(file.relative_to(CHECKOUT)), lines)
    chosen, total = [], 0.0
    for name in names:
        total += reach.seconds[name]
        if chosen and total > budget:
            break
        chosen.append(name)
    return chosen


def _reach(copy: Path, device: str, folder: Path, log: Path) -> Reach:
    """Kept in a file for each part of the tests: one that is deleted is found anew."""
    tests, expression = TESTS[device]
    for test in tests:
        path = folder / f"{device}-{Path(test).stem}.json"
        if not path.exists():
            observe(copy, [test], expression, path, log, limit=3600)
    return Reach(sorted(folder.glob(f"{device}-*.json")))


def try_out(mutant: Mutant, copy: Path, names: list[str], log: Path, limit: float) -> str:
    """Killed, survived, or timeout (a kind of killed)."""
    if not names:
        return "survived"
    place = copy / mutant.path.relative_to(CHECKOUT)
    text = place.read_text(encoding="utf-8")
    assert text[mutant.start :].startswith(mutant.old)
    place.write_text(text[: mutant.start] + mutant.new + text[mutant.start + len(mutant.old) :], encoding="utf-8")
    try:
        passed = tests_pass(copy, names, log, limit)
    finally:
        place.write_text(text, encoding="utf-8")
    return {True: "survived", False: "killed", None: "timeout"}[passed]


def wilson(killed: int, tried: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of the share that is killed."""
    p, n = killed / tried, tried
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def sampled(options: argparse.Namespace) -> list[Mutant]:
    found, again = [], None
    if options.survivors:
        with (options.out / "mutants.csv").open() as stream:
            again = {
                (r["file"], int(r["start"]), r["new"]) for r in csv.DictReader(stream) if r["verdict"] == "survived"
            }
    for group in GROUPS:
        paths = [path for path in files_of(group) if re.search(options.only, str(path.relative_to(CHECKOUT)))]
        mutants = [m for path in paths for m in mutants_of(path) if m.device in options.devices]
        print(f"{group}: {len(mutants)} mutants", dict(Counter(m.device for m in mutants)), flush=True)
        if again is None and options.sample and options.sample < len(mutants):
            mutants = sorted(random.Random(options.seed).sample(mutants, options.sample))
        if again is not None:
            mutants = [m for m in mutants if (m.name, m.start, m.new) in again]
        found += mutants
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, required=True, help="Folder: what tests reach, and one row for each mutant."
    )
    parser.add_argument("--only", default="", help="Pattern of paths, such as spikedtp/neurons or bcm.")
    parser.add_argument("--devices", default="runtime", help="runtime, compiled, or runtime,compiled.")
    parser.add_argument("--sample", type=int, help="So many of each group at random.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--survivors", action="store_true", help="Only those of DIR/mutants.csv, into DIR/survivors.csv."
    )
    parser.add_argument("--budget", type=float, default=120, help="Seconds of tests for one mutant.")
    parser.add_argument("--list", action="store_true", help="Only count them.")
    options = parser.parse_args()
    mutants = sampled(options)
    if options.list:
        return
    options.out.mkdir(parents=True, exist_ok=True)
    rows, log = [], options.out / "pytest.log"
    written = "survivors.csv" if options.survivors else "mutants.csv"
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "copy"
        left = shutil.ignore_patterns(".git", ".venv*", "results", "__pycache__", ".*_cache")
        shutil.copytree(CHECKOUT, copy, ignore=left)
        compileall.compile_dir(copy / "spikedtp", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        os.environ |= {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "SPIKEDTP_CACHE": str(Path(folder) / "cache")}
        compiler = os.environ.get("CXX", "g++")
        with (options.out / written).open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(
                ["group", "file", "line", "start", "old", "new", "device", "tests", "verdict", "seconds", "killer"]
            )
            for device in sorted({mutant.device for mutant in mutants}, reverse=True):
                os.environ["CXX"] = compiler if device == "compiled" else "none"  # without one, nothing compiles
                reach = _reach(copy, device, options.out, log)
                for mutant in (m for m in mutants if m.device == device):
                    names, started = chosen_tests(mutant, reach, options.budget), time.perf_counter()
                    verdict = try_out(mutant, copy, names, log, 60 + 3 * options.budget)
                    last = (
                        []
                        if verdict != "killed"
                        else re.findall(
                            r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", log.read_text(errors="replace"), re.MULTILINE
                        )
                    )
                    row = [mutant.group, mutant.name, mutant.line, mutant.start, mutant.old, mutant.new, device,
                           len(names), verdict, f"{time.perf_counter() - started:.1f}", *last[:1]]  # fmt: skip
                    table.writerow(row)
                    stream.flush()
                    print(*row, flush=True)
                    rows.append(row)
    for group in GROUPS:
        verdicts = [row[8] for row in rows if row[0] == group]
        if verdicts:
            killed = len(verdicts) - verdicts.count("survived")
            low, high = wilson(killed, len(verdicts))
            print(f"{group}: {killed} of {len(verdicts)} killed ({low:.0%} to {high:.0%})")


if __name__ == "__main__":
    sys.exit(main())
