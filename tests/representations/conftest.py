"""What EIANN's own analyses gave: 60 patterns of 20 units in four classes, some silent, and a small network."""

from pathlib import Path

import numpy as np
import pytest

GOLDEN = Path(__file__).parent.parent / "golden" / "eiann_representation.npz"


@pytest.fixture(scope="session")
def golden():
    with np.load(GOLDEN) as archive:
        return {name: archive[name] for name in archive.files}
