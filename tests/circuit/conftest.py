"""Circuit files from text."""

from __future__ import annotations

import pytest
import yaml

from spikedtp.circuit import read_circuit


@pytest.fixture
def read(tmp_path):
    def read(text, name="circuit.yaml"):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False))
        return read_circuit(path)

    return read
