"""Checkpoints: read exactly what was written, and stay calm on damaged bytes."""

from __future__ import annotations

import io
import re
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from rate.watched_reads import glob, loose_dumps, make_network, read_quietly, text

pytestmark = pytest.mark.usefixtures("watched")


def test_a_pickled_network(tmp_path, eiann, monkeypatch):
    net = make_network(eiann)
    path = tmp_path / "network.pkl"
    path.write_bytes(loose_dumps(net))
    expected = {k: v for k, v in net.state_dict().items() if k.startswith(("module_dict.", "parameter_dict."))}
    for name in [name for name in sys.modules if name.split(".")[0] in ("EIANN", "dill")]:
        monkeypatch.delitem(sys.modules, name)  # reading must do without them
    weights = read_quietly(path)
    assert list(weights) == list(expected) and len(weights) == 4
    for key, value in expected.items():
        assert weights[key].dtype == torch.float32 and not weights[key].requires_grad
        assert torch.equal(weights[key], value.detach())


def test_the_published_pickle(reference):
    folder = reference / "eiann" / "dtp_equilibrated"
    expected = torch.load(folder / "weights.pt", weights_only=True)
    weights = read_quietly(folder / "network.pkl")
    assert list(weights) == list(expected) and len(weights) == 31
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


@pytest.mark.parametrize("name", ["dtp_equilibrated", "dtp_one_pass", "btsp", "supervised_bcm", "temporal_contrast"])
def test_published_state_dicts(reference, name):
    path = reference / "eiann" / name / "weights.pt"
    expected, weights = torch.load(path, weights_only=True), read_quietly(path)
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


# --- state dicts -----------------------------------------------------------------------------------------------------

KEY = "module_dict.H2E_H1E.weight"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", ["pt", "pkl", "weights"])
def test_whatever_torch_saves(tmp_path, zipped, dtype, suffix):
    generator = torch.Generator().manual_seed(1)
    rand = lambda *shape: torch.rand(*shape, generator=generator).to(dtype)  # noqa: E731
    base = rand(6, 8)
    saved = {
        KEY: rand(4, 6).t(),
        "parameter_dict.H2E_bias": torch.nn.Parameter(rand(3)),
        "a": base[1:4, ::3],
        "b": base[0],
        "scalar": torch.tensor(1.5, dtype=dtype),
        "empty": torch.zeros(0, 3, dtype=dtype),
    }
    path = tmp_path / f"x.{suffix}"
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    weights = read_quietly(path)
    assert list(weights) == list(saved)
    for key, value in saved.items():
        assert weights[key].dtype == torch.float32 and weights[key].is_contiguous()
        assert torch.equal(weights[key], value.detach().float())


def test_a_modules_own_state_dict(tmp_path):
    state = torch.nn.Linear(3, 2).state_dict()  # an OrderedDict that carries _metadata
    torch.save(state, tmp_path / "x.pt")
    assert torch.equal(read_quietly(tmp_path / "x.pt")["weight"], state["weight"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({KEY: torch.tensor([1.0, float("nan")])}, KEY + ".*NaN"),
        ({KEY: torch.tensor([float("inf")])}, KEY + ".*infinite"),
        ({KEY: torch.tensor([1e300], dtype=torch.float64)}, KEY + ".*infinite"),
        ({KEY: torch.arange(3)}, KEY + ".*int64"),
        ({KEY: 3.0}, KEY),
        ({KEY: {"inner": torch.ones(2)}}, KEY),
        ({3: torch.ones(2)}, "int"),
        ({}, "no weights"),
        ([torch.ones(2)], "neither a state dict"),
        (torch.ones(2), "neither a state dict"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_state_dict(tmp_path, content, message, zipped):
    path = tmp_path / "x.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert re.search(message, read_quietly(path))


@pytest.mark.parametrize("content", [b"", b"hello\n", b"PK\x03\x04", b"\x80\x04.", b"\x80", b".", b"N.", b"\x93NUMPY"])
def test_what_is_no_weights_file(tmp_path, content):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    assert isinstance(read_quietly(path), str)


def test_missing_files_and_folders(tmp_path):
    assert "no such" in read_quietly(tmp_path / "none.pt")
    assert "folder" in read_quietly(tmp_path)


# --- bombs and damage ------------------------------------------------------------------------------------------------


def pid(numel: int, key: bytes = b"0") -> bytes:
    return (
        b"(" + text("storage") + glob("torch", "FloatStorage") + text(key.decode()) + text("cpu")
        + b"\x8a\x09" + numel.to_bytes(9, "little") + b"tQ"
    )  # fmt: skip


def integer(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def zipped_tensor(numel: int, offset: int, size: tuple, stride: tuple, data: bytes, compression=zipfile.ZIP_STORED):
    shape = b"(" + b"".join(map(integer, size)) + b"t"
    steps = b"(" + b"".join(map(integer, stride)) + b"t"
    tensor = (
        glob("torch._utils", "_rebuild_tensor_v2") + b"(" + pid(numel) + integer(offset) + shape + steps + b"\x89}tR"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}" + text(KEY) + tensor + b"s.")
        archive.writestr("a/byteorder", b"little")
        archive.writestr("a/data/0", data)
    return buffer.getvalue()


FOUR = np.arange(4, dtype="<f4").tobytes()


def test_a_hand_made_file_is_good(tmp_path):
    """So that the bombs below fail for what is wrong in them."""
    path = tmp_path / "x.pt"
    path.write_bytes(zipped_tensor(4, 0, (2, 2), (1, 2), FOUR))
    assert read_quietly(path)[KEY].tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    "data",
    [
        zipped_tensor(4, 1, (2, 2), (2, 1), FOUR),
        zipped_tensor(4, -1, (2, 2), (2, 1), FOUR),
        zipped_tensor(4, 0, (2, 2), (-2, 1), FOUR),
        zipped_tensor(4, 0, (-2, 2), (2, 1), FOUR),
        zipped_tensor(4, 0, (2, 3), (2, 1), FOUR),
        zipped_tensor(4, 0, (2, 2), (2,), FOUR),
        zipped_tensor(4, 0, (1,) * 100, (1,) * 100, FOUR),
        zipped_tensor(4, 0, (10**9, 10**9), (0, 0), FOUR),
        zipped_tensor(10**12, 0, (10**6, 10**6), (10**6, 1), FOUR),
        zipped_tensor(8, 0, (2, 2), (2, 1), FOUR),
        zipped_tensor(2**26, 0, (2**26,), (1,), bytes(2**28), zipfile.ZIP_DEFLATED),
    ],
    ids=lambda data: str(len(data)),
)
def test_tensors_larger_than_their_bytes(tmp_path, data):
    path = tmp_path / "x.pt"
    path.write_bytes(data)
    tracemalloc.start()
    message = read_quietly(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(message, str) and ("damaged" in message or "holds more than" in message)
    assert peak < 2**22


def three_files(eiann) -> dict[str, bytes]:
    state = {KEY: torch.rand(5, 4), "parameter_dict.H2E_bias": torch.rand(5)}
    new, old = io.BytesIO(), io.BytesIO()
    torch.save(state, new)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    return {"zip": new.getvalue(), "old": old.getvalue(), "network": loose_dumps(make_network(eiann))}


@pytest.mark.parametrize("kind", ["zip", "old", "network"])
def test_truncated(tmp_path, eiann, kind):
    data = three_files(eiann)[kind]
    path = tmp_path / "x.pt"
    for stop in [*range(0, len(data), 50), len(data) - 1]:
        path.write_bytes(data[:stop])
        assert isinstance(read_quietly(path), str), stop


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize("kind", ["zip", "old", "network"])
def test_mutated(tmp_path, eiann, kind):
    """400 seeded mutations of each kind of file: weights or one line, nothing else, and nothing runs."""
    data = three_files(eiann)[kind]
    rng = np.random.default_rng(11)
    path, refused = tmp_path / "x.pt", 0
    for _ in range(400):
        mutated = bytearray(data)
        for _ in range(rng.integers(1, 6)):
            where = int(rng.integers(len(mutated)))
            kindly = rng.integers(3)
            if kindly == 0:
                mutated[where] = rng.integers(256)
            elif kindly == 1:
                del mutated[where : where + int(rng.integers(1, 9))]
            else:
                mutated[where:where] = rng.bytes(int(rng.integers(1, 9)))
        path.write_bytes(mutated)
        refused += isinstance(read_quietly(path), str)
    assert refused > 100
