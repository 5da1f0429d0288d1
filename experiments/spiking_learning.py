"""Does a whole network that learns in spikes, online, reach what its rate network reaches?

Every population fires from its own membrane; only image and target come from outside. The phases are those of
``spikedtp.spiking.Phases``: settle 500 ms, nudge 200 ms, somas held in the nudge unless said otherwise; four units fire
for each interneuron. Rate networks see the same samples in the same order with the same schedule (anneal: learning
rates times 0.3 in the last fifth).

Parts (``--only``), each a table and, where it helps, a figure:

    inference   rate-trained networks answer in spikes: accuracy against presentation time and peak rate, and firing
                rates against activities, per population
    updates     closed-loop ΔW against rate ΔW for every learned projection, at the start, early and late in training,
                with Poisson and with regular spikes (no noise); the rate network after its own 15 steps, and where it
                comes to rest
    learning    from scratch in spikes and in rate, paired by seed; controls: targets shuffled, weights frozen, and
                hidden layers that a random, fixed top-down signal instructs (they stay alive; the output learns)
    free        the open problem: somas that run on in the nudge, all or of one kind, and other windows; plateaus that
                follow their dendrites or are latched, layer by layer
    topdown     top-down weights that learn (temporal contrast), or stay as drawn: accuracy, and the angle of top-down
                to transposed forward weights; with several output units for each class too
    speed       wall time per training sample, one process at a time

    python experiments/spiking_learning.py --out results/spiking_learning
    python experiments/spiking_learning.py --out results/spiking_learning_mnist --data mnist:DIR

Finished jobs are kept in OUT/jobs: an interrupted run continues, a second one draws the figures at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import typer
from brian2 import Hz, ms
from figures.spiking_learning import FIGURES
from intervals import interval
from joblib import Parallel, delayed
from tqdm import tqdm

import spikedtp
from spikedtp import datasets
from spikedtp.circuit import Circuit, read_circuit
from spikedtp.cli import run_script
from spikedtp.errors import known_names
from spikedtp.neurons import NudgedCell
from spikedtp.plasticity import DendriticState, LearningRule, Tied, TopDownHebb
from spikedtp.rate import load_rate_network
from spikedtp.rate.backprop_clone import feedback_projections
from spikedtp.rate.online import sample_order, train_online
from spikedtp.records import save_figure, staged, write_manifest, write_summary, write_table
from spikedtp.spiking import Phases, SpikingNetwork
from spikedtp.spiking.closed_loop.spiking_network import INTERNEURON_SPIKERS

PARTS = ("inference", "updates", "learning", "free", "topdown", "speed")
CIRCUITS = {
    "digits": {"5J": "digits_dtp", "BTSP": "digits_btsp", "learned": "digits_dtp_learned_top_down"},
    "mnist": {"5J": "mnist_dtp_one_pass", "BTSP": "mnist_btsp", "learned": "mnist_dtp_learned_top_down"},
}
SAMPLES = {"digits": 6000, "mnist": 7500}
SETTLES = (50, 100, 200, 300, 500, 700)  # ms
RATES = (25, 50, 100, 200, 450)  # Hz
FREE = {  # who is held, and the nudge's duration and unread beginning
    "held": {},
    "free": {"hold": "none"},
    "only inhibitory held": {"hold": "inhibitory"},
    "only excitatory held": {"hold": "excitatory"},
    "free, read at 20-60 ms": {"hold": "none", "nudge": 60, "wait": 20},
    "free, read at 20-100 ms": {"hold": "none", "nudge": 100, "wait": 20},
    "free, read at 30-60 ms, 16 spikers": {"hold": "none", "nudge": 60, "wait": 30, "spikers": 16},
    "only output held": {"hold": "output"},
    "free, latched": {"hold": "none", "latch": True, "nudge": 200, "wait": 40},
    "free, latched, 280 ms": {"hold": "none", "latch": True, "nudge": 280},
}
# BTSP: its untrained outputs reach an activity of 14, beyond what one cell can fire
UPDATES = {  # rule, and settings of the spiking network
    "5J": ("5J", {}),
    "BTSP": ("BTSP", {}),
    "BTSP, 16 units per output": ("BTSP", {"spikers": {"OutputE": 16}, "unit_rates": {"OutputE": 56}}),
}
REST_STEPS = 45  # of the settle phase: three times EIANN's, by when the rate networks have come to rest
EQUILIBRATED, RATE_FREE = "equilibrated nudge", "rate: free, fixed plateaus"
FREE_BTSP = ("held", "free", "free, latched", "free, latched, 280 ms")
TOPDOWN = {  # which control, and settings of the spiking network
    "learned": ("none", {}),
    "learned, 16 units per output": ("none", {"spikers": {"OutputE": 16}}),
    "fixed": ("fixed top-down", {}),
}


def main(
    out: Path = typer.Option(Path("results/spiking_learning"), help="Folder for the results."),
    quick: bool = typer.Option(False, help="One seed, few presentations: does it run?"),
    seed: int = typer.Option(0, min=0, help="The first seed, of weights, order of samples and spikes."),
    seeds: int = typer.Option(None, min=1, help="How many seeds. Default: 5, or 3 of MNIST."),
    data: str = typer.Option("digits", help="digits or mnist:DIR."),
    only: str = typer.Option(",".join(PARTS), help="Parts, separated by commas."),
    spikers: int = typer.Option(INTERNEURON_SPIKERS, min=1, help="Units that fire for each interneuron, in learning."),
    jobs: int = typer.Option(os.cpu_count() or 1, min=1, help="Processes."),
) -> None:
    """Inference, weight changes and learning in spikes beside the rate network."""
    started = time.perf_counter()
    wanted = tuple(only.split(","))
    for part in wanted:
        if part not in PARTS:
            raise known_names("part", part, PARTS)
    kind = data.partition(":")[0]
    seeds = 1 if quick else seeds or (3 if kind == "mnist" else 5)
    plan = Plan(data, kind, tuple(range(seed, seed + seeds)), 60 if quick else SAMPLES[kind], quick, spikers)
    with staged(out) as folder:
        keep = out / "jobs"
        keep.mkdir(parents=True, exist_ok=True)
        summary: dict[str, float | str] = {"data": kind, "seeds": seeds, "samples": plan.samples}
        for part in wanted:
            todo = plan.jobs(part)
            parallel = Parallel(n_jobs=1 if part == "speed" else min(jobs, len(todo)), return_as="generator")
            results = list(tqdm(parallel(delayed(finished)(job, keep) for job in todo), total=len(todo), desc=part))
            table = pd.DataFrame([row for rows in results for row in rows])
            write_table(folder, part, table)
            summary |= {f"{part}/{name}": value for name, value in SUMMARIES[part](table).items()}
            if part in FIGURES:
                save_figure(folder, part, FIGURES[part](table))
        write_summary(folder, summary)
        write_manifest(
            folder,
            configuration={
                "data": data,
                "seed": seed,
                "seeds": seeds,
                "only": only,
                "quick": quick,
                "spikers": spikers,
            },
            seeds={"seed": seed},
            timings={"all": time.perf_counter() - started},
        )
    for name, value in summary.items():
        typer.echo(f"{name:55s} {value:.4g}" if isinstance(value, float) else f"{name:55s} {value}")


# --- jobs: plain dictionaries, so that a finished one is found again -------------------------------------------------


class Plan:
    """Which jobs each part consists of."""

    def __init__(self, data: str, kind: str, seeds: tuple[int, ...], samples: int, quick: bool, spikers: int):
        self.data, self.seeds, self.samples, self.quick = data, seeds, samples, quick
        self.settings = {} if spikers == INTERNEURON_SPIKERS else {"phases": {"spikers": spikers}}
        self.circuits = CIRCUITS[kind]

    def job(self, part: str, rule: str, seed: int, **more) -> dict:
        return {
            "part": part, "data": self.data, "rule": rule, "circuit": self.circuits[rule], "seed": seed,
            "samples": self.samples, "quick": self.quick, **more,
        }  # fmt: skip

    def jobs(self, part: str) -> list[dict]:
        if part == "inference":
            return [self.job(part, rule, seed) for rule in ("5J", "BTSP") for seed in self.seeds[:2]]
        if part == "updates":
            return [
                self.job(part, rule, self.seeds[0], name=name, stage=stage, firing=firing, settings=settings)
                for name, (rule, settings) in UPDATES.items()
                for stage in (0.0, 0.1, 1.0)
                for firing in ("poisson", "regular")
            ]
        if part == "learning":
            learned = [
                self.job(part, rule, seed, mode=mode, control="none", **(self.settings if mode == "spiking" else {}))
                for rule in ("5J", "BTSP")
                for seed in self.seeds
                for mode in ("spiking", "rate")
            ]
            return learned + [
                self.job(part, "5J", self.seeds[0], mode=mode, control=control)
                for control in ("shuffled targets", "frozen", "random top-down")
                for mode in ("spiking", "rate")
            ]
        if part == "free":
            return [
                self.job(part, rule, seed, mode="spiking", control="none", name=name, phases=FREE[name])
                for rule, names in (("5J", FREE), ("BTSP", FREE_BTSP))
                for name in names
                for seed in self.seeds[:2]
            ] + [
                self.job(part, "5J", seed, mode="rate", control=EQUILIBRATED, name=RATE_FREE, phases={})
                for seed in self.seeds[:2]
            ]
        if part == "topdown":
            return [
                self.job(part, "learned", seed, mode=mode, control=control, name=name, phases=settings)
                for name, (control, settings) in TOPDOWN.items()
                for seed in self.seeds[:3]
                for mode in (("spiking",) if settings else ("spiking", "rate"))
            ]
        return [self.job(part, rule, self.seeds[0]) for rule in ("5J", "BTSP")]


def finished(job: dict, keep: Path) -> list[dict]:
    """The rows of a job, from its file or by running it."""
    key = hashlib.sha256(json.dumps([job, spikedtp.__version__], sort_keys=True).encode()).hexdigest()[:16]
    path = keep / f"{job['part']}-{key}.json"
    if path.exists():
        return json.loads(path.read_text())
    rows = RUN[job["part"]](job)
    labels = {name: value for name, value in job.items() if name not in ("part", "data", "phases", "settings", "quick")}
    rows = [labels | row for row in rows]
    written = path.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps(rows))
    written.replace(path)
    return rows


def images_of(job: dict):
    return datasets.load(job["data"])


def trained(job: dict, samples: int):
    """A rate network after so many presentations of the whole schedule, and its images."""
    images = images_of(job)
    network = load_rate_network(job["circuit"], seed=job["seed"])
    for step in train_online(network, images.train_x, images.train_t, n_samples=job["samples"], data_seed=job["seed"]):
        if step.step >= samples:
            break
    return network, images


def phases(**changes) -> Phases:
    """In milliseconds, where it is a duration."""
    return Phases(**{n: value if isinstance(value, bool | str) else value * ms for n, value in changes.items()})


def inference(job: dict) -> list[dict]:
    network, images = trained(job, job["samples"])
    n = 20 if job["quick"] else min(len(images.test_y), 1000)
    x, y = images.test_x[:n], images.test_y[:n]
    base = {"rate_accuracy": float((network.predict(x) == y).mean()), "n_test": n}
    rows = []
    settings = [{"settle": time, "unit_rate": 450} for time in SETTLES]
    settings += [{"settle": 500, "unit_rate": rate} for rate in RATES[:-1]]
    for s in settings[-2:] if job["quick"] else settings:
        timing = phases(settle=s["settle"], read=min(200, s["settle"] // 2))
        spiking = SpikingNetwork(network, unit_rate=s["unit_rate"] * Hz, phases=timing)
        accuracy = float((spiking.predict(x, seed=job["seed"]) == y).mean())
        rows.append({"kind": "accuracy", **s, "accuracy": accuracy, **base})
    response, rate = SpikingNetwork(network).respond(x[:200], seed=job["seed"]), network.present(x[:200])
    for p in network.circuit.populations[1:]:
        a, b = rate.activity[p.name][:, -1].ravel(), response.counted[p.name][:, 0].ravel()
        rows.append(
            {
                "kind": "activity", "population": p.name, "pearson_r": float(np.corrcoef(a, b)[0, 1]),
                "slope": float(a @ b / (a @ a)), "highest": float(a.max()), "mean": float(a.mean()),
            }
        )  # fmt: skip
    return rows


def updates(job: dict) -> list[dict]:
    network, images = trained(job, int(job["stage"] * job["samples"])) if job["stage"] else (
        load_rate_network(job["circuit"], seed=job["seed"]), images_of(job)
    )  # fmt: skip
    n, repeats = (3, 2) if job["quick"] else (100, 4)
    x, t = images.test_x[:n], images.test_t[:n]
    settings = dict(job["settings"])
    rates = {name: rate * Hz for name, rate in settings.pop("unit_rates", {}).items()}
    spiking = SpikingNetwork(network, cell=NudgedCell(firing=job["firing"]), unit_rates=rates, **settings)
    response = spiking.respond(x, t, seed=job["seed"], n_repeats=repeats)
    at_rest = load_rate_network(replace(network.circuit, forward_steps=REST_STEPS), network.state_dict())
    at_rest.rule_state = network.rule_state
    rows = []
    for sample, (reference, rate) in product(range(n), (("own steps", network), ("at rest", at_rest))):
        expected = rate.weight_updates(x[sample], t[sample], constrained=False)
        for name in response.weight_updates:
            drawn = [response.weight_updates.of(name, sample, k).ravel().astype(float) for k in range(repeats)]
            lengths = [np.linalg.norm(d) for d in drawn]
            target = expected[name].ravel().astype(float)
            if np.linalg.norm(target) == 0 or min(lengths) == 0:
                continue  # nothing is learned from this sample: no angle
            pairs = [drawn[i] @ drawn[j] / lengths[i] / lengths[j] for i in range(repeats) for j in range(i)]
            rows += [
                {
                    "reference": reference, "projection": name, "sample": sample, "repeat": k,
                    "cosine": float(d @ target / np.linalg.norm(target) / length),
                    "slope": float(d @ target / (target @ target)),
                    # what independent repeats share is signal: the cosine that noise alone would leave
                    "noise_ceiling": float(np.sqrt(max(np.mean(pairs), 0))),
                }
                for k, (d, length) in enumerate(zip(drawn, lengths, strict=True))
            ]  # fmt: skip
    return rows


def learning(job: dict) -> list[dict]:
    images, control = images_of(job), job["control"]
    circuit = read_circuit(job["circuit"])
    if control == "random top-down":
        circuit = untied(circuit)
    if control == "frozen":
        circuit = without_rules(circuit)
    if control == "fixed top-down":
        circuit = without_rules(circuit, TopDownHebb)
    if control == EQUILIBRATED:  # somas follow the nudge, plateaus stay as they were at its onset
        rules = {p.name: p.rule for p in circuit.projections if isinstance(p.rule, DendriticState)}
        circuit = circuit.with_rules({n: replace(r, one_pass=False, forward_only=True) for n, r in rules.items()})
    network, rate = (load_rate_network(circuit, seed=job["seed"]) for _ in range(2))
    n_test = 20 if job["quick"] else None
    x, y = images.test_x[:n_test], images.test_y[:n_test]
    targets = images.train_t
    if control == "shuffled targets":
        targets = np.random.default_rng(job["seed"]).permutation(targets)
    order = sample_order(len(targets), job["samples"], job["seed"])
    every = max(1, job["samples"] // 10)
    rows = []

    def probe(done: int) -> None:
        rows.append({"presentations": done, "rate_evaluation": float((rate.predict(x) == y).mean())} | angles(rate))

    probe(0)
    if job["mode"] == "rate":
        rate = network
        if control != "frozen":
            for step in train_online(network, images.train_x, targets, n_samples=job["samples"], data_seed=job["seed"]):
                if step.step % every == 0:
                    probe(step.step)
        return rows
    settings = dict(job.get("phases", {}))
    spikers = settings.pop("spikers", INTERNEURON_SPIKERS)
    spiking = SpikingNetwork(network, phases=phases(**settings), spikers=spikers)

    def checkpoint(done: int, learner: SpikingNetwork, answers: np.ndarray) -> None:
        rate.load_state_dict(learner.state_dict())
        probe(done)

    if control != "frozen":
        spiking.train(images.train_x, targets, order, seed=job["seed"], checkpoint_every=every, checkpoint=checkpoint)
    rows[-1]["spike_evaluation"] = float((spiking.predict(x, seed=job["seed"]) == y).mean())
    return rows


def without_rules(circuit: Circuit, kind: type = LearningRule) -> Circuit:
    """The circuit with weights that stay as they are, where a rule of this kind would change them."""
    kept = (replace(p, rule=None) if isinstance(p.rule, kind) else p for p in circuit.projections)
    return replace(circuit, projections=tuple(kept))


def untied(circuit: Circuit) -> Circuit:
    """The circuit with top-down weights as they were drawn, in place of copies of the forward ones."""
    free = (replace(p, constraint=None) if isinstance(p.constraint, Tied) else p for p in circuit.projections)
    return replace(circuit, projections=tuple(free))


def angles(network) -> dict[str, float]:
    """Degrees between forward and transposed top-down weights, by the name of the top-down projection."""
    found = {}
    weights = network.weights
    for forward, back in feedback_projections(network.circuit).items():
        a, b = weights[forward].ravel().astype(float), weights[back].T.ravel().astype(float)
        cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
        found[f"angle_{back}"] = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return found


def speed(job: dict) -> list[dict]:
    """Wall time per sample: what another run over twice as many samples takes longer, and with start and end."""
    images, rows = images_of(job), []
    n = 10 if job["quick"] else 300
    for mode in ("spiking", "rate"):
        network = load_rate_network(job["circuit"], seed=job["seed"])
        times = []
        for samples in (n, n, 2 * n):  # the first one builds
            began = time.perf_counter()
            if mode == "rate":
                for _ in train_online(network, images.train_x, images.train_t, n_samples=samples, data_seed=0):
                    pass
            else:
                order = sample_order(len(images.train_y), samples, 0)
                SpikingNetwork(network).train(images.train_x, images.train_t, order)
            times.append(time.perf_counter() - began)
        rows.append(
            {"mode": mode, "ms_per_sample": 1e3 * (times[2] - times[1]) / n, "ms_with_start": 1e3 * times[2] / (2 * n)}
        )
    return rows


RUN = {
    "inference": inference, "updates": updates, "learning": learning, "free": learning, "topdown": learning,
    "speed": speed,
}  # fmt: skip


# --- summaries --------------------------------------------------------------------------------------------------------


def last(table: pd.DataFrame) -> pd.DataFrame:
    """The last probe of every run."""
    labels = [c for c in ("rule", "seed", "mode", "control", "name") if c in table]
    return table.loc[table.groupby(labels)["presentations"].idxmax()]


def summarise_inference(table: pd.DataFrame) -> dict[str, float]:
    found = {}
    for rule, part in table[table["kind"] == "accuracy"].groupby("rule"):
        best = part[(part["settle"] == 500) & (part["unit_rate"] == 450)]
        found |= {f"{rule}/rate": float(part["rate_accuracy"].mean())}
        if len(best):
            found[f"{rule}/spikes"] = float(best["accuracy"].mean())
    return found


def summarise_updates(table: pd.DataFrame) -> dict[str, float]:
    found = {}
    for labels, part in table.groupby(["name", "reference", "stage", "firing", "projection"]):
        found["/".join(map(str, labels))] = float(part["cosine"].median())
    return found


def summarise_learning(table: pd.DataFrame) -> dict[str, float]:
    found, ends = {}, last(table)
    for (rule, control), part in ends.groupby(["rule", "control"]):
        spikes, rate = (part[part["mode"] == mode].set_index("seed") for mode in ("spiking", "rate"))
        found[f"{rule}/{control}/spikes, spike evaluation"] = float(spikes["spike_evaluation"].mean())
        found[f"{rule}/{control}/spikes, rate evaluation"] = float(spikes["rate_evaluation"].mean())
        found[f"{rule}/{control}/rate"] = float(rate["rate_evaluation"].mean())
        difference = (spikes["spike_evaluation"] - rate["rate_evaluation"]).to_numpy()
        if len(difference) > 1:
            low, high = interval(difference)
            found |= {
                f"{rule}/{control}/difference": float(difference.mean()), f"{rule}/{control}/difference low": low,
                f"{rule}/{control}/difference high": high, f"{rule}/{control}/worst": float(difference.min()),
            }  # fmt: skip
    return found


def summarise_free(table: pd.DataFrame) -> dict[str, float]:
    ends = last(table).groupby(["rule", "name"])
    kinds = ("spike_evaluation", "rate_evaluation")
    means = {(*labels, kind): part[kind].mean() for labels, part in ends for kind in kinds}
    return {"/".join(labels): float(mean) for labels, mean in means.items() if not np.isnan(mean)}


def summarise_topdown(table: pd.DataFrame) -> dict[str, float]:
    found = {}
    for (name, mode), part in last(table).groupby(["name", "mode"]):
        for column in ("rate_evaluation", "spike_evaluation", *(c for c in part if c.startswith("angle_"))):
            if column in part and part[column].notna().all():
                found[f"{name}/{mode}/{column}"] = float(part[column].mean())
    return found


def summarise_speed(table: pd.DataFrame) -> dict[str, float]:
    return {f"{row.rule}/{row.mode}/ms per sample": row.ms_per_sample for row in table.itertuples()}


SUMMARIES = {
    "inference": summarise_inference, "updates": summarise_updates, "learning": summarise_learning,
    "free": summarise_free, "topdown": summarise_topdown, "speed": summarise_speed,
}  # fmt: skip


if __name__ == "__main__":
    run_script(main)
