"""The curves of BTSP against golden tables, which were computed independently from the published equations.

All columns are compared within the rounding of the files (8 digits, places to 0.1 cm).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spikedtp.plasticity import BidirectionalBTSP

EXPERIMENTS = Path(__file__).parent.parent.parent / "experiments"
GOLDEN = Path(__file__).parent.parent / "golden" / "btsp"
FITS = ("network", "median")


@pytest.fixture(scope="module")
def curves():
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        import place_field_curves

        yield place_field_curves
    finally:
        sys.path.remove(str(EXPERIMENTS))


@pytest.fixture(scope="module")
def track(curves):
    return curves.Track()


def rounding(values) -> np.ndarray:
    """Half a unit of the eighth digit, and a little for its last bit."""
    size = np.maximum(np.abs(np.asarray(values, dtype=float)), 1e-300)
    return 0.501 * 10.0 ** (np.floor(np.log10(size)) - 7)


def agree(found, golden, atol=1e-14) -> None:
    found, golden = np.asarray(found, dtype=float), np.asarray(golden, dtype=float)
    assert found.shape == golden.shape and len(found)
    off = np.abs(found - golden)
    assert (off <= rounding(golden) + atol).all(), off.max()


def start_columns(table: pd.DataFrame, kind: str) -> list[str]:
    return [name for name in table if name.startswith(f"{kind}_from_")]


@pytest.mark.parametrize("fit", FITS)
def test_pulses(curves, fit):
    golden, rule = pd.read_csv(GOLDEN / f"dw_vs_interval_pulse_{fit}.csv"), BidirectionalBTSP.fit(fit)
    found = curves.pulses(rule, golden.interval_s.to_numpy())
    for (w0, rows), name in zip(found.groupby("w0"), start_columns(golden, "dw_norm"), strict=True):
        assert float(name.rpartition("_")[2]) == pytest.approx(w0 / rule.w_max, abs=5e-5)
        agree(rows.dw / rule.w_max, golden[name])
        agree(rows.q_plus_s, golden.Q_pot_s)
        agree(rows.q_minus_s, golden.Q_dep_s)
        some = golden.w_eq_norm.notna()
        # the share of two integrals: far from the plateau both are differences of numbers that are much larger
        agree(rows.w_eq.to_numpy()[some] / rule.w_max, golden.w_eq_norm[some], atol=1e-9)


@pytest.mark.parametrize("fit", FITS)
def test_place_inputs(curves, track, fit):
    golden, rule = pd.read_csv(GOLDEN / f"dw_vs_interval_place_inputs_{fit}.csv"), BidirectionalBTSP.fit(fit)
    assert len(golden) == 2 * 2 * 200
    for (normalisation, laps), table in golden.groupby(["normalisation", "induction_laps"]):
        found = curves.place_inputs(track, rule, normalisation, laps, 30.0)
        for k, (_, rows) in enumerate(found.groupby("w0")):
            agree(rows.interval_s, table.interval_s)
            agree(rows.dw / rule.w_max, table[start_columns(golden, "dw_norm")[k]])
            agree(rows.dw, table[start_columns(golden, "dW")[k]])


@pytest.mark.parametrize("fit", FITS)
def test_silent_cells(curves, track, fit):
    golden, rule = pd.read_csv(GOLDEN / f"silent_cell_speed_{fit}.csv"), BidirectionalBTSP.fit(fit)
    assert len(golden) == 30
    found = pd.DataFrame(
        curves.silent_cell(track, rule, line.normalisation, line.induction_laps, line.speed_cm_s)[0]
        for line in golden.itertuples()
    )
    agree_tables(found, golden)


@pytest.mark.parametrize("fit", FITS)
def test_fields_move(curves, track, fit):
    golden, rule = pd.read_csv(GOLDEN / f"place_field_shift_{fit}.csv"), BidirectionalBTSP.fit(fit)
    assert len(golden) == 78
    for (normalisation, laps), table in golden.groupby(["normalisation", "induction_laps"]):
        distances = table.initial_peak_minus_plateau_cm.to_list()
        agree_tables(curves.field_shift(track, rule, normalisation, laps, 30.0, distances)[0], table)


def agree_tables(found: pd.DataFrame, golden: pd.DataFrame) -> None:
    compared = [name for name in golden if name in found]
    assert len(compared) == len(found.columns)
    for name in compared:
        if name.endswith("_cm"):
            np.testing.assert_allclose(found[name], golden[name], atol=1e-9)
        else:
            agree(found[name], golden[name])


# --- what a reproduction must show ------------------------------------------------------------------------------------


def test_a_weak_weight_grows_around_the_plateau_with_the_longer_tail_before_it(curves):
    found = curves.pulses(BidirectionalBTSP(), np.arange(-30, 31) / 10)
    weak, middling, strong = (rows.set_index("interval_s").dw for _, rows in found.groupby("w0"))
    assert abs(weak.idxmax()) <= 0.3 and weak[-2.0] > 10 * abs(weak[2.0]) > 0
    assert weak[-1.0] > 0 > strong[-1.0] and middling[0.0] > 0 > middling[-2.0]  # the sign depends on the weight
    w_eq = found[found.w0 == 1].set_index("interval_s").w_eq
    assert abs(w_eq.idxmax()) <= 0.3


def test_slower_running_narrows_the_new_field(curves, track):
    fields = [curves.silent_cell(track, BidirectionalBTSP(), "own", 3, v)[0] for v in (10, 15, 25, 30, 45)]
    widths = [field["half_width_cm"] for field in fields]
    assert widths == sorted(widths) and widths[0] < 55 < 100 < widths[-1]
    assert all(-15 < field["peak_minus_plateau_cm"] < -5 for field in fields)


def test_the_field_moves_to_the_plateau(curves, track):
    (row,) = curves.field_shift(track, BidirectionalBTSP(), "own", 1, 30.0, [30.0])[0].to_dict("records")
    assert row["peak_before_cm"] > 30 and -15 < row["peak_after_cm"] < 0
    assert row["dV_at_plateau_mV"] > 3 and row["dV_at_initial_peak_mV"] < -2


def test_the_experiment_is_that_of_the_golden_file_and_the_model_has_its_signs(curves, track):
    measured = curves.experiment()
    pd.testing.assert_frame_equal(measured, pd.read_csv(GOLDEN / "experimental_dVm_binned.csv"))
    changes = curves.ramp_changes(track, BidirectionalBTSP(), "own", 3, 25.0, (3, 6, 9))
    model = curves.by_initial_ramp(changes).to_numpy()
    means = measured[[name for name in measured if name.startswith("mean")]].to_numpy()
    clear = (np.abs(means) > 2) & np.isfinite(model)  # mV: where the experiment leaves no doubt
    assert clear.sum() >= 20 and (np.sign(model[clear]) == np.sign(means[clear])).mean() > 0.9
    near = measured.t_to_s.between(-1.99, 2)
    assert (np.diff(model[near], axis=1) < 0).all()  # the less gain the stronger the input is already
    assert -0.95 < curves.correlation(changes, 2.0) < -0.4  # experiment: -.52
