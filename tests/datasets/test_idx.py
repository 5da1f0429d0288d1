"""IDX files: a damaged or hostile one gives one clear line, never another exception, and takes no memory."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from idx_files import idx

from spikedtp.datasets import read_idx
from spikedtp.errors import SpikedtpError


def one_line(error) -> str:
    text = str(error.value)
    assert text and "\n" not in text
    return text


GOOD = idx(np.arange(48, dtype=np.uint8).reshape(3, 4, 4))


class TestDamagedIdx:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_good(self, tmp_path, zipped):
        path = tmp_path / "x"
        path.write_bytes(gzip.compress(GOOD) if zipped else GOOD)
        np.testing.assert_array_equal(read_idx(path, 3).ravel(), np.arange(48))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "starts with nothing"),
            (b"\x00\x00\x08\x01" + GOOD[4:], "images"),
            (b"\x00\x00\x0d\x03" + GOOD[4:], "starts with 00000d03"),
            (b"<html>not found</html>", "starts with 3c68746d"),
            (GOOD[:10], "ends inside its header"),
            (GOOD[:-1], "holds"),
            (GOOD + b"\x00", "holds"),
            (b"\x00\x00\x08\x03" + struct.pack(">3I", 0, 4, 4), "nothing in it"),
            (b"\x00\x00\x08\x03" + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1), "more than the 600 MiB"),
            (b"\x00\x00\x08\x03" + struct.pack(">3I", 10000, 100, 100), "holds"),
        ],
    )
    @pytest.mark.parametrize("zipped", [True, False])
    def test_messages(self, tmp_path, data, message, zipped):
        path = tmp_path / "x"
        path.write_bytes(gzip.compress(data) if zipped else data)
        with pytest.raises(SpikedtpError, match=message) as error:
            read_idx(path, 3)
        assert str(path) in one_line(error)

    @pytest.mark.parametrize("zipped", [True, False])
    def test_every_truncation_and_many_mutations(self, tmp_path, zipped):
        rng = np.random.default_rng(5)
        data = gzip.compress(GOOD) if zipped else GOOD
        cases = [data[:n] for n in range(len(data))]
        for _ in range(300):
            mutated = bytearray(data)
            for _ in range(rng.integers(1, 4)):
                mutated[rng.integers(len(data))] = rng.integers(256)
            cases.append(bytes(mutated))
        path, refused = tmp_path / "x", 0
        for case in cases:
            path.write_bytes(case)
            try:
                assert read_idx(path, 3).ndim == 3
            except SpikedtpError as error:
                assert "\n" not in str(error)
                refused += 1
        assert refused >= len(data)

    def test_a_gzip_bomb_takes_no_memory(self, tmp_path):
        path = tmp_path / "bomb.gz"
        path.write_bytes(gzip.compress(GOOD + bytes(2**28)))
        tracemalloc.start()
        with pytest.raises(SpikedtpError, match="the file holds more"):
            read_idx(path, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20

    def test_a_large_claim_takes_no_memory(self, tmp_path):
        path = tmp_path / "x"
        claim = b"\x00\x00\x08\x03" + struct.pack(">3I", 20000, 100, 100) + bytes(100)
        path.write_bytes(gzip.compress(claim + bytes(2**18)))
        tracemalloc.start()
        with pytest.raises(SpikedtpError, match="holds"):
            read_idx(path, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20
