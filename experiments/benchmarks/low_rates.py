"""Do low rates pay? Training samples in spikes at 450 to 50 Hz, each beside C++ of the same arithmetic.

Claim: every regime takes at most 1.3 times the floor, with AVX-512 and without. Aim: with integrate-and-fire units at
50 Hz a sample takes at most half of what Poisson spikes at 450 Hz take (docs/closed_loop.md says what was reached).

CPU time as `closed_loop.py` measures it. Regimes, programs and instruction sets take turns in one run; medians of all
rounds. Both programs learn the same: the changes of their weights agree as those of the floor with another seed do.

    python experiments/benchmarks/low_rates.py --data mnist:DIR --out results/low_rates
    python experiments/benchmarks/low_rates.py --quick --out results/low_rates
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import typer
from brian2 import Hz
from brian2.units.fundamentalunits import Quantity
from tqdm import tqdm

from spikedtp import datasets
from spikedtp.cli import run_script
from spikedtp.neurons import CellModel, MembraneCell, NudgedCell
from spikedtp.rate import load_rate_network
from spikedtp.rate.online import sample_order
from spikedtp.records import staged, write_manifest, write_summary, write_table
from spikedtp.spiking import Phases, SpikingNetwork

sys.path.insert(0, str(Path(__file__).parent))
from closed_loop import per_sample, slope
from contestants.training_floor import training_floor

#: How far the mean correlation of weight changes may lie below that of the floor with another seed.
AGREE = 0.1
#: Runs of each program that are compared.
RUNS = 3


@dataclass(frozen=True)
class Regime:
    """How cells fire."""

    unit_rate: Quantity
    cell: CellModel = field(default_factory=NudgedCell)
    phases: Phases = field(default_factory=Phases)

    def network(self, circuit: str, seed: int) -> SpikingNetwork:
        return SpikingNetwork(load_rate_network(circuit, seed=seed), **self.options())

    def options(self) -> dict[str, object]:
        return {"unit_rate": self.unit_rate, "cell": self.cell, "phases": self.phases}


#: For cells whose somas cannot be held: as long as the usual presentation.
LATCHED = Phases(latch=True, hold="none")
#: The first is what the others are held against.
REGIMES = {
    "Poisson, 450 Hz": Regime(450 * Hz),
    "regular, 150 Hz": Regime(150 * Hz, NudgedCell(firing="regular")),
    "LIF, 50 Hz": Regime(50 * Hz, NudgedCell(firing="lif")),
    "membranes, 100 Hz": Regime(100 * Hz, MembraneCell(), LATCHED),
    "membranes with conductances, 100 Hz": Regime(100 * Hz, MembraneCell(synapses="conductances"), LATCHED),
}


def instruction_sets() -> dict[str, str]:
    """Name -> flag of the compiler: with what this processor has, and without AVX-512 where it has that."""
    command = [*os.environ.get("CXX", "g++").split(), "-march=native", "-dM", "-E", "-x", "c++", os.devnull]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"AVX-512": "", "no AVX-512": "-mno-avx512f"} if "__AVX512F__" in found else {"native": ""}


@contextmanager
def compiling_with(flag: str):
    """CXX with another flag."""
    before = os.environ.get("CXX")
    os.environ["CXX"] = f"{before or 'g++'} {flag}".strip()
    try:
        yield
    finally:
        if before is None:
            del os.environ["CXX"]
        else:
            os.environ["CXX"] = before


def agreement(
    regime: Regime, circuit: str, images: datasets.Dataset, samples: int, seed: int, folder: Path
) -> tuple[float, float]:
    """Mean correlation over projections of weight changes: of ours with the floor's, and of runs of the floor.

    Each is the mean over all pairs of `RUNS` runs. Spikes differ from run to run, and some change much by few spikes.
    """
    order, network = sample_order(len(images.train_x), samples, seed), regime.network(circuit, seed)
    before = {name: w.copy() for name, w in network._given(nudged=True).weights.items()}
    floor, ours = training_floor(network, images, folder), []
    floors = [floor(order, seed + k) for k in range(RUNS)]
    for k in range(RUNS):
        network = regime.network(circuit, seed)
        network.train(images.train_x, images.train_t, order, seed=seed + k)
        ours.append({name: w.copy() for name, w in network.weights.items()})
    learned = [name for name in before if not np.array_equal(ours[0][name], before[name])]

    def correlation(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> float:
        pairs = (((w[name] - before[name]).ravel() for w in (some, others)) for name in learned)
        return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in pairs]))

    def mean(pairs: Iterable[tuple[dict, dict]]) -> float:
        return float(np.mean([correlation(*pair) for pair in pairs]))

    return mean(itertools.product(ours, floors)), mean(itertools.combinations(floors, 2))


def program(
    name: str, regime: Regime, circuit: str, images: datasets.Dataset, samples: int, seed: int, folder: Path
) -> Callable[[], float]:
    """Measures a training sample of one of the programs, in ms."""
    if name == "spikedtp":
        return lambda: per_sample(circuit, "train", images, samples, seed, **regime.options())
    floor = training_floor(regime.network(circuit, seed), images, folder)
    floor(np.zeros(1, int))  # so that the system knows the program
    return lambda: slope(lambda n: floor(sample_order(len(images.train_x), n, seed), seed), samples)


def main(
    data: str = typer.Option("mnist", help="mnist:DIR"),
    samples: int = typer.Option(300, min=1, help="samples of the shorter run; the other has three times as many"),
    rounds: int = typer.Option(5, min=1),
    seed: int = 1,
    quick: bool = typer.Option(False, "--quick", help="digits_dtp, few samples, one round"),
    out: Path = Path("results/low_rates"),
) -> None:
    """CPU time of training samples at high and low rates."""
    circuit = "digits_dtp" if quick else "mnist_dtp_one_pass"
    samples, rounds = (100, 1) if quick else (samples, rounds)  # fewer take no longer than times of one run differ
    images = datasets.load("digits" if quick else data, parts=("train",))
    rows, agree = [], []
    with staged(out) as folder, tempfile.TemporaryDirectory(prefix="low-rates-") as work:
        for name, regime in REGIMES.items():
            found = agreement(regime, circuit, images, samples, seed, Path(work) / "agreement")
            agree.append({"regime": name, "with_floor": found[0], "floor_with_itself": found[1]})
        cases = [
            (set_, flag, name, contestant)
            for set_, flag in instruction_sets().items()
            for name in REGIMES
            for contestant in ("spikedtp", "floor")
        ]
        for k, (set_, flag, name, contestant) in tqdm([(k, case) for k in range(rounds) for case in cases]):
            with compiling_with(flag):
                measure = program(contestant, REGIMES[name], circuit, images, samples, seed, Path(work) / "floor")
                row = {"instructions": set_, "regime": name, "program": contestant, "round": k, "ms": measure()}
            rows.append(row)
        table = summarised(pd.DataFrame(rows))
        write_table(folder, "rounds", pd.DataFrame(rows))
        write_table(folder, "low_rates", table)
        write_table(folder, "agreement", pd.DataFrame(agree))
        write_summary(folder, {f"ms_{r.instructions}_{r.regime}": float(r.spikedtp) for r in table.itertuples()})
        write_manifest(
            folder,
            configuration={"data": data, "samples": samples, "rounds": rounds, "quick": quick},
            seeds={"seed": seed},
            load_average=os.getloadavg(),
        )
    typer.echo(table.to_string(index=False, float_format=lambda value: f"{value:.2f}"))
    typer.echo(pd.DataFrame(agree).to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    if not quick and any(row["with_floor"] < row["floor_with_itself"] - AGREE for row in agree):
        raise RuntimeError("spikedtp and the floor do not learn the same")


def summarised(rows: pd.DataFrame) -> pd.DataFrame:
    """Medians, and what they are of the first regime's and of the floor's."""
    by = ["instructions", "regime"]
    table = rows.groupby([*by, "program"], sort=False)["ms"].median().unstack("program").reset_index()
    first = table[table["regime"] == next(iter(REGIMES))].set_index("instructions")["spikedtp"]
    table["of_first"] = table["spikedtp"] / table["instructions"].map(first)
    table["of_floor"] = table["spikedtp"] / table["floor"]
    return table


if __name__ == "__main__":
    run_script(main)
