"""btsp_place_fields.py: all forms run, spikes give the weights of rates, and a user's mistakes are named."""

import json

import numpy as np
import pandas as pd
import pytest
from scripts import run_script

TABLES = {"dw_vs_interval_pulse", "dw_vs_interval_place_inputs", "place_field_shift", "silent_cell_speed", "experiment"}
FIGURES = {"btsp_time_course", "btsp_place_fields_network", "btsp_place_fields_median", "btsp_experiment"}


def run(*arguments):
    return run_script("btsp_place_fields", *arguments)


def names(tables, figures):
    return {f"{name}.csv" for name in tables} | {f"{name}.{kind}" for name in figures for kind in ("png", "svg")}


def test_quick_in_rates(tmp_path):
    done = run("--out", tmp_path / "out", "--quick", "--form", "rate")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == names(TABLES, FIGURES) | {
        "summary.json",
        "manifest.json",
    }
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["network.field_30_cm_behind.peak_after_cm"] == pytest.approx(-10.3)  # the golden table's
    assert summary["network.field_30_cm_behind.dV_at_plateau_mV"] == pytest.approx(3.392, abs=1e-3)
    assert summary["network.field_30_cm_behind.dV_at_initial_peak_mV"] == pytest.approx(-2.675, abs=1e-3)
    assert summary["network.silent_cell_1_lap.ramp_peak_mV"] == pytest.approx(7.166, abs=1e-3)
    shift = pd.read_csv(tmp_path / "out" / "place_field_shift.csv")
    assert set(shift.normalisation) == {"own", "steady"} and set(shift.fit) == {"network", "median"}


@pytest.mark.parametrize("update", ["continuous", "per_lap"])
def test_spikes_give_the_weights_of_rates(tmp_path, update):
    device = () if update == "continuous" else ("--device", "runtime", "--quick")
    done = run("--out", tmp_path / "out", "--form", "spiking", "--update", update, "--speeds", "30", *device)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == names(
        {"spikes", "speeds_in_spikes"}, {"btsp_spikes", "btsp_speeds_in_spikes"}
    ) | {"summary.json", "manifest.json"}
    speeds = pd.read_csv(tmp_path / "out" / "speeds_in_spikes.csv")
    assert speeds.speed_cm_s.tolist() == ([45.0] if device else [30.0])  # 30: the plateau begins with a time step
    for name, slack in (("half_width_cm", 1.5), ("ramp_peak_mV", 0.15), ("peak_minus_plateau_cm", 1.5)):
        off = speeds[name] - speeds[f"{name}_of_the_rate_form"]
        assert (np.abs(off) < 4 * speeds[f"{name}_standard_error"] + slack).all(), name
    table = pd.read_csv(tmp_path / "out" / "spikes.csv")
    for _, rows in table.groupby("cell"):
        changed = np.abs(rows.w_rate_form - rows.w_before).max()
        assert changed > 0.5
        assert abs((rows.w_spikes_mean - rows.w_rate_form).mean()) < 0.02
        if not device:  # 16 trials
            off = (rows.w_spikes_mean - rows.w_rate_form) / (rows.w_spikes_standard_error + 0.01)
            assert np.abs(off).max() < 5 and np.corrcoef(rows.w_spikes_mean, rows.w_rate_form)[0, 1] > 0.99


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--speeds", "25,fast"), "--speeds must be numbers from 1 to 200 between commas, got '25,fast'"),
        (("--speeds", "0"), "--speeds must be numbers from 1 to 200 between commas, got '0'"),
        (("--form", "both forms"), "unknown form 'both forms': known are both, rate, spiking"),
        (("--update", "lap"), "unknown update 'lap': known are continuous, per_lap"),
        (("--distance", 100), "--distance must be from -93.5 to 93.5 cm, on a track of 187 cm, got 100"),
        (("--trials", 1), "trials"),
        (("--device", "gpu"), "gpu"),
    ],
)
def test_mistakes_are_named(tmp_path, given, words):
    done = run("--out", tmp_path / "out", *given)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
