"""The package as it is installed: metadata, requirements, lazy public names, shipped models."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import spikedtp

CHECKOUT = Path(__file__).parent.parent
OPTIONAL = ("dask", "neo", "xarray")  # extras that the package imports where they are asked for
IMPORT_NAMES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}


@pytest.fixture(scope="module")
def config() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in lines(text)]


def pins() -> dict[str, Requirement]:
    """What requirements.txt installs on this interpreter."""
    listed = requirements((CHECKOUT / "requirements.txt").read_text())
    return {pin.name.lower(): pin for pin in listed if pin.marker is None or pin.marker.evaluate()}


def version(pin: Requirement) -> str:
    (clause,) = pin.specifier
    assert clause.operator == "==" and "*" not in clause.version, f"{pin} is not an exact pin"
    return clause.version


def test_every_package_folder_is_listed(config):
    folders = {
        ".".join(path.parent.relative_to(CHECKOUT).parts) for path in (CHECKOUT / "spikedtp").rglob("__init__.py")
    }
    assert set(lines(config["options"]["packages"])) == folders | {"spikedtp.models"}
    modules = {path.parent for path in (CHECKOUT / "spikedtp").rglob("*.py")}
    assert {".".join(folder.relative_to(CHECKOUT).parts) for folder in modules} == folders, "a folder lacks __init__.py"


def test_ranges_have_pins_inside_them(config):
    wanted = requirements(config["options"]["install_requires"] + config["options.extras_require"]["test"])
    for requirement in wanted:
        if requirement.marker is None or requirement.marker.evaluate():
            pin = pins()[requirement.name.lower()]
            assert version(pin) in requirement.specifier, f"{pin} is outside {requirement}"


@pytest.mark.parametrize(
    ("python", "brian2", "numpy"),
    [("3.11", "2.9.0", "2.3.5"), ("3.12", "2.10.1", "2.4.0"), ("3.13", "2.11.0", "2.4.0")],
)
def test_brian2_and_numpy_follow_the_interpreter(config, python, brian2, numpy):
    ranges = [
        requirement
        for requirement in requirements(config["options"]["install_requires"])
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python})
    ]
    found = {requirement.name: requirement.specifier for requirement in ranges}
    assert len(ranges) == len(found)
    assert brian2 in found["brian2"] and numpy in found["numpy"]
    if python == "3.11":
        assert "2.10.0" not in found["brian2"] and "2.4.0" not in found["numpy"]
    else:
        assert "2.9.0" not in found["brian2"]


def test_every_import_is_required(config):
    """Nothing is used that setup.cfg does not name, and nothing is named that is not used; extras may be used."""

    def names(text: str) -> set[str]:
        return {IMPORT_NAMES.get(named, named) for named in (r.name.lower() for r in requirements(text))}

    wanted = names(config["options"]["install_requires"])
    optional = {name for extra in OPTIONAL for name in names(config["options.extras_require"][extra])}
    used = set()
    for path in (CHECKOUT / "spikedtp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(node.module.split(".")[0])
    used -= {"spikedtp"} | set(sys.stdlib_module_names)
    assert wanted <= used <= wanted | optional, used ^ wanted


def test_version_has_one_place():
    installed = pytest.importorskip("importlib.metadata").version("spikedtp")
    assert installed == spikedtp.__version__
    assert f"version: {spikedtp.__version__}" in (CHECKOUT / "CITATION.cff").read_text()


def test_import_is_light():
    code = (
        "import sys, spikedtp; assert spikedtp.SpikedtpError and spikedtp.__version__ and 'simulate' in dir(spikedtp);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'brian2', 'numpy', 'pandas', 'matplotlib')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", spikedtp.__all__)
def test_every_public_name_exists(name):
    assert getattr(spikedtp, name) is not None


def test_unknown_public_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = spikedtp.nothing


def test_shipped_models():
    from spikedtp.circuit import circuit_path, shipped_names
    from spikedtp.models import weights_file

    folder = CHECKOUT / "models"
    assert shipped_names()
    for name in shipped_names():
        assert circuit_path(name).samefile(folder / f"{name}.yaml")
    for path in folder.glob("*.pt"):
        assert weights_file(path.stem).samefile(path)
        assert path.stat().st_size < 2e6, f"{path.name} is too large to ship"
        assert path.with_suffix(".yaml").is_file(), f"{path.name} has no circuit"
        assert path.with_suffix(".md").is_file(), f"{path.name} lacks a note of how it was made"
    with pytest.raises(spikedtp.SpikedtpError, match="no trained weights ship with circuit 'nope'"):
        weights_file("nope")


def test_a_wheel_holds_modules_and_models(tmp_path):
    """Built from the tracked files and unpacked elsewhere, the package imports and finds its models."""
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, tracked.stdout.split("\0")):
        if (CHECKOUT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((CHECKOUT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("spikedtp-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    assert not [name for name in held if name.startswith(("tests/", "models/", "experiments/"))]
    for path in (source / "models").iterdir():
        assert f"spikedtp/models/{path.name}" in held
    for path in (source / "spikedtp").rglob("*"):
        assert path.is_dir() or str(path.relative_to(source)) in held
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import spikedtp, spikedtp.models as models;"
        "from spikedtp.circuit import shipped_names; from spikedtp.cli import main;"
        "assert all(m.__file__.startswith(sys.argv[1]) for m in (spikedtp, models));"
        "assert shipped_names(); sys.exit(main(['--help']))"
    )
    subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path / "site")], check=True, cwd=tmp_path)
