"""Is the simulator right? Theory, identities and another simulator, line by line.

Every line has a claim, the number that theory or NEST gives, the number found here, and a tolerance with its reason.
Statistical lines have fixed seeds and a false-alarm rate of 1e-5 each; the others leave room for rounding or for a
stated error of the time step. What is compared: Poisson trains (Cox 1962), filtered trains (Campbell 1909), passive
membranes, leaky integrate-and-fire cells (Siegert 1951, doi:10.1103/PhysRev.81.617; Brunel 2000,
doi:10.1023/A:1008925309027), synaptic conductances, adaptation, background noise, NMDA plateaus and bursts (closed
forms and scipy), STDP with and without reward (Florian 2007, doi:10.1162/neco.2007.19.6.1468), fixed points of BCM,
BTSP and dendritic prediction, the noise of a spiking ΔW; and NEST on the same spikes (left out where it is not
installed, but for its conductance cells, whose results are kept), with dopamine-modulated STDP (NEST issue 1939:
docs/validation.md explains the mismatch).

To expect: all lines pass. The exit status is 0 only then, and 1 if a line fails.

    python experiments/validation.py --out results/validation            # some minutes
    python experiments/validation.py --out DIR --quick
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import typer
from checks import FALSE_ALARM, GROUPS, Scale
from figures.validation import validation_figure
from tqdm import tqdm

from spikedtp.cli import run_script
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device
from spikedtp.spiking.engine.devices import check_device


def main(
    out: Path = typer.Option(Path("results/validation"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Fewer and shorter runs, with wider statistical tolerances."),
    seed: int = typer.Option(0, min=0, help="Of everything that is drawn."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """All checks of the validation suite: one table, one figure, exit status 0 only if every line passes."""
    scale = Scale(quick, seed, check_device(device or default_device()))
    with staged(out) as folder:
        rows = []
        checks = [(group, check) for group, members in GROUPS.items() for check in members]
        for group, check in tqdm(checks, unit="check"):
            rows += [(group, row) for row in check(scale)]
        lines = pd.DataFrame(
            [
                (group, row.claim, row.expected, row.measured, row.error, row.tolerance, row.judged, row.verdict)
                for group, row in rows
            ],
            columns=["group", "claim", "expected", "measured", "error", "tolerance", "judged", "verdict"],
        )
        failed = lines[lines.verdict == "FAIL"]
        left_out = lines[lines.verdict.str.startswith("left out")]
        write_table(folder, "validation", lines)
        save_figure(folder, "validation", validation_figure(lines, [row.curve for _, row in rows if row.curve]))
        write_summary(
            folder,
            {
                "lines": len(lines),
                "passed": int((lines.verdict == "pass").sum()),
                "failed": len(failed),
                "left_out": len(left_out),
                "false_alarm_rate_of_a_statistical_line": FALSE_ALARM,
                "failed_claims": list(failed.claim),
                "left_out_claims": list(left_out.claim),
            },
        )
        write_manifest(folder, configuration=dict(quick=quick, device=scale.device), seeds={"seed": seed})
    for line in lines.itertuples():
        typer.echo(
            f"{line.verdict:4.4} {line.expected:12.6g} {line.measured:12.6g} ± {line.tolerance:8.2g}  {line.claim}"
        )
    typer.echo(f"{len(lines) - len(failed) - len(left_out)} of {len(lines)} lines pass, {len(left_out)} left out")
    typer.echo(f"results in {out}")
    if len(failed):
        raise typer.Exit(1)


if __name__ == "__main__":
    run_script(main)
