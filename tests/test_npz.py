"""Archives of arrays: objects in them are named."""

import numpy as np
import pytest

from spikedtp.errors import SpikedtpError
from spikedtp.npz import read_arrays


def test_objects_in_an_archive_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", pre=np.array([{"a": 1}, None]))
    with pytest.raises(SpikedtpError, match="the array 'pre' holds Python objects: convert it to numbers"):
        read_arrays(tmp_path / "a.npz", "--signals a.npz")
