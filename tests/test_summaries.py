"""Results show what they are and how large, in a few lines that are true, without their arrays."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import typing
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from spikedtp import load_rate_network, replay, simulate
from spikedtp.circuit import Circuit, Population, Projection, read_circuit, shipped_names
from spikedtp.datasets import load
from spikedtp.neurons import TwoCompartmentLIF
from spikedtp.plasticity import BTSP, STDP, DendriticState, Factors, Oja
from spikedtp.spiking import Phases, Response, SpikingNetwork, run_feedforward
from spikedtp.summaries import MOST_NAMES, MOST_PARTS, WIDTH, Summarised, counted, shapes

REFERENCE = (Path(__file__).parent.parent / "docs" / "reference.md").read_text(encoding="utf-8")
SHORT = Phases(settle=40 * ms, read=20 * ms, nudge=20 * ms, wait=5 * ms)


def public() -> list:
    """What the reference lists, and the classes that its functions return."""
    listed = []
    for name in re.findall(r"^   ([A-Za-z][\w.]*)$", REFERENCE, re.MULTILINE):
        module, _, own = f"spikedtp.{name}".rpartition(".")
        listed.append(getattr(importlib.import_module(module), own))
    for function in filter(inspect.isfunction, list(listed)):
        try:
            returned = typing.get_type_hints(function).get("return")
        except NameError:  # imported for type checkers alone
            continue
        listed += [thing for thing in (returned, *typing.get_args(returned)) if inspect.isclass(thing)]
    return listed


def holds_arrays(kind: type) -> bool:
    """Whether its fields are arrays or tables, alone or in a dictionary."""
    texts = [str(text) for base in kind.__mro__ for text in vars(base).get("__annotations__", {}).values()]
    return any(re.search(r"ndarray|DataFrame|\bArray\b", text) for text in texts)


CLASSES = {thing for thing in public() if inspect.isclass(thing)}
RESULTS = sorted((kind for kind in CLASSES if dataclasses.is_dataclass(kind) and holds_arrays(kind)), key=str)


def test_the_results_are_found():
    names = {kind.__name__ for kind in RESULTS}
    assert {"RateResponse", "SpikingResponse", "ClosedResponse", "ReplayResult", "Signals", "Dataset"} <= names
    assert {"FeedForwardResponse", "RewardedRun", "SweepResult"} <= names


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_public_dataclasses_with_arrays_have_a_repr_of_their_own(kind):
    """A new one that forgets ``repr=False`` prints its arrays."""
    assert not kind.__dataclass_params__.repr
    assert issubclass(kind, Summarised) or "__repr__" in vars(kind)


@pytest.fixture(scope="module")
def network():
    return load_rate_network("digits_dtp", seed=1)


@pytest.fixture(scope="module")
def sample():
    return np.full(64, 0.2), np.eye(10)[3]


def test_open_response(network, sample):
    x, target = (np.stack([each] * 2) for each in sample)
    for inputs, goal, cell in ((x, target, None), (*sample, TwoCompartmentLIF())):
        options = {} if cell is None else {"cell": cell}
        found = simulate(network, inputs, goal, population="H2E", device="runtime", n_repeats=3, **options)
        check(found, "SpikingResponse: H2E in the open loop, ")
        for what in ("spikes", "v_soma", "v_dend", "eligibility"):
            assert found._parts()[what].removesuffix(", in volt") == shapes(getattr(found, what))
            assert found._parts()[what].endswith("volt") == (cell is not None and what in ("v_soma", "v_dend"))
        assert found._parts()["weight_updates"] == shapes(dict(found.weight_updates), own=2)
        check(found.weight_updates, "WeightUpdates: ΔW of 2 projections")
        check(found.signals["H2E_H1E"], "Signals: ")


def test_what_was_not_recorded_is_not_listed(network, sample):
    found = simulate(network, *sample, population="H2E", device="runtime", record=("v_dend",))
    assert "v_dend" in repr(found) and "spikes" not in repr(found)


@pytest.mark.parametrize("spikers", [1, 3])
def test_closed_response(network, sample, spikers):
    spiking = SpikingNetwork(network, spikers=spikers, phases=SHORT, device="runtime")
    check(spiking, "SpikingNetwork: digits_dtp, 604 cells")
    assert "runtime" in repr(spiking) and "40 ms to settle" in repr(spiking)
    found = spiking.respond(*sample, record=("spikes", "v_soma", "v_dend"), n_repeats=2)
    check(found, "ClosedResponse: the whole circuit in the closed loop, 1 sample × 2 repeats")
    for what in ("activity", "spikes", "v_soma", "v_dend"):
        actual = getattr(found, what)
        assert found._parts()[what] == shapes({name: actual[name] for name in sorted(actual, key=order(found))})
    assert found._parts()["weight_updates"] == shapes(dict(found.weight_updates), own=2)
    assert "no target" in repr(spiking.respond(sample[0]))


def order(found: Response):
    return [population.name for population in found.spec.circuit.populations].index


def test_no_array_is_made_to_be_described(network, sample, monkeypatch):
    options = {"population": "H2E", "device": "runtime"}
    found = [
        simulate(network, *sample, **options),
        simulate(network, *sample, **options, loop="closed", phases=SHORT, record=("spikes", "v_soma")),
    ]
    text = list(map(repr, found))
    for name in ("_raster", "_trace", "_shaped"):
        monkeypatch.setattr(Response, name, lambda *_: pytest.fail("made an array"))
    assert list(map(repr, found)) == text
    assert [each._repr_html_() for each in found]


def test_rate_network_and_response(network, sample):
    x, target = (np.stack([each] * 2) for each in sample)
    check(network, "RateNetwork: digits_dtp, 604 cells in 9 populations, 158,620 synapses in 23 projections")
    for inputs, goal in (sample, (x, target), (sample[0], None)):
        found = network.present(inputs, goal)
        check(found, "RateResponse: ")
        for what in ("activity", "dendritic_state", "plateau"):
            assert found._parts()[what] == shapes(getattr(found, what))
        assert found._parts()["weight_updates"] == shapes(dict(found.weight_updates), own=2)
        check(found.weight_updates, f"RateWeightUpdates: ΔW of {9 * (goal is not None)} projections")


def test_replay_and_feedforward():
    spikes = np.zeros((20, 1))
    done = replay(STDP(), spikes, spikes, 0.5, form="rate")
    check(done, "ReplayResult: 1 × 1 synapses after 20 rows, one every 1 ms")
    weights, given = [np.full((3, 2), 0.6), np.ones((2, 1))], np.zeros((1, 10, 3), bool)
    found = run_feedforward(weights, given, device="runtime")
    check(found, "FeedForwardResponse: 1 sample of 10 time steps, 2 hidden cells, 1 output cell")
    assert found._parts()["output_v"] == "(1, 10, 1)"


def test_data_set():
    check(load("digits"), "Dataset: digits, 64 inputs (8 x 8), 10 classes")
    test = load("digits", parts=["test"])
    assert test._parts() == {"train": "no samples", "test": "x (599, 64), t (599, 10), y (599,)", "scaling": "none"}


def test_factors():
    post, pre = np.ones((5, 3)), np.ones((5, 4))
    text = repr(Factors(gain=((post, pre),)))
    assert text.splitlines()[1:] == ["  gain   (5, 3) ⊗ (5, 4)", "  decay  none"]


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_circuits(name):
    circuit = read_circuit(name)
    check(circuit, f"Circuit: {name}, ")
    state = load_rate_network(circuit).state_dict()
    weights = [w for key, w in state.items() if key.startswith("module_dict.")]
    assert circuit.n_synapses == sum(w.size if isinstance(w, np.ndarray) else w.numel() for w in weights)


def test_drawn_circuits_stay_short():
    random = np.random.default_rng(5)
    for _ in range(40):
        sizes = random.integers(1, 600, size=random.integers(2, 60))
        populations = tuple(Population(f"L{i}", "E", int(n)) for i, n in enumerate(sizes))
        ends = random.integers(0, len(sizes), size=(random.integers(0, 40), 2)).tolist()
        pairs = sorted({(populations[post].name, populations[pre].name) for post, pre in ends if post})
        rules = random.choice([DendriticState(0.1), Oja(0.1), BTSP(0.1), None], size=len(pairs))
        projections = tuple(Projection(*pair, rule=rule) for pair, rule in zip(pairs, rules, strict=True))
        circuit = Circuit(populations, projections, name="<script>" * int(random.integers(0, 2)))
        text = check(circuit, "Circuit: ")
        assert counted(int(sizes.sum()), "cell") in text
        assert "<script" not in circuit._repr_html_()


def test_drawn_shapes():
    """Each array's shape can be read back, and a long list is cut and says so."""
    random = np.random.default_rng(6)
    for _ in range(200):
        own, leading = int(random.integers(1, 3)), tuple(random.integers(1, 9, size=random.integers(0, 3)).tolist())
        names = [f"P{i}" for i in range(random.integers(1, 2 * MOST_NAMES))]
        given = {name: leading + tuple(random.integers(1, 500, size=own).tolist()) for name in names}
        if odd := bool(random.random() < 0.3 and len(given) > 1):
            given[names[0]] = (7, *given[names[0]])
        text = shapes(given, own=own)
        listed = dict(re.findall(r"(P\d+) (\([\d, ]+\)|\d+(?: × \d+)?)", text))
        assert list(listed) == names[:MOST_NAMES]
        for name, size in listed.items():
            numbers = tuple(map(int, re.findall(r"\d+", size)))
            assert given[name] == (numbers if odd else leading + numbers)
        assert (f"and {len(names) - MOST_NAMES} more" in text) == (len(names) > MOST_NAMES)
    assert shapes({}) == "none"


def check(result: Summarised, start: str) -> str:
    """Short lines that begin with what it is; a notebook has the same words."""
    text, page = repr(result), result._repr_html_()
    lines = text.splitlines()
    assert text.startswith(start) and f"{result}" == text
    assert len(lines) <= 40 and max(map(len, lines[1:]), default=0) <= WIDTH
    assert not re.search(r"array\(|\d\.\d{4}| object at 0x", text)
    assert page.count("<tr>") == min(len(result._parts()), MOST_PARTS + 1) and page.startswith("<div>")
    return text
