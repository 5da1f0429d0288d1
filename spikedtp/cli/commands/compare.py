"""`spikedtp compare`: the main job, rate against spiking weight changes. `spikedtp.jobs.compare` does the work."""

from __future__ import annotations

import math
from pathlib import Path

import typer

from spikedtp.cli.options import command_for, device_for
from spikedtp.configuration import CompareConfiguration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "spikedtp compare",
    "spikedtp compare --circuit digits_dtp --population H1E --samples 20 --repeats 5 --average 5",
    "spikedtp compare --circuit mine.yaml --weights mine.pt --data mnist:data/mnist --out results/mine",
    "spikedtp compare --set 'cell.tau_soma=30*ms' --set rules.H2E_H1E=BTSP",
    "spikedtp compare --circuit signed.yaml --weights signed.pt --on-off",
    "spikedtp compare --loop closed --population all --spikers 16",
)

COSINE, CEILING = ".rule.cosine.median", ".rule.noise_ceiling.median"


def _run(configuration: CompareConfiguration) -> None:
    """Compare the weight changes of the rate network with those of the spiking network, synapse by synapse."""
    configuration.weights_file()  # before anything heavy is loaded
    from spikedtp.jobs.compare import run_comparison

    out = Path(configuration.out)
    found = run_comparison(configuration.model_copy(update={"device": device_for(configuration.device)}), out)
    for projection in (key.removesuffix(COSINE) for key in found if key.endswith(COSINE)):
        cosine, ceiling = found[projection + COSINE], found[projection + CEILING]
        noise = "" if not math.isfinite(ceiling) else f", noise alone would leave {ceiling:.3f}"
        if math.isfinite(cosine):
            typer.echo(f"{projection}: median cosine of ΔW in spikes with the rate network's {cosine:.3f}{noise}")
    if "fitted_to_data" in found:
        typer.echo(f"circuit fitted to the data: {found['fitted_to_data']}")
    typer.echo(f"results in {out} (as one page: spikedtp report {out})")
    for figure in sorted(out.glob("*.png")):
        typer.echo(f"figure: {figure}")
    if found.get("below_noise_ceiling"):
        typer.echo(found["below_noise_ceiling"])


command = command_for(CompareConfiguration, _run)
