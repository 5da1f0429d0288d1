"""Fixtures for cells in networks of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from brian2 import prefs


@pytest.fixture
def numpy_target() -> Iterator[None]:
    """Brian2's numpy target, and its generator as it was."""
    target, state = prefs.codegen.target, np.random.get_state()  # noqa: NPY002
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = target
    np.random.set_state(state)  # noqa: NPY002
