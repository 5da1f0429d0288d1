"""A key names a source: it is the same for other values, another for whatever makes another source."""

import shutil
import sys
import types
from dataclasses import replace
from functools import partial

import brian2
import numpy as np
import pytest

from spikedtp.circuit import read_circuit
from spikedtp.neurons import DiscreteLIF
from spikedtp.plasticity import STDP
from spikedtp.plasticity.rewarded_choice import RewardedChoice
from spikedtp.spiking import replay, run_torch_snn
from spikedtp.spiking.closed_loop.build import CircuitNumbers, build_closed
from spikedtp.spiking.closed_loop.plan import ClosedLoop
from spikedtp.spiking.engine.compiled import source_key, standalone
from spikedtp.spiking.engine.compiled.build_cache import cached_projects
from spikedtp.spiking.engine.compiled.source_key import blueprint_of
from spikedtp.spiking.engine.devices import compiler_available
from spikedtp.spiking.feedforward.build import FeedForward, build_feedforward

pytestmark = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


@pytest.fixture(autouse=True)
def package(monkeypatch, tmp_path):
    """A copy of the package's files, all of them as imported: somebody may be editing the true ones."""
    copy = tmp_path / "spikedtp"
    shutil.copytree(source_key.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source_key, "PACKAGE", copy)
    monkeypatch.setattr(source_key, "LOADED", np.inf)
    return copy


def spec(**options) -> FeedForward:
    rng = np.random.default_rng(0)
    return FeedForward(rng.normal(size=(6, 4)), rng.normal(size=(3, 6)), 20, **options)


def digest(of: FeedForward) -> str:
    return blueprint_of(partial(build_feedforward, of)).digest


def test_other_values_have_the_same_source():
    assert digest(spec()) == digest(replace(spec(), w_hidden=np.zeros((6, 4))))


@pytest.mark.parametrize(
    "other",
    [
        {"w_hidden": np.zeros((6, 5))},
        {"w_hidden": np.zeros((6, 4), np.float32)},
        {"n_steps": 21},
        {"dt": 0.5 * brian2.ms},
        {"hidden": DiscreteLIF(tau=6 * brian2.ms)},
        {"traces": False},
        {"compartment": "dend"},
        {"rule": RewardedChoice()},
        {"signs": np.zeros(6)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_structure_has_another_source(other):
    assert digest(spec()) != digest(replace(spec(), **other))


def test_code_versions_preferences_and_compiler_are_part_of_it(monkeypatch, package):
    digests = [digest(spec())]
    for name in (
        "neurons/lif.py",
        "spiking/parts/templates/cpp/trace_recorder.cpp",
        "spiking/engine/compiled/cpp/presentations.h",
    ):
        path = package / name
        text = path.read_text()
        path.write_text(text + "\n")
        digests.append(digest(spec()))
        path.write_text(text)
    with monkeypatch.context() as patch:
        patch.setattr(source_key, "VERSIONS", ("2.9.1", *source_key.VERSIONS[1:]))
        digests.append(digest(spec()))
    with monkeypatch.context() as patch:
        patch.setenv("CXX", "g++ -DOTHER")
        digests.append(digest(spec()))
    flags = brian2.prefs["codegen.cpp.extra_compile_args_gcc"]
    brian2.prefs["codegen.cpp.extra_compile_args_gcc"] = [*flags, "-g"]
    digests.append(digest(spec()))
    brian2.prefs["codegen.cpp.extra_compile_args_gcc"] = flags
    assert len(set(digests)) == len(digests) == 7
    assert digest(spec()) == digests[0]


CELL = """
from dataclasses import dataclass, replace
from spikedtp.circuit import read_circuit
from spikedtp.neurons import DiscreteLIF

LEVEL = 2.0

@dataclass(frozen=True)
class MyCell(DiscreteLIF):
    bias: float = 0.0

    def declaration(self):
        found = super().declaration()
        return replace(found, threshold=f"v_soma > {LEVEL}" if self.bias == 0 else found.threshold)
"""


def loaded(text: str) -> types.ModuleType:
    """Somebody's module, as Python loads it."""
    module = types.ModuleType("somebodys_module")
    sys.modules[module.__name__] = module
    exec(compile(text, "somebodys_module.py", "exec"), module.__dict__)
    return module


def test_cells_from_elsewhere_have_a_name_too():
    def digest_of(text, **parameters):
        return digest(spec(hidden=loaded(text).MyCell(**parameters)))

    same = digest_of(CELL)
    assert same != digest(spec()) and digest_of(CELL) == same == digest_of("# a comment\n" + CELL)
    assert digest_of(CELL.replace("LEVEL = 2.0", "LEVEL = 3.0")) != same  # its module's: the declaration shows it
    assert digest_of(CELL, bias=1.0) != same
    assert digest_of(CELL.replace("bias: float = 0.0", "bias: float = 0.0\n    whole_steps = ('tau',)")) != same
    assert digest_of(CELL + "    def check_time_step(self, dt): pass\n") != same


RULE = """
from dataclasses import dataclass
from spikedtp.plasticity import Factors, LearningRule, SpikingForm

CHANGE = "w += learning_rate*plateau_post*pre_settled_pre"

@dataclass(frozen=True)
class MyRule(LearningRule):
    def factors(self, signals, state):
        return Factors(((self.learning_rate*signals.plateau, signals.pre_settled),))

    def spiking_form(self):
        return SpikingForm(on_learn=CHANGE)
"""


def test_rules_from_elsewhere_have_a_name_too():
    def digest_of(text):
        circuit = read_circuit("digits_dtp").with_rules({"H2E_H1E": loaded(text).MyRule(learning_rate=0.1)})
        return blueprint_of(partial(build_closed, ClosedLoop(circuit, {}), CircuitNumbers({}, {}))).digest

    same = digest_of(RULE)
    assert digest_of(RULE) == same
    assert digest_of(RULE.replace("w += ", "w -= ")) != same
    assert digest_of(RULE.replace("signals.pre_settled)", "2*signals.pre_settled)")) != same


TYPED = """
from dataclasses import dataclass, replace
from brian2 import Equations
from spikedtp.neurons import DiscreteLIF

MORE = "level : KIND"

@dataclass(frozen=True)
class MyCell(DiscreteLIF):
    def declaration(self):
        found = super().declaration()
        return replace(found, equations=found.equations + Equations(MORE))
"""


def test_the_type_of_a_variable_is_part_of_it():
    """Brian2 prints equations without it."""
    kinds = ("1", "integer", "boolean", "1 (constant)", "1 (shared)")
    digests = [digest(spec(hidden=loaded(TYPED.replace("KIND", kind)).MyCell())) for kind in kinds]
    assert len(set(digests)) == len(kinds)


VALUES = """
from dataclasses import dataclass, field, replace
import numpy as np
from spikedtp.neurons import DiscreteLIF

@dataclass(frozen=True)
class MyCell(DiscreteLIF):
    levels: np.ndarray = field(default_factory=lambda: np.array([1.0, 2.0]))

    def declaration(self):
        return replace(super().declaration(), threshold=f"v_soma > {self.levels.sum()}")
"""


def test_a_declaration_that_is_made_of_an_arrays_values_has_no_name():
    """The source is made of a blank, in which they are not."""
    assert blueprint_of(partial(build_feedforward, spec(hidden=loaded(VALUES).MyCell()))) is None
    made_later = CELL.replace(
        "    def declaration",
        """    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "_slow", 2.0)

    def declaration""",
    ).replace("{LEVEL}", "{self._slow}")
    assert blueprint_of(partial(build_feedforward, spec(hidden=loaded(made_later).MyCell()))) is None


def test_what_cannot_be_told_has_no_name(monkeypatch):
    assert blueprint_of(lambda: build_feedforward(spec())) is None
    assert blueprint_of(partial(build_feedforward, replace(spec(), n_steps=object()))) is None
    monkeypatch.setattr(source_key, "LOADED", 0.0)  # the package's files changed since
    assert blueprint_of(partial(build_feedforward, spec())) is None


def test_the_blank_has_no_values():
    blank = blueprint_of(partial(build_feedforward, spec())).build.args[0]
    assert np.isnan(blank.w_hidden).all() and blank.w_hidden.shape == (6, 4)
    assert blank.hidden == spec().hidden and blank.n_steps == 20


def test_a_second_use_generates_nothing(cache, monkeypatch):
    """Other weights and inputs, and the results are those of a network that was generated for them."""
    rng = np.random.default_rng(1)

    def run(k):
        weights = [rng_k.normal(size=shape) for rng_k in [np.random.default_rng(k)] for shape in ((4, 6), (6, 3))]
        return run_torch_snn(weights, x[k])

    x = rng.random((2, 5, 20, 4)) < 0.5
    first = run(0)
    names = {project.name for project in cached_projects()}
    assert len(names) == 1
    with monkeypatch.context() as patch:
        patch.setattr(standalone, "write_source", lambda *_: pytest.fail("generated again"))
        again, second = run(0), run(1)
    monkeypatch.setattr(standalone, "blueprint_of", lambda build: None)
    generated = run(1)
    assert {project.name for project in cached_projects()} == names  # the same source, with or without blanks
    for one, other in ((first, again), (second, generated)):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (first[1] != second[1]).any()


def test_replayed_rules_have_one_too(monkeypatch):
    rng = np.random.default_rng(2)
    pre, post = rng.random((30, 4)) < 0.3, rng.random((30, 3)) < 0.3

    def run(scale):
        return replay(STDP(), pre, post, np.full((3, 4), scale), form="spiking", device="cpp_standalone").w

    first = run(0.5)
    monkeypatch.setattr(standalone, "write_source", lambda *_: pytest.fail("generated again"))
    np.testing.assert_array_equal(run(0.5), first)
    assert run(0.25)[0, 0, 0] == 0.25
