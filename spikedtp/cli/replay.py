"""`spikedtp replay`: Drive one learning rule with given signals."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import typer

from spikedtp.cli.options import command_for, device_for
from spikedtp.configuration import ReplayConfiguration
from spikedtp.errors import SpikedtpError, known_names

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp replay --rule MSTDPET --signals signals.npz --set 'tau_e=25*ms'",
    "spikedtp replay --rule STDP --signals large.npz --form spiking --keep last",
)


def _run(configuration: ReplayConfiguration) -> None:
    """Drive one learning rule with given signals; leave weights and states after every row as replay.npz and figure."""
    import numpy as np

    from spikedtp.parameters import read_value
    from spikedtp.plotting import replay_figure
    from spikedtp.records import save_figure, staged, write_manifest, write_summary
    from spikedtp.spiking import replay

    settings = {name: read_value(str(value)) for name, value in configuration.parameters.items()}
    made = _rule(configuration.rule, settings)
    signals = Path(configuration.signals)
    given = _signals(signals)
    device = device_for(configuration.device) if configuration.form == "spiking" else "runtime"
    configuration = configuration.absolute().model_copy(update={"device": device})
    started = time.perf_counter()
    with staged(configuration.out) as folder:
        result = replay(
            made,
            given["pre"],
            given["post"],
            given["w0"],
            modulator=given.get("modulator"),
            dt=read_value(f"{configuration.dt}*ms"),
            keep=configuration.keep,
            form=configuration.form,
            device=device,
        )
        states = {f"state.{name}": values for name, values in result.state.items()}
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
        }
        write_summary(folder, summary)
        configuration.save(folder)
        write_manifest(
            folder,
            configuration=configuration.saved() | {"parameters": made.describe().parameters},
            seeds={},
            timings={"replay": time.perf_counter() - started},
            inputs=[signals],
        )
    typer.echo(made.describe())
    typer.echo(f"largest change of a weight {summary['change.largest']:.6g}; results in {configuration.out}")


def _rule(name: str, settings: dict[str, Any]):
    from spikedtp.plasticity import RULES, TIMED_RULES, make_rule, make_timed_rule

    if name in TIMED_RULES:
        return make_timed_rule(name, **settings)
    if name not in RULES:
        raise known_names("learning rule", name, {*RULES, *TIMED_RULES})
    return make_rule(name, **settings)


def _signals(path: Path) -> dict[str, Any]:
    from spikedtp.records import read_arrays

    given = read_arrays(path, f"--signals {path}")
    for name in ("pre", "post", "w0"):
        if name not in given:
            raise SpikedtpError(f"--signals {path} has no array {name!r}: it holds {', '.join(given) or 'nothing'}")
    return given


command = command_for(ReplayConfiguration, _run)
