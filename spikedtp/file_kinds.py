"""The kind of a file by its first bytes, so that a sound file of another kind is not called damaged."""

from __future__ import annotations

import re

__all__ = ["file_kind", "folder_kind"]

_BEGINNINGS = {
    b"\x93NUMPY": "a numpy array (.npy)",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"CDF": "a NetCDF file",
    b"MATLAB 5.0": "a MATLAB file (.mat)",
    b"PAR1": "a Parquet table",
    b"ARROW1": "an Arrow file",
    b"GGUF": "a GGUF model",
    b"SQLite format 3": "an SQLite database",
    b"\x1f\x8b": "a gzip-compressed file",
    b"BZh": "a bzip2-compressed file",
    b"\xfd7zXZ": "an xz-compressed file",
    b"\x28\xb5\x2f\xfd": "a zstd-compressed file",
    b"\x04\x22\x4d\x18": "an lz4-compressed file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not fetched (git lfs pull)",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}
#: Formats without a beginning of their own, by the names that their programs give them.
_NAMES = {
    r"\.onnx": "an ONNX model",
    r"\.data-\d{5}-of-\d{5}|\.ckpt\.(index|meta)": "a part of a TensorFlow checkpoint",
    r"\.(pb|pbtxt)": "a TensorFlow graph",
    r"\.msgpack": "a msgpack file, as Flax writes it",
    r"\.mlmodel": "a Core ML model",
    r"\.distcp": "a part of a distributed checkpoint of torch",
    r"\.safetensors\.index\.json": "the index of a safetensors model in several files",
    r"\.joblib": "a joblib file",
}
_ENDS = {re.compile(f"(?:{ending})$", re.IGNORECASE): kind for ending, kind in _NAMES.items()}
_FOLDERS = {
    "saved_model.pb": "a folder with a TensorFlow SavedModel",
    "checkpoint": "a folder with a TensorFlow checkpoint",
    ".metadata": "a folder with a distributed checkpoint of torch (python -m "
    "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE makes one file of it)",
    "_METADATA": "a folder with an Orbax checkpoint",
}
#: What FlatBuffers files have behind their first offset.
_SCHEMAS = {b"TFL3": "a TensorFlow Lite model", b"ET12": "an ExecuTorch program"}
_IDX_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


def file_kind(start: bytes, members: tuple[str, ...] = (), name: str = "") -> str:
    """How to call a file, or "" for one of an unknown kind.

    Parameters
    ----------
    start : bytes
        Its first bytes; 300 of them are enough.
    members : tuple of str
        The names inside, if it is a zip archive.
    name : str
        Its own name. It matters only where the bytes tell nothing, or no more than that they are text.

    Examples
    --------
    >>> file_kind(b"\\x93NUMPY\\x01\\x00")
    'a numpy array (.npy)'
    """
    for beginning, kind in _BEGINNINGS.items():
        if start[: len(beginning)].lower() == beginning.lower():
            return kind
    if start[:2] == b"PK":
        return _archive(members)
    if start[257:262] == b"ustar":
        return "a torch file of the first kind (tar)" if start[:9] == b"sys_info\0" else "a tar archive"
    if start[:2] == b"\0\0" and start[2:3] and start[2] in _IDX_TYPES and 1 <= int.from_bytes(start[3:4], "big") <= 4:
        return "an IDX file"
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") < 2**32:
        return "a safetensors file"
    if start[:1] == b"\x80" and start[1:2] and 2 <= start[1] <= 5:
        return "a pickle"
    if start[4:8] in _SCHEMAS:
        return _SCHEMAS[start[4:8]]
    if protobuf := _protobuf(start):
        return protobuf
    named = next((kind for ending, kind in _ENDS.items() if start and ending.search(name)), "")
    return named or ("a text file" if start and _is_text(start) else _compressed(start))


def folder_kind(names: set[str]) -> str:
    """How to call a folder, by the names of what lies in it.

    Examples
    --------
    >>> folder_kind({"saved_model.pb", "variables"})
    'a folder with a TensorFlow SavedModel'
    """
    return next((kind for name, kind in _FOLDERS.items() if name in names), "a folder")


def _protobuf(start: bytes) -> str:
    """ONNX writes its version (field 1), then who made it (field 2); a SavedModel its version, then the first graph."""
    if len(start) < 16 or start[0] != 0x08 or start[2] != 0x12:
        return ""
    if start[1] == 1 and start[3] >= 0x80 and 0x0A in start[4:8]:  # a record in a record
        return "a TensorFlow SavedModel"
    made_by = start[4 : 4 + start[3]]
    return "an ONNX model" if 3 <= start[1] <= 0x20 and made_by[:1].isalpha() and made_by.isascii() else ""


def _compressed(start: bytes) -> str:
    """zlib has no beginning of its own, but a check of its first two bytes."""
    zlib = start[:1] == b"\x78" and start[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda")
    return "a zlib-compressed file, as joblib writes it" if zlib else ""


def _archive(members: tuple[str, ...]) -> str:
    inside = {name.rpartition("/")[2] for name in members}
    if "data.pkl" in inside:
        return "a TorchScript archive" if "constants.pkl" in inside else "a torch file"
    if members and all(name.endswith(".npy") for name in members):
        return "a numpy archive (.npz)"
    if "model.weights.h5" in inside:
        return "a Keras model"
    if {"archive_format", "serialized_exported_program.json"} & inside:
        return "a program of torch.export (.pt2)"
    return "a zip archive"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else a character that was cut in two
            return False
        text = start[: error.start].decode("utf-8")
    return all(c.isprintable() or c.isspace() for c in text)
