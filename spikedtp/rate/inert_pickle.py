"""Reads a pickle as data: its opcodes are followed, but nothing is imported, called or built from it.

`pickle.Unpickler` imports what the file names and calls it, and a hook that narrows this down still runs C code on
whatever the file says. Here a small stack machine walks the opcodes that `pickletools` decodes. A name in the file
becomes a `Global` (two strings), a call becomes an `Obj` (the name and its arguments). There is no path from a file to
running code. A file that asks for a name outside the lists below is refused all the same, so that a user hears of it.

What the parts mean (tensors, state dicts) is decided in `checkpoint`.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

__all__ = ["Damaged", "Global", "Obj", "Pairs", "Refused", "read_pickle", "shown"]

MAX_OPCODES = 1_000_000  # an EIANN network has some 11,000; this bounds time and memory of a hostile one


class Damaged(Exception):
    """The bytes are no well-formed pickle."""


class Refused(Exception):
    """The pickle asks for something that could run code. The text names it."""


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

    def attributes(self) -> dict[str, Any]:
        """The instance attributes that the file sets."""
        state = self.state
        if type(state) is tuple and len(state) == 2 and isinstance(state[0], Pairs):
            state = state[0]  # (dict, slots)
        return state.by_name() if isinstance(state, Pairs) else {}


# --- what a file may name --------------------------------------------------------------------------------------------

# Found in EIANN networks (attributes, learning rules, activation functions, hyperparameters) or in torch's own files.
_PACKAGES = ("EIANN.", "torch.nn.", "torch.optim.")
_NAMES = {
    "_codecs": "encode",
    "builtins": "bool bytearray bytes complex dict float frozenset getattr int list object range set setattr slice str "
    "tuple type",
    "collections": "OrderedDict defaultdict deque Counter",
    "copy": "deepcopy",
    "copy_reg": "_reconstructor",
    "copyreg": "_reconstructor",
    "dill": "_dill",
    "dill._dill": "_create_function _create_code _create_cell _load_type _setattr",
    "numpy": "dtype ndarray",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core.multiarray": "_reconstruct scalar",
    "torch": "device dtype Size Tensor strided relu sigmoid tanh bool uint8 int8 int16 int32 int64 float16 float32 "
    "float64 bfloat16 FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage "
    "CharStorage ByteStorage BoolStorage",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch._utils": "_rebuild_tensor_v2 _rebuild_parameter _rebuild_parameter_with_state",
    "torch.nn": "Parameter",
    "torch.serialization": "_get_layout",
    "torch.storage": "_load_from_bytes",
}
_ALLOWED = {f"{module}.{name}" for module, names in _NAMES.items() for name in names.split()}
# Named by dill as a function's globals or as a callback, but no constructor: must not be called.
_NOT_CALLED = {"builtins.getattr", "builtins.setattr", "builtins.type", "copy.deepcopy", "dill._dill", "torch.relu"}
_NOT_CALLED |= {"torch.sigmoid", "torch.tanh", "dill._dill._setattr"}
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SETATTR = ("builtins.setattr", "dill._dill._setattr")


def _global(module: Any, name: Any) -> Global:
    if type(module) is not str or type(name) is not str:
        raise Damaged("a name is not text")
    found = Global(module, name)
    dunder = name.startswith("__") and not (name == "__dict__" and module.startswith("EIANN."))
    in_package = f"{module}.".startswith(_PACKAGES) and _IDENTIFIER.fullmatch(name) and not dunder
    if not in_package and str(found) not in _ALLOWED:
        raise Refused(shown(f"{module}.{name}"))
    return found


def shown(text: Any) -> str:
    """Text from a file, safe to print on one line: short, without control characters."""
    if type(text) is not str:
        return f"of type {type(text).__name__}"
    return text[:120].encode("unicode_escape").decode()


def _call(func: Any, args: Any) -> Any:
    """The inert result of ``func(*args)``: only shapes that torch, dill and EIANN write are accepted."""
    if type(args) is not tuple:
        raise Damaged("arguments are no tuple")
    if isinstance(func, Obj):
        # dill's way to functools.partial(copy.deepcopy) and to bound methods; no other result of a call may be called
        if str(func.func) == "dill._dill._load_type" and func.args in (("PartialType",), ("MethodType",)):
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
        if len(args) == 3 and isinstance(args[0], Obj) and str(args[0].func) == "dill._dill._create_cell":
            if type(args[1]) is str and args[1] == "cell_contents":
                return None
    elif name not in _NOT_CALLED and not (f"{func.module}.".startswith(_PACKAGES) and not _is_class(func)):
        return Obj(func=func, args=args)
    raise Refused(shown(name))


def _new(cls: Any, args: Any) -> Obj:
    if type(args) is not tuple:
        raise Damaged("arguments are no tuple")
    if isinstance(cls, Obj):
        raise Refused(f"a call of what {_origin(cls)} makes")
    if not isinstance(cls, Global):
        raise Damaged("an instance of something that is no class")
    if not _is_class(cls) and cls.module not in ("builtins", "collections"):
        raise Refused(shown(str(cls)))
    return Obj(func=cls, args=args)


def _is_class(name: Global) -> bool:
    return name.name.lstrip("_")[:1].isupper()


def _origin(obj: Obj) -> str:
    while isinstance(obj.func, Obj):
        obj = obj.func
    return shown(str(obj.func))


# --- the stack machine -----------------------------------------------------------------------------------------------

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = set(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE "
    "SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": Pairs,
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_TUPLE": tuple,
}
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NAMED_REFUSALS = {
    "EXT1": "pickle's extension registry",
    "EXT2": "pickle's extension registry",
    "EXT4": "pickle's extension registry",
    "NEXT_BUFFER": "an out-of-band buffer",
    "READONLY_BUFFER": "an out-of-band buffer",
}
_MARK = object()


def read_pickle(stream: IO[bytes], persistent: Callable[[Any], Any] | None = None, call: Callable | None = None) -> Any:
    """Follow one pickle from `stream` to its end and return what it describes.

    Parameters
    ----------
    stream : binary file
        Left just behind the pickle.
    persistent : callable, optional
        Turns a persistent id into a value. Without it such ids are refused.
    call : callable, optional
        ``call(obj)`` may replace the inert result of a call, e.g. of torch's tensor builders.

    Raises
    ------
    Damaged
        Not a pickle, or cut off.
    Refused
        Names something outside the lists of this module, or calls what must not be called.
    """
    machine = _Machine(persistent, call)
    opcodes = pickletools.genops(stream)
    for _ in range(MAX_OPCODES):
        try:
            opcode, arg, _ = next(opcodes)
        except Exception as error:  # pickletools promises no type for damaged bytes
            raise Damaged(shown(str(error)) or "it ends early") from None
        if opcode.name == "STOP":
            return machine.pop()
        machine.step(opcode.name, arg)
    raise Damaged(f"it has more than {MAX_OPCODES} steps")


class _Machine:
    def __init__(self, persistent: Callable[[Any], Any] | None, call: Callable | None):
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.persistent = persistent
        self.call = call or (lambda obj: obj)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Damaged("its stack runs empty")
        return self.stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def pop_n(self, n: int) -> tuple:
        return tuple([self.pop() for _ in range(n)][::-1])

    def pop_to_mark(self) -> list:
        found: list[Any] = []
        while self.stack:
            value = self.stack.pop()
            if value is _MARK:
                return found[::-1]
            found.append(value)
        raise Damaged("a mark is missing")

    def made(self, result: Any) -> Any:
        return self.call(result) if isinstance(result, Obj) else result

    def step(self, name: str, arg: Any) -> None:
        push = self.stack.append
        if name in _LITERALS:
            push(arg)
        elif name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in _EMPTY:
            push(_EMPTY[name]())
        elif name in _GET:
            index = int(arg)
            if index not in self.memo:
                raise Damaged(f"memo entry {index} is missing")
            push(self.memo[index])
        elif name in _PUT:
            self.memo[int(arg)] = self.top()
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif name in _TUPLES:
            push(self.pop_n(_TUPLES[name]))
        elif name in ("PROTO", "FRAME"):
            pass
        elif name == "MARK":
            push(_MARK)
        elif name == "POP":
            if not self.stack:
                raise Damaged("its stack runs empty")
            self.stack.pop()
        elif name == "POP_MARK":
            self.pop_to_mark()
        elif name == "DUP":
            push(self.top())
        elif name in ("TUPLE", "LIST", "FROZENSET"):
            values = self.pop_to_mark()
            push(values if name == "LIST" else tuple(values))
        elif name == "DICT":
            push(Pairs(_paired(self.pop_to_mark())))
        elif name in ("APPEND", "APPENDS", "ADDITEMS"):
            values = [self.pop()] if name == "APPEND" else self.pop_to_mark()
            _extend(self.top(), values)
        elif name in ("SETITEM", "SETITEMS"):
            pairs = _paired(list(self.pop_n(2)) if name == "SETITEM" else self.pop_to_mark())
            target = self.top()
            if not isinstance(target, Pairs):
                raise Damaged("items are set on something that is no dict")
            target.items.extend(pairs)
        elif name == "BUILD":
            state, target = self.pop(), self.top()
            if isinstance(target, Global):
                raise Refused(f"a change of {shown(str(target))}")
            if isinstance(target, Obj):
                target.state = state
        elif name in ("GLOBAL", "INST"):
            module, _, attribute = str(arg).partition(" ")
            found = _global(module, attribute)
            push(found if name == "GLOBAL" else self.made(_call(found, tuple(self.pop_to_mark()))))
        elif name == "STACK_GLOBAL":
            push(_global(*self.pop_n(2)))
        elif name == "REDUCE":
            push(self.made(_call(*self.pop_n(2))))
        elif name == "OBJ":
            func, *args = self.pop_to_mark() or [None]
            push(self.made(_call(func, tuple(args))))
        elif name == "NEWOBJ":
            push(_new(*self.pop_n(2)))
        elif name == "NEWOBJ_EX":
            cls, args, _ = self.pop_n(3)
            push(_new(cls, args))
        elif name in ("PERSID", "BINPERSID"):
            if self.persistent is None:
                raise Refused("a persistent id")
            push(self.persistent(arg if name == "PERSID" else self.pop()))
        else:
            raise Refused(_NAMED_REFUSALS.get(name, name))


def _paired(values: list) -> list[tuple[Any, Any]]:
    if len(values) % 2:
        raise Damaged("a key is without its value")
    return list(zip(values[::2], values[1::2], strict=True))


def _extend(target: Any, values: list) -> None:
    if isinstance(target, list):
        target.extend(values)
    elif isinstance(target, Obj):
        target.items.extend((None, value) for value in values)
    else:
        raise Damaged("values are added to something that is no list")
