"""Formats beside torch's: what lies about its size, its types or its numbers is refused and costs nothing."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from rate.watched_reads import read_quietly
from rate.wild import FLAT, TREES, Wrapped, torch_bytes

from spikedtp.rate.checkpoints import read_checkpoint

pytestmark = pytest.mark.usefixtures("watched")
KEY = "module_dict.H2E_H1E.weight"
NUMBERS = np.arange(6, dtype="<f4").tobytes()
ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def tensors(header, data=NUMBERS, length=None) -> bytes:
    """A safetensors file by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def test_a_hand_made_file_is_good(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(tensors({"__metadata__": {"format": "pt"}, KEY: ENTRY}))
    assert read_quietly(path)[KEY].tolist() == [[0, 1, 2], [3, 4, 5]]


LIES = {
    "cut off": tensors({KEY: ENTRY}, NUMBERS[:-1]),
    "more than it says": tensors({KEY: ENTRY}, NUMBERS + b"x"),
    "a header longer than the file": tensors({KEY: ENTRY}, length=10**6),
    "a header of a tebibyte": tensors({KEY: ENTRY}, length=2**40),
    "a header without an end": tensors({KEY: ENTRY}, length=2**64 - 1),
    "a shape larger than its bytes": tensors({KEY: {**ENTRY, "shape": [2**20, 2**20]}}),
    "a shape that overflows": tensors({KEY: {**ENTRY, "shape": [2**33, 2**33]}}),
    "a negative shape": tensors({KEY: {**ENTRY, "shape": [-2, -3]}}),
    "offsets outside": tensors({KEY: {**ENTRY, "data_offsets": [0, 2**50]}}),
    "offsets backwards": tensors({KEY: {**ENTRY, "data_offsets": [24, 0]}}),
    "a hole": tensors({KEY: {**ENTRY, "data_offsets": [8, 32]}}, NUMBERS + bytes(8)),
    "two in one place": tensors({KEY: ENTRY, "other": ENTRY}),
    "a type of another size": tensors({KEY: {**ENTRY, "dtype": "F64"}}),
    "a type that is none": tensors({KEY: {**ENTRY, "dtype": "F31"}}),
    "no JSON": tensors(b"{" * 200),
    "JSON without a bottom": tensors(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "a header that ends at once": b"\x10" + bytes(7) + b"{",
    "no header": b"\x01\0\0\0",
}


@pytest.mark.parametrize("lie", LIES)
def test_safetensors_that_lie(lie, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(LIES[lie])
    tracemalloc.start()
    message = read_quietly(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "damaged" in message and "safetensors file" in message and peak < 2**22


@pytest.mark.parametrize(
    ("dtype", "words"),
    [("I32", "holds int32"), ("C64", "holds complex64"), ("F8_E8M0", "of type F8_E8M0"), ("BOOL", "holds bool")],
)
def test_safetensors_of_other_numbers(dtype, words, tmp_path):
    size = {"I32": 4, "C64": 8}.get(dtype, 1)
    path = tmp_path / "x.safetensors"
    path.write_bytes(tensors({KEY: {**ENTRY, "dtype": dtype, "shape": [24 // size]}}))
    assert words in read_quietly(path)


def header(shape: str, descr: str = "<f4") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header("(2, 4)") + NUMBERS, "damaged"),
        (header("(1000000, 1000000)") + NUMBERS, "damaged"),
        (header("(-2, -3)") + NUMBERS, "damaged"),
        (header("(2, 3)", "|O") + NUMBERS, "Python objects"),
        (header("(2, 6)", "|V2") + NUMBERS, "numpy keeps no bfloat16"),
        (header("(2, 3)", "<i4") + NUMBERS, "holds int32"),
        (header("(3,)", "<c8") + NUMBERS, "no real numbers"),
    ],
    ids=range(7),
)
def test_npz_that_lie(content, words, tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{KEY}.npy", content)
    assert words in read_quietly(path)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", ">f8", np.longdouble])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_type_and_order(dtype, order, tmp_path):
    array = np.asarray(np.random.default_rng(1).normal(size=(4, 3)), dtype, order)
    path = tmp_path / "x"
    for protocol in (*range(6), None):
        if protocol is None:
            with open(path, "wb") as file:
                np.savez(file, **{KEY: array})
        elif array.dtype.kind == "f":
            path.write_bytes(pickle.dumps({KEY: array, "parameter_dict.H2E_bias": array[1]}, protocol))
        assert np.array_equal(read_quietly(path)[KEY].numpy(), array.astype(np.float32))


def everything() -> dict[str, bytes]:
    """A small file of each format that random damage is done to."""
    state = {KEY: torch.rand(5, 4), "parameter_dict.H2E_bias": torch.rand(5)}
    files = {name: write({"state_dict": state, "epoch": 3}) for name, write in TREES.items()}
    files |= {name: write(state) for name, write in FLAT.items()}
    return files | {"module": torch_bytes(Wrapped(torch.nn.Linear(3, 2)))}


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize("name", [*TREES, *FLAT, "module"])
def test_damage(name, tmp_path):
    """Cut off, or changed at random: weights or one line, and nothing runs."""
    data, rng = everything()[name], np.random.default_rng(5)
    path, refused = tmp_path / "x.pt", 0
    path.write_bytes(data)
    assert isinstance(read_quietly(path), dict)
    for stop in [*range(1, len(data), len(data) // 40), len(data) - 1]:
        path.write_bytes(data[:stop])
        assert isinstance(read_quietly(path), str), stop
    for _ in range(100):
        mutated = bytearray(data)
        for where in rng.integers(len(data), size=rng.integers(1, 6)):
            mutated[where : where + rng.integers(0, 3)] = rng.bytes(int(rng.integers(0, 3)))
        path.write_bytes(mutated)
        refused += isinstance(read_quietly(path), str)
    assert refused > 40


@pytest.mark.parametrize("name", [*TREES, *FLAT])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_not_a_number(name, wrong, tmp_path):
    weight = torch.ones(5, 4)
    weight[3, 2] = wrong
    path = tmp_path / "x"
    path.write_bytes({**TREES, **FLAT}[name]({KEY: weight}))
    assert f"{KEY} holds NaN or infinite values" in read_quietly(path)


def test_more_numbers_than_are_read(tmp_path, monkeypatch):
    """Types of one byte make four of each in memory."""
    monkeypatch.setattr("spikedtp.rate.checkpoints.reading.MAX_ELEMENTS", 100)
    path = tmp_path / "x"
    for state, fits in (({KEY: torch.ones(10, 10).to(torch.float8_e5m2)}, True), ({KEY: torch.ones(101)}, False)):
        path.write_bytes(safetensors.torch.save(state))
        assert isinstance(read_quietly(path), dict) == fits


def test_what_a_file_holds_is_told(tmp_path):
    state = {f"module.{KEY}": torch.ones(2, 3).bfloat16(), "module.parameter_dict.H2E_bias": torch.ones(2)}
    buffer = io.BytesIO()
    torch.save({"epoch": 3, "model": {"weights": state}, "optimizer": {"state": {}, "param_groups": []}}, buffer)
    (tmp_path / "x").write_bytes(buffer.getvalue())
    found = read_checkpoint(tmp_path / "x")
    assert (found.format, found.place, found.prefix) == ("a torch file", "model/weights", "module.")
    assert found.number_types == ("bfloat16", "float32") and found.beside == ("epoch", "optimizer")
