"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import settings

from spikedtp import registries
from spikedtp.datasets import load

matplotlib.use("Agg")

settings.register_profile("untimed", deadline=None)  # tests are not timed: the machine may be busy
settings.load_profile("untimed")

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the cases of slow_cases.txt; one that its file does not have any more is an error."""
    lines = (TESTS / "slow_cases.txt").read_text(encoding="utf-8").splitlines()
    slow = {line for line in lines if line and not line.startswith("#")}
    found = {item.nodeid for item in items}
    for item in items:
        if item.nodeid in slow:
            item.add_marker(pytest.mark.slow)
    if not any("::" in argument for argument in config.args):  # whole files
        files = {name.partition("::")[0] for name in found}
        if gone := {name for name in slow - found if name.partition("::")[0] in files}:
            raise pytest.UsageError(f"tests/slow_cases.txt names cases that do not exist: {', '.join(sorted(gone))}")


def pytest_collection_finish() -> None:
    """Brian2 collects garbage before each run: what is loaded by now is never garbage, and need not be looked at."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """``golden("name")`` gives the arrays of ``tests/golden/name.npz``."""

    def load(name: str) -> dict[str, np.ndarray]:
        with np.load(TESTS / "golden" / f"{name}.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    return load


@pytest.fixture(autouse=True)
def registries_as_before() -> Iterator[None]:
    """What a test registers is gone when it ends."""
    before = {group: dict(things) for group, things in registries._registered.items()}
    yield
    for group, things in registries._registered.items():
        things.clear()
        things |= before.get(group, {})


@pytest.fixture(scope="session")
def small_circuit() -> Path:
    """A small E/I circuit with untuned constants: shipped models may be tuned without touching the tests."""
    return TESTS / "golden" / "small_dtp.yaml"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder with the original programs' full arrays; tests that need it skip where it is not at hand."""
    named = os.environ.get("SPIKEDTP_REFERENCE")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip(f"needs the reference arrays: no folder {folder} (name it in SPIKEDTP_REFERENCE)")
    return folder


@pytest.fixture(scope="session")
def images():
    """The digits, all of them."""
    return load("digits")
