"""One test for each private name of Brian2 that is relied on, and what happens with a Brian2 that is not known."""

import ast
import re
import warnings
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, StateMonitor, ms
from brian2.codegen import cpp_prefs
from brian2.codegen.translation import make_statements
from brian2.core.network import Network as TheNetwork
from brian2.core.variables import Variables
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.device import RuntimeDevice, get_device, reset_device, set_device
from brian2.utils import caching
from jinja2 import DictLoader, FileSystemBytecodeCache

from spikedtp import brian2_internals, replay
from spikedtp.brian2_internals import (
    RELIED_ON,
    SEED,
    STOPPED,
    TESTED,
    add_pathway,
    add_variable,
    bytecode_cache,
    compiler_flags,
    count_as_run,
    doubts,
    fall_back,
    familiar,
    lacking,
    new_instances,
    process_state,
    set_process_state,
    variables_looked_at_once,
)
from spikedtp.errors import SpikedtpError
from spikedtp.jobs.check import check_installation
from spikedtp.plasticity import MSTDPET
from spikedtp.private_brian2 import PrivateBrian2
from spikedtp.rate import load_rate_network
from spikedtp.spiking import simulate
from spikedtp.spiking.engine.compiled import standalone, write_source
from spikedtp.spiking.engine.compiled.compiler import compile_project
from spikedtp.spiking.engine.devices import compiler_available

PACKAGE = Path(brian2_internals.__file__).parent
SMALL = Path(__file__).parent / "golden" / "small_dtp.yaml"
needs_compiler = pytest.mark.skipif(not compiler_available(), reason="needs a C++ compiler and make")


@pytest.fixture(autouse=True)
def as_at_the_start(monkeypatch):
    """No warning was given, and nothing was asked."""
    monkeypatch.setattr(brian2_internals, "_warned", set())
    monkeypatch.setattr(brian2_internals, "_doubts", {})
    before, target = process_state(), brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    set_process_state(before)
    brian2.prefs.codegen.target = target


# --- each name --------------------------------------------------------------------------------------------------------


def test_active_device():
    mine = RuntimeDevice()
    set_process_state({"active_device": mine})
    assert get_device() is mine and process_state()["active_device"] is mine


def test_instance_sets():
    """Names are free again in new ones, and taken in the old ones."""
    first = NeuronGroup(1, "v : 1", name="taken*")
    before = process_state()
    set_process_state({"instance_sets": new_instances()})
    inside = NeuronGroup(1, "v : 1", name="taken*")
    set_process_state(before)
    assert (first.name, inside.name, NeuronGroup(1, "v : 1", name="taken*").name) == ("taken", "taken", "taken_1")


def test_hashable():
    """Each variable is looked at once. Those that differ in an attribute stay apart, and equal ones are the same."""
    one, same, other = (NeuronGroup(1, f"v : {unit}").variables for unit in ("volt", "volt", "amp"))
    looked = []
    original = caching._hashable

    def counted(thing):
        looked.append(thing)
        return original(thing)

    code = "x = 3*v"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caching, "_hashable", counted)
        with variables_looked_at_once():
            first = make_statements(code, dict(one), np.float64)
            n_looked = len(looked)
            assert make_statements(code, dict(one), np.float64) is first
            assert len(looked) < n_looked + 20  # the names and the code, and no attribute of a variable
            assert make_statements(code, dict(same), np.float64) is first
            assert make_statements(code, dict(other), np.float64) is not first
        assert caching._hashable is counted
        with pytest.raises(ZeroDivisionError), variables_looked_at_once():
            raise ZeroDivisionError
        assert caching._hashable is counted
        patch.delattr(caching, "_hashable")
        with variables_looked_at_once():
            assert not hasattr(caching, "_hashable")


def test_stop_signals():
    seen = []

    @brian2.network_operation(dt=1 * ms)
    def look():
        seen.append({name: process_state()[name] for name in ("_globally_running", "_globally_stopped")})
        brian2.stop()

    Network(look).run(3 * ms)
    assert seen == [{"_globally_running": True, "_globally_stopped": False}]  # one step of three
    assert process_state()["_globally_stopped"] is True
    set_process_state({"_globally_stopped": False})
    assert TheNetwork._globally_stopped is False


def test_network_of_an_object():
    """Brian2 notes in `_network` where an object has run."""
    one, other = (NeuronGroup(1, "v : 1", dt=1 * ms) for _ in range(2))
    assert one._network is None
    network = Network(one)
    count_as_run(network)
    counted = one._network
    network.run(1 * ms)
    assert one._network == counted == network.id and other._network is None


def test_end_of_a_run():
    clock = brian2.Clock(0.5 * ms)
    brian2.Network(NeuronGroup(1, "", clock=clock)).run(3 * ms)
    assert brian2_internals.end_of_run(clock) == pytest.approx(0.003)
    del clock._i_end
    assert brian2_internals.end_of_run(clock) == np.inf


def test_variables_of_another_owner():
    """Under the name that they are given, with the index that they are given."""
    cells = NeuronGroup(4, "v : 1")
    cells.v = np.arange(4)
    mine = Variables(cells)
    add_variable(mine, "of_the_cells", cells.variables["v"], "_cell")
    assert mine["of_the_cells"] is cells.variables["v"] and mine.indices["of_the_cells"] == "_cell"
    assert list(mine["of_the_cells"].get_value()) == [0, 1, 2, 3]


def test_pathway_of_a_group_that_stands_for_the_cells():
    """Code after its events runs at the synapses of the cells with the same numbers."""
    source, cells = NeuronGroup(3, "v : 1"), NeuronGroup(5, "v : 1")
    events = NeuronGroup(5, "level : 1", events={"high": "level > 0"}, dt=1 * ms)
    synapses = brian2.Synapses(source, cells[1:4], "w : 1")
    add_pathway(synapses, "w += 1 + j", "raise_it", events, "high")
    synapses.connect("i != j")
    events.level = [1, 0, 1, 1, 1]
    Network(source, cells, events, synapses).run(2 * ms)
    assert len(synapses.target) == 3
    raised = {(i, j): w for i, j, w in zip(synapses.i, synapses.j, synapses.w, strict=True)}
    assert raised == {(i, j): 2 * (1 + j) * (j != 0) for i in range(3) for j in range(3) if i != j}


@needs_compiler
def test_compiler_flags(monkeypatch):
    known = compiler_flags()
    monkeypatch.setattr(cpp_prefs, "_compiler_flag_compatibility", {})
    brian2.prefs["codegen.cpp.extra_compile_args"] = ["-O2", "-no-such-flag"]
    try:
        cpp_prefs.get_compiler_and_args()
    finally:
        brian2.prefs["codegen.cpp.extra_compile_args"] = None
    found = {flag: works for (_, flag), works in compiler_flags().items()}
    assert found["-O2"] and not found["-no-such-flag"]
    monkeypatch.undo()
    assert compiler_flags() is known  # the dictionary itself, which Brian2 reads
    monkeypatch.delattr(cpp_prefs, "_compiler_flag_compatibility")
    assert compiler_flags() == {}


def test_templates_are_compiled_once(tmp_path):
    class Mine:
        templater = CPPStandaloneCodeObject.templater.derive("spikedtp.spiking.parts", templates_dir="templates/cpp")

    assert bytecode_cache(Mine, FileSystemBytecodeCache(str(tmp_path))) is None
    assert "maincode" in Mine.templater.env.loader.get_source(Mine.templater.env, "common_group.cpp")[0]  # Brian2's
    assert Mine.templater.run_when and list(tmp_path.iterdir())  # ours, and it is kept
    Mine.templater.env.loader = DictLoader({})
    assert isinstance(bytecode_cache(Mine, None), FileSystemBytecodeCache)


@pytest.fixture
def project(tmp_path):
    """A project with random numbers as Brian2 generates it."""
    set_device("cpp_standalone", build_on_run=False)
    device = get_device()
    try:
        cells = NeuronGroup(3, "v : 1", threshold="rand() < 0.5", dt=1 * ms)
        Network(cells).run(2 * ms)
        device.insert_code("main", f"{SEED}(5ul); if ({STOPPED}) return 3;")
        device.build(directory=str(tmp_path / "project"), compile=False, run=False, with_output=False)
    finally:
        device.reinit()
        reset_device()
    return tmp_path / "project"


@needs_compiler
def test_names_in_generated_code(project):
    """That equal seeds give equal spikes is in tests/spiking/engine/compiled/test_write_source.py."""
    assert f"{SEED}(5ul);" in (project / "main.cpp").read_text() and STOPPED in (project / "network.cpp").read_text()
    compile_project(project)


@needs_compiler
def test_every_generated_source_is_merged(project, recwarn):
    """Whatever make would compile, and what lies in other folders by its path."""
    makefile = (project / "makefile").read_text()
    sources = re.search(r"^SRCS *= *(.*)$", makefile, re.MULTILINE)[1].split()
    write_source.merge_sources(project)
    hot, cold = ((project / f"{name}.cpp").read_text() for name in ("hot", "cold"))
    for name in sources:
        of_loop = name == "network.cpp" or name.startswith("code_objects/")
        assert (f'#include "{name}"\n' in cold) == (not of_loop) == (project / name).exists()
        if name.startswith("code_objects/"):
            assert f"_run_{Path(name).stem}()" in hot or Path(name).stem.startswith(("before_", "after_"))
    compile_project(project)
    assert not recwarn.list


def test_a_makefile_that_is_not_known_stays(project):
    text = (project / "makefile").read_text().replace("SRCS =", "FILES =")
    (project / "makefile").write_text(text)
    with pytest.warns(UserWarning, match="it generates other C"):
        write_source.merge_sources(project)
    assert (project / "makefile").read_text() == text and (project / "network.cpp").exists()


def test_variables_that_templates_read_by_name():
    """The list of the cells that fire ends with its length; recorders know their part; refractory cells are marked."""
    cells = NeuronGroup(5, "dv/dt = 0/second : 1 (unless refractory)", threshold="i > 2", refractory=5 * ms, dt=1 * ms)
    record, seen = SpikeMonitor(cells[2:], name="part"), []

    @brian2.network_operation(dt=1 * ms, when="end")
    def look():
        seen.append(cells.variables["_spikespace"].get_value().copy())

    Network(cells, record, look).run(1 * ms)
    fired = seen[0]
    assert fired.dtype == np.int32 and fired.shape == (6,) and list(fired[[0, 1, 5]]) == [3, 4, 2]
    assert [int(record.variables[name].get_value()) for name in ("_source_start", "_source_stop")] == [2, 5]
    assert list(cells.variables["not_refractory"].get_value()) == [True] * 3 + [False] * 2
    assert list(cells.variables["lastspike"].get_value()[3:]) == [0, 0]
    assert cells.variables.indices["v"] == "_idx"


def test_recorders_take_another_template():
    given = SpikeGeneratorGroup(2, [0], [0] * ms, dt=1 * ms)
    for monitor, name in (
        (SpikeMonitor(given), "spikemonitor"),
        (StateMonitor(given, "i", record=True), "statemonitor"),
    ):
        assert monitor.template == name and "template_kwds" in vars(monitor) and hasattr(monitor, "codeobj_class")


def test_no_other_module_takes_a_private_name():
    """`x._name` where x is not of this package, and the names themselves, in strings of C++ too."""
    theirs = {*RELIED_ON, "_random_generators", "_compiler_flag_compatibility"} - {"_spikespace", "templater"}
    named = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in theirs))
    of_tuples = {"_asdict", "_replace", "_repr_latex_"}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "brian2_internals.py":
            continue
        text = path.read_text(encoding="utf-8")
        found = set(named.findall(text))
        assert not found, f"{path.name}: {found}"
        tree = ast.parse(text)
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | of_tuples
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.match("_[a-zA-Z]", node.attr) and "brian2" in text:
                of_this = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
                of_this |= isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super"
                assert of_this or node.attr in own, f"{path.name}, line {node.lineno}: {node.attr}"


# --- versions ---------------------------------------------------------------------------------------------------------


def test_this_version_is_known(recwarn):
    assert lacking() == [] and familiar() and not recwarn.list


@pytest.mark.parametrize(
    ("version", "known"), [("2.9.0", True), ("2.10.1.post0.dev7", True), ("2.1.3", False), ("2.12.0", False)]
)
def test_versions_that_are_known(version, known, monkeypatch):
    monkeypatch.setattr(brian2, "__version__", version)
    assert (doubts() == "") == known
    assert known or all(version in doubts() for version in TESTED)


def test_one_warning_in_a_process(monkeypatch):
    monkeypatch.setattr(brian2, "__version__", "3.1.0")
    with pytest.warns(UserWarning, match=r"Brian2 3\.1\.0 .*tested with 2\.9, 2\.10, 2\.11\)") as given:
        for _ in range(3):
            assert not familiar()
            fall_back("and another reason")
    assert len(given) == 1


@pytest.mark.parametrize("name", sorted(RELIED_ON))
def test_a_lost_name_is_named(name, monkeypatch):
    monkeypatch.setitem(RELIED_ON, name, lambda: False)
    with pytest.warns(UserWarning, match=re.escape(f"(it lacks {name})")):
        assert not familiar()
    findings = {found.name: found for found in _findings(1)}
    assert findings["packages"].ok and findings["brian2"].ok is None and f"it lacks {name}" in findings["brian2"].detail


def _findings(n: int) -> list:
    found, left = check_installation(), n + 1
    return [next(found) for _ in range(left)]


def test_a_brian2_whose_device_cannot_be_set_is_refused_in_one_line(monkeypatch):
    device = get_device()
    monkeypatch.setitem(brian2_internals._STATE, "active_device", type("Elsewhere", (), {"active_device": None}))
    with pytest.raises(SpikedtpError, match=rf"cannot use Brian2 {brian2.__version__}.*install another"):
        with PrivateBrian2("runtime").inside():
            pass
    assert get_device() is device


def replayed(device):
    rng = np.random.default_rng(1)
    trains = rng.random((60, 4)) < 0.3, rng.random((60, 3)) < 0.3
    return replay(MSTDPET(), *trains, 0.5, modulator=rng.normal(size=60), form="spiking", keep="last", device=device).w


def presented(device):
    network = load_rate_network(SMALL)
    x, t = np.random.default_rng(9).random((2, network.circuit.input.size)), np.eye(network.circuit.output.size)[:2]
    return simulate(network, x, t, population="H2E", device=device, seed=4).weight_updates["H2E_H1E"]


CHANGES = {
    "another version": lambda patch: patch.setattr(brian2, "__version__", "3.1.0"),
    "another generator": lambda patch: (
        patch.setattr(brian2, "__version__", "3.2.0"),
        patch.setattr(write_source, "SEED", "brian::no_such_generators[0].seed"),
    ),
    "other options": lambda patch: (
        patch.setattr(brian2, "__version__", "3.3.0"),
        patch.setattr(standalone, "write_source", lambda *_: {}["no such option"]),
    ),
}


@needs_compiler
@pytest.mark.parametrize(
    ("change", "run"),
    [
        ("another version", replayed),
        pytest.param("another version", presented, marks=pytest.mark.slow),
        pytest.param("another generator", replayed, marks=pytest.mark.slow),
        ("other options", replayed),
        ("other options", presented),
    ],
)
def test_an_unknown_version_works_with_one_warning(change, run, monkeypatch, tmp_path):
    """In C++ where that can be had, else on the runtime device; with the same numbers."""
    in_cpp = change == "another version"
    wanted = run("cpp_standalone" if in_cpp else "runtime")
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))
    CHANGES[change](monkeypatch)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found = run("cpp_standalone")
    assert [str(w.message)[:12] for w in given if "known well" in str(w.message)] == [f"Brian2 {brian2.__version__}"]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert np.ptp(found) > 1e-4


@needs_compiler
def test_a_known_version_keeps_its_errors(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKEDTP_CACHE", str(tmp_path))
    monkeypatch.setattr(write_source, "SEED", "brian::no_such_generators[0].seed")
    with pytest.raises(SpikedtpError, match=r"no_such_generators.*fault of spikedtp"):
        replayed("cpp_standalone")
