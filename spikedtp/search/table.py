"""What a search found: one row per trial, the best ones, and the summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from optuna.trial import FrozenTrial, TrialState

from spikedtp.configuration import SearchConfiguration
from spikedtp.search.space import Space
from spikedtp.search.trials import FAILURE, SEED_VALUES
from spikedtp.sweep.table import table_of

__all__ = ["TABLE", "front", "search_summary", "trials_table"]

TABLE = "trials.parquet"
STATES = {TrialState.COMPLETE: "done", TrialState.FAIL: "failed", TrialState.PRUNED: "pruned"}


def trials_table(trials: Sequence[FrozenTrial], space: Space) -> pa.Table:
    """Columns ``trial``, the varied settings, ``status``, ``error``, objectives (``.sem`` beside them), ``best``.

    With several seeds an objective is the mean over them, and ``.sem`` the standard error of this mean. ``best`` marks
    the best trial, or all of the Pareto front.
    """
    search = space.search
    best = {trial.number for trial in front(trials, search)}
    rows = []
    for trial in trials:
        settings = space.settings({key: trial.params[key] for key in space.sources if key in trial.params})
        shown = {key: _plain(value) for key, value in settings.items()}
        row = {"trial": trial.number, **dict.fromkeys(space.sources), **shown, "status": STATES[trial.state]}
        row |= {"error": trial.user_attrs.get(FAILURE)}
        done = trial.state == TrialState.COMPLETE
        values = trial.values if done else [None] * len(search.objectives)
        by_seed = trial.user_attrs.get(SEED_VALUES) or [[]] * len(search.objectives)
        for name, value, seeds in zip(search.objectives, values or [], by_seed, strict=True):
            row[name] = value
            if len(search.seeds) > 1:
                row[f"{name}.sem"] = float(np.std(seeds, ddof=1) / np.sqrt(len(seeds))) if len(seeds) > 1 else None
        rows.append({**row, "best": trial.number in best})
    return table_of(rows)


def front(trials: Sequence[FrozenTrial], search: SearchConfiguration) -> list[FrozenTrial]:
    """The best trial; with several objectives, those that no other trial beats in all of them, the best of the first
    objective in front. Of equal ones the earlier.
    """
    signs = np.array([-1 if direction == "maximize" else 1 for direction in search.directions])
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.values]
    if not done:
        return []
    costs = signs * np.array([trial.values for trial in done], float)  # (trials, objectives), the less the better
    order = sorted(range(len(done)), key=lambda k: (*costs[k], done[k].number))
    if len(signs) == 1:
        return [done[order[0]]]
    kept: list[int] = []
    for k in order:
        if not any((costs[other] <= costs[k]).all() for other in kept):  # an equal one that came before counts, too
            kept.append(k)
    return [done[k] for k in kept]


def search_summary(trials: Sequence[FrozenTrial], space: Space) -> dict[str, Any]:
    """Flat: numbers of trials, the best one with its settings and values, and the numbers of the Pareto front."""
    search, best = space.search, front(trials, space.search)
    states = [STATES[trial.state] for trial in trials]
    summary: dict[str, Any] = {
        "command": search.job_command,
        "objective": list(search.objectives),
        "n_trials": len(trials),
        "n_failed": states.count("failed"),
        "n_pruned": states.count("pruned"),
        "seeds": list(search.seeds),
        "varied": list(space.sources),
    }
    if best:
        summary["best_trial"] = best[0].number
        summary |= {f"best.{name}": value for name, value in zip(search.objectives, best[0].values, strict=True)}
        summary |= {f"best.{key}": _plain(value) for key, value in space.settings(best[0].params).items()}
        if len(search.objectives) > 1:
            summary["front"] = [trial.number for trial in best]
    return summary


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
