"""The kind of a file by its first bytes, so that a sound file of another kind is not called damaged."""

from __future__ import annotations

__all__ = ["file_kind"]

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
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not fetched (git lfs pull)",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}
_IDX_TYPES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


def file_kind(start: bytes, members: tuple[str, ...] = ()) -> str:
    """How to call a file, or "" for one of an unknown kind.

    Parameters
    ----------
    start : bytes
        Its first bytes; 300 of them are enough.
    members : tuple of str
        The names inside, if it is a zip archive.

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
        return "a tar archive"
    if start[:2] == b"\0\0" and start[2:3] and start[2] in _IDX_TYPES and 1 <= int.from_bytes(start[3:4], "big") <= 4:
        return "an IDX file"
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") < 2**32:
        return "a safetensors file"
    if start[:1] == b"\x80" and start[1:2] and 2 <= start[1] <= 5:
        return "a pickle"
    return "a text file" if start and _is_text(start) else ""


def _archive(members: tuple[str, ...]) -> str:
    inside = {name.rpartition("/")[2] for name in members}
    if "data.pkl" in inside:
        return "a TorchScript archive" if "constants.pkl" in inside else "a torch file"
    if members and all(name.endswith(".npy") for name in members):
        return "a numpy archive (.npz)"
    if "model.weights.h5" in inside:
        return "a Keras model"
    return "a zip archive"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else a character that was cut in two
            return False
        text = start[: error.start].decode("utf-8")
    return all(c.isprintable() or c.isspace() for c in text)
