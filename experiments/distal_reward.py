"""A reward that comes seconds later strengthens the synapse that earned it, and no other.

Claim (Izhikevich 2007, Cereb. Cortex 17:2443, doi:10.1093/cercor/bhl152, Figure 1): 1,000 cells fire about once a
second, at random. Whenever one postsynaptic cell fires within 20 ms after one presynaptic cell, dopamine is released 1
to 3 seconds later. Thousands of other spikes come in between, but STDP has left an eligibility trace in the synapse of
the pair more often than in others. Its weight grows to the largest possible one.

What differs: the constants are those of the published script (daspnet.m), but weights change in every millisecond, and
not every ten; no cell reaches itself or another one twice; a spike counts for STDP when it is fired; spikes of one step
count on both sides. Everything happens inside one run: a pair of spikes chooses one of 200 delay lines, which leads to
the dopamine. Controls: no reward, and the rewards of the same network at reversed times.

To expect for one hour, seeds 0 to 9: the rewarded weight reaches its bound, 4 mV, in all ten, after 753 to 3415 s. It
falls back at times, and is 3.5 to 3.9 on average over the last ten minutes. The mean of all others is then 0.5 to 0.6.
An hour takes about 32 CPU seconds.

    python experiments/distal_reward.py --out results/distal_reward
    python experiments/distal_reward.py --out results/distal_reward --seeds 10 --controls 2
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from figures.distal_reward import distal_reward_figure
from recurrent.own_device import run_own
from recurrent.rewarded import DT, N_E, W_MAX, Circuit, Wiring, draw_wiring
from tqdm import tqdm

from spikedtp.cli import run_script
from spikedtp.errors import SpikedtpError
from spikedtp.records import read_arrays, save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import default_device

HOUR = 3600.0
#: The last part of the run, over which the rewarded weight is averaged; and the time whose spikes are shown.
LAST, DETAIL = 1 / 6, 8.0
Run = dict[str, np.ndarray]


def main(
    out: Path = typer.Option(Path("results/distal_reward"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="100 cells for 3 s on Brian2's runtime device: does it work?"),
    seed: int = typer.Option(0, min=0, help="Of connections and inputs; the first one, if there are several."),
    seeds: int = typer.Option(1, min=1, help="How many networks."),
    seconds: float = typer.Option(HOUR, help="Simulated time."),
    window: float = typer.Option(20.0, help="A pair of spikes counts if it is closer than this (ms)."),
    controls: int = typer.Option(
        1,
        min=0,
        help="In how many networks there is also a run without reward, and one with rewards at reversed times.",
    ),
    stock: float = typer.Option(20.0, min=0.0, help="Seconds to simulate with Brian2's own synapses, for the time."),
    keep: Path = typer.Option(None, help="Folder for finished runs, so that an interrupted command can go on."),
    device: str = typer.Option(None, help="cpp_standalone or runtime; default: C++ where it compiles."),
) -> None:
    """Run the network with rewards and without: weights over time, and spikes, traces and dopamine at a reward."""
    device = "runtime" if quick else device or default_device()
    if quick:
        seconds, stock, size = 3.0, min(stock, 0.2), {"n_e": 80, "n_i": 20, "fan_out": 10}
    else:
        size = {}
    if not seconds >= 2:
        raise SpikedtpError(f"--seconds must be at least 2, got {seconds}")
    runs, shown, rows, costs = [], {}, [], {}
    with staged(out) as folder:
        for k in tqdm(range(seed, seed + seeds), unit="network", disable=quick):
            earned = kept(keep, f"{k}_earned", simulate, k, seconds, device, window=window, size=size)
            runs.append(earned)
            costs[f"seed {k}"] = {"build": earned["cost"][0], "run": earned["cost"][1]}
            rows.append(row_of(k, "earned", earned, seconds))
            if k < seed + controls:
                for reward, times in (("none", np.array([])), ("reversed", seconds - earned["rewards"][::-1])):
                    found = kept(keep, f"{k}_{reward}", simulate, k, seconds, device, given_rewards=times, size=size)
                    rows.append(row_of(k, reward, found, seconds))
                    if k == seed:
                        shown[reward] = found
        table = pd.DataFrame(rows)
        summary = summarised(table)
        if stock:
            build, run = simulate(seed, stock, device, window=window, stock=True, size=size)["cost"]
            costs["stock"] = {"build": build, "run": run, "seconds": stock}
        write_table(folder, "networks", table)
        write_table(folder, "weights", pd.concat([weights_of(seed + k, run) for k, run in enumerate(runs)]))
        save_figure(folder, "distal_reward", distal_reward_figure(runs, shown, W_MAX))
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration=dict(seconds=seconds, window=window, controls=controls, device=device, quick=quick),
            seeds={"first": seed, "number": seeds},
            cpu_seconds=costs,
        )
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    for key, value in summary.items():
        typer.echo(f"{key:45} {value:.6g}")
    for name, cost in costs.items():
        done = cost.get("seconds", seconds)
        typer.echo(f"{name}: {cost['run']:.1f} CPU seconds for {done:g} s, {1e3 * cost['run'] / done:.1f} ms/s")
    typer.echo(f"results in {out}")


def kept(folder: Path | None, name: str, make: Callable[..., Run], *arguments: Any, **options: Any) -> Run:
    """What `make` gives, or what it gave before for the same arguments, if a folder keeps results."""
    if folder is None:
        return make(*arguments, **options)
    asked = repr((arguments, [(key, np.asarray(value).tolist()) for key, value in options.items()]))
    path = folder / f"{name}.npz"
    if path.exists():
        found = read_arrays(path, f"--keep {path}")
        if str(found.pop("asked")) == asked:
            return found
    found = make(*arguments, **options)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, asked=asked, **found)
    return found


def simulate(
    seed: int,
    seconds: float,
    device: str,
    *,
    window: float = 20.0,
    given_rewards: np.ndarray | None = None,
    stock: bool = False,
    size: dict[str, int],
) -> Run:
    """What one network did, and the CPU seconds of building it and of running it."""
    wiring = draw_wiring(np.random.default_rng(seed), **size)
    cells = {name: n for name, n in size.items() if name != "fan_out"}

    def make() -> Circuit:
        detail = (max(0.0, seconds - DETAIL), seconds)
        return Circuit(
            wiring,
            window=window,
            given_rewards=given_rewards,
            detail=detail,
            snapshots=seconds / 60,
            stock=stock,
            **cells,
        )

    found, cost = run_own(
        device, make, lambda made: made.run(seconds), lambda made: found_in(made, wiring, seconds), seed=seed, dt=DT
    )
    return found | {"cost": np.array([cost.build, cost.process])}


def found_in(made: Circuit, wiring: Wiring, seconds: float) -> Run:
    """Everything that was recorded; times in s."""
    weights, (eligibility, dopamine) = np.array(made.weights.w), made.traces
    others = np.delete(weights, wiring.rewarded, axis=0)
    return {
        "pair": np.array([wiring.e_pre[wiring.rewarded], wiring.e_post[wiring.rewarded]]),
        "time": np.array(made.weight.t_[:]),
        "rewarded": np.array(made.weight.w[0]),
        "snapshot_time": np.array(made.weights.t_[:]),
        "mean": others.mean(axis=0),
        "final": others[:, -1],
        "final_rewarded": np.array(made.learning.w[wiring.rewarded]),
        "rewards": made.rewards[made.rewards < seconds],
        "counts": np.array(made.counts.count[:]),
        "spike_cell": np.array(made.raster.i[:]),
        "spike_time": np.array(made.raster.t_[:]),
        "trace_time": np.array(eligibility.t_[:]),
        "eligibility": np.array(eligibility.c[0] if made.stock else 1000 * eligibility.z[0]),  # c = z tau_c
        "dopamine": np.array(dopamine.d[0]),
    }


def row_of(seed: int, reward: str, found: Run, seconds: float) -> dict[str, Any]:
    """Numbers of one run. The bound counts as reached within a percent."""
    reached = np.flatnonzero(found["rewarded"] >= 0.99 * W_MAX)
    late = found["time"] >= seconds * (1 - LAST)
    n_e = round(len(found["counts"]) * N_E / 1000)
    return {
        "seed": seed,
        "reward": reward,
        "rewards": len(found["rewards"]),
        "rate_e_hz": found["counts"][:n_e].mean() / seconds,
        "rate_i_hz": found["counts"][n_e:].mean() / seconds,
        "bound_reached_s": float(found["time"][reached[0]]) if len(reached) else np.nan,
        "rewarded_last": float(found["rewarded"][late].mean()),
        "rewarded_final": float(found["final_rewarded"]),
        "others_mean": float(found["final"].mean()),
        "others_below": float((found["final"] < found["final_rewarded"]).mean()),
    }


def summarised(table: pd.DataFrame) -> dict[str, float]:
    earned = table[table.reward == "earned"]
    summary = {
        "networks": len(earned),
        "networks_that_reached_the_bound": int(earned.bound_reached_s.notna().sum()),
        "rewarded_weight_last_median": float(earned.rewarded_last.median()),
        "rewarded_weight_last_least": float(earned.rewarded_last.min()),
        "others_mean_largest": float(earned.others_mean.max()),
    }
    for reward in ("none", "reversed"):
        control = table[table.reward == reward]
        if len(control):
            summary[f"rewarded_weight_last_{reward}"] = float(control.rewarded_last.max())
    return summary


def weights_of(seed: int, run: Run) -> pd.DataFrame:
    """The rewarded weight and the mean of all others over time."""
    place = np.searchsorted(run["time"], run["snapshot_time"] - 1e-9).clip(max=len(run["time"]) - 1)
    return pd.DataFrame(
        {"seed": seed, "time_s": run["snapshot_time"], "rewarded": run["rewarded"][place], "others": run["mean"]}
    )


if __name__ == "__main__":
    run_script(main)
