"""Place fields appear and move within a lap: behavioral-timescale plasticity with traces of seconds.

Claim (Milstein et al. 2021, eLife 10:e73046, doi:10.7554/eLife.73046): one dendritic plateau of 300 ms changes the
synapses of all inputs that were active within seconds of it, before or after. Weak ones grow and strong ones shrink, so
a place field appears in a silent cell, and an old field moves to the place of the plateau.

What differs: the rule with its two published sets of constants, "network" (their network model) and "median" (medians
over 22 cells), and not one set for each cell. Ramps use a scale of our own calibration: a bump of weights, 108 cm wide
and 1.5 high, makes 6 mV. In spikes, 200 Poisson place cells reach the soma of a two-compartment cell; the dendrite
makes the plateau, and the instructive trace is the cell's own.

To expect, with "network" and traces divided by their peaks: a silent cell's field after one lap at 25 cm/s has its peak
of 7.2 mV 10.3 cm before the plateau (their target: 8 mV, 12.5 cm); after three laps it is 54, 60, 74, 82 and 105 cm
wide at 10, 15, 25, 30 and 45 cm/s. At 30 cm/s a field 30 cm behind the plateau moves to 10.3 cm before it: +3.4 mV at
the plateau, -2.7 mV at the old peak. In spikes the mean weights are those of the rate form to about 0.01.

    python experiments/btsp_place_fields.py --out results/btsp_place_fields
    python experiments/btsp_place_fields.py --out DIR --form rate --distance 60
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import place_field_curves as curves
import typer
from brian2 import Hz
from circular_track import Track
from figures.btsp import experiment_figure, fields_figure, speeds_figure, spikes_figure, time_course_figure
from track_in_spikes import laps_in_spikes

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError, known_names
from spikedtp.plasticity import BidirectionalBTSP, learn_laps, normalised
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device
from spikedtp.spiking.engine.devices import check_device

FORMS, UPDATES = ("rate", "spiking", "both"), ("continuous", "per_lap")
FITS = ("network", "median")
#: The normalisation that a fit is shown with; tables have both.
SHOWN = {"network": "own", "median": "steady"}
LAPS = (1, 3, 5)
SPEED, SHIFT_SPEED, QUICK_SPEED = 25.0, 30.0, 45.0  # cm/s
DISTANCES = [float(each) for each in range(-90, 91, 15)]
HEIGHTS = (3.0, 6.0, 9.0)  # mV, of the fields beside the experiment


def main(
    out: Path = typer.Option(Path("results/btsp_place_fields"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="Fewer speeds and laps, and two trials in spikes."),
    seed: int = typer.Option(0, min=0, help="Of the spikes."),
    form: str = typer.Option("both", help="rate, spiking or both."),
    distance: float = typer.Option(30.0, metavar="CM", help="From the plateau to the old field that moves."),
    trials: int = typer.Option(16, min=2, help="In spikes."),
    speeds: str = typer.Option("10,15,25,30,45", metavar="CM/S", help="Running speeds of the silent cell."),
    update: str = typer.Option("continuous", help="In spikes: continuous, or per_lap as in the authors' code."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Time course, shift and width of place fields, the experiment beside the model, and the same in spikes."""
    if form not in FORMS:
        raise known_names("form", form, FORMS)
    if update not in UPDATES:
        raise known_names("update", update, UPDATES)
    track = Track()
    if not -track.length / 2 <= distance <= track.length / 2:
        raise SpikedtpError(f"--distance must be from -93.5 to 93.5 cm, on a track of 187 cm, got {distance:g}")
    at_speeds = running_speeds(speeds)
    device = check_device(device or default_device())
    with staged(out) as folder:
        summary: dict[str, Any] = {}
        if form != "spiking":
            summary |= time_courses(folder, track)
            summary |= fields(folder, track, distance, at_speeds, quick)
            summary |= beside_the_experiment(folder, track)
        if form != "rate":
            trials = 2 if quick else trials
            summary |= in_spikes(folder, track, distance, trials, device, seed, update, quick)
            summary |= speeds_in_spikes(folder, track, at_speeds, trials, device, seed, update, quick)
        write_summary(folder, summary)
        configuration = dict(form=form, distance=distance, speeds=at_speeds, trials=trials)
        configuration |= dict(update=update, device=device, quick=quick)
        write_manifest(folder, configuration=configuration, seeds={"seed": seed}, inputs=[curves.EXPERIMENT])
    for key, value in summary.items():
        typer.echo(f"{key:62} {value:.4g}")
    typer.echo(f"results in {out}")


def running_speeds(text: str) -> list[float]:
    """The speeds of ``--speeds``, slowest first."""
    try:
        found = sorted({float(each) for each in text.split(",")})
    except ValueError:
        found = []
    if not found or not all(1 <= each <= 200 for each in found):
        raise SpikedtpError(f"--speeds must be numbers from 1 to 200 between commas, got {text!r}")
    return found


def time_courses(folder: Path, track: Track) -> dict[str, float]:
    """ΔW against the interval between input and plateau, from three weights."""
    intervals = np.round(np.arange(-60, 61) / 10, 1)
    rules = {fit: BidirectionalBTSP.fit(fit) for fit in FITS}
    pulses = {fit: curves.pulses(rule, intervals) for fit, rule in rules.items()}
    inputs = {
        (fit, normalisation, laps): curves.place_inputs(track, rule, normalisation, laps, SPEED)
        for fit, rule in rules.items() for normalisation in ("own", "steady") for laps in (1, 5)
    }  # fmt: skip
    names = ["fit", "normalisation", "induction_laps"]
    write_table(folder, "dw_vs_interval_pulse", pd.concat(pulses, names=["fit"]).reset_index(level=0))
    write_table(
        folder,
        "dw_vs_interval_place_inputs",
        pd.concat(inputs, names=names).reset_index(level=names).reset_index(drop=True),
    )
    most = {fit: rule.w_max for fit, rule in rules.items()}
    figure = time_course_figure(pulses, inputs["network", "own", 1], most)
    save_figure(folder, "btsp_time_course", figure)
    found = {}
    for fit, table in pulses.items():
        weak, _, strong = (rows.set_index("interval_s").dw for _, rows in table.groupby("w0"))
        found[f"{fit}.interval_of_the_largest_gain_s"] = weak.idxmax()
        found |= {f"{fit}.gain_of_a_weak_weight_at_{t:+g}_s": weak[t] for t in (-2.0, 2.0)}
        found |= {f"{fit}.loss_of_a_strong_weight_at_{t:+g}_s": strong[t] for t in (-2.0, 2.0)}
    return found


def fields(folder: Path, track: Track, distance: float, speeds: list[float], quick: bool) -> dict[str, float]:
    """A field that moves, and one that appears; both fits and normalisations in the tables."""
    lap_numbers, speeds = (LAPS[:2], speeds[::2]) if quick else (LAPS, speeds)
    distances = sorted({*DISTANCES, distance})
    moved, silent, ramps_moved, ramps_silent = [], [], {}, {}
    for fit in FITS:
        rule = BidirectionalBTSP.fit(fit)
        for normalisation in ("own", "steady"):
            known = {"fit": fit, "normalisation": normalisation}
            for laps in lap_numbers:
                table, ramps = curves.field_shift(track, rule, normalisation, laps, SHIFT_SPEED, distances)
                moved.append(table.assign(**known, induction_laps=laps, distance_cm=distances))
                ramps_moved[fit, normalisation, laps] = ramps[distances.index(distance)]
                for speed in speeds:
                    row, ramp = curves.silent_cell(track, rule, normalisation, laps, speed)
                    silent.append({**known, "speed_cm_s": speed, "induction_laps": laps, **row})
                    ramps_silent[fit, normalisation, laps, speed] = ramp
    moved, silent = pd.concat(moved, ignore_index=True), pd.DataFrame(silent)
    write_table(folder, "place_field_shift", moved)
    write_table(folder, "silent_cell_speed", silent)
    found: dict[str, float] = {}
    for fit, normalisation in SHOWN.items():
        chosen_moved, chosen_silent = (
            table[(table.fit == fit) & (table.normalisation == normalisation)] for table in (moved, silent)
        )
        before = ramps_moved[fit, normalisation, 1][0]
        after = [ramps_moved[fit, normalisation, laps][1] for laps in lap_numbers]
        ramps_at = {speed: ramps_silent[fit, normalisation, 3, speed] for speed in speeds}
        figure = fields_figure(
            track.bins, np.stack([before, *after]), distances, chosen_moved, ramps_at, chosen_silent, curves.WHERE
        )
        save_figure(folder, f"btsp_place_fields_{fit}", figure)
        one = chosen_moved[(chosen_moved.distance_cm == distance) & (chosen_moved.induction_laps == 1)].iloc[0]
        label = f"{fit}.field_{distance:g}_cm_behind"
        found |= {f"{label}.{name}": float(one[name]) for name in
                  ("peak_before_cm", "peak_after_cm", "dV_at_plateau_mV", "dV_at_initial_peak_mV")}  # fmt: skip
        for row in chosen_silent[chosen_silent.induction_laps == 3].itertuples():
            found[f"{fit}.silent_cell_at_{row.speed_cm_s:g}_cm_s.half_width_cm"] = row.half_width_cm
        one, _ = curves.silent_cell(track, BidirectionalBTSP.fit(fit), normalisation, 1, SPEED)
        found |= {f"{fit}.silent_cell_1_lap.{name}": one[name] for name in ("ramp_peak_mV", "peak_minus_plateau_cm")}
    return found


def beside_the_experiment(folder: Path, track: Track) -> dict[str, float]:
    """Changes of the membrane potential by time and initial ramp, three laps."""
    measured, models, found = curves.experiment(), {}, {"experiment.correlation_within_2_s": -0.52}
    for fit, normalisation in SHOWN.items():
        changes = curves.ramp_changes(track, BidirectionalBTSP.fit(fit), normalisation, 3, SPEED, HEIGHTS)
        models[fit] = curves.by_initial_ramp(changes)
        found[f"{fit}.correlation_within_2_s"] = curves.correlation(changes, 2.0)
        means = measured[[name for name in measured if name.startswith("mean")]].to_numpy()
        clear = (np.abs(means) > 2) & np.isfinite(models[fit].to_numpy())
        same = np.sign(models[fit].to_numpy()[clear]) == np.sign(means[clear])
        found[f"{fit}.share_of_clear_changes_with_the_measured_sign"] = float(same.mean())
    table = pd.concat([measured, *(table.add_prefix(f"{fit}_") for fit, table in models.items())], axis=1)
    write_table(folder, "experiment", table)
    titles = {f"model, {fit}": table for fit, table in models.items()}
    save_figure(folder, "btsp_experiment", experiment_figure(measured, titles))
    return found


def in_spikes(
    folder: Path, track: Track, distance: float, trials: int, device: str, seed: int, update: str, quick: bool
) -> dict[str, float]:
    """A silent cell and a field that moves in spikes, beside the rate form of the same laps."""
    laps, speed = (1, QUICK_SPEED) if quick else (2, SPEED)
    session = track.session(speed, laps, curves.WHERE)
    rule = normalised(BidirectionalBTSP(peak_rate=track.peak_rate * Hz), session.rates, session.gate, session.dt)
    starts = {"silent cell": np.ones(track.n_inputs), "a field that moves": 1 + track.bump(curves.WHERE + distance)}
    w0 = np.stack(list(starts.values()))
    rate = learn_laps(rule, w0, session.rates, session.gate, dt=session.dt, update=update).w[-1]
    result = laps_in_spikes(
        track, rule, w0, speed=speed, laps=laps, plateau=curves.WHERE, trials=trials, device=device, seed=seed,
        update=update,
    )  # fmt: skip
    conditions, rows, found = [], [], {}
    for k, name in enumerate(starts):
        ramps, mean = track.ramp(result.w[k]), result.w[k].mean(axis=0)
        error = result.w[k].std(axis=0, ddof=1) / np.sqrt(trials)
        conditions.append(
            dict(name=name, before=track.ramp(w0[k]), rate=track.ramp(rate[k]), spiking=ramps, w_rate=rate[k],
                 w_spiking=result.w[k], rates=result.spikes[k].mean(axis=0))
        )  # fmt: skip
        rows.append(
            pd.DataFrame(
                {
                    "cell": name,
                    "input_cm": track.peaks,
                    "w_before": w0[k],
                    "w_rate_form": rate[k],
                    "w_spikes_mean": mean,
                    "w_spikes_standard_error": error,
                }
            )
        )  # fmt: skip
        in_rate, in_spikes = track.field(track.ramp(rate[k])), track.field(track.ramp(mean))
        key = f"spikes.{name.replace(' ', '_')}"
        found |= {
            f"{key}.ramp_peak_mV": in_spikes.peak, f"{key}.ramp_peak_of_the_rate_form_mV": in_rate.peak,
            f"{key}.peak_minus_plateau_cm": float(track.distance(in_spikes.place, curves.WHERE)),
            f"{key}.peak_minus_plateau_of_the_rate_form_cm": float(track.distance(in_rate.place, curves.WHERE)),
            f"{key}.mean_difference_of_weights": float((mean - rate[k]).mean()),
            f"{key}.its_standard_error": float(result.w[k].mean(axis=1).std(ddof=1) / np.sqrt(trials)),
        }  # fmt: skip
    write_table(folder, "spikes", pd.concat(rows, ignore_index=True))
    first = int(np.flatnonzero(result.plateau[0, 0])[0])
    window = slice(first - 1000, first + 2000)
    trace = {"t": np.arange(-1000, 2000) / 1000, "v_soma": result.v_soma[0, 0, window],
             "instructive": result.instructive[0, 0, window] / rule.instructive_peak}  # fmt: skip
    save_figure(folder, "btsp_spikes", spikes_figure(track.bins, conditions, trace, curves.WHERE))
    return found


def speeds_in_spikes(
    folder: Path, track: Track, speeds: list[float], trials: int, device: str, seed: int, update: str, quick: bool
) -> dict[str, float]:
    """The new field of a silent cell at several speeds, in spikes beside the rate form."""
    laps, speeds = (1, [QUICK_SPEED]) if quick else (3, speeds)
    rows = []
    for speed in speeds:
        session = track.session(speed, laps, curves.WHERE)
        rule = normalised(BidirectionalBTSP(peak_rate=track.peak_rate * Hz), session.rates, session.gate, session.dt)
        w0 = np.ones(track.n_inputs)
        rate = track.field(
            track.ramp(learn_laps(rule, w0, session.rates, session.gate, dt=session.dt, update=update).w[-1])
        )
        result = laps_in_spikes(
            track, rule, [w0], speed=speed, laps=laps, plateau=curves.WHERE, trials=trials, device=device, seed=seed,
            update=update,
        )  # fmt: skip
        found = [track.field(track.ramp(w)) for w in result.w[0]]
        row: dict[str, float] = {"speed_cm_s": speed, "induction_laps": laps, "trials": trials}
        for name, of_rate, of_trials in (
            ("half_width_cm", rate.width, [field.width for field in found]),
            ("ramp_peak_mV", rate.peak, [field.peak for field in found]),
            (
                "peak_minus_plateau_cm",
                float(track.distance(rate.place, curves.WHERE)),
                [float(track.distance(field.place, curves.WHERE)) for field in found],
            ),
        ):
            row[f"{name}_of_the_rate_form"], row[name] = of_rate, float(np.mean(of_trials))
            row[f"{name}_standard_error"] = float(np.std(of_trials, ddof=1) / np.sqrt(trials))
        rows.append(row)
    table = pd.DataFrame(rows)
    write_table(folder, "speeds_in_spikes", table)
    save_figure(folder, "btsp_speeds_in_spikes", speeds_figure(table))
    names = ("half_width_cm", "half_width_cm_of_the_rate_form")
    return {f"spikes.silent_cell_at_{row['speed_cm_s']:g}_cm_s.{name}": row[name] for row in rows for name in names}


if __name__ == "__main__":
    run_script(main)
