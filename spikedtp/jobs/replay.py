"""Replay: one learning rule, driven by the signals in a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from spikedtp.configuration import ReplayConfiguration
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.data import input_files
from spikedtp.jobs.replay_signals import given_signals
from spikedtp.parameters import read_value
from spikedtp.plasticity import LearningRule, TimedRule, rule_named
from spikedtp.plotting import replay_figure
from spikedtp.records import save_figure, staged, track, write_manifest, write_summary
from spikedtp.spiking import default_device, replay

__all__ = ["rule_of", "run_replay"]


def run_replay(configuration: ReplayConfiguration, out: str | Path) -> dict[str, Any]:
    """Drive one learning rule with given signals, and write weights and states after every row, and their figure.

    Parameters
    ----------
    configuration : ReplayConfiguration
    out : path
        The folder for config.yaml, summary.json, manifest.json, replay.npz and the figure. Either all of them are
        written or none.

    Returns
    -------
    dict
        The content of summary.json.

    Raises
    ------
    SpikedtpError
        Something is wrong with rule, signals or settings.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from spikedtp.configuration import ReplayConfiguration
    >>> from spikedtp.jobs.replay import run_replay
    >>> with TemporaryDirectory() as folder:
    ...     signals = Path(folder) / "signals.npz"
    ...     np.savez(signals, pre=np.eye(5), post=np.ones((5, 2)), w0=np.full((2, 5), 0.5))
    ...     summary = run_replay(ReplayConfiguration(rule="STDP", signals=str(signals)), Path(folder) / "result")
    >>> summary["n_steps"], summary["n_post"], summary["n_pre"]
    (5, 2, 5)
    """
    rule = rule_of(configuration)
    if isinstance(rule, LearningRule) and (configuration.pre_spikes or configuration.post_spikes):
        raise SpikedtpError(
            f"spike trains are not for {configuration.rule}, which learns once per presentation: give one row for each "
            "presentation, with --signals"
        )
    given = given_signals(configuration)
    device = (configuration.device or default_device()) if configuration.form == "spiking" else "runtime"
    configuration = configuration.absolute().model_copy(update={"device": device})
    started = time.perf_counter()
    with staged(out) as folder:
        result = replay(
            rule,
            given["pre"],
            given["post"],
            given["w0"],
            modulator=given.get("modulator"),
            dt=read_value(f"{configuration.dt}*ms"),
            keep=configuration.keep,
            form=configuration.form,
            device=device,
        )
        states: dict[str, Any] = {f"state.{name}": values for name, values in result.state.items()}
        np.savez_compressed(folder / "replay.npz", w=result.w, t_ms=result.t, **states)
        if configuration.keep == "all":  # one row has no course to draw
            save_figure(folder, "replay", replay_figure(result.t, result.w, result.state))
        change = result.w[-1] - given["w0"]
        summary = {
            "rule": configuration.rule,
            "form": configuration.form,
            "n_steps": int(result.kept[-1]),
            "n_post": change.shape[0],
            "n_pre": change.shape[1],
            "change.mean": float(change.mean()),
            "change.largest": float(np.abs(change).max()),
            "final_weight.mean": float(result.w[-1].mean()),
            **_counts(configuration, given),
        }
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved() | {"parameters": rule.describe().parameters},
            seeds={},
            timings={"replay": time.perf_counter() - started},
            inputs=input_files(configuration),
        )
    track(configuration, out)
    return summary


def rule_of(configuration: ReplayConfiguration) -> LearningRule | TimedRule:
    """The rule that a configuration names, with its parameters."""
    settings = {key: read_value(str(value)) for key, value in configuration.parameters.items()}
    return rule_named(configuration.rule, **settings)


def _counts(configuration: ReplayConfiguration, given: dict[str, Any]) -> dict[str, int]:
    """How many spikes there are, and how many cells without any, where spike trains were given."""
    found = {}
    for side in ("pre", "post"):
        if getattr(configuration, f"{side}_spikes") is not None:
            found[f"{side}.spikes"] = int(np.count_nonzero(given[side]))
            found[f"{side}.silent_cells"] = int(np.count_nonzero(~given[side].any(axis=0)))
    return found
