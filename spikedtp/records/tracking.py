"""Trackers: functions that are told of every finished run, so that a lab's own records can have it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from spikedtp.configuration import Configuration
from spikedtp.errors import SpikedtpError, in_one_line, shown
from spikedtp.registries import Registry

__all__ = [
    "TRACKERS", "FinishedRun", "Tracker", "figures_in", "register_tracker", "tell", "track", "trackers_named",
]  # fmt: skip

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedRun:
    """What a tracker is told of a run, or of one job of a sweep.

    Attributes
    ----------
    command : str
        Such as ``"train"``.
    settings : dict
        As in ``config.yaml``.
    summary : dict
        As in ``summary.json``. It is empty if a job failed.
    folder : Path or None
        Its results. The jobs of a sweep of comparisons leave none.
    figures : tuple of Path
        The PNG files in `folder`. Beside each is an SVG file of the same name.
    key : str or None
        Of a job: its name in ``sweep.parquet``.
    status : {"done", "failed"}
    error : str or None
        Why a job failed, in one line.
    seconds : float or None
        How long a job ran.

    Examples
    --------
    >>> from spikedtp.records import FinishedRun
    >>> run = FinishedRun("train", {"mode": "spiking", "seed": 3}, {"test_accuracy": 0.91})
    >>> f"{run.command} {run.settings['mode']}: {run.summary['test_accuracy']}, {len(run.figures)} figures"
    'train spiking: 0.91, 0 figures'
    """

    command: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    folder: Path | None = None
    figures: tuple[Path, ...] = ()
    key: str | None = None
    status: str = "done"
    error: str | None = None
    seconds: float | None = None


Tracker = Callable[[FinishedRun], object]
AnyTracker = TypeVar("AnyTracker", bound=Tracker)


def _check_tracker(name: str, tracker: Any) -> None:
    if not callable(tracker):
        raise SpikedtpError(f"the tracker {name!r} must be a function of a FinishedRun, got {shown(tracker)}")


TRACKERS: Registry[Tracker] = Registry("tracker", "spikedtp.trackers", {}, check=_check_tracker)


def register_tracker(name: str, tracker: AnyTracker | None = None) -> Any:
    """Give a tracker of your own a name, for ``--tracker NAME``.

    Parameters
    ----------
    name : str
    tracker : callable, optional
        It gets a `FinishedRun`. An error in it is reported, and stops nothing. Without a tracker, this is a decorator.

    Returns
    -------
    callable
        The tracker.

    Raises
    ------
    SpikedtpError
        A name that is taken, or what is no function.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import EvaluateConfiguration
    >>> from spikedtp.jobs.evaluate import run_evaluation
    >>> from spikedtp.records import register_tracker
    >>> @register_tracker("notebook")
    ... def write_down(run):
    ...     print(run.command, run.summary["n_samples"], [figure.name for figure in run.figures])
    >>> with TemporaryDirectory() as folder:
    ...     summary = run_evaluation(EvaluateConfiguration(samples=50, tracker="notebook"), f"{folder}/result")
    evaluate 50 ['confusion.png']
    """
    if tracker is None:
        return lambda function: TRACKERS.register(name, function)
    return TRACKERS.register(name, tracker)


def tell(trackers: Mapping[str, Tracker], run: FinishedRun, report: Callable[[str], object] = logger.warning) -> None:
    """Call every tracker, by name. What one of them raises is reported in one line."""
    for name, tracker in trackers.items():
        try:
            tracker(run)
        except Exception as problem:  # somebody else's code; the run itself is done
            report(f"the tracker {name!r} failed for {run.key or run.folder}: {in_one_line(problem)}")


def track(configuration: Configuration, out: str | Path) -> None:
    """Tell the trackers of a configuration what is in the folder of its finished run."""
    if configuration.tracker:
        folder = Path(out).expanduser().absolute()
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        run = FinishedRun(configuration.command, configuration.saved(), summary, folder, figures_in(folder))
        tell(trackers_named(configuration.tracker), run)


def trackers_named(names: Iterable[str], on_finished: Tracker | None = None) -> dict[str, Tracker]:
    """The trackers of these names, and what a caller gave as `on_finished`, under that name."""
    found = {name: TRACKERS.named(name) for name in names}
    return found if on_finished is None else {**found, "on_finished": on_finished}


def figures_in(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.png")))
