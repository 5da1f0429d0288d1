"""The test suite with every Python, and with the oldest and the newest Brian2 that setup.cfg allows there, as a table.

    python tests/python_matrix.py python3.11 python3.12 python3.13
    python tests/python_matrix.py python3.13 --brian2 newest --pytest tests/spiking -x

Each Python gets the environment of ``make setup PYTHON=...``, and each Brian2 a small one on top of it, which takes all
else from there. An interpreter of an environment that is set up is used as it is. Everything that pytest says is in
``results/matrix``. The status is 1 if a test failed anywhere.
"""

from __future__ import annotations

import argparse
import configparser
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parent.parent
ABOUT = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix != sys.base_prefix)"
PLACE = "import sysconfig; print(sysconfig.get_path('purelib'))"
NAMES = "import platform; from importlib.metadata import version; print(platform.python_version(), version('brian2'))"
COLUMNS = "{:<8} {:<8} {:>7} {:>7} {:>8} {:>9}"


class Counts(NamedTuple):
    passed: int
    failed: int
    skipped: int
    seconds: float


def wanted(python: str) -> dict[str, str]:
    """``{"oldest": "==2.10.0", "newest": ">=2.10"}``: Brian2 for a version of Python, of which pip takes the newest."""
    config = configparser.ConfigParser()
    config.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    for line in config["options"]["install_requires"].split("\n"):
        if line.strip().startswith("brian2"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
                break
    else:
        raise SystemExit(f"setup.cfg allows no Brian2 on Python {python}")
    (lowest,) = (s.version for s in requirement.specifier if s.operator in (">=", "=="))
    oldest = lowest.removesuffix(".*")
    return {"oldest": f"=={oldest}" + ".0" * (2 - oldest.count(".")), "newest": str(requirement.specifier)}


def counted(report: Path) -> Counts:
    """Of a report that pytest wrote as XML."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    tests, failures, errors, skipped = (int(suite.get(n, 0)) for n in ("tests", "failures", "errors", "skipped"))
    return Counts(tests - failures - errors - skipped, failures + errors, skipped, float(suite.get("time", 0)))


def environment(python: str) -> tuple[Path, str]:
    """The interpreter of the environment in which all but Brian2 is, and its version."""
    version, ready = subprocess.check_output([python, "-c", ABOUT], text=True).split()
    if ready == "True":
        return Path(python).absolute(), version
    subprocess.run(["make", "setup", f"PYTHON={python}"], cwd=CHECKOUT, check=True)
    folder = subprocess.check_output(["make", "--silent", "where", f"PYTHON={python}"], cwd=CHECKOUT, text=True)
    return CHECKOUT / folder.strip() / "bin" / "python", version


def with_brian2(base: Path, which: str, needed: str) -> Path:
    """The interpreter of an environment with another Brian2 on top of `base`."""
    folder = base.parent.parent.with_name(f"{base.parent.parent.name}-{which}")
    python = folder / "bin" / "python"
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    below, here = (subprocess.check_output([one, "-c", PLACE], text=True).strip() for one in (base, python))
    Path(here, "below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-installed", f"brian2{needed}"]
    subprocess.run(install, check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON")
    parser.add_argument("--brian2", choices=("oldest", "newest"), action="append", help="by default both")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--pytest", nargs=argparse.REMAINDER, default=["-m", "not slow"], help="what follows is for it")
    given = parser.parse_args()
    results, failed = CHECKOUT / "results" / "matrix", False
    results.mkdir(parents=True, exist_ok=True)
    print(COLUMNS.format("Python", "Brian2", "passed", "failed", "skipped", "seconds"), flush=True)
    for python in given.pythons:
        base, version = environment(python)
        done = set()
        for which in given.brian2 or ("oldest", "newest"):
            interpreter = with_brian2(base, which, wanted(version)[which])
            name = tuple(subprocess.check_output([interpreter, "-c", NAMES], text=True).split())
            if name in done:
                continue
            done.add(name)
            report, log = (results / f"{'-'.join(name)}.{kind}" for kind in ("xml", "log"))
            command = [interpreter, "-m", "pytest", "-n", given.workers, f"--junitxml={report}", *given.pytest]
            report.unlink(missing_ok=True)
            with log.open("w", encoding="utf-8") as file:
                one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
                subprocess.run(
                    command, cwd=CHECKOUT, stdout=file, stderr=subprocess.STDOUT, env=one_thread, check=False
                )
            if not report.exists():
                raise SystemExit(f"pytest did not run: see {log}")
            counts = counted(report)
            failed |= counts.failed > 0
            print(COLUMNS.format(*name, *counts[:3], f"{counts.seconds:.0f}"), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
