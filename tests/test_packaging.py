"""The package as it is installed: metadata, requirements, lazy public names, shipped models."""

from __future__ import annotations

import ast
import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import brian2
import pytest
from packaging.requirements import Requirement

import spikedtp

CHECKOUT = Path(__file__).parent.parent
OPTIONAL = ("dask", "neo", "nwb", "search", "xarray")  # extras that the package imports where they are asked for
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


def test_every_folder_is_a_package():
    """`packages = find:` finds folders that have an __init__.py."""
    modules = {path.parent for path in (CHECKOUT / "spikedtp").rglob("*.py")}
    assert all((folder / "__init__.py").is_file() for folder in modules), "a folder lacks __init__.py"


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


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if (CHECKOUT / name).is_file()]


@pytest.fixture(scope="module")
def above(tmp_path_factory) -> Path:
    """A folder that holds a clone, with the name that clones have."""
    folder = tmp_path_factory.mktemp("above")
    for name in tracked_files():
        copy = folder / "spikedtp" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((CHECKOUT / name).read_bytes())
    return folder


def built(kind: str, source: Path, out: Path) -> Path:
    """What the build system makes of a folder: its wheel, its editable wheel, or its sdist."""
    out.mkdir(exist_ok=True)
    code = "import sys; from setuptools import build_meta; getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, kind, str(out)], check=True, cwd=source, stdout=subprocess.DEVNULL)
    (found,) = out.iterdir()
    return found


@pytest.fixture(scope="module")
def sdist(above) -> Path:
    """The unpacked sdist of the clone."""
    with tarfile.open(built("sdist", above / "spikedtp", above / "sdists")) as archive:
        archive.extractall(above / "unpacked", filter="data")
    (folder,) = (above / "unpacked").iterdir()
    return folder


@pytest.fixture(scope="module")
def site(above) -> Path:
    """An unpacked wheel that was built in the clone."""
    with zipfile.ZipFile(built("wheel", above / "spikedtp", above / "wheels")) as archive:
        archive.extractall(above / "site")
    return above / "site"


@pytest.fixture(scope="module")
def editable_site(above) -> Path:
    with zipfile.ZipFile(built("editable", above / "spikedtp", above / "editables")) as archive:
        archive.extractall(above / "editable_site")
    return above / "editable_site"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


#: What a fresh interpreter finds, started in some folder with `sys.argv[1]` as its site-packages. No other `.pth` file
#: is read: those of this interpreter may lead to another checkout.
FINDS = """
import site, sys
site.addsitedir(sys.argv[1])
sys.path += sys.argv[2:]
import setuptools  # from Python 3.12 on, Brian2 2.10 takes distutils from it
import spikedtp
from spikedtp import SpikedtpError
from spikedtp.circuit import shipped_names
from spikedtp.models import FOLDER, weights_file
assert shipped_names() and weights_file("digits_dtp").is_file()
print(spikedtp.__file__, FOLDER)
"""


def found(site: Path, folder: Path) -> list[str]:
    others = dict.fromkeys(str(Path(module.__file__).parents[1]) for module in (brian2, pytest))
    command = [sys.executable, "-E", "-S", "-c", FINDS, str(site), *others]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_a_wheel_holds_modules_and_models(above, site):
    held = set(contents(site))
    assert not [name for name in held if name.startswith(("tests/", "models/", "experiments/", "setup"))]
    models = {name for name in tracked_files() if name.startswith("models/")}
    modules = {name for name in tracked_files() if name.startswith("spikedtp/")}
    information = {name for name in held if ".dist-info/" in name}
    assert held - information == modules | {f"spikedtp/{name}" for name in models}


def test_a_wheel_comes_out_the_same_from_an_sdist(sdist, site, tmp_path):
    shutil.copytree(sdist, tmp_path / "copy")  # building leaves files
    with zipfile.ZipFile(built("wheel", tmp_path / "copy", tmp_path / "wheels")) as archive:
        archive.extractall(tmp_path / "site")
    assert contents(tmp_path / "site") == contents(site)


def test_an_sdist_is_the_repository(sdist):
    """Tests, documentation, experiments and `make` run from it; of files that git tracks it lacks git's own."""
    held = set(contents(sdist))
    tracked = set(tracked_files())
    assert tracked - held == {name for name in tracked if name.startswith((".git", ".ci/"))}
    made = {name for name in held - tracked if not name.startswith("spikedtp.egg-info/")}
    assert made == {"PKG-INFO"}


@pytest.mark.parametrize("place", ["above", "inside", "elsewhere"])
@pytest.mark.parametrize("kind", ["site", "editable_site"])
def test_the_package_is_found_from_every_folder(request, above, tmp_path, place, kind):
    """A clone has the name of the package: the folder above it, and the clone itself, may be the current folder."""
    clone, installed = above / "spikedtp", request.getfixturevalue(kind)
    module, models = found(installed, {"above": above, "inside": clone, "elsewhere": tmp_path}[place])
    home = clone if kind == "editable_site" or place == "inside" else installed
    assert Path(module).samefile(home / "spikedtp" / "__init__.py")
    assert Path(models).samefile(home / "models" if home == clone else home / "spikedtp" / "models")


def test_the_package_is_a_command(tmp_path):
    for arguments, start in ((["--version"], f"spikedtp {spikedtp.__version__}"), (["--help"], "Usage: spikedtp ")):
        command = [sys.executable, "-m", "spikedtp", *arguments]
        said = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
        assert said.strip().startswith(start)
    wrong = subprocess.run([*command[:3], "nope"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and wrong.stderr.startswith("spikedtp: error: ") and "Traceback" not in wrong.stderr


def test_torch_is_a_range(config):
    """Whoever has a torch keeps it: no build of it is fetched in its place."""
    (torch,) = (r for r in requirements(config["options"]["install_requires"]) if r.name == "torch")
    kept = ["2.4.0", "2.9.1", "2.13.0+cpu", "2.14.1", "2.14.1+cu130"]
    assert list(torch.specifier.filter(kept)) == kept
