"""The examples in docstrings give what they say, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

from spikedtp.plasticity import BIAS_RULES, RULES, TIMED_RULES

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "spikedtp"
RUN = re.compile(r"^ +>>> (?!.*doctest: \+SKIP)", re.MULTILINE)
WITH_EXAMPLES = [path for path in sorted(PACKAGE.rglob("*.py")) if RUN.search(path.read_text("utf-8"))]

REFERENCE = (CHECKOUT / "docs" / "reference.md").read_text(encoding="utf-8")
#: The names of docs/reference.md, and the rules, which have pages of their own.
LISTED = re.findall(r"^   ([A-Za-z][\w.]*)$", REFERENCE, re.MULTILINE)
PUBLIC = [*LISTED, *(f"plasticity.{rule}" for rule in (*RULES, *TIMED_RULES, *BIAS_RULES))]
#: Public names without an example, with the reason.
WITHOUT: dict[str, str] = {}
#: Modules whose examples need a package that is optional.
NEED = {
    "events/neo_trains.py": "neo", "events/nwb_file.py": "pynwb", "export/neo_block.py": "neo",
    "export/nwb_file.py": "pynwb", "export/xarray_dataset.py": "xarray", "search/run.py": "optuna",
}  # fmt: skip


def load(path: Path):
    return importlib.import_module(".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__"))


def home(name: str):
    """The module or class that holds a public name."""
    module, _, _ = f"spikedtp.{name}".rpartition(".")
    return importlib.import_module(module)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_examples(path):
    if package := NEED.get(path.relative_to(CHECKOUT).as_posix().removeprefix("spikedtp/")):
        pytest.importorskip(package)
    failed, tried = doctest.testmod(load(path))
    assert tried and not failed


def test_the_reference_lists_what_the_packages_offer():
    assert len(LISTED) > 90 and len(set(PUBLIC)) == len(PUBLIC)
    known = {name.rpartition(".")[2] for name in PUBLIC} | {"__version__"}
    # registries and what they hold; another name of DendriticState
    known |= {"RULES", "TIMED_RULES", "BIAS_RULES", "CELLS", "Device", "LDS"}
    rooms = ("neurons", "spiking", "synapses", "plasticity", "compare")
    for package in ("spikedtp", *(f"spikedtp.{room}" for room in rooms)):
        assert set(importlib.import_module(package).__all__) <= known, package


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name):
    """In its own docstring, where `help` and the reference show it; it runs in `test_examples`."""
    thing = getattr(home(name), name.rpartition(".")[2])
    (found,) = doctest.DocTestFinder(recurse=False).find(thing, name)
    runs = [example for example in found.examples if not example.options.get(doctest.SKIP)]
    assert bool(runs) == (name not in WITHOUT)
