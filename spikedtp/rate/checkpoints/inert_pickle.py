"""Reads a pickle as data: its opcodes are followed, but nothing is imported, called or built from it.

`pickle.Unpickler` imports what the file names and calls it, and a hook that narrows this down still runs C code on
whatever the file says. Here a small stack machine walks the opcodes that `pickletools` decodes. A name in the file
becomes a `Global` (two strings), a call becomes an `Obj` (the name and its arguments). There is no path from a file to
running code. `pickled_names` says which names and calls are refused all the same.

What the parts mean (tensors, arrays, modules, state dicts) is decided by the other modules of this folder.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import IO, Any

from spikedtp.rate.checkpoints.failures import Damaged, Refused, shown
from spikedtp.rate.checkpoints.pickled_names import Global, Obj, Pairs, called, made_new, named

__all__ = ["read_pickle"]

MAX_OPCODES = 1_000_000  # an EIANN network has some 11,000; this bounds time and memory of a hostile one

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
    OtherFormat
        It is what another program makes of a pickle.
    Refused
        Names or calls what `pickled_names` has no place for.
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
            found = named(module, attribute)
            push(found if name == "GLOBAL" else self.made(called(found, tuple(self.pop_to_mark()))))
        elif name == "STACK_GLOBAL":
            push(named(*self.pop_n(2)))
        elif name == "REDUCE":
            push(self.made(called(*self.pop_n(2))))
        elif name == "OBJ":
            func, *args = self.pop_to_mark() or [None]
            push(self.made(called(func, tuple(args))))
        elif name == "NEWOBJ":
            push(made_new(*self.pop_n(2)))
        elif name == "NEWOBJ_EX":
            cls, args, _ = self.pop_n(3)
            push(made_new(cls, args))
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
