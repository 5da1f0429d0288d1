"""docs/architecture.md as a test: each layer imports only what stands above it, lazily imported or not."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "spikedtp"

# Top to bottom; the members of one line may use one another only inside themselves.
LAYERS: list[set[str]] = [
    {"_version", "errors"},
    {"arithmetic", "extras", "file_kinds", "locks", "plugins", "registries", "summaries"},
    {"arrays", "models", "brian2_internals", "npz", "parameters"},
    {"private_brian2"},
    {"events"},
    {"equations"},
    {"neurons"},
    {"plasticity"},
    {"circuit", "schedules"},
    {"configuration"},
    {"rate", "spiking", "datasets", "records"},
    {"compare", "accuracy", "continual", "export", "perturbations", "recordings", "representations", "synapses"},
    {"planning"},
    {"plotting"},
    {"jobs"},
    {"sweep", "report"},
    {"search"},
    {"cli"},
    {"__main__"},
]
#: The same inside `spiking/`, whose rooms are folders; `private` ones may be entered from `spiking/` alone.
ROOMS: list[set[str]] = [
    {"parts"},
    {"engine"},
    {"synapses", "responses"},
    {"rule_synapses"},
    {"open_loop", "closed_loop", "rule_replay", "layered", "eprop", "diehl_cook", "ensembles"},
    {"feedforward"},
    {"simulation"},
]
#: Modules in one folder, beside its __init__.
MOST_MODULES = 14
#: Modules with a test file of their name, `a/b.py` in `tests/a/test_b.py`: at least so many.
LEAST_OWN_TESTS = 140
#: In folders of tests that are named after a package: files about more than one module.
ABOUT_SEVERAL = {
    "sweep/test_trainings.py",  # one sweep in every place, killed and continued
    "spiking/rule_synapses/test_sparse_weights.py",  # beside those of dense synapses
    "jobs/test_compare_closed.py",  # `compare` in the other loop
    "plasticity/contract/test_check_rule.py",  # the package itself: every rule that ships
    "plasticity/test_contract.py",  # every rule, clause by clause
    "plasticity/test_rules.py",  # every rule against its equation
    "rate/checkpoints/test_wild_forms.py",  # every format, wrapper and prefix
    "rate/test_eiann_extracts.py",  # the whole network against the original program
    "rate/test_eiann_reference.py",
    "spiking/open_loop/test_figure3.py",  # a whole published computation
    "spiking/synapses/test_against_stock.py",  # both kinds of dense synapses in random networks
    "spiking/synapses/test_in_networks.py",
    "spiking/test_cells.py",  # a declaration in every kind of network
}
LEVEL = {name: depth for depth, names in enumerate(LAYERS) for name in names}

# Packages that only some layers may import.
HOMES = {
    "torch": {"rate", "datasets"},  # the spirals are torch's random numbers
    "brian2": {
        *("brian2_internals", "parameters", "private_brian2", "events", "equations", "neurons", "plasticity"),
        *("spiking", "planning", "jobs", "recordings"),
    },
    "matplotlib": {"plotting", "records"},
    "pydantic": {"configuration", "cli"},
    "joblib": {"sweep"},
    "nir": {"spiking"},
    "distributed": {"sweep"},
    "optuna": {"search"},
    "pyarrow": {"report", "search", "sweep"},
    "sqlalchemy": {"search"},
    "typer": {"cli"},
}
# Names of Brian2 that create something or run it: the spiking layer's alone.
CREATES = {
    "NeuronGroup", "Synapses", "PoissonGroup", "PoissonInput", "SpikeGeneratorGroup", "Network", "CodeRunner",
    "SpikeMonitor", "StateMonitor", "PopulationRateMonitor", "NetworkOperation", "network_operation", "run",
    "set_device", "device", "get_device", "start_scope", "Clock",
}  # fmt: skip
# The other places: `CellModel.group` makes the same cells for a user's network as `spiking/` for this package's,
# `check_cell` runs a few of them for a moment, and what keeps Brian2's state apart sets it.
MAKES_CELLS = {
    Path("neurons/group.py"): {"NeuronGroup"},
    Path("neurons/contract.py"): {"Network", "StateMonitor"},
    Path("neurons/reach.py"): {"Network", "SpikeMonitor"},
    Path("brian2_internals.py"): {"Network", "get_device"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_architecture_names_the_layers_that_there_are():
    found = {layer_of(path) for path in modules()} - {"__init__"}
    assert set(LEVEL) == found
    table = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Layers")[2]
    place = {name: table.find(f"`{name}") for name in LEVEL if name != "_version"}
    assert min(place.values()) >= 0, place
    for upper, lower in itertools.pairwise(LAYERS[1:]):
        assert max(place[name] for name in upper) < min(place[name] for name in lower), (upper, lower)


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> list[tuple[str, str | None]]:
    """(module, name) of every import in a file, at the top or inside a function."""
    inside = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    package = inside[:-1]  # of a module and of an __init__ alike
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [(module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module":
            found += [(arg.value, None) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return found


def own_layers(module: str, name: str | None) -> set[str]:
    parts = module.split(".")
    if parts[0] != "spikedtp":
        return set()
    if len(parts) > 1:
        return {parts[1]}
    return {name} if name in LEVEL else set()


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_layers_above(path):
    layer = layer_of(path)
    if layer == "__init__":
        return  # names every layer's public functions, each imported on first use
    assert layer in LEVEL, f"{layer} has no layer: add it to docs/architecture.md and to LAYERS"
    for module, name in imports(path):
        for used in own_layers(module, name) - {layer}:
            assert used in LEVEL, f"{path.name} imports {used}, which has no layer"
            assert LEVEL[used] < LEVEL[layer], f"{layer} may not import {used}: it does not stand above"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def arrows() -> dict[str, set[str]]:
    """Module -> the modules of the package that it imports, at its top or inside a function."""
    names = {module_name(path) for path in modules()}
    found = {}
    for path in modules():
        used = {f"{m}.{n}" if f"{m}.{n}" in names else m for m, n in imports(path)}
        found[module_name(path)] = (used & names) - {module_name(path)}
    return found


def test_no_module_imports_itself_through_others():
    """The faces of packages hand names on: what they import is not what a module inside them needs."""
    left = {name: used for name, used in arrows().items() if not (PACKAGE.parent / name.replace(".", "/")).is_dir()}
    left = {name: used & set(left) for name, used in left.items()}
    while free := {name for name, used in left.items() if not used}:
        left = {name: used - free for name, used in left.items() if name not in free}
    assert not left, f"in a circle, or above one: {sorted(left)}"


def test_rooms_of_spiking_import_only_rooms_above():
    level = {name: depth for depth, names in enumerate(ROOMS) for name in names}
    room = {name: name.split(".")[2] for name in arrows() if name.startswith("spikedtp.spiking.")}
    assert set(room.values()) == set(level)
    for name, used in arrows().items():
        for other in used & set(room) if name in room else ():
            assert room[other] == room[name] or level[room[other]] < level[room[name]], f"{name} may not import {other}"


def test_folders_are_small():
    folders = {path.parent for path in modules()}
    crowded = {
        str(folder.relative_to(PACKAGE)): n
        for folder in folders
        if (n := sum(path.stem != "__init__" for path in folder.glob("*.py"))) > MOST_MODULES and folder != PACKAGE
    }
    assert crowded == {"plasticity": 37, "neurons": 26}  # one file per rule, one per cell


def test_tests_mirror_the_package():
    tests = Path(__file__).parent
    own = {path.relative_to(PACKAGE).with_name(f"test_{path.name}") for path in modules() if path.stem != "__init__"}
    found = {path.relative_to(tests) for path in tests.rglob("test_*.py")}
    others = {str(path) for path in found - own if path.parent != Path() and (PACKAGE / path.parent).is_dir()}
    assert others == ABOUT_SEVERAL
    assert len(own & found) >= LEAST_OWN_TESTS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_at_home(path):
    for module, _ in imports(path):
        root = module.split(".")[0]
        assert layer_of(path) in HOMES.get(root, {layer_of(path)}), f"{layer_of(path)} may not import {root}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_spiking_creates_brian2_objects(path):
    if layer_of(path) == "spiking":
        return
    for module, name in imports(path):
        if module.split(".")[0] == "brian2":
            whole = layer_of(path) == "brian2_internals" or module.startswith("brian2.units")
            assert name is not None or whole, f"name what {path.name} takes from brian2"
            banned = CREATES - MAKES_CELLS.get(path.relative_to(PACKAGE), set())
            assert name not in banned, f"{layer_of(path)} may not use {name}: only spiking/ creates Brian2 objects"


def test_no_wildcard_imports():
    assert not [str(path) for path in modules() if ("*" in {name for _, name in imports(path)})]


def test_the_checks_see_a_lazy_import(tmp_path, monkeypatch):
    package = tmp_path / "spikedtp" / "circuit"
    package.mkdir(parents=True)
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "spikedtp")
    bad = package / "reader.py"
    bad.write_text("def f():\n    import torch\n    from spikedtp import rate\n    from ..spiking import simulate\n")
    with pytest.raises(AssertionError, match="may not import"):
        test_imports_only_layers_above(bad)
    with pytest.raises(AssertionError, match="circuit may not import torch"):
        test_heavy_packages_stay_at_home(bad)
    bad.write_text("from brian2 import NeuronGroup\n")
    with pytest.raises(AssertionError, match="NeuronGroup"):
        test_only_spiking_creates_brian2_objects(bad)
