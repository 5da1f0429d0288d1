"""Pickles are read without running anything: what could run code is refused by name, nonsense costs nothing."""

from __future__ import annotations

import collections
import copyreg
import io
import os
import pickle
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest
import torch
from rate.watched_reads import glob, loose_dumps, make_network, nothing_runs, read_quietly, text

pytestmark = pytest.mark.usefixtures("watched")


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


class Call:
    def __init__(self, func, *args):
        self.recipe = func, args

    def __reduce__(self):
        return self.recipe


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
