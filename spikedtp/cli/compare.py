"""`spikedtp compare`: the main job, rate against spiking weight changes. The work is `spikedtp.comparison`'s."""

from __future__ import annotations

from pathlib import Path

import typer

from spikedtp.cli import options
from spikedtp.cli.unbuilt import not_built

__all__ = ["command"]


def command(
    circuit: options.Circuit = options.DEFAULT_CIRCUIT,
    weights: options.Weights = None,
    data: options.Data = "digits",
    population: options.Population = "H2E",
    samples: options.Samples = 10,
    repeats: options.Repeats = 1,
    unit_rate: options.UnitRate = 450.0,
    time_per_step: options.TimePerStep = 20.0,
    dt: options.Dt = 1.0,
    device: options.DeviceOption = None,
    loop: options.LoopOption = options.Loop.open,
    seed: options.Seed = 0,
    readout: options.ReadoutOption = options.Readout.best,
    out: options.Out = Path("results/compare"),
    config: options.Config = None,
) -> None:
    """Compare the weight changes of the rate network with those of the spiking network, synapse by synapse."""
    if loop is options.Loop.closed:
        not_built("closed-loop simulation")
    weights = options.weights_for(circuit, weights)
    from spikedtp.comparison import run_comparison

    run_comparison(
        circuit=circuit,
        weights=weights,
        data=data,
        population=population,
        samples=samples,
        repeats=repeats,
        unit_rate=unit_rate,
        time_per_step=time_per_step,
        dt=dt,
        device=_device(device),
        loop=loop.value,
        readout=readout.value,
        seed=seed,
        out=out,
        progress=True,
    )
    typer.echo(f"results in {out}")
    for figure in sorted(out.glob("*.png")):
        typer.echo(f"figure: {figure}")


def _device(asked: options.Device | None) -> str:
    """The device asked for; without one, C++ if it can be compiled here."""
    if asked is not None:
        return asked.value
    from spikedtp.spiking.devices import compiler_available

    if compiler_available():
        return options.Device.cpp_standalone.value
    typer.echo("no C++ compiler found: running on the slower runtime device", err=True)
    return options.Device.runtime.value
