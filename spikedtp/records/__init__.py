"""The results of a run: a folder that is complete or absent, with summary, tables, figures and manifest.

`summary.json`, tables and figures have the same bytes for the same seed. Everything that differs between two such runs
(timings, paths, versions) is in `manifest.json`.
"""

from spikedtp.npz import read_arrays
from spikedtp.records.folder import staged
from spikedtp.records.manifest import file_hash, write_manifest
from spikedtp.records.results import save_figure, write_summary, write_table
from spikedtp.records.tracking import FinishedRun, register_tracker, track

__all__ = [
    "FinishedRun",
    "file_hash",
    "read_arrays",
    "register_tracker",
    "save_figure",
    "staged",
    "track",
    "write_manifest",
    "write_summary",
    "write_table",
]
