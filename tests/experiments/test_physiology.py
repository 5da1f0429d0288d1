"""physiology.py: its steps change one thing at a time, its table is that of its networks, and mistakes get one line."""

import numpy as np
import pandas as pd
import pytest
from ladder.measured import circuit_of, cosine
from ladder.steps import FASTER, RATE, STEPS, TOP_DOWN, TRACES, WHOLE, settings_of
from scripts import run_script

from spikedtp.circuit import read_circuit
from spikedtp.configuration import TrainConfiguration
from spikedtp.jobs.settings import in_spikes
from spikedtp.rate import load_rate_network
from spikedtp.spiking import regime


def flat(settings):
    """Settings by name, nested ones too."""
    return {
        f"{name}.{key}": value
        for name, part in settings.items()
        for key, value in (part.items() if isinstance(part, dict) else [("", part)])
    }


@pytest.mark.slow
def test_quick(tmp_path):
    few = (
        "--data",
        "digits",
        "--samples",
        30,
        "--validation",
        20,
        "--compared",
        4,
        "--seeds",
        1,
        "--steps",
        "rate;5, 7, 8",
    )
    done = run_script("physiology", *map(str, few), "--no-controls", "--no-timed", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    results = tmp_path / "out" / "results"
    networks, table = (pd.read_csv(results / f"{name}.csv") for name in ("networks", "physiology"))
    assert list(table["step"]) == [name for name in STEPS if name == RATE or name.startswith("5, 7, 8")]
    assert np.allclose(table["spikes"].dropna(), networks["spikes"].dropna())  # of one seed
    assert (networks["hidden rate"].dropna() > 0).any()
    assert (results / "physiology.png").exists()


def test_each_change_is_one_of_its_own():
    """Steps 5 + N differ from step 5 in different settings, and the whole has all of theirs."""
    base, changes = flat(TRACES), {}
    for name, settings in STEPS.items():
        if name.startswith("5 + "):
            now = flat(settings)
            changes[name] = {key: value for key, value in now.items() if base.get(key) != value}
            assert changes[name] and {*base} <= {*now}
    set_to = {(key, value) for change in changes.values() for key, value in change.items()}
    assert len(set_to) == len({key for key, _ in set_to})  # nowhere two that contradict each other
    assert len({frozenset(change.items()) for change in changes.values()}) == len(changes)
    whole = flat(STEPS["5 to 10"])
    of_all = {key: value for change in changes.values() for key, value in change.items()}
    for key in ("phases.nudge", "phases.plateau_threshold"):  # three layers wait for each other, and hear more noise
        assert whole.pop(key) > of_all.pop(key)
    assert {key: whole[key] for key in of_all} == of_all
    assert WHOLE in STEPS


@pytest.mark.parametrize("circuit", TOP_DOWN)
def test_learned_top_down_weights_learn_faster(circuit):
    """All of those that learn, and nothing else."""
    settings = settings_of("5 + 9 learned top-down weights", circuit)
    before = read_circuit(settings["circuit"])
    after = circuit_of(TrainConfiguration(**settings))
    faster = {
        p.name: p.rule.learning_rate / q.rule.learning_rate
        for p, q in zip(after.projections, before.projections, strict=True)
        if p.rule != q.rule
    }
    assert faster == dict.fromkeys(["H1E_H2E", "H2E_OutputE"], pytest.approx(FASTER))


def test_the_regime_is_a_step():
    """`regime` has the settings that the table is about."""
    network = load_rate_network(read_circuit("digits_dtp"), seed=0)
    settings = TrainConfiguration(**settings_of("4 membranes of their own, 100 Hz", "digits_dtp"))
    of_step, chosen = in_spikes(network, settings).spec, regime("physiological", network.circuit)
    assert of_step.phases == chosen["phases"]
    assert of_step.cell == chosen["cell"]
    assert of_step.unit_rates["H1E"] == chosen["unit_rate"]
    assert of_step.unit_rates["OutputE"] == chosen["unit_rates"]["OutputE"]
    assert of_step.spikers == chosen["spikers"]


def test_cosines_leave_out_what_is_nothing():
    found, wanted = np.array([[1.0, 0.0], [1.0, 1.0], [3.0, 4.0]]), np.array([[2.0, 0.0], [0.0, 0.0], [4.0, 3.0]])
    assert cosine(found, wanted) == pytest.approx(np.median([1, 24 / 25]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(["--data", "spirals"], "mnist:DIR and digits"), (["--data", "digits", "--steps", "11"], "11")],
)
def test_mistakes(tmp_path, wrong, message):
    done = run_script("physiology", *wrong, "--out", tmp_path / "out")
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
