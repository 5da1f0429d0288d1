"""IDX files as MNIST has them, for tests."""

import gzip
import struct

import numpy as np


def idx(array: np.ndarray, dtype: int = 8) -> bytes:
    return bytes((0, 0, dtype, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(folder, n_train=7, n_test=3, side=4, zipped=True, seed=0):
    rng = np.random.default_rng(seed)
    made = {}
    for prefix, n in (("train", n_train), ("t10k", n_test)):
        images = rng.integers(0, 256, (n, side, side), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        made[prefix] = images, labels
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            data = idx(array)
            suffix = ".gz" if zipped else ""
            (folder / f"{prefix}-{name}-ubyte{suffix}").write_bytes(gzip.compress(data) if zipped else data)
    return made
