"""Data sets: inputs, labels and targets in two parts, from files, scikit-learn, arrays and packages. No network access.

A data set is named by a *spec*, such as ``digits`` or ``npz:FILE`` (`load`).
"""

from spikedtp.datasets.dataset import Dataset
from spikedtp.datasets.idx import read_idx
from spikedtp.datasets.registry import DATASETS, data_files, load, parts_of, register_dataset
from spikedtp.datasets.scaling import SCALES, Scaling
from spikedtp.datasets.spirals import spiral_points

__all__ = [
    "DATASETS",
    "SCALES",
    "Dataset",
    "Scaling",
    "data_files",
    "load",
    "parts_of",
    "read_idx",
    "register_dataset",
    "spiral_points",
]
