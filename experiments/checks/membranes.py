"""Two compartments: the exact response to given spikes, its convergence in dt, and the steady state."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from brian2 import mV
from scipy import linalg

from checks.drive import drive
from checks.row import Curve, Row, Scale, exact
from spikedtp.neurons import TwoCompartment, TwoCompartmentLIF

__all__ = ["attenuation", "given_trains", "same_on_both_devices"]

# a threshold out of reach leaves the passive cell
CELLS = {"linear cell": TwoCompartment(), "LIF cell": TwoCompartmentLIF(v_threshold=1000 * mV)}
DURATION = 420.0  # ms


def system(cell) -> tuple[np.ndarray, np.ndarray]:
    """``dx/dt = A x + B u`` of dendrite and soma, in 1/s, for drives u of dendrite and soma; x is 0 at rest."""
    if isinstance(cell, TwoCompartment):
        dend, soma = 1 / float(cell.tau_dend), 1 / float(cell.tau_soma)
        return np.array([[-dend, 0], [cell.coupling * soma, -soma]]), np.diag([dend, soma])
    c = np.array([float(cell.c_dend), float(cell.c_soma)])
    leak, g = np.array([float(cell.g_dend), float(cell.g_soma)]), float(cell.g_coupling)
    flow = np.array([[-leak[0] - g, g], [g, -leak[1] - g]])
    return flow / c[:, None], np.diag(leak / c) * float(cell.unit_voltage)


def rest(cell) -> float:
    return float(getattr(cell, "v_rest", 0.0))


def voltages(cell, response) -> np.ndarray:
    """Deviation from rest of dendrite and soma, `(n_cells, 2, n_steps)`."""
    traces = np.stack([response.v_dend["OutputE"][0], response.v_soma["OutputE"][0]])
    return traces.astype(float).transpose(2, 0, 1) - rest(cell)


def exact_response(cell, times: np.ndarray, at: np.ndarray, compartment: int) -> np.ndarray:
    """Dendrite and soma at `times` (s) after pulses of weight 1 at the times `at`: matrix exponentials added up."""
    flow, drive_in = system(cell)
    jump = drive_in[:, compartment] * cell.weight_scale * float(cell.spike_width)
    values, vectors = linalg.eig(flow)
    start = linalg.solve(vectors, jump.astype(complex))
    since = times[:, None] - at[None, :]
    decays = np.where(since >= -1e-9, np.exp(values[:, None, None] * since.clip(0)), 0).sum(axis=2)
    return (vectors @ (start[:, None] * decays)).real


def frozen_train(seed: int) -> np.ndarray:
    """The same spike times, in whole ms, whatever the time step."""
    return np.flatnonzero(np.random.default_rng(seed).random(int(DURATION)) < 0.05)


def given_trains(scale: Scale) -> list[Row]:
    """Given spikes through dendrite or soma against the exact response; Euler's error falls with dt."""
    times = frozen_train(scale.seed + 1)
    rows = []
    for name, cell in CELLS.items():
        for k, compartment in enumerate(("dend", "soma")):
            steps, errors = scale.pick((1.0, 0.5, 0.25), (1.0, 0.5, 0.25, 0.125)), []
            for dt in steps:
                raster = np.zeros((round(DURATION / dt), 1), bool)
                raster[np.round(times / dt).astype(int)] = True
                response = drive(
                    [[1.0]],
                    spikes=raster,
                    compartment=compartment,
                    duration=DURATION,
                    dt=dt,
                    cell=cell,
                    record=("v_dend", "v_soma"),
                    device="runtime",
                )
                every = round(1 / dt)
                wanted = exact_response(cell, np.arange(int(DURATION)) * 1e-3, times * 1e-3, k)
                found = voltages(cell, response)[0][:, ::every]
                size = np.abs(wanted).max(axis=1)
                reached = size > 0  # the linear cell's dendrite does not see its soma
                errors.append((np.abs(found - wanted).max(axis=1)[reached] / size[reached]).max())
            order = np.mean([np.log2(a / b) for a, b in pairwise(errors)])
            curve = (
                Curve(
                    f"convergence, {name}",
                    "dt (ms)",
                    "largest error",
                    steps,
                    errors,
                    errors[-1] * np.array(steps) / steps[-1],
                    log="xy",
                )
                if compartment == "dend"
                else None
            )
            claim = f"{name}, train into its {compartment}"
            rows += [
                exact(f"order of convergence in dt: {claim}", 1, order, 0.12, "Euler is of first order", curve),
                exact(
                    f"error at dt = {steps[-1]:g} ms against the matrix exponential, share of the peak: {claim}",
                    0,
                    errors[-1],
                    0.03 * steps[-1],
                    "3 % a ms of time step",
                ),
            ]
    return rows


def attenuation(scale: Scale) -> list[Row]:
    """Constant drive: dendrite and soma rest where the conductances say, whichever of them is driven."""
    rows, dt, duration = [], 0.5, 2100.0
    spikes = np.ones((round(duration / dt), 1), bool)
    for name, cell in CELLS.items():
        flow, drive_in = system(cell)
        for k, compartment in enumerate(("dend", "soma")):
            response = drive(
                [[0.2]],
                spikes=spikes,
                compartment=compartment,
                duration=duration,
                dt=dt,
                cell=cell,
                record=("v_dend", "v_soma"),
                device=scale.device,
            )
            drive_here = 0.2 * cell.weight_scale * float(cell.spike_width) / (dt * 1e-3)
            dend, soma = linalg.solve(-flow, drive_in[:, k] * drive_here)
            found = voltages(cell, response)[0, :, -1]
            if compartment == "dend":
                rows.append(
                    exact(
                        f"steady soma over dendrite, {name}, dendrite driven",
                        soma / dend,
                        found[1] / found[0],
                        1e-6,
                        "voltages are kept in float32",
                    )
                )
            rows.append(
                exact(
                    f"steady somatic voltage, {name}, {compartment} driven",
                    soma,
                    found[1],
                    1e-6 * max(abs(soma), abs(rest(cell))),
                    "voltages are kept in float32",
                )
            )
    return rows


def same_on_both_devices(scale: Scale) -> list[Row]:
    """Given trains: numpy and compiled C++ give the same spikes and voltages."""
    rng = np.random.default_rng(scale.seed + 2)
    spikes = rng.random((420, 30)) < 0.1
    weights = rng.normal(0.08, 0.1, (8, 30))
    found = {}
    for device in ("runtime", scale.device):
        found[device] = drive(
            weights,
            spikes=spikes,
            compartment="soma",
            duration=DURATION,
            dt=1.0,
            cell=TwoCompartmentLIF(),
            device=device,
        )
    one, other = found["runtime"], found[scale.device]
    count = int(one.spikes["OutputE"].sum())
    differ = int((one.spikes["OutputE"] != other.spikes["OutputE"]).sum())
    size = np.ptp(one.v_soma["OutputE"])
    error = np.abs(one.v_soma["OutputE"] - other.v_soma["OutputE"]).max() / size
    return [
        exact(f"spikes of LIF cells that differ between runtime and C++ (of {count})", 0, differ, 0, "given trains"),
        exact("somatic voltage, runtime against C++, share of its range", 0, error, 1e-5, "float32 traces"),
    ]
