"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "spikedtp"
RUN = re.compile(r"^ +>>> (?!.*doctest: \+SKIP)", re.MULTILINE)
WITH_EXAMPLES = [path for path in sorted(PACKAGE.rglob("*.py")) if RUN.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples(path):
    module = importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    failed, tried = doctest.testmod(module)
    assert tried and not failed
