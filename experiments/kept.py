"""What experiments keep so that an interrupted run continues: results of jobs, and trained networks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spikedtp.configuration import TrainConfiguration
from spikedtp.jobs.train import run_training

__all__ = ["Jobs", "trained"]


class Jobs:
    """What has been computed so far: one file each. `settings` are those that hold for all jobs."""

    def __init__(self, folder: Path, *settings: Any):
        self.folder, self.settings = folder, settings

    def done(self, of: list[Any], compute: Callable[[], Any]) -> Any:
        """The result of the job that `of` describes: from its file, or computed now."""
        path = self.folder / f"{_key([*of, *self.settings])}.json"
        if not path.exists():
            found = compute()
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(found))
            partial.rename(path)
        return json.loads(path.read_text())


def trained(folder: Path, **settings: Any) -> Path:
    """The results of ``spikedtp train`` with these settings: a folder inside `folder`, made now if it is not there."""
    configuration = TrainConfiguration(**settings).absolute()
    name = f"{Path(configuration.circuit).stem}-{configuration.mode}-{configuration.seed}"
    out = folder / f"{name}-{_key(configuration.saved())}"
    if not (out / "weights.pt").exists():
        run_training(configuration, out)
    return out


def _key(of: Any) -> str:
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()[:16]
