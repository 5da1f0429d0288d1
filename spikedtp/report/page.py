"""The page itself: results are arranged, escaped, and put into the template (`page.html`)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from spikedtp._version import __version__
from spikedtp.errors import SpikedtpError
from spikedtp.report.results import PAGE, Results, Table, read_results

__all__ = ["render", "write_report"]

MOST_ROWS = 500
MEASURES = {  # in rows (references) and columns of the numbers
    "rule": "against the ΔW of the rate network's own rule",
    "notebook": "against ΔW of the dendritic state at the end of the nudge",
    "trained": "against the ΔW of the rate network's own rule",
    "figure3": "against ΔW of the dendritic state at the end of the nudge",
    "pearson_r": "correlation of spiking and rate ΔW over synapses",
    "slope": "of spiking against rate ΔW",
    "angle": "between the two, in degrees",
    "sign_agreement": "share of synapses whose two ΔW have the same sign",
    "noise_ceiling": "the cosine that the randomness of spikes alone would leave",
    "noiseless_cosine": "the cosine without that randomness",
}
SPREAD = re.compile(r"(?P<what>.+)\.(?P<measure>[^.]+)\.(?P<part>median|low|high)")


def write_report(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write one HTML page with everything in a results folder. The page needs no other file and no network.

    Parameters
    ----------
    folder : path
        The results folder of any command or experiment, or of a sweep.
    out : path, optional
        The file of the page. The default is ``report.html`` in `folder`.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    SpikedtpError
        `folder` holds no finished run, or the page cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from spikedtp.configuration import EvaluateConfiguration
    >>> from spikedtp.jobs.evaluate import run_evaluation
    >>> from spikedtp.report import write_report
    >>> with TemporaryDirectory() as folder:
    ...     result = Path(folder) / "result"
    ...     summary = run_evaluation(EvaluateConfiguration(samples=10), result)
    ...     page = write_report(result)
    ...     text = page.read_text(encoding="utf-8")
    >>> page.name, "accuracy" in text
    ('report.html', True)
    """
    text = render(read_results(folder))
    page = Path(os.path.expanduser(Path(folder) / PAGE if out is None else out))
    partial = page.with_name(f".{page.name}.partial")
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", errors="replace")  # half of a surrogate pair cannot be encoded
        os.replace(partial, page)
    except OSError as error:
        raise SpikedtpError(f"{page} cannot be written ({error.strerror}); name another with --out") from None
    return page


def render(results: Results) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("spikedtp.report", ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    provenance = {k: v for k, v in results.manifest.items() if k not in ("configuration", "outputs")}
    return environment.get_template("page.html").render(
        results=results,
        version=__version__,
        numbers=[(key, shown(value)) for key, value in results.summary.items() if not SPREAD.fullmatch(key)],
        medians=(medians := _medians(results.summary)),
        measures=[(name, text) for name, text in MEASURES.items() if name in _words(medians)],
        tables=[_grid(table) for table in results.tables],
        failures=_failures(results.tables),
        provenance=[(key, shown(value)) for key, value in _flat(provenance)],
    )


def shown(value: Any) -> str:
    """A value as it stands on the page."""
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(shown, value))
    return "–" if value is None or value is pd.NA or value is pd.NaT else str(value)


@dataclass(frozen=True)
class Grid:
    """A table to print: what is the same in all rows stands above it, and an interval with its median."""

    name: str
    n_rows: int
    same: list[tuple[str, str]]
    header: list[str]
    rows: list[list[str]]


def _grid(table: Table) -> Grid:
    frame = table.frame
    same = [name for name in frame if len(frame) > 1 and frame[name].astype(str).nunique(dropna=False) == 1]
    varied = _with_intervals(frame.drop(columns=same).head(MOST_ROWS))
    return Grid(
        table.name,
        len(frame),
        [(str(name), shown(frame[name].iloc[0])) for name in same],
        [str(name) for name in varied],
        [[shown(value) for value in row] for row in varied.itertuples(index=False, name=None)],
    )


def _with_intervals(frame: pd.DataFrame) -> pd.DataFrame:
    """``x.median``, ``x.low`` and ``x.high`` as one column ``x``."""
    for name in [str(name).removesuffix(".median") for name in frame if str(name).endswith(".median")]:
        parts = [f"{name}.{part}" for part in ("median", "low", "high")]
        if {*parts} <= {*frame} and name not in frame:
            cells = [
                "{} ({} to {})".format(*map(shown, row)) for row in frame[parts].itertuples(index=False, name=None)
            ]
            frame = frame.assign(**{parts[0]: cells}).rename(columns={parts[0]: name}).drop(columns=parts[1:])
    return frame


def _medians(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Medians with their intervals: a row for what was measured (``H2E_H1E.rule``), a column for each measure."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for key, value in summary.items():
        if part := SPREAD.fullmatch(key):
            found.setdefault(part["what"], {}).setdefault(part["measure"], {})[part["part"]] = shown(value)
    cells = {
        what: {
            measure: f"{parts.get('median', '–')} ({parts.get('low', '–')} to {parts.get('high', '–')})"
            for measure, parts in measures.items()
        }
        for what, measures in found.items()
    }
    return pd.DataFrame.from_dict(cells, orient="index").fillna("–")


def _words(medians: pd.DataFrame) -> set[str]:
    return {*medians, *(str(what).rpartition(".")[2] for what in medians.index)}


def _failures(tables: list[Table]) -> list[tuple[str, int]]:
    """What went wrong in the jobs of a sweep, and in how many."""
    errors = [table.frame["error"].dropna() for table in tables if {"status", "error"} <= set(table.frame)]
    counts = pd.concat(errors).astype(str).value_counts(sort=False) if errors else {}
    return [(str(error), int(n)) for error, n in counts.items()]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield from _flat({str(i + 1): item for i, item in enumerate(value)}, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
