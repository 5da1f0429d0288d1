"""A sound file of another kind is called by its name wherever weights, images or signals are read; never damaged."""

import gzip
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.io import savemat

from spikedtp.datasets import read_idx
from spikedtp.errors import SpikedtpError
from spikedtp.file_kinds import file_kind
from spikedtp.plotting.style import new_figure
from spikedtp.rate.checkpoint import read_weights
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
CASES = [(kind, k) for kind, made in FILES.items() for k in range(len(made))]


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize(("kind", "k"), CASES)
def test_weights_of_another_kind(kind, k, tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(FILES[kind][k](tmp_path))
    with pytest.raises(SpikedtpError) as error:
        read_weights(path)
    text = str(error.value)
    assert f"is {kind}" in text and "torch.save(network.state_dict(), FILE)" in text
    assert "damaged" not in text and "run code" not in text and "\n" not in text


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
    if "archive" in kind or "model" in kind:
        kind = "a zip archive"  # its members lie at the end of the file
    data = FILES.get(kind, FILES["a zip archive"])[min(k, len(FILES[kind]) - 1)](tmp_path)
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
        torch.ones(2).to(torch.float8_e5m2),
        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    ],
    ids=["complex", "sparse", "rows", "8 bits", "quantised"],
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
