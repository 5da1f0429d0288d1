"""`spikedtp replay`: Drive one learning rule with given signals."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from spikedtp.cli import options
from spikedtp.errors import SpikedtpError, known_names

__all__ = ["command"]


class Form(StrEnum):
    rate = "rate"
    spiking = "spiking"


def command(
    rule: Annotated[str, typer.Option(metavar="NAME", help="Rule, e.g. MSTDPET, BCM, BTSP or DendriticState.")],
    signals: Annotated[
        Path,
        typer.Option(
            metavar="FILE.npz",
            help="Arrays pre (steps, n_pre), post (steps, n_post), w0 (n_post, n_pre), and modulator where needed.",
        ),
    ],
    parameter: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Parameter of the rule, e.g. tau_e=25*ms; repeat for more."),
    ] = None,
    form: Annotated[Form, typer.Option(help="Arithmetic on arrays, or Brian2 synapses.")] = Form.rate,
    dt: options.Dt = 1.0,
    device: options.DeviceOption = None,
    out: options.Out = Path("results/replay"),
    config: options.Config = None,
) -> None:
    """Drive one learning rule with given signals; leave weights and states at every step as replay.npz."""
    import numpy as np

    from spikedtp.parameters import read_value
    from spikedtp.records import staged, write_manifest, write_summary
    from spikedtp.spiking import default_device, replay

    settings = dict(_setting(text) for text in parameter or ())
    made = _rule(rule, settings)
    given = _signals(signals)
    device_name = (device or default_device()) if form is Form.spiking else "runtime"
    started = time.perf_counter()
    with staged(out) as folder:
        result = replay(
            made,
            given["pre"],
            given["post"],
            given["w0"],
            modulator=given.get("modulator"),
            dt=read_value(f"{dt}*ms"),
            form=form.value,
            device=str(device_name),
        )
        states = {f"state.{name}": values for name, values in result.state.items()}
        np.savez_compressed(folder / "replay.npz", w=result.w, t_ms=result.t, **states)
        change = result.w[-1] - result.w[0]
        summary = {
            "rule": rule,
            "form": form.value,
            "n_steps": len(result.w) - 1,
            "n_post": change.shape[0],
            "n_pre": change.shape[1],
            "change.mean": float(change.mean()),
            "change.largest": float(np.abs(change).max()),
            "final_weight.mean": float(result.w[-1].mean()),
        }
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration={
                "rule": rule, "signals": signals, "parameters": made.describe().parameters, "form": form.value,
                "dt_ms": dt, "device": str(device_name),
            },
            seeds={},
            timings={"replay": time.perf_counter() - started},
            inputs=[signals],
        )  # fmt: skip
    typer.echo(made.describe())
    typer.echo(f"largest change of a weight {summary['change.largest']:.6g}; results in {out}")


def _setting(text: str) -> tuple[str, Any]:
    from spikedtp.parameters import read_value

    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise SpikedtpError(f"--set {text}: expected NAME=VALUE, such as tau_e=25*ms")
    return name, read_value(value)


def _rule(name: str, settings: dict[str, Any]):
    from spikedtp.plasticity import RULES, TIMED_RULES, make_rule, make_timed_rule

    if name in TIMED_RULES:
        return make_timed_rule(name, **settings)
    if name not in RULES:
        raise known_names("learning rule", name, {*RULES, *TIMED_RULES})
    return make_rule(name, **settings)


def _signals(path: Path) -> dict[str, Any]:
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            if not hasattr(file, "files"):
                raise ValueError
            given = dict(file)
    except OSError as error:
        raise SpikedtpError(f"--signals {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile):
        raise SpikedtpError(f"--signals {path} is not an .npz file of arrays") from None
    for name in ("pre", "post", "w0"):
        if name not in given:
            raise SpikedtpError(f"--signals {path} has no array {name!r}: it holds {', '.join(given) or 'nothing'}")
    return given
