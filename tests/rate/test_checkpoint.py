"""Checkpoints: read exactly what was written, refuse what could run code, and stay calm on damaged bytes."""

from __future__ import annotations

import collections
import contextlib
import copy
import copyreg
import io
import os
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import types
import zipfile

import numpy as np
import pytest
import torch

from spikedtp.errors import SpikedtpError
from spikedtp.rate.checkpoint import read_weights, write_weights

# --- nothing in a file may run ---------------------------------------------------------------------------------------

_FORBIDDEN = ("exec", "compile", "import", "pickle.", "os.", "subprocess.", "ctypes.", "socket.", "shutil.", "marshal.")
_HARMLESS = ("os.listdir", "os.scandir")
_seen: list[str] | None = None


def _hook(event: str, args: tuple) -> None:
    if _seen is None:
        return
    if event == "open":
        writes = isinstance(args[1], str) and any(c in args[1] for c in "wax+")
        if writes or (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            _seen.append(f"open for writing {args[0]}")
    elif event.startswith(_FORBIDDEN) and event not in _HARMLESS:
        _seen.append(f"{event} {str(args)[:80]}")


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory):
    """One good read of every kind, so that no lazy import is mistaken for the file's doing."""
    folder = tmp_path_factory.mktemp("warm")
    torch.save({"a": torch.ones(2)}, folder / "a.pt")
    torch.save({"a": torch.ones(2)}, folder / "b.pt", _use_new_zipfile_serialization=False)
    for name in "ab":
        read_weights(folder / f"{name}.pt")
    with pytest.raises(SpikedtpError):
        read_weights(folder / "none.pt")
    "".encode("cp437")  # zipfile's codec for the names in old archives
    sys.addaudithook(_hook)


@contextlib.contextmanager
def nothing_runs():
    global _seen
    _seen = seen = []
    try:
        yield
    finally:
        _seen = None
    assert seen == []


def read_quietly(path) -> dict | str:
    """The weights, or the one line of the error. Any other exception, and any code that runs, fails the test."""
    with nothing_runs():
        try:
            return read_weights(path)
        except SpikedtpError as error:
            text = str(error)
    assert "\n" not in text and str(path) in text
    return text


def test_the_watch_sees_what_it_should(tmp_path):
    """The other tests would pass without a working watch."""
    path = tmp_path / "x"
    for action in (
        lambda: os.system("true"),
        lambda: exec("1"),
        lambda: path.write_text("x"),
        lambda: pickle.loads(pickle.dumps(collections.OrderedDict())),
        lambda: subprocess.run(["true"], check=True),
    ):
        with pytest.raises(AssertionError), nothing_runs():
            action()


# --- pickles as EIANN and dill make them -----------------------------------------------------------------------------


def _fake(module: str, name: str, value):
    value.__module__, value.__qualname__, value.__name__ = module, name, name
    return value


def _module_class(name: str, **extra):
    return _fake("EIANN._network", name, type(name, (torch.nn.Module,), extra))


class _Created:
    """Pickles like what dill pickles by value: a call of one of dill's functions."""

    def __init__(self, func, *args, state=None):
        self.recipe = (func, args) if state is None else (func, args, state)

    def __reduce__(self):
        return self.recipe


@pytest.fixture
def eiann(monkeypatch):
    """Stand-ins for the packages whose names are in an EIANN pickle; only here while the pickle is made."""
    network, rules, inner, outer = (
        types.ModuleType(name) for name in ("EIANN._network", "EIANN.rules.base_classes", "dill._dill", "dill")
    )
    for name in ("Network", "Projection", "Population", "Layer"):
        setattr(network, name, _module_class(name))
    rules.LearningRule = _fake("EIANN.rules.base_classes", "LearningRule", type("LearningRule", (), {}))
    for name in ("_create_function", "_create_code", "_create_cell", "_load_type", "_create_type", "_import_module"):
        setattr(inner, name, _fake("dill._dill", name, lambda *a, **k: None))
    outer._dill = inner
    for module in (types.ModuleType("EIANN"), types.ModuleType("EIANN.rules"), network, rules, outer, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return types.SimpleNamespace(network=network, rules=rules, dill=inner)


def make_network(eiann, extra=None):
    """A small network with the parts that were found in the published pickle."""
    generator = torch.Generator().manual_seed(3)
    net = eiann.network.Network()
    net.criterion = torch.nn.MSELoss()
    net.module_dict = torch.nn.ModuleDict()
    net.parameter_dict = torch.nn.ParameterDict()
    for post, pre, shape in (("H1E", "InputE", (5, 4)), ("OutputE", "H1E", (3, 5))):
        projection = eiann.network.Projection()
        projection.weight = torch.nn.Parameter(torch.rand(shape, generator=generator), requires_grad=False)
        projection.weight.is_learned = True
        projection.register_parameter("bias", None)
        projection.learning_rule = eiann.rules.LearningRule()
        projection.learning_rule.projection = projection  # a cycle, as there
        net.module_dict[f"{post}_{pre}"] = projection
        net.parameter_dict[f"{post}_bias"] = torch.nn.Parameter(torch.rand(shape[0], generator=generator))
    cell = _Created(eiann.dill._create_cell, None)
    code = _Created(eiann.dill._create_code, b"", 1, b"\x97\x00", (None,), ("x",))
    activation = _Created(eiann.dill._create_function, code, {}, "<lambda>", None, (cell,), state=({}, {"a": 1}))
    partial = _Created(
        _Created(eiann.dill._load_type, "PartialType"), copy.deepcopy, state=(copy.deepcopy, (), {}, None)
    )
    population = eiann.network.Population()
    population.activation = activation
    population.history = _Created(collections.defaultdict, partial)
    population.relu = torch.nn.functional.relu
    population.activity = torch.rand(7, 5)[::2]
    population.counts = torch.arange(4)
    population.numbers = np.arange(3)
    net.populations = {"H1E": population}
    net.optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.extra = extra
    return net


class _LoosePickler(pickle._Pickler):
    """Python's own pickler, which lets a call's function be the result of a call, as dill does."""

    def save_reduce(self, func, args, state=None, *rest, obj=None, **named):
        if isinstance(func, _Created):
            self.save(func)
            self.save(args)
            self.write(pickle.REDUCE)
            if obj is not None:
                self.memoize(obj)
            if state is not None:
                self.save(state)
                self.write(pickle.BUILD)
        else:
            super().save_reduce(func, args, state, *rest, obj=obj, **named)


def loose_dumps(obj) -> bytes:
    buffer = io.BytesIO()
    _LoosePickler(buffer, 4).dump(obj)
    return buffer.getvalue()


def test_a_pickled_network(tmp_path, eiann, monkeypatch):
    net = make_network(eiann)
    path = tmp_path / "network.pkl"
    path.write_bytes(loose_dumps(net))
    expected = {k: v for k, v in net.state_dict().items() if k.startswith(("module_dict.", "parameter_dict."))}
    for name in [name for name in sys.modules if name.split(".")[0] in ("EIANN", "dill")]:
        monkeypatch.delitem(sys.modules, name)  # reading must do without them
    weights = read_quietly(path)
    assert list(weights) == list(expected) and len(weights) == 4
    for key, value in expected.items():
        assert weights[key].dtype == torch.float32 and not weights[key].requires_grad
        assert torch.equal(weights[key], value.detach())


def test_the_published_pickle(reference):
    folder = reference / "eiann" / "dtp_equilibrated"
    expected = torch.load(folder / "weights.pt", weights_only=True)
    weights = read_quietly(folder / "network.pkl")
    assert list(weights) == list(expected) and len(weights) == 31
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


@pytest.mark.parametrize("name", ["dtp_equilibrated", "dtp_one_pass", "btsp", "supervised_bcm", "temporal_contrast"])
def test_published_state_dicts(reference, name):
    path = reference / "eiann" / name / "weights.pt"
    expected, weights = torch.load(path, weights_only=True), read_quietly(path)
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


# --- state dicts -----------------------------------------------------------------------------------------------------

KEY = "module_dict.H2E_H1E.weight"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", ["pt", "pkl", "weights"])
def test_whatever_torch_saves(tmp_path, zipped, dtype, suffix):
    generator = torch.Generator().manual_seed(1)
    rand = lambda *shape: torch.rand(*shape, generator=generator).to(dtype)  # noqa: E731
    base = rand(6, 8)
    saved = {
        KEY: rand(4, 6).t(),
        "parameter_dict.H2E_bias": torch.nn.Parameter(rand(3)),
        "a": base[1:4, ::3],
        "b": base[0],
        "scalar": torch.tensor(1.5, dtype=dtype),
        "empty": torch.zeros(0, 3, dtype=dtype),
    }
    path = tmp_path / f"x.{suffix}"
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    weights = read_quietly(path)
    assert list(weights) == list(saved)
    for key, value in saved.items():
        assert weights[key].dtype == torch.float32 and weights[key].is_contiguous()
        assert torch.equal(weights[key], value.detach().float())


def test_a_modules_own_state_dict(tmp_path):
    state = torch.nn.Linear(3, 2).state_dict()  # an OrderedDict that carries _metadata
    torch.save(state, tmp_path / "x.pt")
    assert torch.equal(read_quietly(tmp_path / "x.pt")["weight"], state["weight"])


def test_written_and_read_back(tmp_path):
    state = {KEY: torch.rand(3, 4, dtype=torch.float64), "parameter_dict.H2E_bias": np.arange(3.0)}
    path = tmp_path / "a.pt"
    write_weights(path, state)
    ours, torchs = read_quietly(path), torch.load(path, weights_only=True)
    for weights in (ours, torchs):
        assert list(weights) == list(state)
        for key, value in state.items():
            assert torch.equal(weights[key], torch.as_tensor(value).float())


def test_writing_is_reproducible_small_and_leaves_nothing_else(tmp_path):
    state = {KEY: torch.rand(100, 200)[:3, :4]}
    write_weights(tmp_path / "a.pt", state)
    write_weights(tmp_path / "another_name.pt", state)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another_name.pt").read_bytes()
    assert (tmp_path / "a.pt").stat().st_size < 4000  # a view does not bring its whole storage
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pt", "another_name.pt"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    write_weights(path, {KEY: torch.ones(2)})
    before = path.read_bytes()
    with pytest.raises(SpikedtpError, match=r"H2E_H1E.*NaN"):
        write_weights(path, {KEY: torch.tensor([1.0, float("nan")])})

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpikedtpError, match="No space left"):
        write_weights(path, {KEY: torch.zeros(2)})
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.pt"]


def test_writing_into_a_missing_folder(tmp_path):
    with pytest.raises(SpikedtpError, match="cannot be written"):
        write_weights(tmp_path / "no" / "a.pt", {KEY: torch.ones(2)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({KEY: torch.tensor([1.0, float("nan")])}, KEY + ".*NaN"),
        ({KEY: torch.tensor([float("inf")])}, KEY + ".*infinite"),
        ({KEY: torch.tensor([1e300], dtype=torch.float64)}, KEY + ".*infinite"),
        ({KEY: torch.arange(3)}, KEY + ".*int64"),
        ({KEY: 3.0}, KEY),
        ({KEY: {"inner": torch.ones(2)}}, KEY),
        ({3: torch.ones(2)}, "int"),
        ({}, "no weights"),
        ([torch.ones(2)], "neither a state dict"),
        (torch.ones(2), "neither a state dict"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_state_dict(tmp_path, content, message, zipped):
    path = tmp_path / "x.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert re.search(message, read_quietly(path))


@pytest.mark.parametrize("content", [b"", b"hello\n", b"PK\x03\x04", b"\x80\x04.", b"\x80", b".", b"N.", b"\x93NUMPY"])
def test_what_is_no_weights_file(tmp_path, content):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    assert isinstance(read_quietly(path), str)


def test_missing_files_and_folders(tmp_path):
    assert "no such" in read_quietly(tmp_path / "none.pt")
    assert "folder" in read_quietly(tmp_path)


# --- hostile pickles -------------------------------------------------------------------------------------------------


class Call:
    def __init__(self, func, *args):
        self.recipe = func, args

    def __reduce__(self):
        return self.recipe


def glob(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def call(module: str, name: str, *args: bytes) -> bytes:
    return b"\x80\x04" + glob(module, name) + b"(" + b"".join(args) + b"tR."


TOUCH = "touch {canary}"
CODE = "open({canary!r}, 'w').close()"


def attacks(canary) -> dict[str, tuple[bytes, str]]:
    """Name -> (file, what the message must name)."""
    touch, code = TOUCH.format(canary=canary), CODE.format(canary=str(canary))
    t, c = text(touch), text(code)
    function = glob("dill._dill", "_create_function") + b"(" + glob("dill._dill", "_create_code") + b"(K\x01tR}tR"
    nested = io.BytesIO()
    torch.save({"a": Call(os.system, touch)}, nested)
    legacy = io.BytesIO()
    torch.save({"a": Call(os.system, touch)}, legacy, _use_new_zipfile_serialization=False)
    blob = pickle.dumps(Call(os.system, touch))
    blob_arg = b"B" + struct.pack("<I", len(blob)) + blob
    network = glob("EIANN._network", "Network") + b")\x81"
    return {
        "reduce": (pickle.dumps(Call(os.system, touch)), "system"),
        "protocol 0": (b"cos\nsystem\n(S'" + touch.encode() + b"'\ntR.", "os.system"),
        "protocol 0 INST": (b"(S'" + touch.encode() + b"'\nios\nsystem\n.", "os.system"),
        "protocol 1 OBJ": (b"(cos\nsystem\nS'" + touch.encode() + b"'\no.", "os.system"),
        "NEWOBJ": (b"\x80\x04cos\nsystem\n(" + t + b"t\x81.", "os.system"),
        "NEWOBJ_EX": (b"\x80\x04csubprocess\nPopen\n(" + t + b"t}\x92.", "subprocess.Popen"),
        "popen": (pickle.dumps(Call(subprocess.Popen, ["touch", str(canary)])), "subprocess.Popen"),
        "eval": (call("builtins", "eval", c), "builtins.eval"),
        "exec": (call("builtins", "exec", c), "builtins.exec"),
        "python 2 names": (call("__builtin__", "eval", c), "__builtin__.eval"),
        "open": (call("io", "open", text(str(canary)), text("w")), "io.open"),
        "import": (call("builtins", "__import__", text("os")), "builtins.__import__"),
        "import_module": (call("importlib", "import_module", text("os")), "importlib.import_module"),
        "getattr": (call("builtins", "getattr", glob("dill", "_dill"), text("os")), "builtins.getattr"),
        "getattr of a class": (
            call("builtins", "getattr", glob("builtins", "object"), text("__subclasses__")),
            "builtins.getattr",
        ),
        "setattr": (call("builtins", "setattr", glob("EIANN._network", "Network"), text("f"), c), "builtins.setattr"),
        "type": (call("builtins", "type", text("X"), b")", b"}"), "builtins.type"),
        "partial": (call("functools", "partial", glob("os", "system"), t), "functools.partial"),
        "operator": (call("operator", "attrgetter", text("system")), "operator.attrgetter"),
        "a function by value, called": (b"\x80\x04" + function + b"(" + t + b"tR.", "_create_function"),
        "partial by dill, called": (
            b"\x80\x04cdill._dill\n_load_type\n(" + text("PartialType") + b"tR(ccopy\ndeepcopy\ntR(" + t + b"tR.",
            "_load_type",
        ),
        "other types by dill": (
            b"\x80\x04cdill._dill\n_load_type\n(" + text("FunctionType") + b"tR(tR.",
            "_load_type",
        ),
        "dill import": (call("dill._dill", "_import_module", text("os.system")), "_import_module"),
        "dill load": (call("dill", "loads", blob_arg), "dill.loads"),
        "torch.load": (call("torch", "load", text(str(canary))), "torch.load"),
        "torch.hub": (call("torch.hub", "load", text("x")), "torch.hub.load"),
        "numpy load": (call("numpy", "load", text(str(canary))), "numpy.load"),
        "through a module of EIANN": (call("EIANN._network", "os.system", t), "os.system"),
        "a function of torch.nn": (call("torch.nn.functional", "relu", t), "relu"),
        "dunder of EIANN": (call("EIANN._network", "__builtins__", t), "__builtins__"),
        "stack global": (b"\x80\x04" + text("posix") + text("system") + b"\x93(" + t + b"tR.", "posix.system"),
        "built into a global": (b"\x80\x04" + glob("EIANN._network", "Network") + b"}" + c + b"Nsb.", "Network"),
        "extension registry": (b"\x80\x02\x82\x01.", "extension registry"),
        "extension registry 4": (b"\x80\x02\x84\x01\x00\x00\x00.", "extension registry"),
        "persistent id": (b"\x80\x04" + t + b"Q.", "persistent id"),
        "buffers": (b"\x80\x05\x97.", "buffer"),
        "in a storage": (call("torch.storage", "_load_from_bytes", blob_arg), "system"),
        "in a network": (
            b"\x80\x04" + network + b"}" + text("_modules") + glob("os", "system") + b"(" + t + b"tRsb.",
            "os.system",
        ),
        "never used": (b"\x80\x04" + glob("os", "system") + b"(" + t + b"tR0N.", "os.system"),
        "only named": (b"\x80\x04" + glob("os", "system") + b"0N.", "os.system"),
        "in torch's zip": (nested.getvalue(), "system"),
        "in torch's old format": (legacy.getvalue(), "system"),
        "a name with newlines": (b"\x80\x04" + text("os\nx") + text("sys\x1b[2Jtem\r") + b"\x93.", "os"),
    }


@pytest.mark.parametrize("name", list(attacks("x")))
@pytest.mark.parametrize("suffix", ["pkl", "pt"])
def test_attacks_are_refused_by_name(tmp_path, name, suffix):
    canary = tmp_path / "canary"
    data, named = attacks(canary)[name]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(data)
    message = read_quietly(path)
    assert isinstance(message, str) and "tries to run code" in message and "refused" in message
    assert named in message and message.isprintable()
    assert not canary.exists()


def test_the_attacks_are_real(tmp_path):
    """Some of them, unpickled, would have run."""
    for name in ("reduce", "protocol 0", "protocol 0 INST", "protocol 1 OBJ", "eval", "exec", "popen", "open"):
        canary = tmp_path / "canary"
        result = pickle.loads(attacks(canary)[name][0])
        if isinstance(result, subprocess.Popen):
            result.wait()
        assert canary.exists(), name
        if hasattr(result, "close"):
            result.close()
        canary.unlink()


def test_an_attack_inside_a_good_network(tmp_path, eiann):
    canary = tmp_path / "canary"
    path = tmp_path / "network.pkl"
    path.write_bytes(loose_dumps(make_network(eiann, extra=Call(os.system, TOUCH.format(canary=canary)))))
    message = read_quietly(path)
    assert "tries to run code" in message and "system" in message
    assert not canary.exists()


def test_a_registered_extension_is_not_used(tmp_path):
    copyreg.add_extension("os", "system", 200)
    try:
        canary = tmp_path / "canary"
        data = pickle.dumps(Call(os.system, TOUCH.format(canary=canary)), 2)
        data = data.replace(b"cposix\nsystem\n", b"\x82\xc8")
        path = tmp_path / "x.pkl"
        path.write_bytes(data)
        assert "tries to run code" in read_quietly(path)
        assert not canary.exists()
    finally:
        copyreg.remove_extension("os", "system", 200)


# --- bombs and damage ------------------------------------------------------------------------------------------------


def pid(numel: int, key: bytes = b"0") -> bytes:
    return (
        b"(" + text("storage") + glob("torch", "FloatStorage") + text(key.decode()) + text("cpu")
        + b"\x8a\x09" + numel.to_bytes(9, "little") + b"tQ"
    )  # fmt: skip


def integer(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def zipped_tensor(numel: int, offset: int, size: tuple, stride: tuple, data: bytes, compression=zipfile.ZIP_STORED):
    shape = b"(" + b"".join(map(integer, size)) + b"t"
    steps = b"(" + b"".join(map(integer, stride)) + b"t"
    tensor = (
        glob("torch._utils", "_rebuild_tensor_v2") + b"(" + pid(numel) + integer(offset) + shape + steps + b"\x89}tR"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}" + text(KEY) + tensor + b"s.")
        archive.writestr("a/byteorder", b"little")
        archive.writestr("a/data/0", data)
    return buffer.getvalue()


FOUR = np.arange(4, dtype="<f4").tobytes()


def test_a_hand_made_file_is_good(tmp_path):
    """So that the bombs below fail for what is wrong in them."""
    path = tmp_path / "x.pt"
    path.write_bytes(zipped_tensor(4, 0, (2, 2), (1, 2), FOUR))
    assert read_quietly(path)[KEY].tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    "data",
    [
        zipped_tensor(4, 1, (2, 2), (2, 1), FOUR),
        zipped_tensor(4, -1, (2, 2), (2, 1), FOUR),
        zipped_tensor(4, 0, (2, 2), (-2, 1), FOUR),
        zipped_tensor(4, 0, (-2, 2), (2, 1), FOUR),
        zipped_tensor(4, 0, (2, 3), (2, 1), FOUR),
        zipped_tensor(4, 0, (2, 2), (2,), FOUR),
        zipped_tensor(4, 0, (1,) * 100, (1,) * 100, FOUR),
        zipped_tensor(4, 0, (10**9, 10**9), (0, 0), FOUR),
        zipped_tensor(10**12, 0, (10**6, 10**6), (10**6, 1), FOUR),
        zipped_tensor(8, 0, (2, 2), (2, 1), FOUR),
        zipped_tensor(2**26, 0, (2**26,), (1,), bytes(2**28), zipfile.ZIP_DEFLATED),
    ],
    ids=lambda data: str(len(data)),
)
def test_tensors_larger_than_their_bytes(tmp_path, data):
    path = tmp_path / "x.pt"
    path.write_bytes(data)
    tracemalloc.start()
    message = read_quietly(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(message, str) and ("damaged" in message or "holds more than" in message)
    assert peak < 2**22


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",  # BINBYTES8 longer than the file
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.",  # BYTEARRAY8
        b"\x80\x04B\xff\xff\xff\xffx.",
        b"\x80\x02Nr\xff\xff\xff\xff.",  # a memo index that makes C's unpickler take 64 GiB
        b"\x80\x02\x8b\xff\xff\xff\x7f.",  # LONG4
        b"\x80\x04" + b"(" * 10**5 + b".",
        b"\x80\x04" + b")" + b"\x85" * 10**5 + b".",  # tuples 100,000 deep
        b"\x80\x04}" + b")" + b"\x85" * 10**5 + b"Ns.",  # as a key: hashing it would overflow the stack
        b"\x80\x04]" + b"]" * 10**4 + b"a" * 10**4 + b".",
        b"\x80\x04" + b"(" + b"2" * 10**5 + b"t.",
        b"I" + b"9" * 10**5 + b"\n.",
        b"\x80\x04" + b")0" * 10 + b"0.",
        b"\x80\x04]r\x00\x00\x00\x00j\x00\x00\x00\x00a.",  # a list in itself
        b"\x80\x04}q\x00}q\x01" + text("_modules") + b"h\x00sb.",
        b"\x80\x04K\x01K\x02\x93.",
        b"\x80\x04K\x01)R.",
        b"\x80\x04N)\x81.",
        b"(o.",
        b"\x80\x04(K\x01d.",
        b"\x80\x04K\x01K\x02K\x03s.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
    ],
    ids=range(21),
)
def test_malformed_pickles_cost_nothing(tmp_path, data):
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    tracemalloc.start()
    assert isinstance(read_quietly(path), str)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_modules_in_a_circle(tmp_path):
    network = glob("EIANN._network", "Network") + b")\x81q\x00"
    modules = b"}" + text("module_dict") + b"h\x00s" + text("parameter_dict") + b"h\x00s"
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04" + network + b"}" + text("_modules") + modules + b"sb.")
    assert "too deep" in read_quietly(path)


def three_files(eiann) -> dict[str, bytes]:
    state = {KEY: torch.rand(5, 4), "parameter_dict.H2E_bias": torch.rand(5)}
    new, old = io.BytesIO(), io.BytesIO()
    torch.save(state, new)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    return {"zip": new.getvalue(), "old": old.getvalue(), "network": loose_dumps(make_network(eiann))}


@pytest.mark.parametrize("kind", ["zip", "old", "network"])
def test_truncated(tmp_path, eiann, kind):
    data = three_files(eiann)[kind]
    path = tmp_path / "x.pt"
    for stop in [*range(0, len(data), 50), len(data) - 1]:
        path.write_bytes(data[:stop])
        assert isinstance(read_quietly(path), str), stop


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize("kind", ["zip", "old", "network"])
def test_mutated(tmp_path, eiann, kind):
    """400 seeded mutations of each kind of file: weights or one line, nothing else, and nothing runs."""
    data = three_files(eiann)[kind]
    rng = np.random.default_rng(11)
    path, refused = tmp_path / "x.pt", 0
    for _ in range(400):
        mutated = bytearray(data)
        for _ in range(rng.integers(1, 6)):
            where = int(rng.integers(len(mutated)))
            kindly = rng.integers(3)
            if kindly == 0:
                mutated[where] = rng.integers(256)
            elif kindly == 1:
                del mutated[where : where + int(rng.integers(1, 9))]
            else:
                mutated[where:where] = rng.bytes(int(rng.integers(1, 9)))
        path.write_bytes(mutated)
        refused += isinstance(read_quietly(path), str)
    assert refused > 100


def test_random_opcodes(tmp_path):
    """Streams of well-formed opcodes in random order reach deeper than random bytes do."""
    rng = np.random.default_rng(12)
    parts = [bytes([c]) for c in b"()]}N\x88\x89\x85\x86\x87tlda0e12u\x90\x91\x94RboQs\x81\x92\x8f"]
    parts += [b"K\x01", b"h\x00", b"q\x00", text("_modules"), text("module_dict"), b"C\x02ab", glob("os", "system")]
    parts += [glob(m, n) for m, n in (("EIANN._network", "Network"), ("torch._utils", "_rebuild_tensor_v2"))]
    parts += [
        glob("collections", "OrderedDict"),
        glob("torch.storage", "_load_from_bytes"),
        glob("builtins", "getattr"),
    ]
    path = tmp_path / "x.pkl"
    for _ in range(1500):
        body = b"".join(parts[i] for i in rng.integers(len(parts), size=rng.integers(2, 40)))
        path.write_bytes(b"\x80\x04" + body + b".")
        assert isinstance(read_quietly(path), str)
