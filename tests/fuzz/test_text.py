"""Hostile text: circuits, configurations, sweep plans, command lines, parameters. Seeded, so the same every time."""

from __future__ import annotations

import copy
import math
import random
from dataclasses import fields

import numpy as np
import pytest
import yaml
from brian2 import Hz, ms, mV, siemens
from hypothesis import given
from hypothesis import strategies as st

from spikedtp import load_rate_network
from spikedtp.circuit import read_circuit
from spikedtp.configuration import COMMANDS, SweepConfiguration, read_settings
from spikedtp.neurons import NudgedCell, PoissonInput, TwoCompartment, TwoCompartmentLIF
from spikedtp.parameters import read_value
from spikedtp.plasticity import RULES, TIMED_RULES, make_rule, make_timed_rule
from spikedtp.schedules import schedule_named
from spikedtp.search.samplers import sampler_named
from spikedtp.search.space import Space
from spikedtp.sweep import plan_jobs

CODE = "__import__('os').system('touch CANARY')"
WORDS = [
    "", " ", "None", "null", "H2E", "E", "self", "name", "cls", "*", "../..", "/", "~", "~nobody/x", "a\0b", "x" * 5000,
    "a\nb", "\x1b[2J", "\ud800", "\udcff", "nan", "-inf", "1e999", "9" * 5000, "0x" + "f" * 5000, "20*ms", "20*", "*ms",
    "1*mV*ms", "1e400*ms", "uniform(1,2)", "uniform(" + "9" * 5000 + ")", "H2.E.H1.E", "_", "/dev/zero", "/dev/stdin",
    "mnist:", "mnist:/", "mnist:~nobody", "mnist:a\0b", "digits:x", CODE, "%s{0}{x}", "true", "😀", "٣", "---", "--out",
]  # fmt: skip
NUMBERS = [
    0, -1, 1, 2, 10**6, 10**9, 2**31, 2**63, 2**64, 10**30, 10**400, -(10**400), 0.0, -0.0, 0.5, -1.5, 1e-320, 1e-30,
    1e30, 1e308, math.inf, -math.inf, math.nan, True, False,
]  # fmt: skip
TOKENS = [  # of YAML, not quoted
    "0x" + "f" * 5000, "9" * 5000, "-1", "1e400", ".nan", "-.inf", "1:99:99:99", "2001-99-99", "2001-01-01", "0o9",
    "~", "", "{}",
    "[]", "[[[]]]", "{a: {b: c}}", "&a [*a]", "&a {b: *a}", "*nothing", "!!int abc", "!!float x", "!!timestamp x",
    "!!binary '%%%'", "!!binary aGk=", "!!set {1, 2}", "!!python/tuple [[1], 2]", "{!!python/tuple [[1]]: 2}",
    "{[1]: 2}",
    "{? {a: b} : c}", "!!omap [a: 1]", "!!pairs [a: 1]", "{<<: {a: 1}}", "{<<: [1]}", "!!bool maybe", "!!null x",
    "!x y",
    "!!python/object/apply:os.system ['touch CANARY']", "!!python/object/new:os.system ['touch CANARY']",
    "!!python/name:os.system", "!!python/module:os", "!!str [1]", "!!map [1]", "!!seq {}", "'", '"\\x"', "@", "`",
    "%", "|\n\n>",
    "[" * 3000, "{a: " * 3000, "&a [1,2]", "\ttab", "\x00", "\u2028", "- - - -", "? ? ?", "'\\ud800'", '"\\ud800"',
    '"a\\0b"',
]  # fmt: skip
scalars = st.one_of(st.none(), st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*WORDS, 1, None]), inner, max_size=3),
    max_leaves=6,
)
tokens = st.sampled_from(TOKENS)
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGES = "a0: &a0 {x0: 1, x1: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
MANY_KEYS = "\n".join(f"k{n}: 1" for n in range(90_000))


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """The canary would be here."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "CANARY").exists()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "x.yaml"


def places(tree, at=()):
    """The paths of all values inside."""
    yield at
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*at, key))


def changed(tree, at, value):
    """A copy with another value at a path; at its end may stand another key."""
    tree = copy.deepcopy(tree)
    if not at:
        return value
    inner = tree
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return tree


def write(path, tree) -> None:
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8", errors="surrogatepass")


def circuit_at(path) -> None:
    network = load_rate_network(path)
    x = np.full(network.circuit.input.size, 0.5, np.float32)
    network.weight_updates(x, np.eye(network.circuit.output.size, dtype=np.float32)[0])


# --- circuits --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(small_circuit):
    text = small_circuit.read_text(encoding="utf-8")
    tree = yaml.safe_load(text)
    return text, tree, list(places(tree))


@given(data=st.data())
def test_a_value_in_a_circuit(attempt, file, small, data):
    _, tree, paths = small
    at = data.draw(st.sampled_from(paths))
    if at and isinstance(at[-1], str) and data.draw(st.booleans()):
        at = (
            *at[:-1],
            data.draw(st.sampled_from([w for w in WORDS if len(w) < 99] + [1, None, "clone_weight", "bias"])),
        )
    write(file, changed(tree, at, data.draw(values)))
    attempt(lambda: circuit_at(file))


@pytest.mark.parametrize("value", [[{}], [[]], {"a": [{}]}])
def test_values_that_cannot_be_looked_up_anywhere_in_a_circuit(attempt, file, small, value):
    _, tree, paths = small
    each = {(len(at), at[-1] if len(at) > 3 else None): at for at in paths}  # one of each kind
    for at in each.values():
        write(file, changed(tree, at, value))
        attempt(lambda: read_circuit(file))


@given(seed=st.integers(0, 2**32), token=tokens)
def test_a_token_in_a_circuit(attempt, file, small, seed, token):
    text, rng = small[0], random.Random(seed)
    colons = [n for n, character in enumerate(text) if character in ":,[{"]
    at = rng.choice(colons) + 1
    end = next(n for n in range(at, len(text)) if text[n] in ",}\n" or n == len(text) - 1)
    file.write_text(f"{text[:at]} {token}{text[end:]}", encoding="utf-8", errors="surrogatepass")
    attempt(lambda: circuit_at(file))


@given(seed=st.integers(0, 2**32))
def test_a_damaged_circuit(attempt, file, small, seed):
    raw, rng = bytearray(small[0].encode()), random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        raw[at : at + rng.choice((0, 1, 1, 9))] = rng.choice((b"", b"\xff", b"\0", b":", b"\n", rng.randbytes(3)))
    file.write_bytes(raw)
    attempt(lambda: circuit_at(file))


@pytest.mark.parametrize(
    "text", [BOMB, MERGES, MANY_KEYS, "[" * 10**5, "x" * 2**21, "? " * 10**4, "a: &a\n  b: *a\n"], ids=range(7)
)
def test_bombs(attempt, file, text):
    file.write_text(text)
    assert attempt(lambda: read_circuit(file))
    assert attempt(lambda: plan_jobs(SweepConfiguration.of(read_settings(file, "sweep"), str(file))))


# --- configurations --------------------------------------------------------------------------------------------------

SETTINGS = {
    "compare": {"cell": {"tau_soma": "30*ms"}, "inputs": {"dead_time": "1*ms"}, "rules": {"H2E_H1E": {"name": "BTSP"}}},
    "train": {"samples": 3, "mode": "rate"},
    "plan": {"cells": 5, "rates": [5, 20], "cosine": 0.5, "presentations": 9},
    "evaluate": {"samples": 3},
    "replay": {"rule": "STDP", "signals": "x.npz", "parameters": {"tau_plus": "20*ms"}},
    "sweep": {
        "base": {"samples": 1, "cell": {"tau_soma": "30*ms"}}, "grid": {"cell.tau_dend": ["1*ms"], "seed": [1, 2]},
        "list": [{"population": "H1E"}, {"rules": {"H2E_H1E": "Oja"}}],
        "random": {"n": 2, "parameters": {"unit_rate": {"low": 1, "high": 9, "scale": "log"}, "dt": [1, 2]}, "seed": 1},
    },
    "search": {
        "base": {"samples": 4, "validation": 40}, "seeds": [0, 1], "trials": 3, "objective": "validation_accuracy",
        "parameters": {"rules.H2E_H1E.learning_rate": {"low": 0.01, "high": 1, "scale": "log"}, "samples": [3, 4]},
        "first": [{"samples": 4}], "sampler": {"name": "TPESampler", "multivariate": True}, "command": "train",
    },
}  # fmt: skip


def configuration_at(path, command) -> None:
    found = COMMANDS[command].of(read_settings(path, command), str(path)).absolute()
    found.save(path.parent)
    if command == "sweep":
        plan_jobs(found)
    if command == "search":
        sampler_named(found.sampler, found.sampler_seed)
        space = Space(found)
        for values in space.corners():
            space.configurations(values)


@pytest.mark.parametrize("command", list(COMMANDS))
@given(data=st.data())
def test_a_value_in_a_configuration(attempt, file, command, data):
    settings = {"command": command} | SETTINGS[command]
    at = data.draw(st.sampled_from(list(places(settings))))
    if at and isinstance(at[-1], str) and data.draw(st.booleans()):
        at = (*at[:-1], data.draw(st.sampled_from([*COMMANDS[command].keys(), *WORDS])))
    value = data.draw(values)
    write(file, changed(settings, at, value))
    attempt(lambda: configuration_at(file, command))


@pytest.mark.parametrize("command", list(COMMANDS))
@given(data=st.data())
def test_a_token_in_a_configuration(attempt, file, command, data):
    key = data.draw(st.sampled_from(COMMANDS[command].keys()))
    file.write_text(f"{key}: {data.draw(tokens)}\n", encoding="utf-8", errors="surrogatepass")
    attempt(lambda: configuration_at(file, command))


# --- command lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*COMMANDS, "info", "repeat", "report", "cache"])
@given(data=st.data())
def test_a_command_line(attempt, command, data, tmp_path_factory, monkeypatch):
    """An option, and one that is refused, so that nothing heavy runs: status 2, one line, no folder."""
    out = tmp_path_factory.mktemp("out")
    text = st.sampled_from([*WORDS, *map(repr, NUMBERS[:10]), "nan", "1e308"])
    if command in COMMANDS:
        option = data.draw(st.sampled_from([*COMMANDS[command].keys(), "config", "set", "unknown"]))
        value = data.draw(text)
        if option == "set":
            name = data.draw(st.sampled_from(["cell.tau_soma", "tau_e", "rules", "base", "a.b.c", ""]))
            value = f"{name}={data.draw(tokens | text)}"
        words = [command, f"--{option.replace('_', '-')}", value]
        words += ["--set", "base.samples=0"] if command == "sweep" and option != "set" else []
        if "samples" in COMMANDS[command].keys():
            words += ["--data", "no-such-data"] if option in ("samples", "set") else ["--samples", "0"]
        if option != "out":
            words += ["--out", str(out / "results")]
    else:
        words = [command, *data.draw(st.lists(text, max_size=2))]
    attempt.command(words, untouched=out)


# --- parameters ------------------------------------------------------------------------------------------------------

MODELS = (TwoCompartment, TwoCompartmentLIF, PoissonInput, NudgedCell)
quantities = st.builds(
    lambda a, b: a * b, st.sampled_from(NUMBERS[:6] + NUMBERS[13:21]), st.sampled_from([1, ms, mV, Hz, siemens, ms**2])
)
anything = st.one_of(
    scalars,
    quantities,
    st.sampled_from([[], [1, 2], {}, (1,), 1j, object(), np.ones(2), [1, 2] * ms, np.float32(1), b"x", str]),
)


@pytest.mark.parametrize("model", MODELS)
@given(data=st.data())
def test_a_parameter_of_a_cell(attempt, model, data):
    name = data.draw(st.sampled_from([f.name for f in fields(model)]))
    attempt(lambda: model(**{name: data.draw(anything)}))


@given(data=st.data())
def test_a_parameter_of_a_rule(attempt, data):
    rules = {**RULES, **TIMED_RULES}
    rule = data.draw(st.sampled_from(sorted(rules)))
    name = data.draw(st.sampled_from([*(f.name for f in fields(rules[rule])), "self", "name", "cls", ""]))
    make = make_timed_rule if rule in TIMED_RULES else make_rule
    attempt(lambda: make(data.draw(st.sampled_from([rule, rule.lower(), "", "name"])), **{name: data.draw(anything)}))


@given(value=st.one_of(st.text(max_size=12), st.sampled_from(WORDS)), name=anything)
def test_words(attempt, value, name):
    attempt(lambda: read_value(value))
    attempt(lambda: schedule_named(name))
