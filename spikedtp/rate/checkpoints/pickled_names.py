"""Names and calls in a pickle, as inert values, and which of them a file of weights may have.

Nothing that a file names is ever imported or called, whatever it is. What could run code in another program is refused
all the same, so that a user hears of it. A class that is not on the lists, such as that of a user's own network, may be
named, and an empty instance of it may be filled with attributes: that is how pickled networks are written.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any

from spikedtp.rate.checkpoints.failures import Damaged, OtherFormat, Refused, shown

__all__ = ["Global", "Obj", "Pairs", "bytes_of", "called", "made_new", "named"]


@dataclass(frozen=True, eq=False)
class Global:
    """A name that the file refers to, never the thing itself."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Pairs:
    """A dict as its key-value pairs: keys are never hashed, a hostile key has nothing to hook into."""

    items: list[tuple[Any, Any]] = field(default_factory=list)

    def by_name(self) -> dict[str, Any]:
        """The entries whose keys are text."""
        return {key: value for key, value in self.items if type(key) is str}


@dataclass(eq=False)
class Obj(Pairs):
    """What a call would have made: who, with which arguments, the state set on it and the items put in."""

    func: Global | Obj | None = None
    args: tuple = ()
    state: Any = None

    @property
    def maker(self) -> str:
        """The name of who was called, "" where that is the result of another call."""
        return str(self.func) if isinstance(self.func, Global) else ""

    def attributes(self) -> dict[str, Any]:
        """The instance attributes that the file sets."""
        state = self.state
        if type(state) is tuple and len(state) == 2 and isinstance(state[0], Pairs):
            state = state[0]  # (dict, slots)
        return state.by_name() if isinstance(state, Pairs) else {}


def bytes_of(value: Any) -> bytes | bytearray | None:
    """Bytes as any protocol writes them, None for anything else: before protocol 3 they are text and a call."""
    if isinstance(value, Obj) and value.maker == "_codecs.encode":
        value = value.args[0] if value.args else None
    if type(value) is str:
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return value if isinstance(value, bytes | bytearray) else None


# Found in EIANN networks (attributes, learning rules, activation functions, hyperparameters), in torch's own files, and
# in what training programs write beside the weights. `__torch__` are the classes inside a TorchScript archive.
_PACKAGES = ("EIANN.", "torch.nn.", "torch.optim.", "__torch__.")
_NAMES = {
    "__builtin__": "bool bytearray bytes complex dict float frozenset list long object set slice str tuple unicode "
    "xrange",  # how protocol 2, torch's own, calls the builtins
    "_codecs": "encode",
    "argparse": "Namespace",
    "builtins": "bool bytearray bytes complex dict float frozenset getattr int list object range set setattr slice str "
    "tuple type",
    "collections": "OrderedDict defaultdict deque Counter",
    "copy": "deepcopy",
    "copy_reg": "_reconstructor",
    "copyreg": "_reconstructor",
    "datetime": "date datetime time timedelta timezone",
    "dill": "_dill",
    "dill._dill": "_create_function _create_code _create_cell _load_type _setattr",
    "numpy": "dtype ndarray",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "pathlib": "PosixPath PurePosixPath PureWindowsPath WindowsPath",
    "pathlib._local": "PosixPath PurePosixPath PureWindowsPath WindowsPath",
    "torch": "device dtype Size Tensor strided relu sigmoid tanh bool uint8 uint16 uint32 uint64 int8 int16 int32 "
    "int64 float16 float32 float64 bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz FloatStorage "
    "DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage BoolStorage",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter "
    "_rebuild_parameter_with_state",
    "torch.jit._pickle": "build_boollist build_doublelist build_intlist build_tensorlist restore_type_tag",
    "torch.nn": "Parameter",
    "torch.serialization": "_get_layout",
    "torch.storage": "_load_from_bytes UntypedStorage",
    "typing": "Any",
}
_ALLOWED = {f"{module}.{name}" for module, names in _NAMES.items() for name in names.split()}
# Named by dill as a function's globals or as a callback, but no constructor: must not be called.
_NOT_CALLED = {"builtins.getattr", "builtins.setattr", "builtins.type", "copy.deepcopy", "dill._dill", "torch.relu"}
_NOT_CALLED |= {"torch.sigmoid", "torch.tanh", "dill._dill._setattr"}
_SETATTR = ("builtins.setattr", "dill._dill._setattr")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_OF_JOBLIB = ("joblib.numpy_pickle", "joblib.numpy_pickle_compat")  # numbers between the opcodes: no pickle any more


def named(module: Any, name: Any) -> Global:
    """The name `name` in `module`, as a file gives it."""
    if type(module) is not str or type(name) is not str:
        raise Damaged("a name is not text")
    found = Global(module, name)
    if module in _OF_JOBLIB:
        raise OtherFormat("a joblib file")
    dunder = name.startswith("__") and not (name == "__dict__" and module.startswith("EIANN."))
    in_package = _in_package(found) and "." not in name and _PATH.fullmatch(name) and not dunder
    if not in_package and str(found) not in _ALLOWED and not _is_foreign_class(found):
        raise Refused(shown(f"{module}.{name}"))
    return found


def called(func: Any, args: Any) -> Any:
    """The inert result of ``func(*args)``: only shapes that torch, dill and EIANN write are accepted."""
    if type(args) is not tuple:
        raise Damaged("arguments are no tuple")
    if isinstance(func, Obj):
        # dill's way to functools.partial(copy.deepcopy) and to bound methods; no other result of a call may be called
        if func.maker == "dill._dill._load_type" and func.args in (("PartialType",), ("MethodType",)):
            return Obj(func=func, args=args)
        raise Refused(f"a call of what {_origin(func)} makes")
    if not isinstance(func, Global):
        raise Damaged("a call of something that is no function")
    name = str(func)
    if name == "builtins.getattr":  # dill writes getattr(dill._dill, '_setattr', setattr), nothing else
        if len(args) == 3 and [str(a) for a in args if type(a) in (Global, str)] == [
            "dill._dill",
            "_setattr",
            _SETATTR[0],
        ]:
            return Global("dill._dill", "_setattr")
    elif name in _SETATTR:  # and fills the cells of a closure with it
        if len(args) == 3 and isinstance(args[0], Obj) and args[0].maker == "dill._dill._create_cell":
            if type(args[1]) is str and args[1] == "cell_contents":
                return None
    elif _is_known(func) and name not in _NOT_CALLED and not (_in_package(func) and not _is_class(func)):
        return Obj(func=func, args=args)
    raise Refused(shown(name))


def made_new(cls: Any, args: Any) -> Obj:
    """The inert result of ``cls.__new__(cls, *args)``."""
    if type(args) is not tuple:
        raise Damaged("arguments are no tuple")
    if isinstance(cls, Obj):
        raise Refused(f"a call of what {_origin(cls)} makes")
    if not isinstance(cls, Global):
        raise Damaged("an instance of something that is no class")
    fit = _is_class(cls) or cls.module in ("builtins", "collections") or str(cls).startswith("__torch__.")
    if not fit or (args and not _is_known(cls)):
        raise Refused(shown(str(cls)))
    return Obj(func=cls, args=args)


def _in_package(name: Global) -> bool:
    return f"{name.module}.".startswith(_PACKAGES)


def _is_known(name: Global) -> bool:
    return _in_package(name) or str(name) in _ALLOWED


def _is_class(name: Global) -> bool:
    return name.name.rpartition(".")[2].lstrip("_")[:1].isupper()


def _is_foreign_class(name: Global) -> bool:
    """A class of the user's or of some library; Python's own, such as `subprocess.Popen`, have no place in weights."""
    if not (_PATH.fullmatch(name.module) and _PATH.fullmatch(name.name)) or "__" in name.name:
        return False
    return name.module.partition(".")[0] not in _PYTHONS and _is_class(name)


_PYTHONS = {*sys.stdlib_module_names, "__builtin__", "posix", "nt"} - {"__main__"}


def _origin(obj: Obj) -> str:
    while isinstance(obj.func, Obj):
        obj = obj.func
    return shown(str(obj.func))
