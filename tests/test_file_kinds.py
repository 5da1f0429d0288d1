"""A sound file of another kind is called by its name wherever weights, images or signals are read; never damaged."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.io import savemat

from spikedtp.datasets import read_idx
from spikedtp.errors import SpikedtpError
from spikedtp.file_kinds import file_kind
from spikedtp.plotting.style import new_figure
from spikedtp.rate.checkpoints import read_weights
from spikedtp.records import read_arrays

W = np.arange(6, dtype=np.float32).reshape(2, 3)


def written(write, *args, **options) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *args, **options)
    return buffer.getvalue()


def safetensors(padding: int) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    header += b" " * padding
    return struct.pack("<Q", len(header)) + header + W.tobytes()


def zipped(*names: str) -> bytes:
    def write(buffer):
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")

    return written(write)


def saved(buffer):
    torch.save({"w": torch.ones(2)}, buffer)


def script(buffer):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), buffer)


def exported(buffer):
    torch.export.save(torch.export.export(torch.nn.Linear(2, 3), (torch.ones(1, 2),)), buffer)


def protobuf(*fields: tuple[int, bytes | int]) -> bytes:
    """Fields of a protobuf message, by number: whole numbers below 128, or bytes."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += bytes((number << 3, value))
        else:
            n = len(value)
            out += bytes((number << 3 | 2,)) + (bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7))) + value
    return out


def onnx(maker: bytes) -> bytes:
    return protobuf((1, 8), (2, maker), (3, b"2.3"), (7, protobuf((1, protobuf((1, b"x"), (2, b"y"), (4, b"Relu"))))))


def saved_model() -> bytes:
    info = protobuf((2, b"op"), (4, b"serve"), (5, b"2.15.0"), (6, b"unknown"))
    return protobuf((1, 1), (2, protobuf((1, info), (2, protobuf((1, b"n" * 120), (2, b"Const"))))))


def tarred(*names: str) -> bytes:
    def write(buffer):
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name))

    return written(write)


def hdf5(tmp_path) -> bytes:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "made.h5", "w") as file:
        file["w"] = W
    return (tmp_path / "made.h5").read_bytes()


def picture(kind: str) -> bytes:
    figure = new_figure(2, 2)
    return written(figure.savefig, format=kind)


#: What a file is called, and how one is made.
FILES = {
    "a numpy archive (.npz)": [lambda _: written(np.savez, w=W), lambda _: written(np.savez_compressed, w=W, b=W)],
    "a numpy array (.npy)": [
        lambda _: written(np.save, W),
        lambda _: written(np.save, np.array([{"w": W}]), allow_pickle=True),
        lambda _: written(np.save, np.frombuffer(b"....", np.uint8)),  # ends as pickles do
    ],
    "a safetensors file": [lambda _, n=n: safetensors(n) for n in (0, 64, 70, 571, 700)],  # 571: begins with \\x80\\x02
    "an HDF5 file": [hdf5],
    "a MATLAB file (.mat)": [lambda _: written(savemat, {"w": W})],
    "a Parquet table": [lambda _: written(lambda buffer: pd.DataFrame(W, columns=list("abc")).to_parquet(buffer))],
    "a gzip-compressed file": [lambda _: gzip.compress(written(saved))],
    "a PNG image": [lambda _: picture("png")],
    "a PDF document": [lambda _: picture("pdf")],
    "a web page": [lambda _: b"<!doctype html><title>404</title>", lambda _: b"<html>not found</html>"],
    "a Git LFS pointer": [lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"],
    "an IDX file": [lambda _: bytes((0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2)) + bytes(4)],
    "a torch file of the first kind (tar)": [lambda _: tarred("sys_info", "pickle", "tensors", "storages")],
    "a tar archive": [lambda _: tarred("model.pt")],
    "a program of torch.export (.pt2)": [lambda _: written(exported)],
    "an ONNX model": [lambda _: onnx(b"pytorch"), lambda _: onnx(b"skl2onnx")],
    "a TensorFlow SavedModel": [lambda _: saved_model()],
    "a TensorFlow Lite model": [lambda _: b"\x1c\0\0\0TFL3" + bytes(40)],
    "an ExecuTorch program": [lambda _: b"\x1c\0\0\0ET12" + bytes(40)],
    "a zlib-compressed file, as joblib writes it": [
        lambda _, n=n: written(lambda buffer: joblib.dump({"w": W}, buffer, compress=("zlib", n))) for n in (1, 3, 9)
    ],
    "a GGUF model": [lambda _: b"GGUF\3\0\0\0" + bytes(40)],
    "a text file": [
        lambda _: b"layer,weight\nH1E,0.5\n",
        lambda _: b"a: 1\nb: ends as pickles do.",
        lambda _: ("ä" * 200).encode(),
        lambda _: b'{"w": [1, 2]}',
    ],
    "a zip archive": [lambda _: zipped("a.csv", "b.csv"), lambda _: zipped("word/document.xml")],
    "a Keras model": [lambda _: zipped("metadata.json", "config.json", "model.weights.h5")],
    "a TorchScript archive": [lambda _: written(script)],
}
#: Of these weights are read.
READ = ("a numpy archive (.npz)", "a safetensors file", "a TorchScript archive")
CASES = [(kind, k) for kind, made in FILES.items() for k in range(len(made))]


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(("kind", "k"), [case for case in CASES if case[0] not in READ])
def test_weights_of_another_kind(kind, k, tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(FILES[kind][k](tmp_path))
    with pytest.raises(SpikedtpError) as error:
        read_weights(path)
    text = str(error.value)
    assert f"is {kind}" in text and "torch.save(network.state_dict(), FILE)" in text
    assert "damaged" not in text and "run code" not in text and "\n" not in text


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(("kind", "k"), [case for case in CASES if case[0] in READ])
def test_weights_of_these_kinds_are_read(kind, k, tmp_path):
    path = tmp_path / "weights.pt"  # whatever its name is
    path.write_bytes(FILES[kind][k](tmp_path))
    found = read_weights(path)
    if kind == "a TorchScript archive":
        assert {name: tuple(value.shape) for name, value in found.items()} == {"weight": (3, 2), "bias": (3,)}
    else:
        assert all(np.array_equal(found[name], W) for name in found) and "w" in found


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.onnx", "an ONNX model"),
        ("model.ckpt-12.data-00000-of-00001", "a part of a TensorFlow checkpoint"),
        ("model.ckpt.index", "a part of a TensorFlow checkpoint"),
        ("frozen.pb", "a TensorFlow graph"),
        ("flax_model.msgpack", "a msgpack file, as Flax writes it"),
        ("net.mlmodel", "a Core ML model"),
        ("__0_0.distcp", "a part of a distributed checkpoint of torch"),
        ("model.safetensors.index.json", "the index of a safetensors model in several files"),
    ],
)
def test_formats_without_a_beginning_have_names(name, kind, tmp_path):
    path = tmp_path / name
    path.write_bytes(b'{"weight_map": {}}' if name.endswith("json") else b"\x0b\xee\xff" * 30)
    with pytest.raises(SpikedtpError, match=f"is {kind}, which is not read as weights"):
        read_weights(path)
    torch.save({"w": torch.ones(2)}, path)  # content counts first
    assert list(read_weights(path)) == ["w"]


def test_numbers_between_opcodes_are_joblibs(tmp_path):
    path = tmp_path / "model.pkl"
    for value in ({"w": W}, [{"deep": (1, {"w": W})}]):
        joblib.dump(value, path)
        with pytest.raises(SpikedtpError, match="is a joblib file, which is not read as weights"):
            read_weights(path)


@pytest.mark.parametrize(
    ("inside", "kind"),
    [
        ("saved_model.pb", "a folder with a TensorFlow SavedModel"),
        (".metadata", "a folder with a distributed checkpoint of torch"),
        ("model.pt", "a folder; name a weights file"),
    ],
)
def test_folders_have_names(inside, kind, tmp_path):
    (tmp_path / inside).touch()
    with pytest.raises(SpikedtpError, match=f"is {kind}"):
        read_weights(tmp_path)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(("kind", "k"), [case for case in CASES if case[0] != "a numpy archive (.npz)"])
def test_signals_of_another_kind(kind, k, tmp_path):
    path = tmp_path / "signals.npz"
    path.write_bytes(FILES[kind][k](tmp_path))
    with pytest.raises(SpikedtpError, match=r"is not an \.npz file of arrays") as error:
        read_arrays(path, "--signals x")
    assert kind in str(error.value) and "damaged" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "k"), [case for case in CASES if case[0] not in ("an IDX file", "a gzip-compressed file")]
)
def test_images_of_another_kind(kind, k, tmp_path):
    data = FILES[kind][k](tmp_path)
    kind = "a zip archive" if data[:2] == b"PK" else kind  # its members lie at the end of the file
    for path, content in ((tmp_path / "x", data), (tmp_path / "x.gz", gzip.compress(data))):
        path.write_bytes(content)
        with pytest.raises(SpikedtpError, match="an IDX file of images with 00000803") as error:
            read_idx(path, 3)
        assert f"({kind}" in str(error.value) and "damaged" not in str(error.value)


@pytest.mark.filterwarnings("ignore")  # torch's words on types that it gives up
@pytest.mark.parametrize(
    "odd",
    [
        torch.ones(2, dtype=torch.complex64),
        torch.eye(2).to_sparse(),
        torch.eye(2).to_sparse_csr(),
        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    ],
    ids=["complex", "sparse", "rows", "quantised"],
)
@pytest.mark.parametrize("zip_it", [True, False])
def test_rare_tensors_are_no_attack(odd, zip_it, tmp_path):
    torch.save({"w": odd}, tmp_path / "x.pt", _use_new_zipfile_serialization=zip_it)
    with pytest.raises(SpikedtpError) as error:
        read_weights(tmp_path / "x.pt")
    assert "holds a tensor that is sparse, quantised, complex or of a rare type" in str(error.value)
    assert "run code" not in str(error.value)


def test_what_is_read_has_its_names_too(tmp_path):
    torch_file, old = written(saved), pickle.dumps({"w": 1})
    with zipfile.ZipFile(io.BytesIO(torch_file)) as archive:
        assert file_kind(torch_file[:300], tuple(archive.namelist())) == "a torch file"
    assert file_kind(old) == file_kind(pickle.dumps(1, 5)) == "a pickle"
    rng = np.random.default_rng(0)
    named = [file_kind(rng.bytes(300)) for _ in range(20_000)]
    assert sum(map(bool, named)) < 20  # noise is nothing
    assert file_kind(b"") == ""
